//! What a call and a sample cost, against the size of their bodies.

use super::Measured;
use super::samples::Flow;
use crate::Outcome;
use crate::child::{Child, Cores};
use crate::latencies::median;
use crate::plan::{Plan, Transport};
use crate::plot::{Plot, Series};
use crate::row::{Goal, Row};

/// A size, how it is written, how many calls, and at how many samples a second.
const SIZES: [(usize, &str, usize, f64); 6] = [
    (16, "16 B", 3000, 500.0),
    (1 << 10, "1 KiB", 3000, 500.0),
    (16 << 10, "16 KiB", 2000, 500.0),
    (256 << 10, "256 KiB", 500, 200.0),
    (2 << 20, "2 MiB", 100, 60.0),
    (16 << 20, "16 MiB", 20, 15.0),
];

/// Samples that are waited for.
const SAMPLES: usize = 60;

pub(crate) fn run(plan: &Plan) -> Outcome<Measured> {
    let cores = Cores::Free;
    let server = Child::start(cores, "server", &[&plan.address(Transport::Ipc)])?;
    let mut ours = Child::start(cores, "caller", &["ours", &server.address])?;
    let echo = Child::start(cores, "raw-echo", &[&plan.address(Transport::Ipc)])?;
    let mut raw = Child::start(cores, "caller", &["raw", &echo.address])?;
    let (mut calls, mut samples) = (Vec::new(), Vec::new());
    for (bytes, shown, count, hz) in SIZES {
        let mut row = Row::new(format!("call, {shown} there and back, ipc, free: p50"), "us", Goal::Printed);
        let order = format!("bytes {bytes} {}", if plan.quick { 3 } else { count });
        plan.interleave(|| ours.ask(&order), || raw.ask(&order), |ours, raw| row.add(ours[0], raw[0]))?;
        calls.push(row);

        let mut row =
            Row::new(format!("sample, {shown}, through the proxy, ipc, free: p50"), "us", Goal::Printed);
        let mut ours = Flow::start(plan, cores, "ours", bytes, 1)?;
        let mut raw = Flow::start(plan, cores, "raw", bytes, 1)?;
        let count = if plan.quick { 3 } else { SAMPLES };
        plan.interleave(
            || ours.pace(hz, count),
            || raw.pace(hz, count),
            |ours, raw| row.add(ours[0], raw[0]),
        )?;
        samples.push(row);
    }
    let plots = vec![
        ("calls-by-size", plot("A call, there and back", &calls)),
        ("samples-by-size", plot("A sample, from publishing until every byte was read", &samples)),
    ];
    calls.extend(samples);
    Ok(Measured { rows: calls, plots })
}

fn plot(title: &str, rows: &[Row]) -> Plot {
    let points = |values: fn(&Row) -> &Vec<f64>| {
        SIZES.iter().zip(rows).map(|((bytes, ..), row)| (*bytes as f64, median(values(row)))).collect()
    };
    Plot {
        title: title.to_owned(),
        x: "size [bytes]".into(),
        y: "p50 [us]".into(),
        logarithmic: (true, true),
        series: vec![
            Series { name: "ours".into(), points: points(|row| &row.ours) },
            Series { name: "raw libzmq".into(), points: points(|row| &row.raw) },
        ],
    }
}
