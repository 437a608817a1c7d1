//! An inline call within one process.

use super::Measured;
use crate::Outcome;
use crate::child::{Child, Cores};
use crate::plan::Plan;
use crate::row::{Goal, Row};

const ROUND_TRIPS: usize = 20_000;

pub(crate) fn run(plan: &Plan) -> Outcome<Measured> {
    let mut rows = Vec::new();
    for cores in plan.both() {
        let mut ours = Child::start(cores, "inproc", &["ours"])?;
        let mut raw = Child::start(cores, "inproc", &["raw"])?;
        let goal = if cores == Cores::One { Goal::RatioAtMost(1.5) } else { Goal::Printed };
        let mut row = Row::new(format!("inline call, 64 B, inproc, {}: p50", cores.shown()), "us", goal);
        let order = format!("latency {}", plan.count(ROUND_TRIPS));
        plan.interleave(|| ours.ask(&order), || raw.ask(&order), |ours, raw| row.add(ours[0], raw[0]))?;
        rows.push(row);
    }
    Ok(rows.into())
}
