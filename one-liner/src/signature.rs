//! Calls and values as people read them.

use router_wire::describe::{
    ArgumentDescription, CallDescription, CallKind, StreamDescription, StreamKind, ValueDescription,
};
use serde_json::Value as Json;

use crate::value::tame;

/// `stage.move_to(target_um: f64 [um]) -> f64 [um]`.
pub(crate) fn signature(call: &CallDescription) -> String {
    let arguments: Vec<_> = call.arguments.iter().map(argument).collect();
    let returns = match call.returns.type_name.as_str() {
        "()" | "" => String::new(),
        _ => format!(" -> {}", value(&call.returns)),
    };
    tame(&format!("{}({}){returns}", call.name, arguments.join(", ")))
}

/// `target_um: f64 [um] = 0`.
pub(crate) fn argument(argument: &ArgumentDescription) -> String {
    let default = argument.default.as_ref().map(|default| format!(" = {default}")).unwrap_or_default();
    tame(&format!("{}: {}{default}", argument.name, value(&argument.value)))
}

/// `f64 [um]`; of frames and arrays their shape too, where it is declared: `Frame mono16[512, 512]`.
pub(crate) fn value(value: &ValueDescription) -> String {
    let shape = declared_shape(&value.schema).map(|shape| format!(" {shape}")).unwrap_or_default();
    match &value.unit {
        Some(unit) => tame(&format!("{}{shape} [{unit}]", value.type_name)),
        None => tame(&format!("{}{shape}", value.type_name)),
    }
}

/// The shape of frames or arrays as `FrameInfo::schema` and `ArrayInfo::schema` declare it.
fn declared_shape(schema: &Json) -> Option<String> {
    if let Some(frame) = schema.get("frame") {
        let format = frame.get("format")?.as_str()?;
        let (height, width) = (frame.get("height")?.as_u64()?, frame.get("width")?.as_u64()?);
        return Some(format!("{format}[{height}, {width}]"));
    }
    let array = schema.get("array")?;
    let axes = array.get("axes")?.as_array()?.iter().map(|axis| {
        let text = |key: &str| axis.get(key).and_then(Json::as_str).unwrap_or_default();
        let unit = Some(text("unit")).filter(|unit| !unit.is_empty());
        let unit = unit.map(|unit| format!(" [{unit}]")).unwrap_or_default();
        format!("{} {}{unit}", text("name"), axis.get("length").unwrap_or(&Json::Null))
            .trim_start()
            .to_owned()
    });
    Some(format!("{}[{}]", array.get("element")?.as_str()?, axes.collect::<Vec<_>>().join(", ")))
}

/// Where and how a call runs, in words.
pub(crate) fn runs(call: &CallDescription) -> String {
    let lane = call.lane.as_deref().unwrap_or("its instrument");
    let place = match call.kind {
        CallKind::Lane => format!("in arrival order on the lane `{lane}`"),
        CallKind::Concurrent => "beside the lane".to_owned(),
        CallKind::Urgent if call.clears_lane => {
            "at once, after cancelling every other call of its instrument".to_owned()
        }
        CallKind::Urgent => "at once, whatever else its instrument does".to_owned(),
        CallKind::Inline => "in the server's loop".to_owned(),
        _ => "in a way that this version does not know".to_owned(),
    };
    let cancelled = if call.cancel_on_client_lost { "; cancelled when its client is lost" } else { "" };
    let idempotent = if call.idempotent { "; may run again when its outcome is unknown" } else { "" };
    tame(&format!("{place}{cancelled}{idempotent}"))
}

/// Where a stream's values come from and how often, in words.
pub(crate) fn source(stream: &StreamDescription) -> String {
    let source = match (stream.kind, stream.frequency_hz) {
        (StreamKind::Periodic, Some(hz)) => format!("{hz} Hz"),
        (StreamKind::Periodic, None) => "periodic".to_owned(),
        (StreamKind::Pushed, _) => "pushed".to_owned(),
        (StreamKind::Relayed, _) => "relayed".to_owned(),
        _ => "of a kind that this version does not know".to_owned(),
    };
    let disabled = if stream.enabled { "" } else { ", disabled" };
    let on_demand = if stream.on_demand { ", on demand" } else { "" };
    format!("{source}{on_demand}{disabled}")
}

/// The first sentence of a doc comment.
pub(crate) fn headline(docs: &str) -> String {
    let paragraph: Vec<_> = docs.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect();
    let paragraph = paragraph.join(" ");
    let sentence = paragraph.find(". ").map_or(paragraph.as_str(), |end| &paragraph[..=end]);
    tame(sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_headline_is_the_first_sentence() {
        fn check(docs: &str, expect: &str) {
            assert_eq!(headline(docs), expect);
        }
        check("Stops at once. Never waits.", "Stops at once.");
        check(
            "Makes moves fail: `stall`\nhalf-way, or `none`.\n\nMore.",
            "Makes moves fail: `stall` half-way, or `none`.",
        );
        check("Gain [0.1..=32].", "Gain [0.1..=32].");
        check("", "");
    }

    #[test]
    fn frames_and_arrays_tell_their_shape() {
        use router_frame::{ArrayInfo, Axis, ElementType, FrameInfo, PixelFormat};
        let read = |type_name: &str, schema| {
            value(&ValueDescription { type_name: type_name.into(), unit: None, schema })
        };
        let frame = FrameInfo::new(PixelFormat::Mono16, 512, 640);
        assert_eq!(read("Frame", frame.schema()), "Frame mono16[512, 640]");
        let axes = vec![Axis::new("delay", "ps", 100), Axis::new("", "", 3)];
        let array = ArrayInfo { element: ElementType::F32, axes, unit: String::new() };
        assert_eq!(read("NdArray", array.schema()), "NdArray f32[delay 100 [ps], 3]");
        assert_eq!(read("Frame", serde_json::json!({ "frame": 7 })), "Frame");
    }

    #[test]
    fn a_call_reads_like_a_function() {
        let um = |type_name: &str| ValueDescription {
            type_name: type_name.into(),
            unit: Some("um".into()),
            schema: true.into(),
        };
        let mut call =
            CallDescription { name: "stage.move_to".into(), returns: um("f64"), ..Default::default() };
        assert_eq!(signature(&call), "stage.move_to() -> f64 [um]");
        call.arguments = vec![
            ArgumentDescription { name: "target_um".into(), value: um("f64"), default: None },
            ArgumentDescription {
                name: "steps".into(),
                value: ValueDescription { type_name: "u8".into(), ..Default::default() },
                default: Some(3.into()),
            },
        ];
        call.returns = ValueDescription { type_name: "()".into(), ..Default::default() };
        assert_eq!(signature(&call), "stage.move_to(target_um: f64 [um], steps: u8 = 3)");
    }
}
