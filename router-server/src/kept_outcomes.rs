//! `KeptOutcomes`: how calls ended, for whoever asks later because the answer did not reach them.
//!
//! What it may say of a call that it does not find rests on two memories. A call that was seen is in flight, is kept
//! here, or was kept and went: then its client's mark stands at its number or above it. So a number above the mark
//! that is neither in flight nor kept was never seen, which is certain; below it is only forgotten. The mark is kept
//! for clients whose outcomes went, 65,536 of them in one life of a server; of further ones nothing is certain.
//! A call that somebody was told had never run is closed: for as long as the server lives it is not run.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use router_socket::Frame;
use router_wire::{CallId, ClientId, Name, OutcomeHeader, ServerMessage};

use crate::table::{Set, Table};

/// A call as every server knows it: its client's id and the number.
pub(crate) type CallKey = (ClientId, u64);

/// Most clients of which is known how far their calls were forgotten.
const MOST_CLIENTS: usize = 65_536;
/// Most calls that are closed in one life of the server.
const MOST_CLOSED: usize = 16_384;
/// One outcome takes this part of all bytes at most.
const LARGEST: usize = 16;

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutcomeLimits {
    pub(crate) outcomes: usize,
    pub(crate) bytes: usize,
    pub(crate) time: Duration,
}

/// What is known of a call that has ended.
pub(crate) enum Kept {
    /// Its outcome, the whole message, by reference.
    Outcome { name: Arc<str>, message: Frame },
    /// An outcome that was too long to be kept, with the length of its body [bytes].
    TooLong { name: Arc<str>, header: OutcomeHeader, bytes: usize },
    /// It was passed on to the server behind, by which it is known under `there`.
    Passed { prefix: Name, there: CallId },
    /// The same call ended once more, and is kept further back.
    Again,
}

struct Entry {
    call: CallKey,
    since: Instant,
    bytes: usize,
    kept: Kept,
}

/// The outcomes of the last calls, oldest first.
pub(crate) struct KeptOutcomes {
    limits: OutcomeLimits,
    entries: VecDeque<Entry>,
    /// How many entries went: the place of the oldest, counted from the first there ever was.
    gone: u64,
    /// Places.
    by_call: Table<CallKey, u64>,
    bytes: usize,
    /// The highest number that went, by client.
    forgotten_to: Table<ClientId, u64>,
    /// Something went for which there is no mark.
    unmarked: bool,
    closed: Set<CallKey>,
}

impl KeptOutcomes {
    pub(crate) fn new(limits: OutcomeLimits) -> KeptOutcomes {
        KeptOutcomes {
            limits,
            entries: VecDeque::new(),
            gone: 0,
            by_call: Table::default(),
            bytes: 0,
            forgotten_to: Table::default(),
            unmarked: false,
            closed: Set::default(),
        }
    }

    /// Keeps an outcome that takes `bytes` of memory. `message` is header and body.
    pub(crate) fn keep(
        &mut self,
        call: CallKey,
        name: Arc<str>,
        message: &Frame,
        bytes: usize,
        now: Instant,
    ) {
        if bytes <= self.limits.bytes / LARGEST {
            let message = message.shared();
            return self.add(Entry { call, since: now, bytes, kept: Kept::Outcome { name, message } });
        }
        if let Ok(ServerMessage::Outcome { header, body }) = ServerMessage::decode(message) {
            let kept = Kept::TooLong { name, header, bytes: body.len() };
            self.add(Entry { call, since: now, bytes: 0, kept });
        }
    }

    /// Keeps where a call was passed on to.
    pub(crate) fn keep_passed(&mut self, call: CallKey, prefix: Name, there: CallId, now: Instant) {
        self.add(Entry { call, since: now, bytes: 0, kept: Kept::Passed { prefix, there } });
    }

    pub(crate) fn find(&self, call: CallKey) -> Option<&Kept> {
        let place = self.by_call.get(&call)?;
        let entry = self.entries.get(usize::try_from(place - self.gone).ok()?)?;
        Some(&entry.kept)
    }

    /// Drops what is too old.
    pub(crate) fn tidy(&mut self, now: Instant) {
        let time = self.limits.time;
        let too_old = |entry: &Entry| now.saturating_duration_since(entry.since) >= time;
        while self.entries.front().is_some_and(too_old) {
            self.drop_oldest();
        }
    }

    /// Has a call that is neither in flight nor kept never run. `false` when it may have run, or cannot be closed.
    pub(crate) fn close(&mut self, call: CallKey) -> bool {
        let (client, number) = call;
        let was_never_seen = match self.forgotten_to.get(&client) {
            Some(mark) => number > *mark,
            None => !self.unmarked,
        };
        let is_closed = self.closed.contains(&call);
        if is_closed || !was_never_seen || self.closed.len() >= MOST_CLOSED {
            return is_closed;
        }
        self.closed.insert(call)
    }

    /// Whether somebody was told that the call has never run.
    pub(crate) fn is_closed(&self, call: CallKey) -> bool {
        !self.closed.is_empty() && self.closed.contains(&call)
    }

    fn add(&mut self, entry: Entry) {
        let now = entry.since;
        let place = self.gone + self.entries.len() as u64;
        self.bytes += entry.bytes;
        if let Some(before) = self.by_call.insert(entry.call, place) {
            self.drop_at(before);
        }
        self.entries.push_back(entry);
        while self.entries.len() > self.limits.outcomes || self.bytes > self.limits.bytes {
            self.drop_oldest();
        }
        self.tidy(now);
    }

