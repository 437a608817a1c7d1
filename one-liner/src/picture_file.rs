//! Frames as files: PNG and TIFF, with what is known of them beside the pixels.

use std::fs::{self, File};
use std::io::{BufWriter, Cursor, Write};
use std::path::Path;

use router_client::Sample;
use router_frame::{BayerPattern, ElementType, Frame, PixelFormat};
use serde_json::{Map, Value as Json};
use tiff::encoder::{TiffEncoder, colortype};
use tiff::tags::Tag;

use crate::clock::date_and_time;

/// What kind of file a frame becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileFormat {
    Png,
    Tiff,
}

/// Whether values are what the camera gave, or fill all bits of the file's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    AsTheyAre,
    FullRange,
}

impl FileFormat {
    /// By the ending of a file's name.
    ///
    /// # Errors
    /// A text for people, when there is no such format.
    pub(crate) fn of(path: &Path) -> Result<FileFormat, String> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            Some("png") => Ok(FileFormat::Png),
            Some("tif" | "tiff") => Ok(FileFormat::Tiff),
            _ => Err(format!("`{}` says no format; write NAME.png or NAME.tif", path.display())),
        }
    }
}

/// Writes a frame; a file of the name appears when it is complete.
///
/// # Errors
/// A text for people: what the file system refuses, or a format that cannot hold such pixels.
pub(crate) fn write(
    path: &Path,
    format: FileFormat,
    sample: &Sample<Frame>,
    scale: Scale,
) -> Result<(), String> {
    let bytes = encoded(format, sample, scale)?;
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".part");
    let written = write_whole(Path::new(&unfinished), &bytes).and_then(|()| fs::rename(&unfinished, path));
    written.map_err(|error| {
        // What is left of it is of no use to anybody; it may not be there at all.
        let _ = fs::remove_file(&unfinished);
        error.to_string()
    })
}

fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(bytes)?;
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
}

/// The file's bytes.
fn encoded(format: FileFormat, sample: &Sample<Frame>, scale: Scale) -> Result<Vec<u8>, String> {
    match format {
        FileFormat::Png => as_png(&sample.value, &facts(sample, scale), scale),
        FileFormat::Tiff => as_tiff(&sample.value, &facts(sample, scale), scale),
    }
}

/// A PNG: gray of 8 or 16 bits, or colour of 8; `facts` become its text chunks.
///
/// # Errors
/// A text for people, when PNG cannot hold such pixels.
pub(crate) fn as_png(frame: &Frame, facts: &[(&str, String)], scale: Scale) -> Result<Vec<u8>, String> {
    let (depth, data) = match frame.format.element() {
        ElementType::U8 => (png::BitDepth::Eight, bytes_of(frame, scale)),
        ElementType::U16 => {
            let values = values_of_16_bits(frame, scale);
            (png::BitDepth::Sixteen, values.flat_map(u16::to_be_bytes).collect())
        }
        other => return Err(format!("a PNG has no pixels of {other}; write NAME.tif")),
    };
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, frame.width, frame.height);
    encoder.set_color(if frame.format.channels() == 3 {
        png::ColorType::Rgb
    } else {
        png::ColorType::Grayscale
    });
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::Fast);
    let text = |error: png::EncodingError| error.to_string();
    for (keyword, fact) in facts {
        encoder.add_itxt_chunk((*keyword).to_owned(), fact.clone()).map_err(text)?;
    }
    let mut writer = encoder.write_header().map_err(text)?;
    writer.write_image_data(&data).map_err(text)?;
    writer.finish().map_err(text)?;
    Ok(file)
}

