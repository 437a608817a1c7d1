//! A frame as it is to be seen: smaller, in 8 bits, between a darkest and a brightest value.

use router_frame::{BayerPattern, ElementType, Frame, PixelFormat};

/// A picture of 8 bits and three colours, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// u8[height, width, 3].
    pub(crate) rgb: Vec<u8>,
}

/// What is shown as black and as white.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Window {
    pub(crate) low: f32,
    pub(crate) high: f32,
}

/// A frame made smaller, its values as they are.
#[derive(Debug)]
pub(crate) struct Thumbnail {
    height: usize,
    width: usize,
    channels: usize,
    /// f32[height, width, channels].
    values: Vec<f32>,
}

/// What is left out at both ends when the window is found [%].
const LEFT_OUT_PERCENT: f64 = 0.5;

/// Most places along a side that are averaged for one; more would not be seen and take long.
const AVERAGED: usize = 8;

impl Thumbnail {
    /// A frame made to fit into `height` by `width`, never larger than it is; the sides keep their ratio. Of a Bayer
    /// format, two by two pixels are one colour.
    pub(crate) fn of(frame: &Frame, height: usize, width: usize) -> Thumbnail {
        let source = Source::of(frame);
        let by_height = height.max(1) as f64 / source.height as f64;
        let by_width = width.max(1) as f64 / source.width as f64;
        let factor = by_height.min(by_width).min(1.0);
        let side = |length: usize| ((length as f64 * factor).round() as usize).clamp(1, length);
        let (height, width) = (side(source.height), side(source.width));
        let mut values = Vec::with_capacity(height * width * source.channels);
        for row in 0..height {
            let rows = places(row, height, source.height);
            for column in 0..width {
                let columns = places(column, width, source.width);
                for channel in 0..source.channels {
                    let (mut sum, mut count) = (0.0_f32, 0.0_f32);
                    for row in rows.clone() {
                        for column in columns.clone() {
                            let value = source.value(row, column, channel);
                            if value.is_finite() {
                                sum += value;
                                count += 1.0;
                            }
                        }
                    }
                    values.push(sum / count);
                }
            }
        }
        Thumbnail { height, width, channels: source.channels, values }
    }

    /// The window that leaves out a few of the darkest and brightest values.
    pub(crate) fn window(&self) -> Window {
        let mut values: Vec<f32> = self.values.iter().copied().filter(|value| value.is_finite()).collect();
        if values.is_empty() {
            return Window { low: 0.0, high: 1.0 };
        }
        values.sort_unstable_by(f32::total_cmp);
        let left_out = (values.len() as f64 * LEFT_OUT_PERCENT / 100.0) as usize;
        Window { low: values[left_out], high: values[values.len() - 1 - left_out] }
    }

    /// As it is seen through `window`; what is no number is black.
    pub(crate) fn picture(&self, window: Window) -> Picture {
        let span = (window.high - window.low).max(f32::MIN_POSITIVE);
        // A number that is none becomes 0 by the cast.
        let seen = |value: f32| (255.0 * (value - window.low) / span).clamp(0.0, 255.0).round() as u8;
        let repeat = if self.channels == 1 { 3 } else { 1 };
        let rgb = self.values.iter().flat_map(|value| std::iter::repeat_n(seen(*value), repeat)).collect();
        Picture { height: self.height, width: self.width, rgb }
    }
}

impl Picture {
    /// Red, green and blue of a pixel; black outside.
    pub(crate) fn pixel(&self, row: usize, column: usize) -> [u8; 3] {
        if row >= self.height || column >= self.width {
            return [0; 3];
        }
        let at = 3 * (row * self.width + column);
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }
}

/// Up to [`AVERAGED`] of the places in the source of `length` that `place` of `of` stands for.
fn places(place: usize, of: usize, length: usize) -> impl Iterator<Item = usize> + Clone {
    let (start, end) = (place * length / of, ((place + 1) * length / of).max(place * length / of + 1));
    (start..end).step_by((end - start).div_ceil(AVERAGED))
}

/// The pixels of a frame by place and colour.
struct Source<'a> {
    frame: &'a Frame,
    height: usize,
    width: usize,
    channels: usize,
    /// Where in two by two pixels red, green and blue are.
    mosaic: Option<[(usize, usize); 3]>,
}

