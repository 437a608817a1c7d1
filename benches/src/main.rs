//! Measures calls, streams and independence, each beside raw libzmq in the same run.
//!
//! ```sh
//! cargo run --release -p benches                  # everything, about half a minute
//! taskset -c 0 cargo run --release -p benches     # on one core: no wake-ups between cores
//! cargo run --release -p benches -- --quick       # does it run at all
//! ```
//!
//! Server and client are two sides of one process, over TCP on loopback. Prints the tables of
//! docs/performance.md.
//!
//! # Layout
//! - [`calls`], [`streams`], [`independence`]: what is measured
//! - [`raw`]: the same with sockets and nothing else
//! - [`timing`]: percentiles and CPU time

mod calls;
mod independence;
mod raw;
mod streams;
mod timing;

use std::time::Duration;

/// What went wrong is for a person to read.
type Outcome = Result<(), Box<dyn std::error::Error>>;

/// How long to measure.
#[derive(Clone, Copy)]
struct Effort {
    /// Round trips of each path.
    round_trips: usize,
    /// For each rate.
    span: Duration,
}

fn main() -> Outcome {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let effort = match quick {
        true => Effort { round_trips: 200, span: Duration::from_millis(100) },
        false => Effort { round_trips: 20_000, span: Duration::from_secs(3) },
    };
    let (major, minor, patch) = router_socket::version();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("libzmq {major}.{minor}.{patch}, {cores} cores, tcp on loopback, 64-byte values\n");
    calls::run(effort)?;
    streams::run(effort)?;
    independence::run(effort)
}
