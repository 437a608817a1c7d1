//! Requests for names that are not there yet, in the first moments of a server.
//!
//! A server answers from its `bind` on, and what it serves is added behind that. Clients that wait for it, or that it
//! had before it was restarted, come in between. For as long as names may still come, a request for one that is not
//! there waits for it.

use std::time::{Duration, Instant};

use router_client::Interrupted;
use router_wire::{Failure, Name, RequestHeader};

use crate::bounds::Permit;
use crate::client_table::{ClientKey, Sender};
use crate::job::{Body, JobKey, not_started, server_stopped};
use crate::requests::deadline_of;
use crate::router_loop::RouterLoop;
use crate::timers::Due;

/// Most requests that are looked at again in one turn, and when the next are: others have their turn in between.
const MOST_IN_A_TURN: usize = 200;
const PAUSE: Duration = Duration::from_millis(1);

/// A request that waits for its name.
pub(crate) struct Parked {
    pub(crate) key: JobKey,
    sender: Sender,
    header: RequestHeader,
    target: String,
    body: Body,
    deadline: Option<Instant>,
    _permit: Permit,
}

impl RouterLoop {
    /// Has a request wait for its name, where names may still come; else gives it back.
    pub(crate) fn park(
        &mut self,
        sender: Sender,
        header: &RequestHeader,
        target: &str,
        body: Body,
        now: Instant,
    ) -> Result<(), Body> {
        let until = self.names_may_come_until();
        if now >= until {
            return Err(body);
        }
        let Ok(permit) = self.bounds.ordinary.admit(sender.client, body.bytes().len()) else {
            return Err(body);
        };
        let key = JobKey { client: sender.client, number: header.call };
        let deadline = deadline_of(header, now);
        if let Some(client) = self.clients.get_mut(sender.client) {
            client.in_flight.insert(header.call);
        }
        if let Some(deadline) = deadline.filter(|_| !self.parks_again) {
            self.timers.add(deadline, Due::Deadline(key));
        }
        if self.parked.is_empty() && !self.parks_again {
            self.timers.add(until, Due::NamesHaveCome);
        }
        let (header, target) = (*header, target.to_owned());
        self.parked.push(Parked { key, sender, header, target, body, deadline, _permit: permit });
        // From here on each change is told.
        self.dispatcher.registry.write().tell_changes(true);
        Ok(())
    }

    /// Names have come, or will not come any more: looks for those that are waited for.
    pub(crate) fn look_for_parked(&mut self) {
        let now = Instant::now();
        let all = now >= self.names_may_come_until();
        let parked = std::mem::take(&mut self.parked);
        let registry = self.dispatcher.registry.read();
        let is_there = |parked: &Parked| registry.has(&parked.target) || self.is_behind(&parked.target);
        let mut looked_up = 0;
        let (there, waiting): (Vec<_>, Vec<_>) = parked.into_iter().partition(|parked| {
            let is_due = looked_up < MOST_IN_A_TURN && (all || is_there(parked));
            looked_up += usize::from(is_due);
            is_due
        });
        drop(registry);
        self.parked = waiting;
        if looked_up == MOST_IN_A_TURN {
            self.timers.add(now + PAUSE, Due::NamesHaveCome);
        }
        self.parks_again = true; // its timers are set
        for parked in there {
            let Parked { key, sender, mut header, target, body, deadline, _permit } = parked;
            drop(_permit);
            self.forget_parked(key);
            if let Some(deadline) = deadline {
                let left = deadline.saturating_duration_since(now).as_micros();
                header.deadline_us = u64::try_from(left).unwrap_or(u64::MAX).max(1);
            }
            self.look_up(sender, &header, &target, body, now);
        }
        self.parks_again = false;
        if self.parked.is_empty() {
            self.dispatcher.registry.write().tell_changes(false);
        }
    }

    /// Ends a request that waits, for a reason; `false` when it does not wait.
    pub(crate) fn end_parked(&mut self, key: JobKey, why: Interrupted) -> bool {
        let Some(index) = self.parked.iter().position(|parked| parked.key == key) else { return false };
        let parked = self.parked.remove(index);
        self.forget_parked(key);
        self.refuse(parked.sender, key.number, not_started(why));
        true
    }

    /// Everything was stopped: nothing that waited for its name then starts later.
    pub(crate) fn end_parked_by(&mut self, by: &str) {
        for key in self.parked.iter().map(|parked| parked.key).collect::<Vec<_>>() {
            self.end_parked(key, Interrupted::Cancelled { by: by.to_owned() });
        }
    }

    /// An instrument was cleared: what waited for its name and was not looked up yet is cleared with it.
    pub(crate) fn end_parked_at(&mut self, instrument: &Name, by: &str) {
        let is_its =
            |target: &str| target.strip_prefix(instrument.as_str()).is_some_and(|rest| rest.starts_with('.'));
        let its = self.parked.iter().filter(|parked| is_its(&parked.target)).map(|parked| parked.key);
        for key in its.collect::<Vec<_>>() {
            self.end_parked(key, Interrupted::Cancelled { by: by.to_owned() });
        }
    }

    /// Ends the requests of a lost client.
    pub(crate) fn end_parked_of(&mut self, client: ClientKey) {
        let of_client = self.parked.iter().map(|parked| parked.key).filter(|key| key.client == client);
        for key in of_client.collect::<Vec<_>>() {
            self.end_parked(key, Interrupted::ClientLost);
        }
    }

    /// The server stops.
    pub(crate) fn end_all_parked(&mut self) {
        for parked in std::mem::take(&mut self.parked) {
            self.forget_parked(parked.key);
            let failure: Failure = server_stopped(false);
            self.refuse(parked.sender, parked.key.number, failure);
        }
    }

    fn names_may_come_until(&self) -> Instant {
        let until = self.settings.started.checked_add(self.settings.names_may_come_for);
        until.unwrap_or_else(|| self.settings.started + Duration::from_secs(3600))
    }

    fn forget_parked(&mut self, key: JobKey) {
        if let Some(client) = self.clients.get_mut(key.client) {
            client.in_flight.remove(&key.number);
        }
    }
}
