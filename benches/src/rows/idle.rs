//! A server with nothing to do.

use std::time::Duration;

use super::Measured;
use crate::child::{Child, Cores};
use crate::plan::{Plan, Transport};
use crate::row::{Goal, Row};
use crate::{Outcome, os};

const SPAN: Duration = Duration::from_secs(60);
const QUICK_SPAN: Duration = Duration::from_secs(1);

pub(crate) fn run(plan: &Plan) -> Outcome<Measured> {
    let span = if plan.quick { QUICK_SPAN } else { SPAN };
    let alone = Child::start(Cores::Free, "server", &[&plan.address(Transport::Ipc)])?;
    let called = Child::start(Cores::Free, "server", &[&plan.address(Transport::Ipc)])?;
    let _client = Child::start(Cores::Free, "idle-clients", &[&called.address, "1"])?;
    std::thread::sleep(QUICK_SPAN); // the start is over
    let (start_ns, before) = (os::now_ns(), [alone.cpu_us(), called.cpu_us()]);
    std::thread::sleep(span);
    let took_us = (os::now_ns() - start_ns) as f64 / 1e3;
    let shown = format!("over {} s, once", span.as_secs());
    let mut rows = Vec::new();
    // One that pings twice a second is a little work.
    for (name, server, before_us, goal) in [
        ("no client", &alone, before[0], Goal::AtMost(0.1)),
        ("one idle client", &called, before[1], Goal::Printed),
    ] {
        let mut cpu = Row::new(format!("idle server, {name}: CPU"), "%", goal).noted(shown.clone());
        cpu.ours.push(100.0 * (server.cpu_us() - before_us) / took_us);
        let mut memory = Row::new(format!("idle server, {name}: memory (RSS)"), "MB", Goal::Printed);
        memory.ours.push(server.resident_mb());
        rows.extend([cpu, memory]);
    }
    Ok(rows.into())
}
