//! Takes two seconds of each stream, every sample of it.

use std::time::Duration;

use router_client::{Queue, RouterClient};

/// Far more than a sample takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let client = RouterClient::connect(&address)?;
    let wanted = [("sine_1_hz", 2), ("sine_10_hz", 20), ("sine_100_hz", 200), ("slow_10_hz", 20)];
    let queues: Vec<Queue<f64>> =
        wanted.iter().map(|(name, _)| client.subscribe(name).queue(10_000)).collect::<Result<_, _>>()?;

    for (queue, (name, count)) in queues.iter().zip(wanted) {
        let first = queue.recv_timeout(PATIENCE)?;
        let mut last = first.sequence;
        for _ in 1..count {
            let sample = queue.recv_timeout(PATIENCE)?;
            if sample.sequence != last + 1 {
                return Err(format!("{name}: {} follows {last}", sample.sequence).into());
            }
            last = sample.sequence;
        }
        println!("{name}: {count} samples, 1 to {} in order", last - first.sequence + 1);
    }
    // received + replaced + dropped + lost + skipped + waiting = last - first + 1
    let balances = queues.iter().all(|queue| queue.stats().balances());
    println!("{}", if balances { "every sample is accounted for" } else { "samples are missing" });
    Ok(())
}