    fn drop_at(&mut self, place: u64) {
        let index = usize::try_from(place - self.gone).unwrap_or(usize::MAX);
        if let Some(entry) = self.entries.get_mut(index) {
            self.bytes -= std::mem::take(&mut entry.bytes);
            entry.kept = Kept::Again;
        }
    }

    fn drop_oldest(&mut self) {
        let Some(Entry { call, bytes, .. }) = self.entries.pop_front() else { return };
        let place = self.gone;
        self.gone += 1;
        self.bytes -= bytes;
        if self.by_call.get(&call) != Some(&place) {
            return; // it is kept further back
        }
        self.by_call.remove(&call);
        let (client, number) = call;
        if let Some(mark) = self.forgotten_to.get_mut(&client) {
            *mark = number.max(*mark);
        } else if self.forgotten_to.len() < MOST_CLIENTS {
            self.forgotten_to.insert(client, number);
        } else {
            self.unmarked = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router_wire::{Encoding, Status};

    const ALICE: ClientId = ClientId(0, 1);
    const BOB: ClientId = ClientId(0, 2);

    fn store(outcomes: usize, bytes: usize, time: Duration) -> KeptOutcomes {
        KeptOutcomes::new(OutcomeLimits { outcomes, bytes, time })
    }

    fn outcome(body_bytes: usize) -> Frame {
        let (encoding, status) = (Encoding::Raw, Status::Done);
        let header = OutcomeHeader { body_in_own_frame: false, encoding, status, epoch: 7, call: 1 };
        let mut message = header.encode().to_vec();
        message.resize(message.len() + body_bytes, 5);
        Frame::from_vec(message)
    }

    fn keep(store: &mut KeptOutcomes, call: CallKey, body_bytes: usize, now: Instant) {
        let message = outcome(body_bytes);
        store.keep(call, Arc::from("s.move"), &message, message.len(), now);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_and_are_told_from_what_was_never_seen() {
        let (mut store, now) = (store(3, 1 << 20, Duration::from_secs(600)), Instant::now());
        for number in [1, 3, 2, 9] {
            keep(&mut store, (ALICE, number), 10, now);
        }
        assert!(store.find((ALICE, 1)).is_none() && store.find((ALICE, 3)).is_some());
        assert!(!store.close((ALICE, 1)), "it ran, and is forgotten");
        assert!(store.close((ALICE, 4)) && store.is_closed((ALICE, 4)), "it was never seen");
        assert!(store.close((BOB, 1)), "nothing of this client was forgotten");
        keep(&mut store, (ALICE, 10), 10, now);
        assert!(!store.close((ALICE, 2)), "it may have run: 3 did, and went");
        assert!(store.close((ALICE, 4)), "what was closed stays so");
    }

    #[test]
    fn bytes_are_bounded_and_a_long_one_drops_no_others() {
        let (mut store, now) = (store(1000, 16_000, Duration::from_secs(600)), Instant::now());
        keep(&mut store, (ALICE, 1), 500, now);
        keep(&mut store, (ALICE, 2), 100_000, now);
        assert!(matches!(store.find((ALICE, 1)), Some(Kept::Outcome { .. })));
        assert!(matches!(store.find((ALICE, 2)), Some(Kept::TooLong { bytes: 100_000, .. })));
        for number in 3..100 {
            keep(&mut store, (ALICE, number), 500, now);
            assert!(store.bytes <= 16_000);
        }
        assert!(store.find((ALICE, 1)).is_none() && store.find((ALICE, 99)).is_some());
        assert_eq!(store.by_call.len(), store.entries.len());
    }

    #[test]
    fn the_old_go_with_time() {
        let (mut store, now) = (store(1000, 1 << 20, Duration::from_secs(600)), Instant::now());
        keep(&mut store, (ALICE, 1), 10, now);
        store.tidy(now + Duration::from_secs(599));
        assert!(store.find((ALICE, 1)).is_some());
        store.tidy(now + Duration::from_secs(600));
        assert!(store.find((ALICE, 1)).is_none() && store.bytes == 0);
        assert!(!store.close((ALICE, 1)));
    }

    #[test]
    fn a_call_that_ran_again_has_its_last_outcome() {
        let (mut store, now) = (store(2, 1 << 20, Duration::from_secs(600)), Instant::now());
        for bytes in [10, 20] {
            keep(&mut store, (ALICE, 1), bytes, now);
        }
        keep(&mut store, (ALICE, 2), 30, now);
        let Some(Kept::Outcome { message, .. }) = store.find((ALICE, 1)) else { panic!("it is kept") };
        assert_eq!(message.len(), 24 + 20);
        assert_eq!((store.entries.len(), store.bytes), (2, 24 + 20 + 24 + 30));
    }

    #[test]
    fn what_is_remembered_of_clients_is_bounded() {
        let (mut store, now) = (store(0, 0, Duration::ZERO), Instant::now());
        for client in 0..2 * MOST_CLIENTS as u64 {
            keep(&mut store, (ClientId(1, client), 5), 10, now);
        }
        assert_eq!((store.forgotten_to.len(), store.bytes, store.by_call.len()), (MOST_CLIENTS, 0, 0));
        assert!(store.close((ClientId(1, 0), 6)) && !store.close((ClientId(1, 0), 5)));
        assert!(!store.close((ALICE, 1)), "its calls may be among what went without a mark");
        for number in 0..2 * MOST_CLOSED as u64 {
            store.close((ClientId(1, 0), 6 + number));
        }
        assert_eq!(store.closed.len(), MOST_CLOSED);
    }
}
