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

pub(crate) fn run() -> Outcome<Row> {
    let other = Watched::start(&[], "")?;
    let mut chain = Chain::start(&[])?;
    let mut caller = Caller::start(1, chain.address(), "count")?;
    let mut slowest = Duration::ZERO;
    let mut stopped = Vec::new();
    for link in chain.links() {
        for _ in 0..ROUNDS {
            std::thread::sleep(CALM);
            link.server.child.freeze()?;
            while caller.child.hears("state")? != "Lost" {}
            link.server.child.thaw()?;
            slowest = slowest.max(caller.is_back("SIGCONT", Instant::now(), BACK_WITHIN)?);
        }
        stopped.push(format!("{} stopped until it is lost, {ROUNDS} times", link.what));
    }
    let mut outcomes = Outcomes::default();
    let account = caller.end(&mut outcomes)?;
    check(account.breaks == 0, || format!("{} breaks are counted though the source lives", account.breaks))?;
    chain.tell(&mut outcomes);
    outcomes.must_be_right()?;
    let done = format!("{}; back within {} ms after SIGCONT", stopped.join(", "), slowest.as_millis());
    other.finish(done, format!("{outcomes}; caller: {account}"), SLACK)
}
