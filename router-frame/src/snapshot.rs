//! `Snapshot`: a frame in calls and in other values.

use std::ops::Deref;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::{ByteBuf, Bytes};

use crate::frame::Frame;
use crate::frame_info::{Binning, FrameInfo, Region};
use crate::pixel_format::PixelFormat;

/// A frame as what a call returns, and as a part of other values: a map of its fields, with the pixels as `data`. They
/// are copied; a stream of [`Frame`]s copies nothing.
///
/// ```
/// # use router_frame::{Frame, FrameInfo, PixelFormat, Snapshot};
/// # struct Camera;
/// # impl Camera {
/// fn snap(&mut self) -> Snapshot {
///     # let pixels = [0; 6];
///     # let frame = Frame::copy_from(&FrameInfo::new(PixelFormat::Mono8, 2, 3), &pixels).unwrap();
///     // ...
///     Snapshot(frame)
/// }
/// # }
/// # assert_eq!(Camera.snap().height, 2);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot(pub Frame);

/// The fields as they travel.
#[derive(Serialize, Deserialize)]
struct Fields<D> {
    format: String,
    height: u32,
    width: u32,
    stride_bytes: u64,
    bit_depth: u8,
    #[serde(default)]
    exposure_s: Option<f64>,
    #[serde(default)]
    frame_counter: Option<u64>,
    #[serde(default)]
    hardware_time_ns: Option<u64>,
    binning: Binning,
    #[serde(default)]
    region: Option<Region>,
    data: D,
}

impl From<Snapshot> for Frame {
    fn from(snapshot: Snapshot) -> Frame {
        snapshot.0
    }
}

impl From<Frame> for Snapshot {
    fn from(frame: Frame) -> Snapshot {
        Snapshot(frame)
    }
}

impl Deref for Snapshot {
    type Target = Frame;

    fn deref(&self) -> &Frame {
        &self.0
    }
}

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let info = self.0.info();
        let fields = Fields {
            format: info.format.name().to_owned(),
            height: info.height,
            width: info.width,
            stride_bytes: info.stride_bytes,
            bit_depth: info.bit_depth,
            exposure_s: info.exposure_s,
            frame_counter: info.frame_counter,
            hardware_time_ns: info.hardware_time_ns,
            binning: info.binning,
            region: info.region,
            data: Bytes::new(self.0.pixels()),
        };
        fields.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Snapshot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Snapshot, D::Error> {
        let fields = Fields::<ByteBuf>::deserialize(deserializer)?;
        let Some(format) = PixelFormat::from_name(&fields.format) else {
            return Err(D::Error::custom(format_args!("there is no pixel format `{}`", fields.format)));
        };
        let info = FrameInfo {
            format,
            height: fields.height,
            width: fields.width,
            stride_bytes: fields.stride_bytes,
            bit_depth: fields.bit_depth,
            exposure_s: fields.exposure_s,
            frame_counter: fields.frame_counter,
            hardware_time_ns: fields.hardware_time_ns,
            binning: fields.binning,
            region: fields.region,
        };
        Frame::copy_from(&info, &fields.data).map(Snapshot).map_err(D::Error::custom)
    }
}
