//! A stream at 1 kHz: how exactly its function is called, and whether every tick is accounted for.

use super::Measured;
use crate::child::{Child, Cores};
use crate::latencies::median;
use crate::plan::Plan;
use crate::row::{Goal, Row};
use crate::{Outcome, os};

const SPAN_MS: u64 = 3000;

pub(crate) fn run(plan: &Plan) -> Outcome<Measured> {
    let mut rows = measure(plan, "idle", "", [Goal::AtMost(50.0), Goal::AtMost(150.0)])?;
    rows.extend(measure(plan, "idle, last 100 us spun", " spin", [Goal::AtMost(2.0), Goal::Printed])?);
    let busy: Outcome<Vec<Child>> =
        (0..os::cores()).map(|_| Child::start(Cores::Free, "burn", &[])).collect();
    let _busy = busy?;
    rows.extend(measure(plan, "all cores busy", "", [Goal::Printed; 2])?);
    rows.extend(measure(plan, "all cores busy, last 100 us spun", " spin", [Goal::Printed; 2])?);
    Ok(rows.into())
}

fn measure(plan: &Plan, shown: &str, how: &str, goals: [Goal; 2]) -> Outcome<Vec<Row>> {
    let mut stream = Child::start(Cores::Free, "periodic", &[])?;
    let name = format!("stream at 1 kHz, {shown}");
    let mut rows = vec![
        Row::new(format!("{name}: tick error p50"), "us", goals[0]),
        Row::new(format!("{name}: tick error p99"), "us", goals[1]),
        Row::new(format!("{name}: ticks + missed - elapsed x f"), "ticks", Goal::AtMost(1.0)),
        Row::new(format!("{name}: CPU"), "%", Goal::Printed),
    ];
    let span_ms = if plan.quick { 100 } else { SPAN_MS };
    let mut missed = Vec::new();
    for _ in 0..plan.rounds {
        let before_us = stream.cpu_us();
        let start_ns = os::now_ns();
        let answer = stream.ask(&format!("ticks {span_ms}{how}"))?;
        let took_us = (os::now_ns() - start_ns) as f64 / 1e3;
        rows[0].ours.push(answer[0]);
        rows[1].ours.push(answer[1]);
        rows[2].ours.push(answer[4].abs());
        rows[3].ours.push(100.0 * (stream.cpu_us() - before_us) / took_us);
        missed.push(answer[3]);
    }
    // An account is wrong if it is once.
    rows[2].broken = rows[2].ours.iter().any(|difference| *difference > 1.0);
    rows[2].note = format!("{:.1} % of the ticks missed", median(&missed));
    Ok(rows)
}
