//! Any bytes, and frames and arrays of which some bytes were changed: refused or read, never a panic, and what was read
//! is what its bytes say.

use bytes::Bytes;
use proptest::prelude::*;
use router_frame::{Axis, Frame, FrameError, FrameInfo, NdArray, PixelFormat, Region};

const FORMATS: [&str; 14] = [
    "mono8",
    "mono10",
    "mono12",
    "mono16",
    "rgb8",
    "f32",
    "bayer_rggb8",
    "bayer_bggr8",
    "bayer_grbg8",
    "bayer_gbrg8",
    "bayer_rggb16",
    "bayer_bggr16",
    "bayer_grbg16",
    "bayer_gbrg16",
];

/// Reads a frame in every way there is.
fn read_frame(bytes: Vec<u8>) {
    let bytes = Bytes::from(bytes);
    let Ok(frame) = Frame::from_bytes(bytes.clone()) else { return };
    assert!(bytes.ends_with(frame.pixels()));
    let height = frame.height as usize;
    assert_eq!(frame.rows().count(), height);
    assert!(frame.row(height - 1).is_ok() && frame.row(height).is_err());
    let _ = (frame.elements::<u8>(), frame.elements::<u16>(), frame.elements::<f32>());
    let statistics = frame.statistics();
    assert!(statistics.finite <= u64::from(frame.height) * u64::from(frame.width) * 3);
    let _ = format!("{frame:?}");
    let packed = frame.clone().packed().unwrap();
    assert!(packed.is_aligned() && packed.is_packed());
    assert_eq!(packed, frame);
    let again =
        Frame::from_bytes(Frame::copy_from(frame.info(), frame.pixels()).unwrap().bytes().clone()).unwrap();
    assert_eq!((*again.info(), &again), (*frame.info(), &frame));
}

fn read_array(bytes: Vec<u8>) {
    let bytes = Bytes::from(bytes);
    let Ok(array) = NdArray::from_bytes(bytes) else { return };
    let elements: usize = array.shape().iter().product();
    assert_eq!(elements * array.info().element.bytes(), array.element_bytes().len());
    let aligned = array.clone().aligned().unwrap();
    assert_eq!(aligned, array);
    assert_eq!(NdArray::from_bytes(aligned.bytes().clone()), Ok(array));
}

fn some_frame(format: &str, height: u32, width: u32, padding: u64) -> Frame {
    let mut info = FrameInfo {
        exposure_s: Some(0.5),
        region: Some(Region { top: 1, left: 2, height, width }),
        ..FrameInfo::new(PixelFormat::from_name(format).unwrap(), height, width)
    };
    info.stride_bytes += 4 * padding;
    info.stride_bytes = info.stride_bytes.next_multiple_of(info.format.element().bytes() as u64);
    let pixels: Vec<u8> = (0..info.stride_bytes * u64::from(height)).map(|byte| byte as u8).collect();
    Frame::copy_from(&info, &pixels).unwrap()
}

proptest! {
    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_frame(bytes.clone());
        read_array(bytes);
    }

    #[test]
    fn frames_with_changed_bytes(
        format in 0..FORMATS.len(), height in 1..5_u32, width in 1..9_u32, padding in 0..3_u64,
        changes in prop::collection::vec((0..140_usize, any::<u8>()), 0..4), cut in 0..200_usize,
    ) {
        let frame = some_frame(FORMATS[format], height, width, padding);
        let mut bytes = frame.bytes().to_vec();
        read_frame(bytes.clone());
        for (at, byte) in changes {
            if let Some(changed) = bytes.get_mut(at) {
                *changed = byte;
            }
        }
        read_frame(bytes.clone());
        bytes.truncate(cut);
        read_frame(bytes);
    }

    #[test]
    fn arrays_with_changed_bytes(
        shape in prop::collection::vec(0..4_u64, 0..5), unit in "[a-zäµ]{0,5}",
        changes in prop::collection::vec((0..70_usize, any::<u8>()), 0..4), cut in 0..300_usize,
    ) {
        let elements: Vec<u16> = (0..shape.iter().product::<u64>() as u16).collect();
        let axes = shape.iter().map(|length| Axis::new("axis", unit.clone(), *length)).collect();
        let array = NdArray::copy_from(axes, unit, &elements).unwrap();
        prop_assert_eq!(array.elements::<u16>().unwrap(), &elements[..]);
        let mut bytes = array.bytes().to_vec();
        read_array(bytes.clone());
        for (at, byte) in changes {
            if let Some(changed) = bytes.get_mut(at) {
                *changed = byte;
            }
        }
        read_array(bytes.clone());
        bytes.truncate(cut);
        read_array(bytes);
    }
}

#[test]
fn headers_that_lie_are_refused_with_what_is_wrong() {
    #[track_caller]
    fn check(change: impl Fn(&mut [u8]), expect: &str) {
        let mut bytes = some_frame("mono16", 4, 8, 0).bytes().to_vec();
        change(&mut bytes);
        let error = Frame::from_bytes(bytes.into()).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }
    let put = |at: usize, value: &'static [u8]| {
        move |bytes: &mut [u8]| bytes[at..at + value.len()].copy_from_slice(value)
    };
    check(put(0, &[2]), "layout version 2");
    check(put(1, &[99]), "pixel format 99");
    check(put(2, &[17]), "1 to 16 bits, not 17");
    check(put(3, &[0x80]), "flags 0x80");
    check(put(4, &[0]), "the first pixel is at byte 0 of 192");
    check(put(4, &[0x84]), "the first pixel is at byte 132");
    check(put(4, &[0xff, 0xff, 0xff, 0xff]), "the first pixel is at byte 4294967295");
    check(put(8, &[0; 4]), "0 rows and 8 columns");
    check(put(8, &[0xff; 4]), "the pixels take 68719476720 to 68719476720 bytes, here are 64");
    check(put(16, &[15]), "stride is 15 bytes; rows of 16 bytes");
    check(put(16, &[17]), "a multiple of 2");
    check(put(16, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), "larger than this computer's memory");
    check(put(46, &[0xf8, 0x7f]), "an exposure of NaN s is none");
    check(put(48, &[0, 0]), "a binning of 0 x 1");
    check(put(56, &[0xff; 4]), "from row 4294967295");
    let whole = some_frame("mono16", 4, 8, 0).bytes().clone();
    assert_eq!(Frame::from_bytes(whole.slice(..100)), Err(FrameError::Short { needed: 128, there: 100 }));
    assert_eq!(
        Frame::from_bytes(whole.slice(..191)),
        Err(FrameError::Size { least: 64, most: 64, there: 63 })
    );
}
