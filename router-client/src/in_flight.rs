//! All of "in flight": the calls that were started and have not ended, and when each is to be looked at next.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Instant;

use foldhash::fast::RandomState;
use router_wire::hello::ClientSocket;

use crate::call_slot::Ticket;
use crate::outgoing::Outgoing;

/// One call.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) ticket: Ticket,
    /// Until when the caller wants an outcome.
    pub(crate) deadline: Option<Instant>,
    pub(crate) phase: Phase,
    /// How often its request has left.
    pub(crate) times_sent: u32,
    /// How often it was sent again because its outcome was unknown.
    pub(crate) retries: u32,
    /// Since when its outcome is unknown, though its request may leave again.
    pub(crate) unknown_since: Option<Instant>,
}

impl Flight {
    /// Whether the method may have been started.
    pub(crate) fn may_have_run(&self) -> bool {
        self.times_sent > 0
    }
}

/// How far a call is.
#[derive(Debug)]
pub(crate) enum Phase {
    /// It has not left.
    Unsent {
        request: Outgoing,
        /// Since when it waits for a connection.
        since: Instant,
        /// The life of the server it was made for; 0 when it was made without a connection, for whoever comes.
        made_for: u64,
        /// It leaves again then, though the connection stands.
        pause_until: Option<Instant>,
    },
    /// It left, on this socket. The request is kept when it may be sent again.
    Sent { socket: ClientSocket, again: Option<Outgoing> },
}

/// The calls by number. Bounded by the client's [`Budget`](crate::budget::Budget).
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    calls: HashMap<u64, Flight, RandomState>,
    /// Looks that are due. One whose call has ended or moved on is harmless and is dropped in time.
    looks: BinaryHeap<Reverse<(Instant, u64)>>,
}

impl InFlight {
    pub(crate) fn insert(&mut self, number: u64, flight: Flight) {
        self.calls.insert(number, flight);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Flight> {
        self.calls.get_mut(&number)
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<Flight> {
        self.calls.remove(&number)
    }

    /// Removes the call if it left: what an answer may end.
    pub(crate) fn remove_sent(&mut self, number: u64) -> Option<Flight> {
        if self.calls.get(&number)?.may_have_run() { self.calls.remove(&number) } else { None }
    }

    /// The calls that left and have not been answered, and those that are to leave again after a pause.
    pub(crate) fn sent_or_pausing(&self) -> Vec<u64> {
        let is_one =
            |phase: &Phase| matches!(phase, Phase::Sent { .. } | Phase::Unsent { pause_until: Some(_), .. });
        self.calls.iter().filter(|(_, flight)| is_one(&flight.phase)).map(|(number, _)| *number).collect()
    }

    /// Has the waiting of every call that has not left begin at `now`; returns their numbers.
    pub(crate) fn wait_from(&mut self, now: Instant) -> Vec<u64> {
        let waits = |(number, flight): (&u64, &mut Flight)| match &mut flight.phase {
            Phase::Unsent { since, .. } => {
                *since = now;
                Some(*number)
            }
            Phase::Sent { .. } => None,
        };
        self.calls.iter_mut().filter_map(waits).collect()
    }

    /// Has the call looked at when `at` has come.
    pub(crate) fn look_at(&mut self, number: u64, at: Instant) {
        const LEFT_OVER: usize = 1024;
        if self.looks.len() > LEFT_OVER + 2 * self.calls.len() {
            let calls = &self.calls;
            self.looks.retain(|Reverse((_, number))| calls.contains_key(number));
        }
        self.looks.push(Reverse((at, number)));
    }

    /// When the next look is due.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        self.looks.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the number of a call whose look is due, if one is.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<u64> {
        let Reverse((at, number)) = *self.looks.peek()?;
        if at > now {
            return None;
        }
        self.looks.pop();
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call_slot::CallSlot;
    use std::sync::Arc;
    use std::time::Duration;

    fn sent() -> (Arc<CallSlot>, Flight) {
        let slot = Arc::new(CallSlot::default());
        let ticket = Ticket::new(Arc::clone(&slot), None);
        let phase = Phase::Sent { socket: ClientSocket::Calls, again: None };
        (slot, Flight { ticket, deadline: None, phase, times_sent: 1, retries: 0, unknown_since: None })
    }

    #[test]
    fn looks_come_in_order_of_time_and_only_when_due() {
        let (mut in_flight, now) = (InFlight::default(), Instant::now());
        for (number, ms) in [(1, 30), (2, 10), (3, 20)] {
            in_flight.look_at(number, now + Duration::from_millis(ms));
        }
        assert_eq!(in_flight.next_look(), Some(now + Duration::from_millis(10)));
        assert_eq!(in_flight.take_due(now), None);
        let later = now + Duration::from_millis(20);
        let due: Vec<_> = std::iter::from_fn(|| in_flight.take_due(later)).collect();
        assert_eq!(due, [2, 3]);
    }

    #[test]
    fn looks_of_ended_calls_do_not_pile_up() {
        let (mut in_flight, now) = (InFlight::default(), Instant::now());
        for number in 0..100_000 {
            in_flight.insert(number, sent().1);
            in_flight.look_at(number, now + Duration::from_secs(60));
            drop(in_flight.remove(number));
        }
        assert!(in_flight.looks.len() <= 2048, "{}", in_flight.looks.len());
    }

    #[test]
    fn what_is_dropped_with_the_table_has_ended() {
        let mut in_flight = InFlight::default();
        let (slot, flight) = sent();
        in_flight.insert(1, flight);
        assert!(in_flight.remove_sent(2).is_none());
        drop(in_flight);
        assert!(slot.has_ended());
    }
}
