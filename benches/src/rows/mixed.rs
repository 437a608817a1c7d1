//! What is small and urgent while 1 GB/s of frames flow.

use std::time::{Duration, Instant};

use super::Measured;
use super::samples::Flow;
use crate::Outcome;
use crate::child::{Child, Cores};
use crate::latencies::median;
use crate::plan::Plan;
use crate::row::{Goal, Row};

const FRAME_BYTES: usize = 1080 * 1920;
const FRAMES_PER_S: f64 = 1e9 / FRAME_BYTES as f64;
/// How much of it has to arrive for the row to count.
const ENOUGH_GB_PER_S: f64 = 0.95;
/// Calls that wait behind the one that runs, on each lane.
const WAITING: usize = 8;

pub(crate) fn urgent(plan: &Plan) -> Outcome<Measured> {
    let mut rows = Vec::new();
    for cores in plan.both().into_iter().rev() {
        let goal = if cores == Cores::Free { Goal::AtMost(10.0) } else { Goal::Printed };
        let name = format!("urgent call, every lane busy, 1 GB/s of frames, {}: p99", cores.shown());
        let mut row = Row::new(name, "ms", goal);
        let mut flow = Flow::start(plan, cores, "ours", FRAME_BYTES, 1)?;
        let mut caller = Child::start(cores, "caller", &["ours", &flow.source.address])?;
        caller.ask(&format!("hold {WAITING}"))?;
        let order = format!("urgent {} 3", plan.count(500));
        let rates = beside_frames(plan, &mut flow, || {
            row.ours.push(caller.ask(&order)?[1] / 1e3);
            Ok(())
        })?;
        rows.push(with_rates(plan, row, &rates));
    }
    Ok(rows.into())
}

pub(crate) fn scalar(plan: &Plan) -> Outcome<Measured> {
    let mut rows = Vec::new();
    for cores in plan.both() {
        let goal = if cores == Cores::One { Goal::AtMost(2.0) } else { Goal::Printed };
        let name = format!("stream of numbers at 1 kHz, 1 GB/s of frames, {}: p99", cores.shown());
        let mut row = Row::new(name, "ms", goal);
        let mut flow = Flow::start(plan, cores, "ours", FRAME_BYTES, 1)?;
        flow.source.ask("scalar")?;
        let mut sink = Child::start(cores, "sink", &["scalar", &flow.source.address])?;
        let order = format!("latencies {}", plan.count(1900));
        let rates = beside_frames(plan, &mut flow, || {
            row.ours.push(sink.ask(&order)?[1] / 1e3);
            Ok(())
        })?;
        rows.push(with_rates(plan, row, &rates));
    }
    Ok(rows.into())
}

/// Measures once a round while frames flow; how much of them arrived [GB/s].
fn beside_frames(plan: &Plan, flow: &mut Flow, mut measure: impl FnMut() -> Outcome) -> Outcome<Vec<f64>> {
    let mut rates = Vec::new();
    for _ in 0..plan.rounds {
        flow.source.ask(&format!("pace {FRAMES_PER_S}"))?;
        let sink = &mut flow.sinks[0];
        sink.ask("first")?;
        // Counting goes on for as long as measuring does, or longer.
        let span = plan.span(Duration::from_millis(2000));
        sink.tell(&format!("count {}", span.as_millis()))?;
        let start = Instant::now();
        let measured = measure();
        let took = start.elapsed();
        rates.push(sink.hear()?[0] * FRAME_BYTES as f64 / 1e9);
        measured?;
        if !plan.quick && took > 2 * span {
            eprintln!("frames were counted for {span:?} of {took:?}");
        }
        flow.source.ask("stop")?;
    }
    Ok(rates)
}

fn with_rates(plan: &Plan, mut row: Row, rates: &[f64]) -> Row {
    let rate = median(rates);
    row.note = format!("{rate:.2} GB/s of frames arrived");
    row.broken = !plan.quick && row.goal != Goal::Printed && rate < ENOUGH_GB_PER_S;
    row
}
