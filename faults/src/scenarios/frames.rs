//! A subscriber is frozen while frames of 12 MB flow: it costs its bound, and the others get theirs.

use std::time::{Duration, Instant};

use crate::account::Account;
use crate::child::Child;
use crate::failed::{Outcome, check};
use crate::memory::SLACK;
use crate::row::Row;
use crate::watched::Watched;

const ROUNDS: u32 = 3;
/// Longer than the system waits for a peer that takes nothing.
const FROZEN_FOR: Duration = Duration::from_secs(4);
/// What one stalled subscriber connection may cost, the server's default [bytes].
const BOUND: u64 = 64 << 20;

/// Beside it, one frame is on its way into the system's buffers and one is just being made [bytes].
const ON_THEIR_WAY: u64 = 2 * 12_000_000;

pub(crate) fn run() -> Outcome<Row> {
    let with = [("frame_bytes", "12000000"), ("frame_hz", "20")];
    let mut watched = Watched::start(&with, "frames")?;
    let address = watched.server.address().to_owned();
    let (mut sum, mut peak) = (Account { stream: "frames".into(), ..Account::default() }, 0);
    for _ in 0..ROUNDS {
        let mut subscriber = Child::start("subscriber", &[("address", &address), ("streams", "frames")])?;
        subscriber.hears("ready")?;
        subscriber.freeze()?;
        let frozen = Instant::now();
        while frozen.elapsed() < FROZEN_FOR {
            peak = peak.max(watched.server.resident()?);
            std::thread::sleep(Duration::from_millis(50));
        }
        subscriber.thaw()?;
        let account: Account = subscriber.ask("settle")?;
        account.must_balance()?;
        sum.add(&account);
    }
    let costs = peak.saturating_sub(watched.resident);
    check(costs <= BOUND + ON_THEIR_WAY + SLACK, || {
        format!("a frozen subscriber costs {costs} bytes of {BOUND}")
    })?;
    let done = format!(
        "subscriber frozen for 4 s while 12 MB frames flow at 20 Hz, {ROUNDS} times; it costs {} MiB of 64",
        costs >> 20
    );
    watched.finish(done, format!("the frozen one: {sum}"), SLACK)
}
