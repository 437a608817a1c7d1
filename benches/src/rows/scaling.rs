//! Memory and CPU of a server with many clients, and with many streams.

use std::time::Duration;

use super::Measured;
use crate::child::{Child, Cores};
use crate::plan::{Plan, Transport};
use crate::plot::{Plot, Series};
use crate::row::{Goal, Row};
use crate::{Outcome, os};

const SPAN: Duration = Duration::from_secs(5);
/// How often each stream's function is called.
const HZ: usize = 10;
/// What of it grows by more than this much between equal steps is not linear.
const LINEAR: f64 = 2.0;

pub(crate) fn run(plan: &Plan) -> Outcome<Measured> {
    let clients: &[usize] = if plan.quick { &[1, 3] } else { &[1, 10, 100] };
    let streams: &[usize] = if plan.quick { &[1, 10] } else { &[1, 100, 1000] };
    let mut measured = Measured::default();
    let each = clients.iter().map(|count| with_clients(plan, *count)).collect::<Outcome<Vec<_>>>()?;
    add(&mut measured, "idle client", clients, &each, ["clients-memory", "clients-cpu"]);
    let each = streams.iter().map(|count| with_streams(plan, *count)).collect::<Outcome<Vec<_>>>()?;
    add(&mut measured, "stream at 10 Hz, nobody listens", streams, &each, ["streams-memory", "streams-cpu"]);
    Ok(measured)
}

/// Memory [MB] and CPU [%] of a server whose clients only ping.
fn with_clients(plan: &Plan, count: usize) -> Outcome<(f64, f64)> {
    let server = Child::start(Cores::Free, "server", &[&plan.address(Transport::Ipc)])?;
    let _clients = Child::start(Cores::Free, "idle-clients", &[&server.address, &count.to_string()])?;
    Ok(watch(plan, &server))
}

/// Memory [MB] and CPU [%] of a server that calls so many functions.
fn with_streams(plan: &Plan, count: usize) -> Outcome<(f64, f64)> {
    let mut server = Child::start(Cores::Free, "server", &[&plan.address(Transport::Ipc)])?;
    server.ask(&format!("streams {count} {HZ}"))?;
    Ok(watch(plan, &server))
}

fn watch(plan: &Plan, server: &Child) -> (f64, f64) {
    let span = if plan.quick { Duration::from_millis(300) } else { SPAN };
    std::thread::sleep(span / 5); // the start is over
    let (before_us, start_ns) = (server.cpu_us(), os::now_ns());
    std::thread::sleep(span);
    let took_us = (os::now_ns() - start_ns) as f64 / 1e3;
    (server.resident_mb(), 100.0 * (server.cpu_us() - before_us) / took_us)
}

fn add(measured: &mut Measured, of: &str, counts: &[usize], each: &[(f64, f64)], files: [&'static str; 2]) {
    let memory: Vec<(f64, f64)> = counts.iter().zip(each).map(|(x, (mb, _))| (*x as f64, *mb)).collect();
    let cpu: Vec<(f64, f64)> = counts.iter().zip(each).map(|(x, (_, cpu))| (*x as f64, *cpu)).collect();
    let quantities = [("memory (RSS)", "MB", 0.2, memory), ("CPU", "%", 0.02, cpu)];
    for ((what, unit, noise, points), file) in quantities.into_iter().zip(files) {
        let name = format!("server, {what} per {of}");
        let (per_unit, shown) = if unit == "MB" { (1000.0, "kB") } else { (1.0, unit) };
        let mut row = Row::new(name, shown, Goal::Printed);
        row.ours.push(slope(&points[points.len() - 2..]) * per_unit);
        let printed = |(x, y): &(f64, f64)| format!("{x}: {} {unit}", crate::row::number(*y));
        row.note = points.iter().map(printed).collect::<Vec<_>>().join(", ");
        row.broken = !is_linear(&points, noise);
        if row.broken {
            row.note.push_str("; not linear");
        }
        measured.rows.push(row);
        let plot = Plot {
            title: format!("A server's {what}"),
            x: format!("{of}: how many"),
            y: format!("{what} [{unit}]"),
            logarithmic: (true, false),
            series: vec![Series { name: "RouterServer".into(), points }],
        };
        measured.plots.push((file, plot));
    }
}

/// Growth per one more.
fn slope(points: &[(f64, f64)]) -> f64 {
    match points {
        [first, .., last] => (last.1 - first.1) / (last.0 - first.0),
        _ => f64::NAN,
    }
}

/// Whether the last of many costs no more than [`LINEAR`] times what the first did; less than `noise` in all is nothing.
fn is_linear(points: &[(f64, f64)], noise: f64) -> bool {
    let [.., before, last] = points else { return true };
    let early = slope(&points[..points.len() - 1]).max(noise / (before.0 - points[0].0).max(1.0));
    last.1 - before.1 <= noise || slope(&points[points.len() - 2..]) <= LINEAR * early
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_faster_than_its_number_is_seen() {
        assert!(is_linear(&[(1.0, 10.0), (10.0, 11.0), (100.0, 21.0)], 0.2));
        assert!(!is_linear(&[(1.0, 10.0), (10.0, 11.0), (100.0, 60.0)], 0.2));
        assert!(is_linear(&[(1.0, 10.0), (10.0, 10.0), (100.0, 10.1)], 0.2));
        assert!(!is_linear(&[(1.0, 10.0), (10.0, 10.0), (100.0, 60.0)], 0.2));
        assert!(is_linear(&[(1.0, 10.0), (3.0, 10.0)], 0.2));
    }
}
