//! Frames and arrays as drivers and viewers use them.

use bytes::Bytes;
use router_frame::{
    ArrayInfo, Axis, BayerPattern, Buffer, Buffers, ElementType, Frame, FrameInfo, FrameWriter, HeapBuffers,
    NdArray, NoBuffer, PixelFormat, Snapshot, ViewError, WriteError,
};
use router_wire::{Encoding, FromPayload, Payload, ToPayload, Written, body};

fn ramp(format: PixelFormat, padding: u64) -> Frame {
    let mut info = FrameInfo::new(format, 3, 4);
    info.stride_bytes += padding;
    let pixels: Vec<u8> = (0..info.stride_bytes * 3).map(|byte| byte as u8).collect();
    Frame::copy_from(&info, &pixels).unwrap()
}

#[test]
fn a_driver_fills_the_memory_that_is_sent() {
    let mut writer = FrameWriter::new();
    let mut open = writer.begin(&FrameInfo::new(PixelFormat::Mono16, 2, 2)).unwrap();
    let filled_at = open.bytes_mut().as_ptr();
    open.elements_mut::<u16>().unwrap().copy_from_slice(&[1, 2, 3, 60_000]);
    open.set_frame_counter(7);
    open.set_hardware_time_ns(8);
    open.set_exposure_s(0.02);
    let frame = open.finish().unwrap();
    assert_eq!(
        (frame.frame_counter, frame.hardware_time_ns, frame.exposure_s),
        (Some(7), Some(8), Some(0.02))
    );
    let Ok(Written::Shared(Encoding::Frame, sent)) = frame.to_payload(&mut Vec::new()) else { panic!() };
    assert_eq!(sent[128..].as_ptr(), filled_at, "the bytes that are sent are those that were filled");

    let received = Frame::from_payload(Encoding::Frame, &Payload::from(sent)).unwrap();
    assert_eq!(received.pixels().as_ptr(), filled_at, "and those that are viewed are those that came");
    assert_eq!(received, frame);
    assert_eq!(received.elements::<u16>().unwrap(), [1, 2, 3, 60_000]);
    drop((received, frame));
    let mut next = writer.begin(&FrameInfo::new(PixelFormat::Mono16, 2, 2)).unwrap();
    assert_eq!(next.bytes_mut().as_ptr(), filled_at, "memory is used again");
    next.set_exposure_s(f64::NAN);
    assert!(next.finish().is_err());
    assert!(writer.begin(&FrameInfo::new(PixelFormat::Mono16, 0, 2)).is_err());
}

/// Slots as shared memory has them: a number of blocks of one size.
struct Slots {
    left: usize,
    slot: usize,
    offset: usize,
}

#[derive(Debug)]
struct Slot(Vec<u64>, usize, usize);

impl Buffers for Slots {
    type Buffer = Slot;

    fn take(&mut self, bytes: usize) -> Result<Slot, NoBuffer> {
        if bytes > self.slot || self.left == 0 {
            return Err(NoBuffer { bytes, reason: "all slots are held by readers".into() });
        }
        self.left -= 1;
        Ok(Slot(vec![0; self.slot / 8 + 1], self.offset, bytes))
    }
}

impl Buffer for Slot {
    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.0)[self.1..self.1 + self.2]
    }

    fn freeze(mut self) -> Bytes {
        Bytes::copy_from_slice(self.bytes_mut())
    }
}

#[test]
fn memory_may_come_from_elsewhere() {
    let info = FrameInfo::new(PixelFormat::Mono8, 4, 4);
    let mut writer = FrameWriter::into_buffers(Slots { left: 1, slot: 200, offset: 8 });
    let mut open = writer.begin(&info).unwrap();
    open.bytes_mut().fill(9);
    assert_eq!(open.finish().unwrap().statistics().mean, 9.0);
    let error = writer.begin(&info).unwrap_err().to_string();
    assert_eq!(error, "no memory for 144 bytes: all slots are held by readers");
    let mut unaligned = FrameWriter::into_buffers(Slots { left: 1, slot: 200, offset: 1 });
    assert!(matches!(unaligned.begin(&info), Err(WriteError::Buffer { needed: 144, .. })));
}

