//! Whether a one-liner server answers, which one, how fast, and what its clock says.

use std::time::{Duration, SystemTime};

use router_client::{CallError, RouterClient};
use router_server::{Endpoint, Reach};
use router_wire::PROTOCOL_VERSION;
use router_wire::describe::{Description, UpstreamDescription};
use router_wire::hello::{ClientSocket, HelloReply};
use router_wire::status::LaneStatus;

use super::check::Check;
use crate::counted::counted;
use crate::duration;

const ANSWER_WITHIN: Duration = Duration::from_secs(3);
const PINGS: usize = 20;
/// A network in a building takes less than a millisecond.
const SLOW: Duration = Duration::from_millis(50);
/// What clocks that are set by the network are off at most.
const CLOCKS_AGREE_WITHIN: Duration = Duration::from_millis(100);
/// Nothing that is waited for at an instrument takes so long.
const LONG_CALL: Duration = Duration::from_secs(60);
const OURS: &str = env!("CARGO_PKG_VERSION");

/// The server's greeting, once more and for us: the connection has read it for itself.
///
/// # Errors
/// The failing check.
///
/// # Blocking
/// 6 s at most.
pub(crate) fn hello(client: &RouterClient) -> Result<(Vec<Check>, HelloReply), Box<Check>> {
    const WHAT: &str = "server";
    let silent = |reason: String| {
        Box::new(Check::fail(
            WHAT,
            format_args!("no one-liner server answers: {reason}"),
            "a server that is stuck or stopped in a debugger answers nothing: look at its process there, and \
             restart it; or another program has this port",
        ))
    };
    // A ping ends with what the connection knows, which waiting for the state does not.
    match client.ping() {
        Ok(_) => {}
        Err(CallError::VersionMismatch { ours, theirs, .. }) => {
            let older = if theirs < ours { "the server" } else { "this program" };
            return Err(Box::new(
                Check::fail(
                    WHAT,
                    format_args!("it speaks protocol version {theirs}, this program {ours}"),
                    format_args!("update {older}, which is the older one"),
                )
                .number("protocol_version", theirs),
            ));
        }
        Err(CallError::ServerGone { reason, .. }) => return Err(silent(reason)),
        Err(error) => return Err(silent(error.to_string())),
    }
    let reply: HelloReply = client
        .call("router.hello", ())
        .kw("protocol_version", PROTOCOL_VERSION)
        .kw("client", client.identity())
        .kw("socket", ClientSocket::Calls)
        .deadline(ANSWER_WITHIN)
        .wait()
        .map_err(|error| silent(error.to_string()))?;
    let found = format!("`{}` answers, protocol version {}", reply.server, reply.protocol_version);
    let answers = Check::ok(WHAT, found)
        .number("server", reply.server.clone())
        .number("protocol_version", reply.protocol_version)
        .number("epoch", reply.epoch);
    let version = if reply.version == OURS {
        Check::ok("version", format_args!("{OURS} there and here"))
    } else {
        Check::warn(
            "version",
            format_args!("{} there, {OURS} here", reply.version),
            "they understand each other; update the older one when you can",
        )
    };
    Ok((vec![answers, version.number("there", reply.version.clone()).number("here", OURS)], reply))
}

/// Whether streams are where the asked computer can give them.
pub(crate) fn reach(dialled: &Endpoint, served: &Endpoint, word: &'static str) -> Option<Check> {
    (dialled.reach() == Reach::Network && served.reach() == Reach::ThisPc).then(|| {
        Check::fail(
            "reach",
            format_args!("{word} are served at {served}, for programs on the server's own computer only"),
            "start the server with --bind '*'",
        )
    })
}

/// What lanes are stuck in.
pub(crate) fn lanes(lanes: &[LaneStatus]) -> Check {
    const WHAT: &str = "lanes";
    let runs_for = |lane: &LaneStatus| lane.running.as_ref().map_or(0.0, |running| running.running_ms / 1e3);
    let stuck = |lane: &&LaneStatus| lane.set_apart || runs_for(lane) > LONG_CALL.as_secs_f64();
    match lanes.iter().find(stuck) {
        None => {
            let busy = lanes.iter().filter(|lane| lane.running.is_some()).count();
            let found = format!("none is stuck, {busy} of {} at work", lanes.len());
            Check::ok(WHAT, found).number("lanes", lanes.len())
        }
        Some(lane) => {
            let (call, client) = lane
                .running
                .as_ref()
                .map_or(("a call", "somebody"), |running| (running.name.as_str(), running.client.as_str()));
            let since = duration::for_people(Duration::try_from_secs_f64(runs_for(lane)).unwrap_or_default());
            Check::warn(
                WHAT,
                format_args!("lane `{}` has been in {call} for {since}, for {client}", lane.name),
                "if that is no long move: cancel it with Ctrl-C where it was called, or call the instrument's stop",
            )
            .number("lanes", lanes.len())
        }
    }
}

/// The servers behind this one.
pub(crate) fn upstreams(upstreams: &[UpstreamDescription]) -> Option<Check> {
    const WHAT: &str = "upstreams";
    let is_away = |upstream: &&UpstreamDescription| upstream.state != "connected";
    let away = upstreams.iter().filter(is_away).count();
    let check = match upstreams.iter().find(is_away) {
        _ if upstreams.is_empty() => return None,
        None => Check::ok(WHAT, counted(upstreams.len() as u64, "server") + " behind, connected"),
        Some(first) => Check::warn(
            WHAT,
            format_args!(
                "{away} of {} servers behind: `{}` at {} is {}: {}",
                upstreams.len(),
                first.prefix,
                first.endpoint,
                first.state.replace('_', " "),
                first.reason
            ),
            format_args!("run `one-liner doctor {}` on the computer of this server", first.endpoint),
        ),
    };
    Some(check.number("upstreams", upstreams.len()).number("away", away))
}

