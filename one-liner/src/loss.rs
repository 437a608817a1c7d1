//! What became of a subscription's samples, in words and for scripts.

use router_client::SubscriptionStats;
use serde_json::{Value as Json, json};

/// `120 received, 3 lost on the way`: what was received, and every way in which samples went missing that happened.
pub(crate) fn summary(stats: &SubscriptionStats) -> String {
    let mut parts = vec![format!("{} received", stats.received)];
    let missing = [
        (stats.replaced, "replaced by newer ones"),
        (stats.dropped, "dropped from the full queue"),
        (stats.lost, "lost on the way"),
        (stats.skipped, "skipped"),
        (stats.undecodable, "unreadable"),
    ];
    parts.extend(
        missing.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")),
    );
    if stats.through_memory > 0 {
        parts.push(format!("{} through shared memory", stats.through_memory));
    }
    if stats.breaks > 0 {
        parts.push(format!("breaks because the source began anew: {}", stats.breaks));
    }
    if stats.removed {
        parts.push("the stream was removed".to_owned());
    }
    parts.join(", ")
}

/// The same for scripts: the last line with `--json`, told from a sample by its `type`.
pub(crate) fn to_json(stats: &SubscriptionStats) -> Json {
    json!({
        "type": "summary",
        "received": stats.received,
        "replaced": stats.replaced,
        "dropped": stats.dropped,
        "lost": stats.lost,
        "skipped": stats.skipped,
        "undecodable": stats.undecodable,
        "through_memory": stats.through_memory,
        "copied_from_memory": stats.copied_from_memory,
        "breaks": stats.breaks,
        "removed": stats.removed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_happened_is_told() {
        // Its fields are not all known to this crate for ever.
        let mut stats = SubscriptionStats::default();
        stats.received = 120;
        assert_eq!(summary(&stats), "120 received");
        (stats.lost, stats.breaks) = (3, 1);
        assert_eq!(
            summary(&stats),
            "120 received, 3 lost on the way, breaks because the source began anew: 1"
        );
    }
}
