//! A server's counters as tables for people.

use std::time::Duration;

use router_wire::status::{CallStats, ClientStats, LaneStatus, StreamStats};

use crate::columns::Align::{Left, Right};
use crate::columns::columns;
use crate::counted::counted;
use crate::duration;
use crate::value::tame;

/// Streams: how often they are to come, how often they do, and what is missing.
pub(crate) fn streams(streams: &[StreamStats]) -> Vec<String> {
    let mut rows = vec![
        ["stream", "asked Hz", "achieved Hz", "ticks missed", "published", "subscribers", ""]
            .map(str::to_owned),
    ];
    rows.extend(streams.iter().map(|stream| {
        let mut notes = Vec::new();
        if !stream.enabled {
            notes.push("disabled".to_owned());
        }
        if stream.errors > 0 {
            notes.push(counted(stream.errors, "error"));
        }
        if stream.dropped_at_source > 0 {
            notes.push(format!("{} dropped at the source", stream.dropped_at_source));
        }
        [
            tame(&stream.name),
            stream.asked_hz.map(|hz| hz.to_string()).unwrap_or_else(|| "pushed".to_owned()),
            format!("{:.2}", stream.achieved_hz),
            stream.ticks_missed.to_string(),
            stream.published.to_string(),
            stream.subscribers.to_string(),
            notes.join(", "),
        ]
    }));
    columns(&rows, [Left, Right, Right, Right, Right, Right, Left])
}

/// Calls that were made: how many, how many of them failed, how long they took.
pub(crate) fn calls(calls: &[CallStats]) -> Vec<String> {
    let mut rows = vec![["call", "count", "errors", "p50", "p99"].map(str::to_owned)];
    rows.extend(calls.iter().filter(|call| call.count > 0).map(|call| {
        let took = |us: f64| duration::for_people(Duration::from_secs_f64(us.max(0.0) / 1e6));
        [
            tame(&call.name),
            call.count.to_string(),
            call.errors.to_string(),
            took(call.p50_us),
            took(call.p99_us),
        ]
    }));
    columns(&rows, [Left, Right, Right, Right, Right])
}

/// Lanes: which method each runs, for how long, for whom, and what waits.
pub(crate) fn lanes(lanes: &[LaneStatus]) -> Vec<String> {
    let mut rows = vec![["lane", "queued", "running", "for", "by"].map(str::to_owned)];
    rows.extend(lanes.iter().map(|lane| {
        let (running, since, by) = match &lane.running {
            Some(call) => {
                let since = Duration::try_from_secs_f64(call.running_ms / 1e3).unwrap_or_default();
                (tame(&call.name), duration::for_people(since), tame(&call.client))
            }
            None => ("idle".to_owned(), String::new(), String::new()),
        };
        let running = if lane.set_apart { format!("{running} (set apart)") } else { running };
        [tame(&lane.name), lane.queued.to_string(), running, since, by]
    }));
    columns(&rows, [Left, Right, Left, Right, Left])
}

/// Clients: who, since when, and what is in flight for them.
pub(crate) fn clients(clients: &[ClientStats]) -> Vec<String> {
    let mut rows = vec![["client", "connected", "calls in flight"].map(str::to_owned)];
    rows.extend(clients.iter().map(|client| {
        let connected = Duration::try_from_secs_f64(client.connected_s).unwrap_or_default();
        [tame(&client.client), duration::for_people(connected), client.in_flight.to_string()]
    }));
    columns(&rows, [Left, Right, Right])
}

#[cfg(test)]
mod tests {
    use super::*;
    use router_wire::status::RunningCall;

    #[test]
    fn a_lane_tells_what_it_is_doing_for_whom() {
        let idle = LaneStatus {
            name: "camera".into(),
            instruments: vec![],
            running: None,
            queued: 0,
            queued_bytes: 0,
            set_apart: false,
        };
        let busy = LaneStatus {
            name: "stage".into(),
            running: Some(RunningCall {
                name: "stage.move_to".into(),
                client: "alice@scope-3 napari pid 4411".into(),
                running_ms: 3200.0,
            }),
            queued: 2,
            ..idle.clone()
        };
        let expect = [
            "lane    queued  running           for  by",
            "camera       0  idle",
            "stage        2  stage.move_to  3.20 s  alice@scope-3 napari pid 4411",
        ];
        assert_eq!(lanes(&[idle, busy]), expect);
    }

    #[test]
    fn calls_that_nobody_made_take_no_room() {
        let made =
            CallStats { name: "stage.move_to".into(), count: 3, errors: 1, p50_us: 1200.0, p99_us: 9.9e6 };
        let unused = CallStats { name: "stage.home".into(), ..CallStats::default() };
        let expect =
            ["call           count  errors     p50     p99", "stage.move_to      3       1  1.2 ms  9.90 s"];
        assert_eq!(calls(&[made, unused]), expect);
    }
}
