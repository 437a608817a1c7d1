//! A server's counters as tables for people.

use std::time::Duration;

use router_wire::describe::UpstreamDescription;
use router_wire::status::{CallStats, ClientStats, LaneStatus, StreamOrigin, StreamStats};

use crate::columns::Align::{Left, Right};
use crate::columns::columns;
use crate::counted::counted;
use crate::top::changes::Change;
use crate::value::{one_line, tame};
use crate::{duration, upstreams};

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
        match &stream.from {
            Some(StreamOrigin::Upstream(prefix)) => notes.push(format!("from `{}`", one_line(prefix))),
            Some(StreamOrigin::Relay(endpoint)) => notes.push(format!("from {}", one_line(endpoint))),
            _ => {}
        }
        [
            tame(&stream.name),
            asked(stream),
            format!("{:.2}", stream.achieved_hz),
            stream.ticks_missed.to_string(),
            stream.published.to_string(),
            stream.subscribers.to_string(),
            notes.join(", "),
        ]
    }));
    columns(&rows, [Left, Right, Right, Right, Right, Right, Left])
}

/// How often a stream's function is asked for here; else where its samples come from.
fn asked(stream: &StreamStats) -> String {
    match (stream.asked_hz, &stream.from) {
        (Some(hz), _) => hz.to_string(),
        (None, None) => "pushed".to_owned(),
        (None, Some(StreamOrigin::Upstream(_))) => "behind".to_owned(),
        (None, Some(_)) => "relayed".to_owned(),
    }
}

/// Streams as they flow, those first that lose samples and those that somebody hears; names are cut where a line would
/// have more than `width` characters.
pub(crate) fn flows(streams: &[StreamStats], width: usize) -> Vec<String> {
    let mut streams: Vec<_> = streams.iter().collect();
    streams.sort_by_key(|stream| {
        (stream.dropped_at_source == 0, stream.subscribers == 0, !stream.enabled, &stream.name)
    });
    let errors = |stream: &StreamStats| match stream.errors {
        0 => String::new(),
        errors => counted(errors, "error"),
    };
    let notes = streams.iter().map(|stream| errors(stream).len()).max().filter(|longest| *longest > 0);
    let name_room = name_room(width.saturating_sub(notes.map_or(0, |longest| longest + 2)));
    let head = ["stream", "asked", "Hz", "produced", "published", "missed", "dropped", "heard", ""];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(streams.into_iter().map(|stream| {
        let asked = asked(stream);
        [
            cut(&tame(&stream.name), name_room),
            if stream.enabled { asked } else { "off".to_owned() },
            format!("{:.1}", stream.achieved_hz),
            short(stream.produced),
            short(stream.published),
            short(stream.ticks_missed),
            short(stream.dropped_at_source),
            stream.subscribers.to_string(),
            errors(stream),
        ]
    }));
    columns(&rows, [Left, Right, Right, Right, Right, Right, Right, Right, Left])
}

/// What a line of `width` characters leaves to the name of a stream beside its numbers.
pub(crate) fn name_room(width: usize) -> usize {
    width.saturating_sub(NUMBERS_WIDTH).max(LEAST_NAME_ROOM)
}

const NUMBERS_WIDTH: usize = 61;
const LEAST_NAME_ROOM: usize = 8;

/// Counters that changed, and by how much.
pub(crate) fn changes(changes: &[Change]) -> Vec<String> {
    let mut rows = vec![["counter", "now", "change"].map(str::to_owned)];
    rows.extend(changes.iter().map(|change| {
        [
            tame(&change.counter),
            change.now.to_string(),
            format!("{:+}", i128::from(change.now) - i128::from(change.before)),
        ]
    }));
    columns(&rows, [Left, Right, Right])
}

/// `123456`, and from ten million on `12.3M`: as wide as a column can be.
fn short(count: u64) -> String {
    match count {
        0..10_000_000 => count.to_string(),
        10_000_000..1_000_000_000 => format!("{:.1}M", count as f64 / 1e6),
        _ => format!("{:.1}G", count as f64 / 1e9),
    }
}

/// `text`, of which the middle is left out where it has more than `room` characters.
pub(crate) fn cut(text: &str, room: usize) -> String {
    let length = text.chars().count();
    if length <= room {
        return text.to_owned();
    }
    let kept = room.saturating_sub(CUT.len());
    let start: String = text.chars().take(kept / 2).collect();
    let end: String = text.chars().skip(length - (kept - kept / 2)).collect();
    format!("{start}{CUT}{end}")
}

const CUT: &str = "..";

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

