//! The middle one of three servers in a chain dies as in a power cut and comes back, with calls and subscriptions open
//! from end to end. One bystander is the client of the server behind it, another one of the gateway before it.

use std::time::{Duration, Instant};

use crate::account::Account;
use crate::bystander::Bystander;
use crate::caller::{BACK_WITHIN, Caller};
use crate::failed::{Outcome, check};
use crate::memory::SLACK;
use crate::outcomes::Outcomes;
use crate::roles::UPSTREAM;
use crate::row::Row;
use crate::server::{Server, lasting_address};
use crate::watched::Watched;

const KILLS: u32 = 12;
const CALLERS: u64 = 2;
/// How long it stays away, in turn: at once, before and after the gateway before it has given up.
const AWAY: [Duration; 3] = [Duration::ZERO, Duration::from_millis(500), Duration::from_millis(3500)];
/// How long calls are answered in between.
const CALM: Duration = Duration::from_millis(200);

pub(crate) fn run() -> Outcome<Row> {
    let watched =
        Watched::start(&[("frame_bytes", "100000"), ("frame_hz", "50"), ("shared_memory", "0")], "")?;
    let mut middle = Server::start_at(&lasting_address()?, &[("upstream", watched.server.address())])?;
    let mut first = Server::start(&[("upstream", middle.address())])?;
    let at_first = Bystander::start(first.address(), "")?;
    let prefix = format!("{UPSTREAM}.{UPSTREAM}.");
    let streams = format!("{prefix}count,{prefix}frames");
    let mut callers = (1..=CALLERS)
        .map(|number| Caller::start_behind(number, first.address(), &prefix, &streams))
        .collect::<Outcome<Vec<_>>>()?;
    let (middle_before, first_before) = (middle.resident()?, first.resident()?);
    let mut outcomes = Outcomes::default();
    let mut slowest = Duration::ZERO;
    for kill in 0..KILLS {
        // At another moment of what callers and publishers do each time.
        std::thread::sleep(CALM + Duration::from_millis(u64::from(kill) * 7 % 50));
        outcomes.hear(&middle.child.kill());
        std::thread::sleep(AWAY[kill as usize % AWAY.len()]);
        middle.restart()?;
        let returned = Instant::now();
        for caller in &mut callers {
            slowest = slowest.max(caller.is_back(&format!("kill {kill}"), returned, BACK_WITHIN)?);
        }
    }
    let mut sum = Account::default();
    for caller in callers {
        let account = caller.end(&mut outcomes)?;
        check(account.breaks == 0, || {
            format!("{} breaks are counted though the source lives", account.breaks)
        })?;
        sum.add(&account);
    }
    outcomes.hear(&watched.server.child.heard());
    outcomes.must_be_right()?;
    middle.memory_is_back("gateway in the middle", middle_before, SLACK)?;
    first.memory_is_back("gateway before it", first_before, SLACK)?;
    let noticed = at_first.noticed_nothing()?;
    let done = format!(
        "a chain of 3: the gateway in the middle killed (-9) and restarted {KILLS} times; calls and streams through it back within {} ms",
        slowest.as_millis()
    );
    let losses = format!(
        "{outcomes}; callers: {sum}; a bystander at the first gateway: calls {}, gaps {} ms, nothing lost",
        noticed.calls, noticed.gaps
    );
    watched.finish(done, losses, SLACK)
}
