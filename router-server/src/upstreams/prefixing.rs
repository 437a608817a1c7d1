//! Names with their prefix: what a server behind tells of its own names, as this server's clients know them.

use router_wire::Failure;
use router_wire::describe::Description;
use router_wire::status::StopOutcome;

/// `rig2.stage.move_to` for `stage.move_to`.
pub(crate) fn prefixed(prefix: &str, name: &str) -> String {
    format!("{prefix}.{name}")
}

/// `stage.move_to` for `rig2.stage.move_to`; `None` for a name that is not under the prefix.
pub(crate) fn stripped<'a>(prefix: &str, name: &'a str) -> Option<&'a str> {
    name.strip_prefix(prefix)?.strip_prefix('.').filter(|rest| !rest.is_empty())
}

/// Puts the prefix before every name of a description, those of servers further behind included. Of what a server
/// says of itself, what this server answers for its clients is left out.
pub(crate) fn prefix_description(prefix: &str, description: &mut Description) {
    let put = |name: &mut String| *name = prefixed(prefix, name);
    description.calls.retain(|call| call.name != "router.hello");
    for call in &mut description.calls {
        put(&mut call.name);
        call.target.iter_mut().for_each(put);
        call.lane.iter_mut().for_each(put);
    }
    for stream in &mut description.streams {
        put(&mut stream.name);
        stream.method.iter_mut().for_each(put);
    }
    for instrument in &mut description.instruments {
        put(&mut instrument.name);
        put(&mut instrument.lane);
    }
    for upstream in &mut description.upstreams {
        put(&mut upstream.prefix);
    }
}

/// A failure whose names are those that this server's clients know.
pub(crate) fn prefix_failure(prefix: &str, failure: Failure) -> Failure {
    match failure {
        Failure::NotFound { name, nearest } => Failure::NotFound {
            name: prefixed(prefix, &name),
            nearest: nearest.iter().map(|name| prefixed(prefix, name)).collect(),
        },
        Failure::Cancelled { by, may_still_be_running } => {
            Failure::Cancelled { by: prefix_canceller(prefix, by), may_still_be_running }
        }
        Failure::Unknown { server } => Failure::Unknown { server: prefix_label(prefix, &server) },
        Failure::Unreachable { server, reason } => {
            Failure::Unreachable { server: prefix_label(prefix, &server), reason }
        }
        other => other,
    }
}

/// `by rig2.stage.stop, by alice` for `by stage.stop, by alice`; other reasons name no method.
fn prefix_canceller(prefix: &str, by: String) -> String {
    let method = by.strip_prefix("by ").and_then(|rest| rest.split_once(", by "));
    match method.filter(|(method, _)| method.contains('.') && !method.contains(' ')) {
        Some((method, client)) => format!("by {}, by {client}", prefixed(prefix, method)),
        None => by,
    }
}

/// `` `far.rig2` (tcp://rig2) `` for `` `rig2` (tcp://rig2) ``.
fn prefix_label(prefix: &str, label: &str) -> String {
    match label.strip_prefix('`') {
        Some(rest) => format!("`{}", prefixed(prefix, rest)),
        None => prefixed(prefix, label),
    }
}

pub(crate) fn prefix_stop(prefix: &str, outcome: StopOutcome) -> StopOutcome {
    StopOutcome { name: prefixed(prefix, &outcome.name), ..outcome }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_whole_part_of_a_name() {
        assert_eq!(stripped("rig2", "rig2.stage.move_to"), Some("stage.move_to"));
        assert_eq!(stripped("rig2", "rig22.stage"), None);
        assert_eq!(stripped("rig2", "rig2"), None);
        assert_eq!(stripped("rig2", "rig2."), None);
    }

    #[test]
    fn names_in_failures_get_the_prefix() {
        let failure = Failure::NotFound { name: "stage.mvoe".into(), nearest: vec!["stage.move".into()] };
        let expect =
            Failure::NotFound { name: "rig2.stage.mvoe".into(), nearest: vec!["rig2.stage.move".into()] };
        assert_eq!(prefix_failure("rig2", failure), expect);
        assert_eq!(prefix_failure("rig2", Failure::ClientLost), Failure::ClientLost);
        let cancelled = |by: &str| Failure::Cancelled { by: by.to_owned(), may_still_be_running: false };
        let by_stop = prefix_failure("rig2", cancelled("by stage.stop, by alice"));
        assert_eq!(by_stop, cancelled("by rig2.stage.stop, by alice"));
        assert_eq!(prefix_failure("rig2", cancelled("by its caller")), cancelled("by its caller"));
        let lost = |server: &str| Failure::Unknown { server: server.to_owned() };
        assert_eq!(prefix_failure("far", lost("`rig2` (tcp://a)")), lost("`far.rig2` (tcp://a)"));
    }
}
