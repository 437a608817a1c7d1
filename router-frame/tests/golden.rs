//! The bytes of frames and arrays, written down. A change here is a change of the wire; docs/protocol.md shows the same
//! bytes.

use router_frame::{ArrayInfo, Axis, Binning, ElementType, Frame, FrameInfo, NdArray, PixelFormat, Region};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(encoded: &[u8], expect: &str) {
    assert_eq!(hex(encoded), expect.split_whitespace().collect::<Vec<_>>().join(" "));
}

const FRAME: &str = "
01 03 0c 0f  80 00 00 00  02 00 00 00  03 00 00 00  08 00 00 00 00 00 00 00  07 00 00 00 00 00 00 00
40 42 0f 00 00 00 00 00  7b 14 ae 47 e1 7a 94 3f  02 00 02 00  00 00 00 00
0a 00 00 00  14 00 00 00  04 00 00 00  06 00 00 00
00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00
00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00
01 00 02 00 03 00 00 00  ff 0f 00 00 05 00 00 00";

#[test]
fn a_frame_with_everything() {
    let info = FrameInfo {
        stride_bytes: 8,
        exposure_s: Some(0.02),
        frame_counter: Some(7),
        hardware_time_ns: Some(1_000_000),
        binning: Binning { rows: 2, columns: 2 },
        region: Some(Region { top: 10, left: 20, height: 4, width: 6 }),
        ..FrameInfo::new(PixelFormat::Mono12, 2, 3)
    };
    let pixels = [1, 0, 2, 0, 3, 0, 0, 0, 0xff, 0x0f, 0, 0, 5, 0, 0, 0];
    let frame = Frame::copy_from(&info, &pixels).unwrap();
    check(frame.bytes(), FRAME);
    let read = Frame::from_bytes(frame.bytes().clone()).unwrap();
    assert_eq!((read.info(), read.pixels()), (&info, &pixels[..]));
}

const ARRAY: &str = "
01 09 02 00  40 00 00 00  02 00 00 00 00 00 00 00  05 64 65 6c 61 79  02 70 73
03 00 00 00 00 00 00 00  00  02 6e 6d  06 63 6f 75 6e 74 73
00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
00 00 80 3f  00 00 00 40  00 00 40 40  00 00 80 40  00 00 a0 40  00 00 c0 40";

#[test]
fn an_array_with_a_named_and_an_unnamed_axis() {
    let axes = vec![Axis::new("delay", "ps", 2), Axis::new("", "nm", 3)];
    let array = NdArray::copy_from(axes.clone(), "counts", &[1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    check(array.bytes(), ARRAY);
    let read = NdArray::from_bytes(array.bytes().clone()).unwrap();
    assert_eq!(read.info(), &ArrayInfo { element: ElementType::F32, axes, unit: "counts".into() });
    assert_eq!(read.elements::<f32>().unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}
