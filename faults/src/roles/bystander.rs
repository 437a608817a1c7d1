//! Calls a hundred times a second, listens, and measures both.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use router_client::RouterClient;

use super::client;
use crate::account::Account;
use crate::bystander::Window;
use crate::child::{argument, orders, say, say_value};
use crate::failed::{LONG_PATIENCE, Outcome, PATIENCE};
use crate::latencies::Measured;

const BETWEEN_CALLS: Duration = Duration::from_millis(10);

#[derive(Default)]
struct Noticed {
    calls: Mutex<Measured>,
    gaps: Mutex<Measured>,
    /// When the last sample came.
    last: Mutex<Option<Instant>>,
    failed_calls: AtomicU64,
}

pub(crate) fn play() -> Outcome {
    let client = client("bystander")?;
    let noticed = Arc::<Noticed>::default();
    let prefix = argument("prefix").unwrap_or_default();
    let count = Arc::new(client.subscribe::<u64>(&format!("{prefix}count")).queue(100_000)?);
    let streams = argument("streams")?;
    let others = streams.split(',').filter(|stream| !stream.is_empty());
    let others: Vec<_> = others
        .map(|stream| client.subscribe_raw(stream).queue(64).map(Arc::new))
        .collect::<Result<_, _>>()?;
    for other in &others {
        let queue = Arc::clone(other);
        std::thread::spawn(move || while queue.recv().is_ok() {});
    }
    let (queue, gaps) = (Arc::clone(&count), Arc::clone(&noticed));
    std::thread::spawn(move || {
        while queue.recv().is_ok() {
            if let Some(last) = gaps.last.lock().replace(Instant::now()) {
                gaps.gaps.lock().add(last.elapsed());
            }
        }
    });
    let (caller, calls) = (client.clone(), Arc::clone(&noticed));
    std::thread::spawn(move || call_on(&caller, &format!("{prefix}echo"), &calls));
    say("connected", "");
    for order in orders() {
        if order == "settle" {
            let count = Account::of("count", &count.settle(LONG_PATIENCE)?);
            let others = others.iter().map(|queue| Ok(Account::of("frames", &queue.settle(LONG_PATIENCE)?)));
            say_value("settle", &std::iter::once(Ok(count)).chain(others).collect::<Outcome<Vec<_>>>()?)?;
        } else {
            // A gap that has not ended counts as far as it goes.
            if let Some(last) = *noticed.last.lock() {
                noticed.gaps.lock().add(last.elapsed());
            }
            let window = Window {
                calls: noticed.calls.lock().take(),
                gaps: noticed.gaps.lock().take(),
                failed_calls: noticed.failed_calls.swap(0, Ordering::Relaxed),
                times_lost: client.counters().times_lost,
            };
            say_value("window", &window)?;
        }
    }
    Ok(())
}

fn call_on(client: &RouterClient, echo: &str, noticed: &Noticed) {
    loop {
        let started = Instant::now();
        let echoed = client.call::<String>(echo, ("as ever",)).deadline(PATIENCE).wait();
        noticed.calls.lock().add(started.elapsed());
        if echoed.as_deref() != Ok("as ever") {
            noticed.failed_calls.fetch_add(1, Ordering::Relaxed);
        }
        std::thread::sleep(BETWEEN_CALLS);
    }
}
