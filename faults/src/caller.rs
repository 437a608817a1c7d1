//! A caller's process, as the suite has it.

use std::time::{Duration, Instant};

use crate::account::Account;
use crate::child::Child;
use crate::failed::{Failed, Outcome, check};
use crate::outcomes::Outcomes;
use crate::waiting_calls::NUMBERS;

/// Within what everything is back after its cause is gone.
pub(crate) const BACK_WITHIN: Duration = Duration::from_secs(2);

/// A client that calls and listens, whatever happens.
pub(crate) struct Caller {
    pub(crate) child: Child,
    streams: Vec<String>,
}

impl Caller {
    /// Starts the caller number `number` at `address`; it listens to `streams`.
    pub(crate) fn start(number: u64, address: &str, streams: &str) -> Outcome<Caller> {
        Caller::spawn(None, number, address, "", streams)?.listening()
    }

    /// The same where calls have a prefix, and the streams that are given have it too.
    pub(crate) fn start_behind(number: u64, address: &str, prefix: &str, streams: &str) -> Outcome<Caller> {
        Caller::spawn(None, number, address, prefix, streams)?.listening()
    }

    /// The same where streams may never come.
    pub(crate) fn start_at_a_liar(
        number: u64,
        address: &str,
        prefix: &str,
        streams: &str,
    ) -> Outcome<Caller> {
        Caller::spawn(None, number, address, prefix, streams)
    }

    /// The same on the host `namespace`.
    pub(crate) fn start_on(
        namespace: &str,
        number: u64,
        address: &str,
        prefix: &str,
        streams: &str,
    ) -> Outcome<Caller> {
        Caller::spawn(Some(namespace), number, address, prefix, streams)?.listening()
    }

    fn spawn(
        namespace: Option<&str>,
        number: u64,
        address: &str,
        prefix: &str,
        streams: &str,
    ) -> Outcome<Caller> {
        // Numbers of different callers are different.
        let first = (number << NUMBERS).to_string();
        let with = [("address", address), ("streams", streams), ("first", &first), ("prefix", prefix)];
        let child = match namespace {
            Some(namespace) => Child::start_on(namespace, "caller", &with)?,
            None => Child::start("caller", &with)?,
        };
        Ok(Caller { child, streams: streams.split(',').map(str::to_owned).collect() })
    }

    fn listening(self) -> Outcome<Caller> {
        self.hears_all_streams(|_| true)?;
        Ok(self)
    }

    /// Waits until every stream has come back from the life `epoch` of its server.
    pub(crate) fn hears_life(&self, epoch: &str) -> Outcome {
        self.hears_all_streams(|said| said == epoch)
    }

    fn hears_all_streams(&self, is_wanted: impl Fn(&str) -> bool) -> Outcome {
        let mut missing = self.streams.clone();
        while !missing.is_empty() {
            let back = self.child.hears("back")?;
            if let Some((stream, epoch)) = back.split_once(' ')
                && is_wanted(epoch)
            {
                missing.retain(|name| name != stream);
            }
        }
        Ok(())
    }

    /// Waits until calls are answered and every sample published is here or counted; `since` is when that became
    /// possible again. Returns how long it took. `after` says what had happened.
    pub(crate) fn is_back(&mut self, after: &str, since: Instant, within: Duration) -> Outcome<Duration> {
        if let Err(failed) = self.settle() {
            return Err(Failed(format!("after {after}: {}; it told: {}", failed.0, self.told())));
        }
        let took = since.elapsed();
        check(took <= within, || {
            let told = self.told();
            format!("after {after} calls and streams were back in {took:?}, not {within:?}; it told: {told}")
        })?;
        Ok(took)
    }

    /// The last that it told of its state and its streams, for whoever looks for the reason.
    fn told(&self) -> String {
        const LAST: usize = 20;
        let told = self.child.heard();
        let told: Vec<String> = told.iter().map(|(key, value)| format!("{key} {value}")).collect();
        told[told.len().saturating_sub(LAST)..].join(", ")
    }

    fn settle(&mut self) -> Outcome<Vec<Account>> {
        self.child.ask("settle")
    }

    /// Ends it and adds how its calls ended to `outcomes`. Returns what became of its samples, which balance.
    pub(crate) fn end(mut self, outcomes: &mut Outcomes) -> Outcome<Account> {
        let accounts = self.settle()?;
        self.child.tell("end")?;
        self.child.hears("ended")?;
        outcomes.hear(&self.child.heard());
        let mut sum = Account { stream: "a caller's".into(), ..Account::default() };
        for account in &accounts {
            account.must_balance()?;
            sum.add(account);
        }
        Ok(sum)
    }
}
