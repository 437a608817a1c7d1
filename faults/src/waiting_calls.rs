//! Calls that wait behind one that hangs, and what became of them when their client was gone.

use std::time::Duration;

use crate::child::Child;
use crate::failed::{Outcome, check, until};
use crate::server::Server;

/// Calls that each client leaves waiting.
pub(crate) const EACH: u64 = 10;
/// Calls that belong together differ in these lower bits of their numbers only.
pub(crate) const NUMBERS: u32 = 40;

/// One call hangs, and the same client's next one waits behind it: that one runs in the end.
pub(crate) struct Holder {
    child: Child,
    number: u64,
}

impl Holder {
    /// Has a call hang on the server's slow lane.
    pub(crate) fn start(
        server: &mut Server,
        namespace: Option<&str>,
        address: &str,
        number: u64,
    ) -> Outcome<Holder> {
        let first = number.to_string();
        let with =
            [("address", address), ("streams", "count"), ("hang", "yes"), ("calls", "1"), ("first", &first)];
        let child = match namespace {
            Some(namespace) => Child::start_on(namespace, "subscriber", &with)?,
            None => Child::start("subscriber", &with)?,
        };
        child.hears("ready")?;
        let holder = Holder { child, number };
        wait_for(server, 1)?;
        Ok(holder)
    }

    /// Lets the call that hangs go on. Of the calls that waited, the holder's runs and nobody else's.
    pub(crate) fn let_go(self, server: &mut Server) -> Outcome {
        server.child.tell("open")?;
        let mut ran = Vec::new();
        until("the call that waited runs", || {
            ran.extend(self.ran(server));
            Ok(ran.contains(&self.number).then_some(()))
        })?;
        wait_for(server, 0)?;
        ran.extend(self.ran(server));
        check(ran == [self.number], || format!("calls of lost clients ran: {ran:?}"))?;
        drop(self.child);
        Ok(())
    }

    /// Which calls ran since the last look, of those that were numbered for this holder and whoever waits behind it.
    fn ran(&self, server: &Server) -> Vec<u64> {
        let heard = server.child.heard();
        let ran = heard.iter().filter(|(key, _)| key == "ran").filter_map(|(_, number)| number.parse().ok());
        ran.filter(|number| number >> NUMBERS == self.number >> NUMBERS).collect()
    }
}

/// Starts a client that leaves calls waiting; what it calls begins with `prefix`.
pub(crate) fn leave(namespace: Option<&str>, address: &str, prefix: &str, first: u64) -> Outcome<Child> {
    let (first, calls) = (first.to_string(), EACH.to_string());
    let with = [
        ("address", address),
        ("prefix", prefix),
        ("streams", "count"),
        ("calls", calls.as_str()),
        ("first", &first),
    ];
    match namespace {
        Some(namespace) => Child::start_on(namespace, "subscriber", &with),
        None => Child::start("subscriber", &with),
    }
}

/// Waits until this many calls wait on the slow lane.
pub(crate) fn wait_for(server: &mut Server, queued: u64) -> Outcome {
    until(&format!("{queued} calls wait"), || {
        let lanes = server.stats()?.lanes;
        let lane = lanes.iter().find(|lane| lane.name == "slow");
        std::thread::sleep(Duration::from_millis(20));
        Ok(lane.is_some_and(|lane| lane.queued == queued).then_some(()))
    })
}