/// A TIFF, not compressed; `facts` become its description, a JSON object.
fn as_tiff(frame: &Frame, facts: &[(&str, String)], scale: Scale) -> Result<Vec<u8>, String> {
    let facts: Map<_, _> =
        facts.iter().map(|(name, fact)| ((*name).to_owned(), Json::from(fact.as_str()))).collect();
    // Text in a TIFF is ASCII.
    let description: String = Json::Object(facts)
        .to_string()
        .chars()
        .map(|character| if character.is_ascii() && !character.is_control() { character } else { '?' })
        .collect();
    let mut file = Cursor::new(Vec::new());
    let text = |error: tiff::TiffError| error.to_string();
    let mut encoder = TiffEncoder::new(&mut file).map_err(text)?;
    macro_rules! write {
        ($color:ty, $data:expr) => {{
            let mut image = encoder.new_image::<$color>(frame.width, frame.height).map_err(text)?;
            image.encoder().write_tag(Tag::ImageDescription, description.as_str()).map_err(text)?;
            image.write_data(&$data).map_err(text)?;
        }};
    }
    match (frame.format, frame.format.element()) {
        (PixelFormat::Rgb8, _) => write!(colortype::RGB8, bytes_of(frame, scale)),
        (_, ElementType::U8) => write!(colortype::Gray8, bytes_of(frame, scale)),
        (_, ElementType::U16) => {
            write!(colortype::Gray16, values_of_16_bits(frame, scale).collect::<Vec<_>>());
        }
        _ => write!(colortype::Gray32Float, floats_of(frame)),
    }
    Ok(file.into_inner())
}

fn bytes_of(frame: &Frame, scale: Scale) -> Vec<u8> {
    let largest = frame.largest_value();
    let scaled = |byte: u8| (f64::from(byte) * 255.0 / largest).round().min(255.0) as u8;
    match scale {
        Scale::AsTheyAre => frame.rows().flatten().copied().collect(),
        Scale::FullRange => frame.rows().flatten().map(|byte| scaled(*byte)).collect(),
    }
}

fn values_of_16_bits(frame: &Frame, scale: Scale) -> impl Iterator<Item = u16> {
    let largest = frame.largest_value();
    let value = |pair: &[u8]| u16::from_le_bytes([pair[0], pair[1]]);
    frame.rows().flat_map(|row| row.chunks_exact(2)).map(value).map(move |value| match scale {
        Scale::AsTheyAre => value,
        Scale::FullRange => (f64::from(value) * 65_535.0 / largest).round().min(65_535.0) as u16,
    })
}

fn floats_of(frame: &Frame) -> Vec<f32> {
    let value = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    frame.rows().flat_map(|row| row.chunks_exact(4)).map(value).collect()
}

/// What is known of a frame, by the keywords that it has in a file.
fn facts(sample: &Sample<Frame>, scale: Scale) -> Vec<(&'static str, String)> {
    let frame = &sample.value;
    let mut facts = vec![
        ("Software", format!("one-liner {}", env!("CARGO_PKG_VERSION"))),
        ("Stream", sample.name.to_string()),
        ("Sequence", sample.sequence.to_string()),
        ("UTC", date_and_time(sample.utc)),
        ("Pixel format", frame.format.to_string()),
        ("Bit depth", frame.bit_depth.to_string()),
        (
            "Values",
            match scale {
                Scale::AsTheyAre => "as the camera gave them".to_owned(),
                Scale::FullRange => format!("scaled from 0..={}", frame.largest_value()),
            },
        ),
    ];
    let mut known = |keyword, fact: Option<String>| facts.extend(fact.map(|fact| (keyword, fact)));
    known("Bayer pattern", bayer(frame.format).map(str::to_owned));
    known("Exposure [s]", frame.exposure_s.map(|exposure_s| exposure_s.to_string()));
    known("Frame counter", frame.frame_counter.map(|counter| counter.to_string()));
    known("Hardware time [ns]", frame.hardware_time_ns.map(|ns| ns.to_string()));
    known("Binning", Some(format!("{} x {}", frame.binning.rows, frame.binning.columns)));
    known(
        "Region",
        frame.region.map(|region| {
            format!("{} x {} from row {}, column {}", region.height, region.width, region.top, region.left)
        }),
    );
    facts
}

