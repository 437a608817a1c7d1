//! The servers behind a server: how each is now, and which of them a name is behind.

use std::collections::BTreeMap;
use std::time::Duration;

use router_client::{CallError, RouterClient};
use router_wire::describe::{ServerDescription, UpstreamDescription};

use crate::duration;
use crate::value::one_line;

/// The call of every server that tells of those right behind it.
const UPSTREAMS: &str = "router.upstreams";
/// How long each of them has to tell.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// Most servers that are asked for those behind them: a bound against servers that make them up.
const MOST_ASKED: usize = 64;
const CONNECTED: &str = "connected";
/// The state of a server that is behind one which is not connected: how it is, nobody here can know.
const OUT_OF_REACH: &str = "out_of_reach";

/// How every server behind the one of `client` is, by prefix; `known` are those that its description names. Those of
/// them stay that cannot be asked about now.
///
/// # Errors
/// When the server itself does not answer.
///
/// # Blocking
/// For 1 s at most for each server that is connected.
pub(crate) fn ask(
    client: &RouterClient,
    known: &[UpstreamDescription],
) -> Result<Vec<UpstreamDescription>, CallError> {
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let asked = ask_with(known, |name| Some(client.call(name, ()).deadline(ANSWER_WITHIN).wait()));
    asked.unwrap_or_else(|| Ok(known.to_vec()))
}

/// As [`ask`], by way of a question that may be broken off; `None` when one was.
pub(crate) fn ask_with(
    known: &[UpstreamDescription],
    mut question: impl FnMut(&str) -> Option<Result<Vec<UpstreamDescription>, CallError>>,
) -> Option<Result<Vec<UpstreamDescription>, CallError>> {
    let mut found = BTreeMap::new();
    let mut next = match question(UPSTREAMS)? {
        Ok(upstreams) => upstreams,
        // It is older than servers behind servers.
        Err(CallError::NotFound { .. }) => Vec::new(),
        Err(error) => return Some(Err(error)),
    };
    for _ in 0..MOST_ASKED {
        let Some(upstream) = next.pop() else { break };
        if upstream.state == CONNECTED {
            let behind = question(&format!("{}.{UPSTREAMS}", upstream.prefix))?;
            let prefixed = |further: UpstreamDescription| UpstreamDescription {
                prefix: format!("{}.{}", upstream.prefix, further.prefix),
                ..further
            };
            // One that was lost meanwhile, or is too old for it, tells of none.
            next.extend(behind.unwrap_or_default().into_iter().map(prefixed));
        }
        found.insert(upstream.prefix.clone(), upstream);
    }
    let current: Vec<_> = found.values().cloned().collect();
    for upstream in
        known.iter().filter(|upstream| !found.contains_key(&upstream.prefix)).cloned().collect::<Vec<_>>()
    {
        // What is known of one behind a connected server, which does not tell of it any more, is over.
        if let Some(away) = away(&current, &upstream.prefix) {
            found.insert(upstream.prefix.clone(), out_of_reach(upstream, away));
        }
    }
    Some(Ok(found.into_values().collect()))
}

fn out_of_reach(upstream: UpstreamDescription, away: &UpstreamDescription) -> UpstreamDescription {
    UpstreamDescription {
        state: OUT_OF_REACH.to_owned(),
        reason: format!("`{}` in front of it is not connected", away.prefix),
        since_s: away.since_s,
        round_trip_ms: None,
        ..upstream
    }
}

/// Whether what is called `name` is of the server with this prefix, or of one behind it.
pub(crate) fn is_of(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'))
}

/// The server that serves `name`; `None` for a name of the server that was asked.
pub(crate) fn owner<'a>(upstreams: &'a [UpstreamDescription], name: &str) -> Option<&'a UpstreamDescription> {
    way(upstreams, name).max_by_key(|upstream| upstream.prefix.len())
}

/// The first server on the way to `name` that is not connected.
pub(crate) fn away<'a>(upstreams: &'a [UpstreamDescription], name: &str) -> Option<&'a UpstreamDescription> {
    { way(upstreams, name) }
        .filter(|upstream| upstream.state != CONNECTED)
        .min_by_key(|upstream| upstream.prefix.len())
}

fn way<'a>(
    upstreams: &'a [UpstreamDescription],
    name: &str,
) -> impl Iterator<Item = &'a UpstreamDescription> {
    upstreams.iter().filter(move |upstream| is_of(name, &upstream.prefix))
}

