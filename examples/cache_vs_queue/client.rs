//! Subscribes to the same stream with a cache and with a queue, and compares.

use std::time::Duration;

use router_client::{RouterClient, SubscriptionStats};

const WAIT: Duration = Duration::from_secs(10);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let client = RouterClient::connect(&address)?;
    let cache = client.subscribe::<u64>("number").cache()?;
    let queue = client.subscribe::<u64>("number").queue(100)?;

    // A subscription is under way when its first sample arrives.
    let mut first = queue.try_recv();
    while first.is_err() {
        client.call::<u64>("count", (1,)).wait()?;
        first = queue.recv_timeout(Duration::from_millis(50));
    }

    let counted: u64 = client.call("count", (500,)).wait()?;
    let newest = counted - 1;

    show("cache", &cache.settle(WAIT)?);
    assert_eq!(cache.latest()?.value, newest);
    println!("the cache shows the newest number");

    show("queue", &queue.settle(WAIT)?);
    let waiting: Vec<u64> = std::iter::from_fn(|| queue.try_recv().ok()).map(|sample| sample.value).collect();
    assert_eq!(waiting, Vec::from_iter(counted - 100..counted));
    println!("the queue holds the newest {} numbers, in order", waiting.len());
    Ok(())
}

fn show(kind: &str, stats: &SubscriptionStats) {
    let SubscriptionStats { received, replaced, dropped, lost, skipped, waiting, .. } = stats;
    println!(
        "{kind}: received {received} replaced {replaced} dropped {dropped} lost {lost} waiting {waiting}"
    );
    assert_eq!(received + replaced + dropped + lost + skipped + waiting, stats.expected());
}
