//! A server with a stream at 1 kHz, and when its function is really called.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use router_server::{RouterServer, StreamOptions};

use crate::latencies::Latencies;
use crate::{Outcome, child};

const HZ: f64 = 1000.0;
const PERIOD_NS: f64 = 1e9 / HZ;
const PATIENCE: Duration = Duration::from_secs(30);
/// How many ticks show where the grid is.
const REFERENCE_TICKS: usize = 300;
/// How exactly they show it.
const UNCERTAIN_NS: f64 = 5000.0;

/// Order: `ticks MS [spin]`. Answers p50, p99 and the largest error of a tick [us], how many ticks were missed [%], and by how
/// much more than the elapsed time times frequency was neither made nor missed [ticks].
pub(crate) fn run() -> Outcome {
    child::obey("-", |words| match words {
        ["ticks", ms] => ticks(Duration::from_millis(ms.parse()?), StreamOptions::new()),
        ["ticks", ms, "spin"] => ticks(Duration::from_millis(ms.parse()?), StreamOptions::new().spin()),
        other => Err(format!("no order: {other:?}").into()),
    })
}

fn ticks(span: Duration, options: StreamOptions) -> Outcome<Vec<f64>> {
    let server = RouterServer::bind("tcp://127.0.0.1:*")?;
    // Streams of one frequency share a thread and its grid. One that spins shows where the grid is: its least late tick
    // is late by less than a microsecond.
    let (reference, times) = stopwatch();
    server.add_stream_with("reference", HZ, StreamOptions::new().spin(), reference)?;
    let (measured, measured_times) = stopwatch();
    server.add_stream_with("measured", HZ, options.disabled(), measured)?;
    let start = times.recv_timeout(PATIENCE)?;
    let mut seen_ns = Vec::with_capacity(REFERENCE_TICKS);
    for _ in 0..REFERENCE_TICKS {
        seen_ns.push((times.recv_timeout(PATIENCE)? - start).as_nanos() as f64);
    }
    let grid_ns = grid(&seen_ns);
    server.remove_stream("reference")?;

    server.enable_stream("measured")?;
    let window = span / 5;
    let (lag_at_first, _) = least_lag(&server, start, window)?;
    std::thread::sleep(span.saturating_sub(2 * window));
    let (lag_at_last, missed) = least_lag(&server, start, window)?;
    server.disable_stream("measured")?;
    let ticks: Vec<Instant> = measured_times.try_iter().collect();
    let mut errors = Latencies::default();
    for tick in ticks {
        errors.add_us(late_ns((tick - start).as_nanos() as f64, grid_ns) / 1e3);
    }
    let mut answer = errors.summary();
    answer.extend([missed, lag_at_last - lag_at_first]);
    Ok(answer)
}

/// By how much ticks and missed ones are behind elapsed time times frequency, when they are least: a thread that gets no
/// core is late, and what it counts with it. And how many were
/// missed so far [%]. Looks for `window`, and until there are
/// some.
fn least_lag(server: &RouterServer, start: Instant, window: Duration) -> Outcome<(f64, f64)> {
    const SOME: u64 = 10;
    let begin = Instant::now();
    let mut least = f64::INFINITY;
    loop {
        let due = start.elapsed().as_secs_f64() * HZ;
        let stats = server.stats().streams.into_iter().find(|stream| stream.name == "measured");
        let stats = stats.ok_or("the stream is gone")?;
        least = least.min(due - (stats.produced + stats.ticks_missed) as f64);
        if begin.elapsed() > window && stats.produced >= SOME {
            let ticks = (stats.produced + stats.ticks_missed) as f64;
            return Ok((least, 100.0 * stats.ticks_missed as f64 / ticks));
        }
        if begin.elapsed() > window + PATIENCE {
            return Err(format!("{} ticks in {:?}", stats.produced, begin.elapsed()).into());
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// How long after the grid line before it `at_ns` is; no tick is early by more than the grid is uncertain.
fn late_ns(at_ns: f64, grid_ns: f64) -> f64 {
    let late_ns = (at_ns - grid_ns).rem_euclid(PERIOD_NS);
    if late_ns > PERIOD_NS - UNCERTAIN_NS { PERIOD_NS - late_ns } else { late_ns }
}

/// Where the lines of the grid are, from ticks of which most are as late as a thread that spins is: hardly at all. Where
/// within a microsecond most of them are, the first one is.
fn grid(seen_ns: &[f64]) -> f64 {
    const TOGETHER_NS: f64 = 1000.0;
    let after = |from: f64, at: f64| (at - from).rem_euclid(PERIOD_NS);
    let company = |at: f64| seen_ns.iter().filter(|other| after(at, **other) < TOGETHER_NS).count();
    let most = seen_ns.iter().copied().max_by_key(|at| company(*at)).unwrap_or_default();
    let before = seen_ns.iter().map(|at| after(*at, most)).filter(|before| *before < TOGETHER_NS);
    most - before.fold(0.0, f64::max)
}

/// A function that says when it was called.
fn stopwatch() -> (impl FnMut() -> u64 + Send + 'static, Receiver<Instant>) {
    let (called, calls) = unbounded();
    let ended = Arc::new(AtomicBool::new(false));
    let function = move || {
        if !ended.load(Ordering::Relaxed) && called.send(Instant::now()).is_err() {
            ended.store(true, Ordering::Relaxed);
        }
        0
    };
    (function, calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_is_where_most_ticks_are_however_late_the_others() {
        let start_late_ns = 300_000.0;
        let late = |tick: u32| match tick % 4 {
            0 => f64::from(tick) * 7_000.0, // a core was taken away
            _ => f64::from(tick % 7) * 30.0,
        };
        let seen: Vec<f64> =
            (1..200).map(|tick| f64::from(tick) * PERIOD_NS + late(tick) - start_late_ns).collect();
        let grid_ns = grid(&seen);
        assert!((grid_ns.rem_euclid(PERIOD_NS) - (PERIOD_NS - start_late_ns)).abs() < 1000.0, "{grid_ns}");
        let error_ns = late_ns(7.0 * PERIOD_NS + 36_000.0 - start_late_ns, grid_ns);
        assert!((error_ns - 36_000.0).abs() < 1000.0, "{error_ns}");
        assert!(late_ns(grid_ns - 100.0, grid_ns) < 200.0);
    }
}