/// `connected for 3.20 s, round trip 0.4 ms`, or `lost for 3.20 s: the server ended the connection`.
pub(crate) fn state(upstream: &UpstreamDescription) -> String {
    let since = Duration::try_from_secs_f64(upstream.since_s).unwrap_or_default();
    let state = format!("{} for {}", upstream.state.replace('_', " "), duration::for_people(since));
    one_line(&match (upstream.state.as_str(), round_trip(upstream)) {
        (CONNECTED, Some(round_trip)) => format!("{state}, round trip {round_trip}"),
        (CONNECTED, None) => state,
        _ => format!("{state}: {}", upstream.reason),
    })
}

/// What the last ping took, for people.
pub(crate) fn round_trip(upstream: &UpstreamDescription) -> Option<String> {
    let round_trip = Duration::try_from_secs_f64(upstream.round_trip_ms? / 1e3).ok()?;
    Some(duration::for_people(round_trip))
}

/// `one-liner demo 0.1.0 on scope-3 pid 7`; empty until it has told.
pub(crate) fn who(upstream: &UpstreamDescription) -> String {
    let who = |server: &ServerDescription| {
        one_line(&format!("{} {} on {} pid {}", server.name, server.version, server.host, server.pid))
    };
    upstream.server.as_ref().map(who).unwrap_or_default()
}

/// For a person who asked for something of a server that is not connected.
pub(crate) fn not_connected(upstream: &UpstreamDescription) -> String {
    let UpstreamDescription { prefix, endpoint, .. } = upstream;
    one_line(&format!("the server `{prefix}` ({endpoint}) is not connected, {}", state(upstream)))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn upstream(prefix: &str, state: &str) -> UpstreamDescription {
        UpstreamDescription {
            prefix: prefix.into(),
            endpoint: format!("tcp://{prefix}:5555"),
            state: state.into(),
            reason: if state == CONNECTED {
                String::new()
            } else {
                "nothing accepts connections there".into()
            },
            since_s: 3.2,
            round_trip_ms: (state == CONNECTED).then_some(0.4),
            server: None,
            not_described: String::new(),
            in_flight: 1,
            queued: 2,
            passed_on: 30,
            unknown: 4,
            dropped: 5,
        }
    }

    #[test]
    fn servers_behind_servers_are_asked_in_turn() {
        let mut asked = Vec::new();
        let found = ask_with(&[upstream("b.old", CONNECTED), upstream("a.old", CONNECTED)], |name| {
            asked.push(name.to_owned());
            Some(match name {
                "router.upstreams" => Ok(vec![upstream("a", CONNECTED), upstream("b", "lost")]),
                "a.router.upstreams" => Ok(vec![upstream("rig", "stale")]),
                _ => Err(CallError::Closed),
            })
        });
        let found = found.unwrap().unwrap();
        assert_eq!(asked, ["router.upstreams", "a.router.upstreams"], "who is away is not asked");
        let states: Vec<_> =
            found.iter().map(|upstream| (upstream.prefix.as_str(), upstream.state.as_str())).collect();
        let expect = [("a", CONNECTED), ("a.rig", "stale"), ("b", "lost"), ("b.old", OUT_OF_REACH)];
        assert_eq!(states, expect);
        assert_eq!(found[3].reason, "`b` in front of it is not connected");
    }

    #[test]
    fn a_name_is_behind_the_longest_prefix_and_the_nearest_gap_is_named() {
        let upstreams = [upstream("a", "lost"), upstream("a.b", OUT_OF_REACH), upstream("ab", CONNECTED)];
        let prefix = |found: Option<&UpstreamDescription>| found.map(|upstream| upstream.prefix.clone());
        assert_eq!(prefix(owner(&upstreams, "a.b.stage.stop")), Some("a.b".into()));
        assert_eq!(prefix(away(&upstreams, "a.b.stage.stop")), Some("a".into()));
        assert_eq!(prefix(owner(&upstreams, "ab.stage")), Some("ab".into()));
        assert_eq!(prefix(away(&upstreams, "ab.stage")), None);
        assert_eq!(prefix(owner(&upstreams, "a")), None);
    }

    #[test]
    fn people_read_how_it_is() {
        assert_eq!(state(&upstream("a", CONNECTED)), "connected for 3.20 s, round trip 400 us");
        let expect = "the server `a` (tcp://a:5555) is not connected, lost for 3.20 s: nothing accepts connections there";
        assert_eq!(not_connected(&upstream("a", "lost")), expect);
    }
}