impl<'a> Source<'a> {
    fn of(frame: &'a Frame) -> Source<'a> {
        let (height, width) = (frame.height as usize, frame.width as usize);
        let mosaic = match frame.format {
            PixelFormat::Bayer8(pattern) | PixelFormat::Bayer16(pattern) if height > 1 && width > 1 => {
                Some(match pattern {
                    BayerPattern::Rggb => [(0, 0), (0, 1), (1, 1)],
                    BayerPattern::Bggr => [(1, 1), (0, 1), (0, 0)],
                    BayerPattern::Grbg => [(0, 1), (0, 0), (1, 0)],
                    BayerPattern::Gbrg => [(1, 0), (0, 0), (0, 1)],
                })
            }
            _ => None,
        };
        match mosaic {
            Some(_) => Source { frame, height: height / 2, width: width / 2, channels: 3, mosaic },
            None => Source { frame, height, width, channels: frame.format.channels(), mosaic },
        }
    }

    fn value(&self, row: usize, column: usize, channel: usize) -> f32 {
        let (row, place) = match self.mosaic {
            Some(mosaic) => {
                let (down, right) = mosaic[channel];
                (2 * row + down, 2 * column + right)
            }
            None => (row, column * self.channels + channel),
        };
        let bytes = self.frame.row(row).unwrap_or_default();
        let at = |size: usize| bytes.get(place * size..(place + 1) * size);
        match self.frame.format.element() {
            ElementType::U8 => at(1).map_or(0.0, |byte| f32::from(byte[0])),
            ElementType::U16 => at(2).map_or(0.0, |pair| f32::from(u16::from_le_bytes([pair[0], pair[1]]))),
            _ => at(4).map_or(0.0, |four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router_frame::FrameInfo;

    fn frame(format: PixelFormat, height: u32, width: u32, pixels: &[u8]) -> Frame {
        Frame::copy_from(&FrameInfo::new(format, height, width), pixels).unwrap()
    }

    #[test]
    fn a_frame_is_averaged_into_what_fits() {
        let wide = frame(PixelFormat::Mono8, 2, 4, &[0, 2, 10, 10, 4, 6, 10, 10]);
        let thumbnail = Thumbnail::of(&wide, 100, 2);
        assert_eq!((thumbnail.height, thumbnail.width), (1, 2));
        assert_eq!(thumbnail.values, [3.0, 10.0]);
        let whole = Thumbnail::of(&wide, 100, 100);
        assert_eq!((whole.height, whole.width), (2, 4), "never larger than it is");
        let picture = thumbnail.picture(Window { low: 3.0, high: 10.0 });
        assert_eq!(picture.rgb, [0, 0, 0, 255, 255, 255]);
        assert_eq!((picture.pixel(0, 1), picture.pixel(1, 0)), ([255; 3], [0; 3]));
    }

    #[test]
    fn a_few_bright_pixels_do_not_darken_the_rest() {
        let mut pixels = vec![50; 1000];
        pixels[..500].fill(10);
        pixels[999] = 255;
        let thumbnail = Thumbnail::of(&frame(PixelFormat::Mono8, 10, 100, &pixels), 10, 100);
        assert_eq!(thumbnail.window(), Window { low: 10.0, high: 50.0 });
        let flat = Thumbnail::of(&frame(PixelFormat::Mono8, 1, 2, &[7, 7]), 9, 9);
        assert_eq!(flat.picture(flat.window()).rgb, [0; 6], "nothing is divided by nothing");
    }

    #[test]
    fn colours_come_from_where_the_mosaic_has_them() {
        fn check(pattern: BayerPattern, cell: [u8; 4]) {
            let seen = Thumbnail::of(&frame(PixelFormat::Bayer8(pattern), 2, 2, &cell), 9, 9);
            assert_eq!((seen.height, seen.width, &seen.values[..]), (1, 1, &[200.0, 100.0, 50.0][..]));
        }
        check(BayerPattern::Rggb, [200, 100, 100, 50]);
        check(BayerPattern::Bggr, [50, 100, 100, 200]);
        check(BayerPattern::Grbg, [100, 200, 50, 100]);
        check(BayerPattern::Gbrg, [100, 50, 200, 100]);
        let colour = Thumbnail::of(&frame(PixelFormat::Rgb8, 1, 1, &[1, 2, 3]), 9, 9);
        assert_eq!(colour.values, [1.0, 2.0, 3.0]);
        let values: Vec<u8> = [f32::NAN, 0.25].into_iter().flat_map(f32::to_le_bytes).collect();
        let float = Thumbnail::of(&frame(PixelFormat::F32, 1, 2, &values), 9, 9);
        assert_eq!(float.window(), Window { low: 0.25, high: 0.25 });
        assert_eq!(float.picture(Window { low: 0.0, high: 0.25 }).rgb, [0, 0, 0, 255, 255, 255]);
    }
}
