//! The round trip of a call and the rate of many, beside a DEALER and a ROUTER that echo.

use std::collections::VecDeque;
use std::time::Instant;

use router_client::{RouterClient, interface};
use router_server::RouterServer;

use crate::raw::Echo;
use crate::timing::Latencies;
use crate::{Effort, Outcome};

/// How many calls are on their way at once where the rate is measured.
const WINDOW: usize = 64;

/// What is called: 56 characters, 64 bytes with header and length as arguments.
const VALUE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef01234567";

/// Answers with what it was given.
struct Mirror;

#[interface]
impl Mirror {
    /// On the lane.
    pub fn lane(&self, value: String) -> String {
        value
    }

    /// In the router loop.
    #[call(inline)]
    pub fn inline(&self, value: String) -> String {
        value
    }
}

/// Prints the table of calls.
pub(crate) fn run(effort: Effort) -> Outcome {
    println!("| call | p50 us | p99 us | CPU us | against raw | calls/s, {WINDOW} on their way |");
    println!("|---|---|---|---|---|---|");
    let raw = raw(effort)?;
    let server = RouterServer::bind("tcp://127.0.0.1:*")?;
    server.add_instrument("mirror", Mirror)?;
    let client = RouterClient::connect(&server.endpoints().calls.to_string())?;
    for (shown, name) in [("inline method", "mirror.inline"), ("method on its lane", "mirror.lane")] {
        let latencies = Latencies::measure(effort.round_trips, || {
            client.call::<String>(name, (VALUE,)).wait().map(drop)
        })?;
        print_row(shown, &latencies, raw, rate(&client, name, effort)?);
    }
    println!();
    Ok(())
}

/// Prints the row to compare with and returns its median [us].
fn raw(effort: Effort) -> Result<f64, Box<dyn std::error::Error>> {
    let mut echo = Echo::start()?;
    let bytes = [7_u8; 64];
    let latencies = Latencies::measure(effort.round_trips, || {
        echo.send(&bytes)?;
        echo.receive().map(drop).map_err(Box::<dyn std::error::Error>::from)
    })?;
    for _ in 0..WINDOW {
        echo.send(&bytes)?;
    }
    let (start, mut answered) = (Instant::now(), 0_u64);
    while start.elapsed() < effort.span {
        echo.receive()?;
        echo.send(&bytes)?;
        answered += 1;
    }
    let rate = answered as f64 / start.elapsed().as_secs_f64();
    let median = latencies.percentile_us(0.5);
    print_row("raw DEALER/ROUTER", &latencies, median, rate);
    Ok(median)
}

fn rate(client: &RouterClient, name: &str, effort: Effort) -> Result<f64, Box<dyn std::error::Error>> {
    let start_one = || client.call::<String>(name, (VALUE,)).start();
    let mut window: VecDeque<_> = (0..WINDOW).map(|_| start_one()).collect();
    let (start, mut answered) = (Instant::now(), 0_u64);
    while start.elapsed() < effort.span {
        if let Some(oldest) = window.pop_front() {
            oldest.wait()?;
            answered += 1;
            window.push_back(start_one());
        }
    }
    let rate = answered as f64 / start.elapsed().as_secs_f64();
    for pending in window {
        pending.wait()?;
    }
    Ok(rate)
}

fn print_row(shown: &str, latencies: &Latencies, raw_us: f64, rate: f64) {
    let median = latencies.percentile_us(0.5);
    println!(
        "| {shown} | {median:.1} | {:.1} | {:.1} | {:.2} | {rate:.0} |",
        latencies.percentile_us(0.99),
        latencies.cpu_us(),
        median / raw_us,
    );
}
