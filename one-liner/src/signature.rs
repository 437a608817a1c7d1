//! Calls and values as people read them.

use router_wire::describe::{
    ArgumentDescription, CallDescription, CallKind, StreamDescription, StreamKind, ValueDescription,
};

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

/// `f64 [um]`.
pub(crate) fn value(value: &ValueDescription) -> String {
    match &value.unit {
        Some(unit) => tame(&format!("{} [{unit}]", value.type_name)),
        None => tame(&value.type_name),
    }
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