#[test]
fn rows_end_where_their_pixels_do() {
    for (format, padding) in
        [(PixelFormat::Mono8, 0), (PixelFormat::Mono8, 3), (PixelFormat::Mono16, 6), (PixelFormat::Rgb8, 1)]
    {
        let frame = ramp(format, padding);
        let row = frame.row_bytes() as usize;
        let expect: Vec<Vec<u8>> = (0..3_usize)
            .map(|number| (0..row).map(|byte| (number * frame.stride_bytes as usize + byte) as u8).collect())
            .collect();
        assert_eq!(frame.rows().collect::<Vec<_>>(), expect);
        assert_eq!(frame.row(2).unwrap(), expect[2]);
        assert_eq!(frame.row(3), Err(ViewError::Row { row: 3, height: 3 }));
        let packed = frame.clone().packed().unwrap();
        assert_eq!((packed.pixels(), &packed), (&expect.concat()[..], &frame));
        assert_eq!(
            packed.pixels().as_ptr() == frame.pixels().as_ptr(),
            padding == 0,
            "copied only where it must be"
        );
    }
    // What stands behind the last row's pixels may be missing.
    let frame = ramp(PixelFormat::Mono8, 3);
    let short = Frame::from_bytes(frame.bytes().slice(..frame.bytes().len() - 3)).unwrap();
    assert_eq!(short, frame);
}

#[test]
fn bytes_at_an_odd_address_are_copied_by_name_only() {
    let frame = ramp(PixelFormat::Mono16, 0);
    let mut shifted = vec![0; frame.bytes().len() + 8];
    // Of two addresses next to each other one is odd.
    let start = 1 - shifted.as_ptr().addr() % 2;
    shifted[start..start + frame.bytes().len()].copy_from_slice(frame.bytes());
    let odd =
        Frame::from_bytes(Bytes::from_owner(shifted).slice(start..start + frame.bytes().len())).unwrap();
    assert!(!odd.is_aligned());
    let error = odd.elements::<u16>().unwrap_err();
    assert_eq!(error, ViewError::Unaligned { asked: ElementType::U16, past: 1 });
    assert!(error.to_string().contains("`aligned()` copies"), "{error}");
    assert_eq!(odd.statistics(), frame.statistics());
    let aligned = odd.clone().aligned().unwrap();
    assert_eq!((aligned.elements::<u16>(), &aligned), (frame.elements::<u16>(), &odd));
    assert_eq!(frame.clone().aligned().unwrap().pixels().as_ptr(), frame.pixels().as_ptr());
}

#[test]
fn statistics_of_every_kind_of_pixel() {
    let bytes = ramp(PixelFormat::Bayer8(BayerPattern::Rggb), 0).statistics();
    assert_eq!((bytes.min, bytes.max, bytes.mean, bytes.finite), (0.0, 11.0, 5.5, 12));
    let padded = ramp(PixelFormat::Rgb8, 100).statistics();
    assert_eq!((padded.min, padded.max, padded.finite), (0.0, 235.0, 36));
    let values = [f32::NAN, -1.5, f32::INFINITY, 4.5];
    let info = FrameInfo::new(PixelFormat::F32, 2, 2);
    let float = Frame::copy_from(&info, bytemuck::cast_slice(&values)).unwrap().statistics();
    assert_eq!((float.min, float.max, float.mean, float.finite), (-1.5, 4.5, 1.5, 2));
    let nothing = Frame::copy_from(&info, bytemuck::cast_slice(&[f32::NAN; 4])).unwrap().statistics();
    assert!(nothing.min.is_nan() && nothing.mean.is_nan() && nothing.finite == 0);
}

#[test]
fn a_snapshot_travels_as_a_value_and_may_be_streamed_as_one() {
    let snapshot = Snapshot(ramp(PixelFormat::Mono16, 2));
    let body = body::encode(&snapshot).unwrap();
    assert_eq!(body::decode::<Snapshot>(&body).unwrap(), snapshot);
    assert_eq!(Frame::from_payload(Encoding::MessagePack, &body.clone().into()).unwrap(), snapshot.0);
    let cut = body::encode(&serde_json::json!({ "format": "mono8", "height": 2 })).unwrap();
    let error = Frame::from_payload(Encoding::MessagePack, &cut.into()).unwrap_err();
    assert!(error.to_string().starts_with("expected a frame, got {"), "{error}");
    let error = f64::from_payload(Encoding::Frame, &vec![0; 8].into()).unwrap_err();
    assert!(error.to_string().contains("got a frame"), "{error}");
}

#[test]
fn what_is_described_can_be_read_again() {
    let info = FrameInfo { bit_depth: 14, ..FrameInfo::new(PixelFormat::Mono16, 512, 640) };
    assert_eq!(info.shape_text(), "mono16[512, 640] of 14 bits");
    let told = &info.schema()["frame"];
    assert_eq!(
        (&told["format"], &told["width"], &told["bit_depth"]),
        (&"mono16".into(), &640.into(), &14.into())
    );
    assert_eq!(Frame::describe().unwrap().type_name, "Frame");
    let array = ArrayInfo {
        element: ElementType::F64,
        axes: vec![Axis::new("z", "um", 3), Axis::new("", "", 4)],
        unit: "V".into(),
    };
    assert_eq!(array.shape_text(), "f64[z 3, 4]");
    assert_eq!(array.schema()["array"]["axes"][0]["unit"], "um");
    assert_eq!(<NdArray as ToPayload>::describe().unwrap().type_name, "NdArray");
}

