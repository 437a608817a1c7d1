//! A hundred subscribers of small streams stall at once: each costs its bound.

use std::time::{Duration, Instant};

use crate::account::Account;
use crate::child::Child;
use crate::failed::{Outcome, check};
use crate::memory::SLACK;
use crate::row::Row;
use crate::watched::Watched;

const SUBSCRIBERS: u64 = 100;
const BOUND: u64 = 1 << 20;
/// Long enough to fill what the system buffers for each, and the bound behind it.
const FROZEN_FOR: Duration = Duration::from_secs(8);

pub(crate) fn run() -> Outcome<Row> {
    let (bound, subscribers) = (BOUND.to_string(), SUBSCRIBERS.to_string());
    let with =
        [("stalled_subscriber_bytes", bound.as_str()), ("small_streams", "4"), ("small_bytes", "4000")];
    let mut watched = Watched::start(&with, "")?;
    let address = watched.server.address().to_owned();
    let streams = "small.0,small.1,small.2,small.3";
    let with = [("address", address.as_str()), ("streams", streams), ("clients", subscribers.as_str())];
    let mut stalled = Child::start("subscriber", &with)?;
    stalled.hears("ready")?;
    // What a hundred living clients cost is not what is measured.
    watched.server.wait_for_subscribers("small.3", SUBSCRIBERS)?;
    let living = watched.server.resident()?;
    stalled.freeze()?;
    let (frozen, mut peak) = (Instant::now(), 0);
    while frozen.elapsed() < FROZEN_FOR {
        peak = peak.max(watched.server.resident()?);
        std::thread::sleep(Duration::from_millis(50));
    }
    let costs = peak.saturating_sub(living);
    let allowed = SUBSCRIBERS * BOUND + SLACK;
    check(costs <= allowed, || format!("{SUBSCRIBERS} stalled subscribers cost {costs} bytes of {allowed}"))?;
    stalled.thaw()?;
    let account: Account = stalled.ask("settle")?;
    account.must_balance()?;
    drop(stalled);
    let done = format!(
        "{SUBSCRIBERS} subscribers of 4 streams of 0.8 MB/s stalled for 8 s; together they cost {} MiB of {}",
        costs >> 20,
        (SUBSCRIBERS * BOUND) >> 20
    );
    // The bound is 16 samples, for the bystander too: on a busy machine it may miss some, and counts them.
    let (row, _) = watched.end(done, format!("the stalled ones: {account}"), SLACK)?;
    Ok(row)
}
