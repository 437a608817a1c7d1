//! Frames to subscribers of the same machine: every byte written by the source, every byte read by each subscriber.

use std::time::Duration;

use super::Measured;
use super::samples::{Flow, iceoryx2};
use crate::Outcome;
use crate::child::Cores;
use crate::plan::Plan;
use crate::row::{Goal, Row};

const SPAN: Duration = Duration::from_millis(1500);

/// 1080 x 1920 and 3000 x 4096 pixels of 8 bits, and how many a second a camera of that kind makes.
const FRAMES: [(&str, usize, f64); 2] = [("2.07 MB", 1080 * 1920, 60.0), ("12.3 MB", 3000 * 4096, 20.0)];

pub(crate) fn run(plan: &Plan) -> Outcome<Measured> {
    let mut rows = Vec::new();
    for ((shown, bytes, _), goals) in FRAMES.into_iter().zip([[2.0, 4.0], [3.5, 5.0]]) {
        for (subscribers, goal) in [1, 4].into_iter().zip(goals) {
            for cores in plan.both().into_iter().rev() {
                let name = format!("frames, {shown} x{subscribers}, ipc, {}", cores.shown());
                let goal = if cores == Cores::Free { Goal::RatioAtLeast(goal) } else { Goal::Printed };
                rows.extend(flood(plan, cores, &name, bytes, subscribers, goal)?);
            }
        }
    }
    Ok(rows.into())
}

fn flood(
    plan: &Plan,
    cores: Cores,
    name: &str,
    bytes: usize,
    subscribers: usize,
    goal: Goal,
) -> Outcome<Vec<Row>> {
    let mut ours = Flow::start(plan, cores, "ours", bytes, subscribers)?;
    let mut raw = Flow::start(plan, cores, "raw", bytes, subscribers)?;
    let start_other = |_| Flow::start(plan, cores, "iceoryx2", bytes, subscribers);
    let mut other = iceoryx2().map(start_other).transpose()?;
    let mut row = Row::new(name, "frames/s each", goal);
    let goal = if goal == Goal::Printed { Goal::Printed } else { Goal::RatioAtLeast(0.8) };
    let mut against = Row::new(format!("{name}, iceoryx2 in place of raw"), "frames/s each", goal);
    let span = plan.span(SPAN);
    plan.interleave(
        || ours.flood(span),
        || {
            let mut answer = raw.flood(span)?;
            if let Some(other) = &mut other {
                answer.extend(other.flood(span)?);
            }
            Ok(answer)
        },
        |ours, raw| {
            row.add(ours[0], raw[0]);
            if let Some(other) = raw.get(1) {
                against.add(ours[0], *other);
            }
        },
    )?;
    Ok([row, against].into_iter().filter(|row| !row.ours.is_empty()).collect())
}

pub(crate) fn run_paced(plan: &Plan) -> Outcome<Measured> {
    const SECONDS: f64 = 2.0;
    let mut rows = Vec::new();
    for (shown, bytes, hz) in FRAMES {
        for cores in plan.both().into_iter().rev() {
            let mut ours = Flow::start(plan, cores, "ours", bytes, 1)?;
            let mut raw = Flow::start(plan, cores, "raw", bytes, 1)?;
            let goal = if cores == Cores::Free { Goal::RatioAtMost(0.7) } else { Goal::Printed };
            let name = format!("frames, {shown} at {hz}/s, ipc, {}", cores.shown());
            let mut latency = Row::new(format!("{name}: latency p50"), "us", goal);
            let mut tail = Row::new(format!("{name}: latency p99"), "us", Goal::Printed);
            let mut cpu = Row::new(format!("{name}: CPU per frame"), "us", goal);
            let count = if plan.quick { 3 } else { (hz * SECONDS) as usize };
            plan.interleave(
                || ours.pace(hz, count),
                || raw.pace(hz, count),
                |ours, raw| {
                    latency.add(ours[0], raw[0]);
                    tail.add(ours[1], raw[1]);
                    cpu.add(ours[3], raw[3]);
                },
            )?;
            rows.extend([latency, tail, cpu]);
        }
    }
    Ok(rows.into())
}