fn bayer(format: PixelFormat) -> Option<&'static str> {
    let (PixelFormat::Bayer8(pattern) | PixelFormat::Bayer16(pattern)) = format else { return None };
    Some(match pattern {
        BayerPattern::Rggb => "RGGB",
        BayerPattern::Bggr => "BGGR",
        BayerPattern::Grbg => "GRBG",
        BayerPattern::Gbrg => "GBRG",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use router_frame::FrameInfo;
    use tiff::decoder::{Decoder, DecodingResult};

    fn frame(format: PixelFormat, padding: u64, pixels: &[u8]) -> Frame {
        let mut info = FrameInfo { exposure_s: Some(0.5), ..FrameInfo::new(format, 2, 2) };
        info.stride_bytes += padding;
        Frame::copy_from(&info, pixels).unwrap()
    }

    /// Depth, colour, bytes and text of a PNG.
    fn read_png(file: &[u8]) -> (png::BitDepth, png::ColorType, Vec<u8>, Vec<(String, String)>) {
        let mut reader = png::Decoder::new(Cursor::new(file)).read_info().unwrap();
        let mut data = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut data).unwrap();
        let text = reader.info().utf8_text.iter();
        let text = text.map(|chunk| (chunk.keyword.clone(), chunk.get_text().unwrap())).collect();
        (info.bit_depth, info.color_type, data, text)
    }

    const MONO12: [u8; 10] = [1, 0, 0xff, 0x0f, 9, 0x00, 0x08, 2, 0, 9];

    #[test]
    fn sixteen_bits_stay_sixteen_bits() {
        let pixels = [&MONO12[..4], &[0, 0], &MONO12[5..9], &[0, 0]].concat();
        let frame = frame(PixelFormat::Mono12, 2, &pixels);
        let facts = [("Stream", "kamera.größe".to_owned())];
        let (depth, color, data, text) = read_png(&as_png(&frame, &facts, Scale::AsTheyAre).unwrap());
        assert_eq!((depth, color), (png::BitDepth::Sixteen, png::ColorType::Grayscale));
        assert_eq!(data, [0, 1, 0x0f, 0xff, 0x08, 0, 0, 2], "values of the camera, not scaled");
        assert_eq!(text, [("Stream".to_owned(), "kamera.größe".to_owned())]);
        let (_, _, data, _) = read_png(&as_png(&frame, &[], Scale::FullRange).unwrap());
        assert_eq!(data, [0, 16, 0xff, 0xff, 0x80, 0x08, 0, 32]);

        let file = as_tiff(&frame, &facts, Scale::AsTheyAre).unwrap();
        let mut decoder = Decoder::new(Cursor::new(file)).unwrap();
        let DecodingResult::U16(values) = decoder.read_image().unwrap() else { panic!() };
        assert_eq!(values, [1, 4095, 2048, 2]);
        let description = decoder.get_tag_ascii_string(Tag::ImageDescription).unwrap();
        assert_eq!(description, "{\"Stream\":\"kamera.gr??e\"}");
    }

    #[test]
    fn colours_bytes_and_floats() {
        let colour = frame(PixelFormat::Rgb8, 1, &[1, 2, 3, 4, 5, 6, 0, 7, 8, 9, 10, 11, 12, 0]);
        let (depth, color, data, _) = read_png(&as_png(&colour, &[], Scale::AsTheyAre).unwrap());
        assert_eq!((depth, color), (png::BitDepth::Eight, png::ColorType::Rgb));
        assert_eq!(data, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        let pixels: Vec<u8> = [0.5_f32, -1.0, f32::NAN, 7.0].into_iter().flat_map(f32::to_le_bytes).collect();
        let float = frame(PixelFormat::F32, 0, &pixels);
        let refused = as_png(&float, &[], Scale::AsTheyAre).unwrap_err();
        assert_eq!(refused, "a PNG has no pixels of f32; write NAME.tif");
        let file = as_tiff(&float, &[], Scale::AsTheyAre).unwrap();
        let DecodingResult::F32(values) = Decoder::new(Cursor::new(file)).unwrap().read_image().unwrap()
        else {
            panic!()
        };
        assert!(values[2].is_nan());
        assert_eq!((values[0], values[1], values[3]), (0.5, -1.0, 7.0));
    }

    #[test]
    fn the_ending_says_the_format() {
        assert_eq!(FileFormat::of(Path::new("a/b.PNG")), Ok(FileFormat::Png));
        assert_eq!(FileFormat::of(Path::new("b.tiff")), Ok(FileFormat::Tiff));
        assert!(FileFormat::of(Path::new("b.jpg")).unwrap_err().contains("NAME.png"));
    }
}
