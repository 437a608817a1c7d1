//! Each process between a source and its clients is stopped for long enough to be given up, and goes on. The bystander
//! is the client of another server.

use std::time::{Duration, Instant};

use crate::caller::{BACK_WITHIN, Caller};
use crate::chain::Chain;
use crate::failed::{Outcome, check};
use crate::memory::SLACK;
use crate::outcomes::Outcomes;
use crate::row::Row;
use crate::watched::Watched;

const ROUNDS: u32 = 3;
/// How long calls are answered in between.
const CALM: Duration = Duration::from_millis(500);

/// How long one is stopped that clients do not dial themselves: longer than the link before it waits.
const STOPPED_FOR: Duration = Duration::from_secs(4);

pub(crate) fn run() -> Outcome<Row> {
    let other = Watched::start(&[], "")?;
    let mut outcomes = Outcomes::default();
    let mut chain = Chain::of_one()?;
    let direct = stop_each(&chain, 1, &mut outcomes)?;
    chain.add_gateway()?;
    let behind = stop_each(&chain, 2, &mut outcomes)?;
    chain.tell(&mut outcomes);
    outcomes.must_be_right()?;
    other.finish(format!("{direct}; {behind}"), outcomes.to_string(), SLACK)
}

/// Stops each link of the chain by itself, while the caller `number` calls and listens at its end.
fn stop_each(chain: &Chain, number: u64, outcomes: &mut Outcomes) -> Outcome<String> {
    let prefix = chain.prefix();
    let mut caller = Caller::start_behind(number, chain.address(), &prefix, &format!("{prefix}count"))?;
    let mut stopped = Vec::new();
    for (index, link) in chain.links().iter().enumerate() {
        let is_dialled = index + 1 == chain.links().len();
        let mut slowest = Duration::ZERO;
        for _ in 0..ROUNDS {
            std::thread::sleep(CALM);
            link.server.child.freeze()?;
            if is_dialled {
                while caller.child.hears("state")? != "Lost" {}
            } else {
                std::thread::sleep(STOPPED_FOR);
            }
            link.server.child.thaw()?;
            slowest = slowest.max(caller.is_back("SIGCONT", Instant::now(), BACK_WITHIN)?);
        }
        stopped.push(format!(
            "{} stopped until it is lost, {ROUNDS} times, back within {} ms",
            link.what,
            slowest.as_millis()
        ));
    }
    let account = caller.end(outcomes)?;
    check(account.breaks == 0, || format!("{} breaks are counted though the source lives", account.breaks))?;
    Ok(format!("a chain of {}: {} ({account})", chain.links().len(), stopped.join(", ")))
}