/// Servers behind: how each is, and what was passed on to it; below each where it is, and what is wrong with it. No line
/// has more than `width` characters where that is 80 or more.
pub(crate) fn upstreams(upstreams: &[UpstreamDescription], width: usize) -> Vec<String> {
    let head = ["behind", "state", "for", "trip", "calls", "passed on"];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(upstreams.iter().map(|upstream| {
        let since = Duration::try_from_secs_f64(upstream.since_s).unwrap_or_default();
        [
            String::new(),
            one_line(&upstream.state.replace('_', " ")),
            duration::for_people(since),
            upstreams::round_trip(upstream).unwrap_or_else(|| "-".to_owned()),
            short(upstream.in_flight),
            short(upstream.passed_on),
        ]
    }));
    let align = [Left, Left, Right, Right, Right, Right];
    // What the others leave is for the prefix.
    let others = columns(&rows, align).iter().map(|line| line.chars().count()).max().unwrap_or_default();
    let room = width.saturating_add("behind".len()).saturating_sub(others).max(LEAST_NAME_ROOM);
    for (row, upstream) in rows.iter_mut().skip(1).zip(upstreams) {
        row[0] = cut(&one_line(&upstream.prefix), room);
    }
    let mut lines = columns(&rows, align).into_iter();
    let mut table: Vec<String> = lines.next().into_iter().collect();
    for (line, upstream) in lines.zip(upstreams) {
        table.push(line);
        for detail in [&upstream.endpoint, &upstream.reason, &upstream.not_described, &in_the_way(upstream)] {
            let detail = one_line(detail);
            if !detail.is_empty() {
                table.push(format!("  {}", cut(&detail, width.saturating_sub(2))));
            }
        }
    }
    table
}

/// What waits for a server behind, and what was lost with it; empty when nothing was.
fn in_the_way(upstream: &UpstreamDescription) -> String {
    let counts = [
        (upstream.queued, "queued"),
        (upstream.unknown, "with unknown outcome"),
        (upstream.dropped, "answers dropped"),
    ];
    let told = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    told.collect::<Vec<_>>().join(", ")
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
    fn flows_show_losses_first_and_fit_into_80_columns() {
        let stream = |name: &str, subscribers| StreamStats {
            name: name.into(),
            enabled: true,
            asked_hz: Some(30.0),
            achieved_hz: 1000.0,
            produced: 9_999_999,
            published: 12_345_678,
            ticks_missed: 12,
            dropped_at_source: 0,
            subscribers,
            errors: 0,
            from: None,
            memory: None,
        };
        let dropping = StreamStats { dropped_at_source: 7, asked_hz: None, ..stream("camera.frame", 1) };
        let long = "a.stream.whose.name.needs.more.room.than.there.is";
        let expect = [
            "stream                asked      Hz  produced  published  missed  dropped  heard",
            "camera.frame         pushed  1000.0   9999999      12.3M      12        7      1",
            "a.stream...there.is      30  1000.0   9999999      12.3M      12        0      2",
            "a.quiet                  30  1000.0   9999999      12.3M      12        0      0",
        ];
        let streams = [stream("a.quiet", 0), stream(long, 2), dropping];
        assert_eq!(flows(&streams, 80), expect);
        let failing = StreamStats { errors: 12, ..stream(long, 2) };
        let table = flows(&[failing], 80);
        assert!(table[1].starts_with("a.s...is ") && table[1].ends_with("  2  12 errors"), "{table:#?}");
        assert!(table.iter().all(|line| line.chars().count() <= 80), "{table:#?}");
    }

    #[test]
    fn servers_behind_tell_why_they_are_away() {
        use crate::upstreams::tests::upstream;
        let expect = [
            "behind  state         for    trip  calls  passed on",
            "a       connected  3.20 s  400 us      1         30",
            "  tcp://a:5555",
            "  2 queued, 4 with unknown outcome, 5 answers dropped",
            "a.b     lost       3.20 s       -      1         30",
            "  tcp://a.b:5555",
            "  nothing accepts connections there",
            "  2 queued, 4 with unknown outcome, 5 answers dropped",
        ];
        assert_eq!(upstreams(&[upstream("a", "connected"), upstream("a.b", "lost")], 80), expect);
    }

    #[test]
    fn servers_behind_fit_into_80_columns() {
        use crate::upstreams::tests::upstream;
        let mut far = upstream("a.server.far.behind.with.a.long.name", "out_of_reach");
        (far.passed_on, far.unknown, far.dropped, far.in_flight) = (u64::MAX, 9_999_999, 9_999_999, 4_096);
        (far.since_s, far.round_trip_ms) = (1e6, Some(1234.5));
        far.reason = "it is away ".repeat(20);
        let table = upstreams(&[far, upstream("b", "connected")], 80);
        assert!(table.iter().all(|line| line.chars().count() <= 80), "{table:#?}");
        assert!(table[1].starts_with("a.") && table[1].ends_with("G"), "{table:#?}");
    }

    #[test]
    fn a_long_name_keeps_both_ends() {
        assert_eq!(cut("stage.position_um", 17), "stage.position_um");
        assert_eq!(cut("stage.position_um", 10), "stag..n_um");
        assert_eq!(cut("äöüäöü", 4), "ä..ü");
        assert_eq!(cut("abc", 0), "..");
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
