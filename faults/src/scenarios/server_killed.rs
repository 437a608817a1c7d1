//! A server dies as in a power cut and comes back, 200 times, with calls and subscriptions open. The bystander is the
//! client of another server.

use std::time::{Duration, Instant};

use crate::account::Account;
use crate::caller::{BACK_WITHIN, Caller};
use crate::failed::{Outcome, check};
use crate::outcomes::Outcomes;
use crate::row::Row;
use crate::server::{Server, lasting_address};
use crate::watched::Watched;

const KILLS: u64 = 200;
const CALLERS: u64 = 2;
const STREAMS: &str = "count,frames";

pub(crate) fn run() -> Outcome<Row> {
    let other = Watched::start(&[], "")?;
    let with = [("frame_bytes", "100000"), ("frame_hz", "50")];
    let mut server = Server::start_at(&lasting_address()?, &with)?;
    let mut outcomes = Outcomes::default();
    let callers = (1..=CALLERS)
        .map(|number| Caller::start(number, server.address(), STREAMS))
        .collect::<Outcome<Vec<_>>>()?;
    let before = server.resident()?;
    let mut slowest = Duration::ZERO;
    for kill in 0..KILLS {
        // At another moment of what callers and publishers do each time.
        std::thread::sleep(Duration::from_millis(kill * 7 % 50));
        let epoch = server.kill_and_restart(&mut outcomes)?;
        let listening = Instant::now();
        for caller in &callers {
            caller.hears_life(&epoch)?;
        }
        let took = listening.elapsed();
        check(took < BACK_WITHIN, || format!("the subscriptions were back after {took:?} (kill {kill})"))?;
        slowest = slowest.max(took);
    }
    let after = server.resident()?;
    let mut sum = Account::default();
    for caller in callers {
        let account = caller.end(&mut outcomes)?;
        let streams = STREAMS.split(',').count() as u64;
        check(account.breaks == KILLS * streams, || {
            format!("{} breaks are counted, {KILLS} on each of {streams} streams", account.breaks)
        })?;
        sum.add(&account);
    }
    outcomes.hear(&server.child.kill());
    outcomes.must_be_right()?;
    let done = format!(
        "server killed (-9) and restarted {KILLS} times; subscriptions back within {} ms",
        slowest.as_millis()
    );
    let row = other.finish(done, format!("{outcomes}; callers: {sum}"), crate::memory::SLACK)?;
    Ok(Row { resident: (before, after), ..row })
}
