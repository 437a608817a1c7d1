//! `Watched`: whatever a stream sends, in one line.

use std::time::Duration;

use router_client::{FromPayload, Payload};
use router_frame::{Frame, NdArray};
use router_wire::{BodyError, Encoding};
use serde_json::{Value as Json, json};

use crate::duration;
use crate::value::{self, Bytes, one_line};

/// A value of any stream.
pub(crate) enum Watched {
    Value(rmpv::Value),
    Frame(Frame),
    Array(NdArray),
}

impl FromPayload for Watched {
    fn from_payload(encoding: Encoding, payload: &Payload) -> Result<Watched, BodyError> {
        match encoding {
            Encoding::Frame => Frame::from_payload(encoding, payload).map(Watched::Frame),
            Encoding::Array => NdArray::from_payload(encoding, payload).map(Watched::Array),
            other => rmpv::Value::from_payload(other, payload).map(Watched::Value),
        }
    }
}

impl Watched {
    /// For people: a frame and an array are what they are and what they come to.
    pub(crate) fn for_people(&self) -> String {
        match self {
            Watched::Value(value) => value::for_people(value),
            Watched::Frame(frame) => frame_for_people(frame),
            Watched::Array(array) => {
                let unit = Some(array.unit()).filter(|unit| !unit.is_empty());
                let unit = unit.map(|unit| format!(" [{unit}]")).unwrap_or_default();
                one_line(&format!("{}{unit}", array.info().shape_text()))
            }
        }
    }

    /// For scripts: all of a value; of a frame and an array what they are, without their numbers.
    pub(crate) fn to_json(&self) -> Json {
        match self {
            Watched::Value(value) => value::to_json(value, Bytes::Base64),
            Watched::Frame(frame) => {
                let statistics = frame.statistics();
                let mut json = frame_to_json(frame);
                json["min"] = json!(statistics.min);
                json["max"] = json!(statistics.max);
                json["mean"] = json!(statistics.mean);
                json
            }
            Watched::Array(array) => array.info().schema()["array"].take(),
        }
    }
}

/// `mono16[512, 512]  frame 12  20.0 ms  97 to 3120, mean 160.3`.
pub(crate) fn frame_for_people(frame: &Frame) -> String {
    let statistics = frame.statistics();
    let mut parts = vec![frame.shape_text()];
    parts.extend(frame.frame_counter.map(|counter| format!("frame {counter}")));
    let exposure = frame.exposure_s.and_then(|exposure_s| Duration::try_from_secs_f64(exposure_s).ok());
    parts.extend(exposure.map(|exposure| format!("exposed {}", duration::for_people(exposure))));
    parts.push(format!("{} to {}, mean {:.1}", statistics.min, statistics.max, statistics.mean));
    parts.join("  ")
}

/// What a frame is.
pub(crate) fn frame_to_json(frame: &Frame) -> Json {
    json!({
        "format": frame.format.name(),
        "height": frame.height,
        "width": frame.width,
        "stride_bytes": frame.stride_bytes,
        "bit_depth": frame.bit_depth,
        "exposure_s": frame.exposure_s,
        "frame_counter": frame.frame_counter,
        "hardware_time_ns": frame.hardware_time_ns,
        "binning": frame.binning,
        "region": frame.region,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use router_frame::{Axis, FrameInfo, PixelFormat};

    #[test]
    fn a_frame_is_one_line() {
        let info = FrameInfo {
            exposure_s: Some(0.02),
            frame_counter: Some(12),
            ..FrameInfo::new(PixelFormat::Mono8, 2, 2)
        };
        let frame = Watched::Frame(Frame::copy_from(&info, &[1, 2, 3, 6]).unwrap());
        assert_eq!(frame.for_people(), "mono8[2, 2]  frame 12  exposed 20.0 ms  1 to 6, mean 3.0");
        let json = frame.to_json();
        assert_eq!(
            (&json["mean"], &json["frame_counter"], json.get("data")),
            (&3.0.into(), &12.into(), None)
        );
        let array = NdArray::copy_from(vec![Axis::new("wave\u{1b}length", "nm", 2)], "V", &[1.0, 2.0]);
        assert!(array.is_err(), "nothing that steers a terminal");
        let array = NdArray::copy_from(vec![Axis::new("wavelength", "nm", 2)], "V", &[1.0, 2.0]).unwrap();
        assert_eq!(Watched::Array(array).for_people(), "f64[wavelength 2] [V]");
    }
}
