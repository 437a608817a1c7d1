//! Calls a second with many on their way.

use std::time::Duration;

use super::Measured;
use crate::Outcome;
use crate::child::{Child, Cores};
use crate::plan::{Plan, Transport};
use crate::row::{Goal, Row};

const SPAN: Duration = Duration::from_millis(1000);
const WINDOW: usize = 64;

pub(crate) fn run(plan: &Plan) -> Outcome<Measured> {
    let mut rows = Vec::new();
    for (shown, name, clients, goal) in [
        ("calls inline, 1 client", "mirror.inline", 1, 0.7),
        ("calls inline, 8 clients", "mirror.inline", 8, 0.7),
        ("calls on a lane, 1 client", "mirror.lane", 1, 0.5),
    ] {
        for cores in plan.both() {
            let row = format!("{shown} x {WINDOW}, 64 B, ipc, {}", cores.shown());
            let row = Row::new(row, "calls/s", Goal::RatioAtLeast(goal));
            rows.push(measure(plan, row, name, clients, cores)?);
        }
    }
    Ok(rows.into())
}

/// Compared with DEALERs and a ROUTER that echoes, however the call is run.
fn measure(plan: &Plan, mut row: Row, name: &str, clients: usize, cores: Cores) -> Outcome<Row> {
    let start = |kind: &str, address: &str| -> Outcome<Vec<Child>> {
        (0..clients).map(|_| Child::start(cores, "caller", &[kind, address])).collect()
    };
    let server = Child::start(cores, "server", &[&plan.address(Transport::Ipc)])?;
    let mut ours = start("ours", &server.address)?;
    let echo = Child::start(cores, "raw-echo", &[&plan.address(Transport::Ipc)])?;
    let mut raw = start("raw", &echo.address)?;
    let order = format!("rate {name} {} {WINDOW}", plan.span(SPAN).as_millis());
    plan.interleave(
        || Ok(vec![all(&mut ours, &order)?.iter().sum()]),
        || Ok(vec![all(&mut raw, &order)?.iter().sum()]),
        |ours, raw| row.add(ours[0], raw[0]),
    )?;
    Ok(row)
}

/// Gives all of them the order at once; what each answers first.
pub(super) fn all(children: &mut [Child], order: &str) -> Outcome<Vec<f64>> {
    for child in &mut *children {
        child.tell(order)?;
    }
    let first = |child: &Child| -> Outcome<f64> { Ok(*child.hear()?.first().ok_or("an empty answer")?) };
    children.iter().map(first).collect()
}
