//! A client is stopped for long enough to be given up, and goes on.

use std::time::{Duration, Instant};

use crate::account::Account;
use crate::caller::BACK_WITHIN;
use crate::failed::{Outcome, check};
use crate::memory::SLACK;
use crate::row::Row;
use crate::waiting_calls::{self, EACH, Holder, NUMBERS};
use crate::watched::Watched;

const ROUNDS: u64 = 3;

pub(crate) fn run() -> Outcome<Row> {
    let mut watched = Watched::start(&[], "")?;
    let server = &mut watched.server;
    let address = server.address().to_owned();
    let mut sum = Account::default();
    let mut slowest = Duration::ZERO;
    for round in 1..=ROUNDS {
        let numbers = round << NUMBERS;
        let holder = Holder::start(server, None, &address, numbers)?;
        let mut client = waiting_calls::leave(None, &address, "", numbers + (1 << 20))?;
        client.hears("ready")?;
        waiting_calls::wait_for(server, 1 + EACH)?;
        client.freeze()?;
        waiting_calls::wait_for(server, 1)?;
        client.thaw()?;
        let thawed = Instant::now();
        let account: Account = client.ask("settle")?;
        let took = thawed.elapsed();
        check(took <= BACK_WITHIN, || format!("it was back after {took:?}, not within {BACK_WITHIN:?}"))?;
        slowest = slowest.max(took);
        account.must_balance()?;
        check(account.breaks == 0, || {
            format!("{} breaks are counted though the source lives", account.breaks)
        })?;
        sum.add(&account);
        holder.let_go(server)?;
    }
    let done = format!(
        "client stopped until it is given up, {ROUNDS} times; back within {} ms after SIGCONT",
        slowest.as_millis()
    );
    let losses = format!("{} calls end `client lost`, none ran; the client: {sum}", ROUNDS * EACH);
    watched.finish(done, losses, SLACK)
}
