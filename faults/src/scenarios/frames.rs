//! A subscriber is frozen while frames of 12 MB flow: it costs its bound, and the others get theirs.

use std::time::{Duration, Instant};

use crate::account::Account;
use crate::bystander::CALM;
use crate::child::Child;
use crate::failed::{Outcome, check};
use crate::memory::SLACK;
use crate::row::Row;
use crate::server::Server;
use crate::watched::Watched;

const ROUNDS: u32 = 3;
/// Longer than the system waits for a peer that takes nothing.
const FROZEN_FOR: Duration = Duration::from_secs(4);
/// What one stalled subscriber connection may cost, the server's default [bytes].
const BOUND: u64 = 64 << 20;

const FRAME: u64 = 12_000_000;

/// What a subscriber that takes nothing holds at most [bytes]: its bound, and the frame of which the system has taken a
/// part.
const HELD: u64 = BOUND + FRAME;

/// How long it takes what is kept for it to be full, and until when the system still keeps the connection.
const FULL_FROM: Duration = Duration::from_secs(1);
const FULL_UNTIL: Duration = Duration::from_millis(2500);

pub(crate) fn run() -> Outcome<Row> {
    let bytes = FRAME.to_string();
    // Over the network: what is measured is what waits there for one subscriber. A ring in shared memory has a bound of its
    // own, once for all of them.
    let with = [("frame_bytes", bytes.as_str()), ("frame_hz", "20"), ("shared_memory", "0")];
    let mut watched = Watched::start(&with, "frames")?;
    let address = watched.server.address().to_owned();
    let mut sum = Account { stream: "frames".into(), ..Account::default() };
    let (mut costs, mut most) = (0, 0);
    for _ in 0..ROUNDS {
        let mut subscriber = Child::start("subscriber", &[("address", &address), ("streams", "frames")])?;
        subscriber.hears("ready")?;
        // What is just being made, or on its way to somebody who takes it, is there now and then: the least is not.
        let (least_before, _) = memory(&mut watched.server, Instant::now() + CALM)?;
        subscriber.freeze()?;
        let frozen = Instant::now();
        let (_, filling) = memory(&mut watched.server, frozen + FULL_FROM)?;
        let (least_held, holding) = memory(&mut watched.server, frozen + FULL_UNTIL)?;
        let (_, giving_up) = memory(&mut watched.server, frozen + FROZEN_FOR)?;
        subscriber.thaw()?;
        costs = costs.max(least_held.saturating_sub(least_before));
        most = most.max(filling.max(holding).max(giving_up).saturating_sub(least_before));
        let account: Account = subscriber.ask("settle")?;
        account.must_balance()?;
        sum.add(&account);
    }
    check(costs <= HELD + SLACK, || format!("a frozen subscriber costs {costs} bytes of {BOUND}"))?;
    // The bystander may be late on a busy machine, and then costs as much at most.
    check(most <= 2 * HELD + SLACK, || {
        format!("two subscribers cost {most} bytes, and each {BOUND} at most")
    })?;
    check(most >= BOUND / 2, || format!("a frozen subscriber costs {most} bytes: it did not stall"))?;
    let done = format!(
        "subscriber frozen for 4 s while 12 MB frames flow at 20 Hz, {ROUNDS} times; it costs {} MiB of 64",
        costs >> 20
    );
    watched.finish(done, format!("the frozen one: {sum}"), SLACK)
}

/// The least and the most memory that the server uses until `end` [bytes].
fn memory(server: &mut Server, end: Instant) -> Outcome<(u64, u64)> {
    let (mut least, mut most) = (u64::MAX, 0);
    while Instant::now() < end || most == 0 {
        let now = server.resident()?;
        (least, most) = (least.min(now), most.max(now));
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok((least, most))
}