#[cfg(feature = "ndarray")]
#[test]
fn ndarray_views_are_the_same_memory() {
    let frame = ramp(PixelFormat::Mono16, 2);
    let view = frame.view::<u16>().unwrap();
    assert_eq!((view.dim(), view.as_ptr().cast::<u8>()), ((3, 4), frame.pixels().as_ptr()));
    assert_eq!(view[[1, 2]], frame.row_elements::<u16>(1).unwrap()[2]);
    assert_eq!(f64::from(*view.iter().max().unwrap()), frame.statistics().max);
    assert!(matches!(frame.view::<u8>(), Err(ViewError::Type { .. })));
    let colour = ramp(PixelFormat::Rgb8, 5);
    assert_eq!(colour.view_channels::<u8>().unwrap()[[2, 3, 1]], colour.row(2).unwrap()[10]);
    assert!(matches!(colour.view::<u8>(), Err(ViewError::Channels { held: 3, asked: 1, .. })));
    // The last row may end with its last pixel.
    let short = Frame::from_bytes(frame.bytes().slice(..frame.bytes().len() - 2)).unwrap();
    assert_eq!(short.view::<u16>().unwrap(), view);

    let mut open = FrameWriter::new().begin(frame.info()).unwrap();
    open.view_mut::<u16>().unwrap().fill(3);
    assert_eq!(open.finish().unwrap().view::<u16>().unwrap().sum(), 36);

    let array = NdArray::copy_from(
        vec![Axis::new("z", "um", 2), Axis::new("x", "um", 3)],
        "V",
        &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    );
    let array = array.unwrap();
    let sums = array.view::<f64>().unwrap().sum_axis(array.axis("z").unwrap());
    assert_eq!(sums.into_raw_vec_and_offset().0, [5.0, 7.0, 9.0]);
    assert_eq!(array.axis("y"), None);
}

#[cfg(feature = "image")]
#[test]
fn image_buffers_are_the_same_memory() {
    let frame = ramp(PixelFormat::Mono12, 0);
    let image = frame.luma::<u16>().unwrap();
    assert_eq!((image.dimensions(), image.as_raw().as_ptr().cast::<u8>()), ((4, 3), frame.pixels().as_ptr()));
    assert_eq!(image.get_pixel(2, 1).0[0], frame.row_elements::<u16>(1).unwrap()[2]);
    assert!(matches!(frame.luma::<u8>(), Err(ViewError::Type { .. })));
    assert!(matches!(frame.rgb(), Err(ViewError::Channels { held: 1, asked: 3, .. })));
    let colour = ramp(PixelFormat::Rgb8, 5);
    let error = colour.rgb().unwrap_err();
    assert!(error.to_string().contains("`packed()` copies"), "{error}");
    let samples = colour.flat_samples::<u8>().unwrap();
    assert_eq!(samples.get_sample(1, 3, 2), Some(&colour.row(2).unwrap()[10]));
    assert_eq!(colour.packed().unwrap().rgb().unwrap().get_pixel(3, 2).0[1], 44);
}

#[test]
fn an_array_is_filled_in_place_too() {
    let info =
        ArrayInfo { element: ElementType::I32, axes: vec![Axis::new("x", "um", 3)], unit: String::new() };
    let mut open = FrameWriter::<HeapBuffers>::default().begin_array(&info).unwrap();
    open.elements_mut::<i32>().unwrap().copy_from_slice(&[-1, 0, 1]);
    let array = open.finish();
    assert_eq!(array.elements::<i32>().unwrap(), [-1, 0, 1]);
    assert_eq!(array.bytes().len(), info.payload_bytes().unwrap());
    assert_eq!(NdArray::from_payload(Encoding::Array, &Payload::from(array.bytes().clone())), Ok(array));
    let many = (0..17).map(|_| Axis::new("x", "", 1)).collect();
    assert!(NdArray::copy_from(many, "", &[0_u8]).is_err());
    assert!(NdArray::copy_from(vec![Axis::new("a\nb", "", 1)], "", &[0_u8]).is_err());
    assert!(NdArray::copy_from(vec![Axis::new("x", "", 2)], "", &[0_u8]).is_err());
}
