//! How many small samples a second go from a publisher to a queue, beside a PUB and a SUB.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use router_client::RouterClient;
use router_server::{Published, RouterServer};

use crate::raw::Flood;
use crate::{Effort, Outcome};

const WAIT: Duration = Duration::from_secs(10);

/// Prints the table of streams.
pub(crate) fn run(effort: Effort) -> Outcome {
    println!("| stream, flooded | sent/s | arrived/s | lost |");
    println!("|---|---|---|---|");
    let seconds = effort.span.as_secs_f64();
    let raw = Flood::run(&[7; 64], effort.span)?;
    println!(
        "| raw PUB/SUB | {:.0} | {:.0} | not known |",
        raw.sent as f64 / seconds,
        raw.arrived as f64 / seconds
    );
    publisher_to_queue(effort)?;
    println!();
    Ok(())
}

fn publisher_to_queue(effort: Effort) -> Outcome {
    let server = RouterServer::bind("tcp://127.0.0.1:*")?;
    let mut publisher = server.add_publisher::<String>("flood", 1024)?;
    let client = RouterClient::connect(&server.endpoints().calls.to_string())?;
    let queue = client.subscribe::<String>("flood").queue(1_000_000)?;
    let value = "x".repeat(60);
    let ended = AtomicBool::new(false);

    let (sent, seconds) = std::thread::scope(|threads| -> Result<_, Box<dyn std::error::Error>> {
        let flood = threads.spawn(|| {
            let mut sent = 0_u64;
            while !ended.load(Ordering::Relaxed) {
                match publisher.publish(&value) {
                    Ok(Published::Sent { .. }) => sent += 1,
                    // Nobody listens yet, or the proxy is behind: let it work.
                    Ok(_) => std::thread::yield_now(),
                    Err(_) => break,
                }
            }
            sent
        });
        let first = queue.recv_timeout(WAIT);
        let start = Instant::now();
        while first.is_ok() && start.elapsed() < effort.span {
            while queue.try_recv().is_ok() {}
            std::thread::sleep(Duration::from_millis(1));
        }
        let seconds = start.elapsed().as_secs_f64();
        ended.store(true, Ordering::Relaxed);
        first?;
        Ok((flood.join().map_err(|_| "the publisher panicked")?, seconds))
    })?;

    let stats = queue.settle(WAIT)?;
    let arrived = stats.received + stats.dropped + stats.waiting;
    println!(
        "| publisher to queue | {:.0} | {:.0} | {} |",
        sent as f64 / seconds,
        arrived as f64 / seconds,
        stats.lost
    );
    assert!(stats.balances(), "{stats:?}");
    Ok(())
}
