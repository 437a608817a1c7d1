//! The round trip of a call of 64 bytes.

use super::Measured;
use crate::Outcome;
use crate::child::{Child, Cores};
use crate::plan::{Plan, Transport};
use crate::row::{Goal, Row};

const ROUND_TRIPS: usize = 10_000;

/// What is called, what raw libzmq does for the same, and the goal on one core.
struct Call {
    shown: &'static str,
    name: &'static str,
    raw_role: &'static str,
    transports: &'static [Transport],
    goal: Goal,
}

const CALLS: &[Call] = &[
    Call {
        shown: "inline call",
        name: "mirror.inline",
        raw_role: "raw-echo",
        transports: &[Transport::Ipc, Transport::Tcp],
        goal: Goal::RatioAtMost(1.15),
    },
    Call {
        shown: "lane call",
        name: "mirror.lane",
        raw_role: "raw-worker",
        transports: &[Transport::Ipc],
        goal: Goal::RatioAtMost(1.25),
    },
];

pub(crate) fn run(plan: &Plan) -> Outcome<Measured> {
    let mut rows = Vec::new();
    for call in CALLS {
        for transport in call.transports {
            for cores in plan.both() {
                rows.extend(measure(plan, call, *transport, cores)?);
            }
        }
    }
    Ok(rows.into())
}

fn measure(plan: &Plan, call: &Call, transport: Transport, cores: Cores) -> Outcome<[Row; 3]> {
    let server = Child::start(cores, "server", &[&plan.address(transport)])?;
    let mut ours = Child::start(cores, "caller", &["ours", &server.address])?;
    let echo = Child::start(cores, call.raw_role, &[&plan.address(transport)])?;
    let mut raw = Child::start(cores, "caller", &["raw", &echo.address])?;
    let goal = if cores == Cores::One { call.goal } else { Goal::Printed };
    let name = format!("{}, 64 B, {}, {}", call.shown, transport.shown(), cores.shown());
    let mut median = Row::new(format!("{name}: p50"), "us", goal);
    let mut tail = Row::new(format!("{name}: p99"), "us", Goal::Printed);
    let mut cpu = Row::new(format!("{name}: CPU of both sides per call"), "us", Goal::Printed);
    let order = format!("latency {} {}", call.name, plan.count(ROUND_TRIPS));
    let timed = |caller: &mut Child, server: &Child| -> Outcome<Vec<f64>> {
        let before_us = caller.cpu_us() + server.cpu_us();
        let mut answer = caller.ask(&order)?;
        let calls = plan.count(ROUND_TRIPS) + plan.count(ROUND_TRIPS) / 20;
        answer.push((caller.cpu_us() + server.cpu_us() - before_us) / calls as f64);
        Ok(answer)
    };
    plan.interleave(
        || timed(&mut ours, &server),
        || timed(&mut raw, &echo),
        |ours, raw| {
            median.add(ours[0], raw[0]);
            tail.add(ours[1], raw[1]);
            cpu.add(ours[3], raw[3]);
        },
    )?;
    Ok([median, tail, cpu])
}
