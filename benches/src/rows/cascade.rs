//! What a server in between adds to a call, beside what `zmq_proxy` adds.

use std::time::{Duration, Instant};

use super::Measured;
use crate::Outcome;
use crate::child::{Child, Cores};
use crate::plan::{Plan, Transport};
use crate::row::{Goal, Row};

const ROUND_TRIPS: usize = 10_000;
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn run(plan: &Plan) -> Outcome<Measured> {
    let mut rows = Vec::new();
    for cores in plan.both() {
        let behind = Child::start(cores, "server", &[&plan.address(Transport::Ipc)])?;
        let mut gateway = Child::start(cores, "server", &[&plan.address(Transport::Ipc)])?;
        gateway.ask(&format!("upstream behind {}", behind.address))?;
        let mut direct = Child::start(cores, "caller", &["ours", &behind.address])?;
        let mut through = Child::start(cores, "caller", &["ours", &gateway.address])?;
        let echo = Child::start(cores, "raw-echo", &[&plan.address(Transport::Ipc)])?;
        let proxy = Child::start(cores, "raw-proxy", &[&plan.address(Transport::Ipc), &echo.address])?;
        let mut raw_direct = Child::start(cores, "caller", &["raw", &echo.address])?;
        let mut raw_through = Child::start(cores, "caller", &["raw", &proxy.address])?;

        let name = format!("cascade, inline call, 64 B, ipc, {}: added per hop, p50", cores.shown());
        let goal = if cores == Cores::One { Goal::RatioAtMost(1.3) } else { Goal::Printed };
        let mut row = Row::new(name, "us", goal).noted("raw is `zmq_proxy`");
        let count = plan.count(ROUND_TRIPS);
        wait_until_there(&mut through)?;
        plan.interleave(
            || {
                added(
                    direct.ask(&format!("latency mirror.inline {count}"))?,
                    through.ask(&format!("latency behind.mirror.inline {count}"))?,
                )
            },
            || {
                let order = format!("latency - {count}");
                added(raw_direct.ask(&order)?, raw_through.ask(&order)?)
            },
            |ours, raw| row.add(ours[0], raw[0]),
        )?;
        rows.push(row);
    }
    Ok(rows.into())
}

fn added(direct: Vec<f64>, through: Vec<f64>) -> Outcome<Vec<f64>> {
    Ok(vec![through[0] - direct[0]])
}

/// A gateway connects to the server behind it when it can.
fn wait_until_there(through: &mut Child) -> Outcome {
    let end = Instant::now() + PATIENCE;
    loop {
        match through.ask("latency behind.mirror.inline 1") {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > end => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
