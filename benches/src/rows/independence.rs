//! What a client waits while another client's calls hang on the same server.

use super::Measured;
use crate::Outcome;
use crate::child::Child;
use crate::plan::{Plan, Transport};
use crate::row::{Goal, Row};

const ROUND_TRIPS: usize = 4000;

/// What is called: with the caller's order before the count and behind it.
const CALLS: [(&str, &str, &str); 2] = [
    ("call of another instrument", "latency mirror.lane", ""),
    ("urgent call of the same instrument", "urgent", " 0"),
];

pub(crate) fn run(plan: &Plan) -> Outcome<Measured> {
    let mut rows = Vec::new();
    for cores in plan.both() {
        let server = Child::start(cores, "server", &[&plan.address(Transport::Ipc)])?;
        let mut client = Child::start(cores, "caller", &["ours", &server.address])?;
        let blocked_server = Child::start(cores, "server", &[&plan.address(Transport::Ipc)])?;
        let mut blocked_client = Child::start(cores, "caller", &["ours", &blocked_server.address])?;
        let mut other = Child::start(cores, "caller", &["ours", &blocked_server.address])?;
        other.ask("hold 0")?;
        for (shown, order, behind) in CALLS {
            let name = |what| format!("{shown}, another client's calls hang, {}: {what}", cores.shown());
            let compared = "raw is ours without them";
            let mut median = Row::new(name("p50"), "us", Goal::Printed).noted(compared);
            let mut tail = Row::new(name("p99"), "us", Goal::Printed).noted(compared);
            let order = format!("{order} {}{behind}", plan.count(ROUND_TRIPS));
            plan.interleave(
                || blocked_client.ask(&order),
                || client.ask(&order),
                |blocked, free| {
                    median.add(blocked[0], free[0]);
                    tail.add(blocked[1], free[1]);
                },
            )?;
            rows.extend([median, tail]);
        }
    }
    Ok(rows.into())
}