/// Round trips, and how far the two clocks are apart.
///
/// # Errors
/// The failing check, when the server stops answering.
///
/// # Blocking
/// Twenty round trips; 3 s when the server stops answering.
pub(crate) fn pings(client: &RouterClient) -> Result<[Check; 2], Box<Check>> {
    let mut pings = Vec::with_capacity(PINGS);
    for _ in 0..PINGS {
        let before = SystemTime::now();
        match client.ping() {
            Ok(ping) => pings.push((ping.round_trip, apart_ns(before, ping.server_time, ping.round_trip))),
            Err(error) => {
                return Err(Box::new(Check::fail(
                    "round trip",
                    format_args!("the server answered {} of {PINGS} pings: {error}", pings.len()),
                    "look at the server's process and at the network: one of them stops at times",
                )));
            }
        }
    }
    pings.sort_unstable();
    let median = pings[pings.len() / 2].0;
    let (shortest, offset_ns) = pings[0];
    Ok([round_trip(shortest, median), clock(offset_ns, shortest / 2)])
}

/// How far the server's clock is ahead of ours [ns], if it was read in the middle of the round trip.
fn apart_ns(before: SystemTime, server_time: SystemTime, round_trip: Duration) -> i64 {
    crate::clock::utc_ns(server_time).saturating_sub(crate::clock::utc_ns(before + round_trip / 2))
}

fn round_trip(shortest: Duration, median: Duration) -> Check {
    let found = format!(
        "shortest {}, median {} of {PINGS} pings",
        duration::for_people(shortest),
        duration::for_people(median)
    );
    let check = if median > SLOW {
        Check::warn(
            "round trip",
            found,
            "use a cable instead of Wi-Fi or a VPN, and look at how busy the server is",
        )
    } else {
        Check::ok("round trip", found)
    };
    check.number("min_us", shortest.as_secs_f64() * 1e6).number("median_us", median.as_secs_f64() * 1e6)
}

fn clock(offset_ns: i64, uncertainty: Duration) -> Check {
    let offset = Duration::from_nanos(offset_ns.unsigned_abs());
    let found = format!(
        "the server's is {} {} ours, to within {}",
        duration::for_people(offset),
        if offset_ns < 0 { "behind" } else { "ahead of" },
        duration::for_people(uncertainty)
    );
    let check = if offset > CLOCKS_AGREE_WITHIN + uncertainty {
        Check::warn(
            "clock",
            found,
            "samples carry the server's time: have both computers set their clocks by NTP",
        )
    } else {
        Check::ok("clock", found)
    };
    check
        .number("offset_ms", offset_ns as f64 / 1e6)
        .number("uncertainty_ms", uncertainty.as_secs_f64() * 1e3)
}

/// What the server serves.
///
/// # Errors
/// The failing check.
///
/// # Blocking
/// 3 s at most.
pub(crate) fn description(client: &RouterClient) -> Result<(Check, Description), Box<Check>> {
    let described = client
        .describe()
        .deadline(ANSWER_WITHIN)
        .wait()
        .and_then(|description| Ok((description, client.lanes().deadline(ANSWER_WITHIN).wait()?)));
    match described {
        Ok((description, status)) => Ok((lanes(&status), description)),
        Err(error) => Err(Box::new(Check::fail(
            "lanes",
            format_args!("the server does not tell what it serves: {error}"),
            "it answers pings and nothing else: `one-liner ping` tells what its lane `router` is doing",
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::Verdict;

    #[test]
    fn the_offset_of_clocks_is_seen_from_the_middle_of_the_round_trip() {
        let before = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let ms = Duration::from_millis;
        assert_eq!(apart_ns(before, before + ms(5), ms(10)), 0);
        assert_eq!(apart_ns(before, before + ms(25), ms(10)), 20_000_000);
        assert_eq!(apart_ns(before, before - ms(15), ms(10)), -20_000_000);
    }

    #[test]
    fn clocks_that_may_agree_are_no_matter() {
        let check = |offset_ms: i64, uncertainty_ms, expect| {
            let found = clock(offset_ms * 1_000_000, Duration::from_millis(uncertainty_ms));
            assert_eq!(found.verdict, expect, "{found:?}");
        };
        check(-90, 0, Verdict::Ok);
        check(150, 60, Verdict::Ok);
        check(150, 40, Verdict::Warn);
        check(-3_600_000, 1, Verdict::Warn);
    }

    #[test]
    fn streams_for_the_servers_own_computer_are_no_use_elsewhere() {
        let endpoint = |address: &str| address.parse::<Endpoint>().unwrap();
        let found = |dialled, served| reach(&endpoint(dialled), &endpoint(served), "samples").is_some();
        assert!(found("tcp://scope-3:5555", "tcp://127.0.0.1:5556"));
        assert!(!found("tcp://localhost:5555", "tcp://127.0.0.1:5556"));
        assert!(!found("tcp://scope-3:5555", "tcp://scope-3:5556"));
    }
}
