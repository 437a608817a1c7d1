//! A client that nothing is done to: it calls and listens, and tells what it noticed.

use serde::{Deserialize, Serialize};
use std::time::Duration;

use crate::account::Account;
use crate::child::Child;
use crate::failed::{LONG_PATIENCE, Outcome, check};
use crate::latencies::Latencies;

/// The slowest call of somebody to whom nothing is done: shorter than anything here is stopped, stalled or gone, and
/// longer than a busy machine takes.
pub(crate) const SLOWEST_CALL: Duration = Duration::from_millis(2500);
/// How long it looks on before anything happens.
pub(crate) const CALM: Duration = Duration::from_millis(1500);

/// The bystander's process.
pub(crate) struct Bystander {
    child: Child,
    /// What it noticed before anything happened.
    pub(crate) before: Window,
}

/// What the bystander noticed since it was last asked.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Window {
    /// Of its calls.
    pub(crate) calls: Latencies,
    /// Between the samples of a stream of 100 Hz.
    pub(crate) gaps: Latencies,
    /// Calls that did not end with their value.
    pub(crate) failed_calls: u64,
    /// How often it lost its server, since it began.
    pub(crate) times_lost: u64,
}

impl Bystander {
    /// Starts one at `address` and lets it look on for a while. `streams` are those it listens to beside `count`.
    pub(crate) fn start(address: &str, streams: &str) -> Outcome<Bystander> {
        Bystander::watch(Child::start("bystander", &[("address", address), ("streams", streams)])?)
    }

    /// The same where the names of what it calls and listens to begin with `prefix`.
    pub(crate) fn start_behind(address: &str, prefix: &str) -> Outcome<Bystander> {
        let with = [("address", address), ("streams", ""), ("prefix", prefix)];
        Bystander::watch(Child::start("bystander", &with)?)
    }

    /// The same on another host.
    pub(crate) fn start_on(namespace: &str, address: &str) -> Outcome<Bystander> {
        let with = [("address", address), ("streams", "")];
        Bystander::watch(Child::start_on(namespace, "bystander", &with)?)
    }

    fn watch(mut child: Child) -> Outcome<Bystander> {
        child.hears("connected")?;
        child.ask::<Window>("window")?;
        std::thread::sleep(CALM);
        let before = child.ask("window")?;
        Ok(Bystander { child, before })
    }

    /// What it noticed since it was last asked. It must not have noticed much.
    pub(crate) fn during(&mut self) -> Outcome<Window> {
        let window: Window = self.child.ask("window")?;
        check(window.calls.count > 0, || "the bystander made no call".into())?;
        check(window.calls.max_us < SLOWEST_CALL.as_micros() as u64, || {
            format!("a call of the bystander took {} ms", window.calls.max_us / 1000)
        })?;
        check(window.failed_calls == 0, || format!("{} calls of the bystander failed", window.failed_calls))?;
        check(window.times_lost == 0, || "the bystander lost its server".into())?;
        Ok(window)
    }

    /// Ends it, to whom nothing was done: it has every sample of its small stream. Returns what it noticed meanwhile.
    pub(crate) fn noticed_nothing(mut self) -> Outcome<Window> {
        let during = self.during()?;
        let (small, _) = self.accounts()?;
        all_are_there(&small, &during)?;
        Ok(during)
    }

    /// Ends it and returns what became of the samples of the small stream, and of all of its samples. Both balance.
    pub(crate) fn accounts(mut self) -> Outcome<(Account, Account)> {
        let accounts: Vec<Account> = self.child.ask_within("settle", 2 * LONG_PATIENCE)?;
        let small = accounts.first().ok_or("the bystander listens to nothing")?.clone();
        let mut sum = Account { stream: "the bystander's".into(), ..Account::default() };
        for account in &accounts {
            account.must_balance()?;
            sum.add(account);
        }
        check(sum.breaks == 0, || format!("the bystander counts {} breaks", sum.breaks))?;
        Ok((small, sum))
    }
}

/// # Errors
/// The bystander lost samples of its small stream.
pub(crate) fn all_are_there(small: &Account, during: &Window) -> Outcome {
    check(small.lost + small.dropped == 0, || {
        format!("the bystander lost samples of a small stream: {small}; gaps {} ms", during.gaps)
    })
}
