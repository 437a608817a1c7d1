//! The account of one subscription: which sample of which segment became what.
//!
//! Pure: no lock, no clock, no packet. A slot calls [`Account::arrived`] for each sample and says afterwards
//! what became of it.

use std::collections::VecDeque;

use super::stats::{LISTED_SEGMENTS, SegmentStats, SubscriptionStats};

/// The account of one subscription.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// The last segments, at most [`LISTED_SEGMENTS`]; the current one is the last.
    listed: VecDeque<Segment>,
    /// The sums of all segments before those.
    earlier: Counts,
    /// The sum of `last - first + 1` of all segments before those.
    earlier_expected: u64,
    duplicates: u64,
    breaks: u64,
    undecodable: u64,
    through_memory: u64,
    copied_from_memory: u64,
}

/// Which life of the source a sample comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct SegmentId {
    pub(crate) epoch: u64,
    pub(crate) incarnation: u64,
}

/// What a sample is to the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a repeated sample is not delivered"]
pub(crate) enum Arrival {
    /// Counted as waiting.
    Fresh,
    /// Accounted for already: ignore it.
    Repeated,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    id: SegmentId,
    first: u64,
    last: u64,
    /// What the packets told last of how many samples were left out, modulo 2^32.
    told: u32,
    /// The subscription has moved to another view of the stream since the last sample.
    moved: bool,
    counts: Counts,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    received: u64,
    replaced: u64,
    dropped: u64,
    lost: u64,
    skipped: u64,
    waiting: u64,
}

impl Account {
    /// A sample of `sequence` came, which tells that `skipped` were left out until then, modulo 2^32.
    pub(crate) fn arrived(&mut self, id: SegmentId, sequence: u64, skipped: u32) -> Arrival {
        if let Some(current) = self.listed.back_mut()
            && current.id == id
        {
            if sequence <= current.last {
                self.duplicates += 1;
                return Arrival::Repeated;
            }
            current.miss(sequence - current.last - 1, skipped);
            current.counts.waiting += 1;
            current.last = sequence;
            current.moved = false;
            return Arrival::Fresh;
        }
        // A straggler of a segment that a newer one has closed.
        if self.listed.iter().any(|segment| segment.id == id) {
            self.duplicates += 1;
            return Arrival::Repeated;
        }
        self.breaks += u64::from(!self.listed.is_empty());
        self.begin(id, sequence, skipped);
        Arrival::Fresh
    }

    /// The subscription moves to another view of its stream: what it misses until the next sample is not wanted.
    pub(crate) fn moved(&mut self) {
        if let Some(current) = self.listed.back_mut() {
            current.moved = true;
        }
    }

    /// Whether the newest sample delivered is of this life of the source.
    pub(crate) fn is_in(&self, id: SegmentId) -> bool {
        self.listed.back().is_some_and(|current| current.id == id)
    }

    /// The source says that `sequence` is the newest it gave, and `skipped` were left out until then. Says nothing about a segment of which nothing
    /// was delivered yet.
    pub(crate) fn declared(&mut self, id: SegmentId, sequence: u64, skipped: u32) {
        if let Some(current) = self.listed.back_mut()
            && current.id == id
            && sequence > current.last
        {
            current.miss(sequence - current.last, skipped);
            current.last = sequence;
        }
    }

    /// A waiting sample was handed to the program.
    pub(crate) fn received(&mut self, id: SegmentId) {
        self.end_wait(id).received += 1;
    }

    /// A waiting sample was overwritten by a newer one.
    pub(crate) fn replaced(&mut self, id: SegmentId) {
        self.end_wait(id).replaced += 1;
    }

    /// A waiting sample was left out because the queue was full.
    pub(crate) fn dropped(&mut self, id: SegmentId) {
        self.end_wait(id).dropped += 1;
    }

    /// A received sample was not of the type asked for.
    pub(crate) fn undecodable(&mut self) {
        self.undecodable += 1;
    }

    /// A sample came through shared memory, in place or copied from there.
    pub(crate) fn through_memory(&mut self, copied: bool) {
        self.through_memory += 1;
        self.copied_from_memory += u64::from(copied);
    }

    /// Whether nothing was delivered yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// All of it, for the program.
    pub(crate) fn stats(&self) -> SubscriptionStats {
        let total = self.listed.iter().fold(self.earlier, |sum, segment| sum.plus(&segment.counts));
        SubscriptionStats {
            received: total.received,
            replaced: total.replaced,
            dropped: total.dropped,
            lost: total.lost,
            skipped: total.skipped,
            waiting: total.waiting,
            duplicates: self.duplicates,
            breaks: self.breaks,
            undecodable: self.undecodable,
            through_memory: self.through_memory,
            copied_from_memory: self.copied_from_memory,
            removed: false,
            segments: self.listed.iter().map(Segment::stats).collect(),
            earlier_expected: self.earlier_expected,
        }
    }

    fn begin(&mut self, id: SegmentId, first: u64, told: u32) {
        let counts = Counts { waiting: 1, ..Counts::default() };
        self.listed.push_back(Segment { id, first, last: first, told, moved: false, counts });
        if self.listed.len() > LISTED_SEGMENTS
            && let Some(oldest) = self.listed.pop_front()
        {
            self.earlier = self.earlier.plus(&oldest.counts);
            self.earlier_expected = self.earlier_expected.wrapping_add(oldest.stats().expected());
        }
    }

    /// Takes one sample out of `waiting` where it is counted: in its segment, or in the sum of those that are
    /// not listed any more.
    fn end_wait(&mut self, id: SegmentId) -> &mut Counts {
        let listed = self.listed.iter_mut().rev().find(|segment| segment.id == id);
        let counts = listed.map_or(&mut self.earlier, |segment| &mut segment.counts);
        debug_assert!(counts.waiting > 0, "only a waiting sample can be taken, replaced or dropped");
        counts.waiting -= 1;
        counts
    }
}

impl Segment {
    /// `gap` samples did not come, and the source tells how many it has left out: the others are lost. One that tells
    /// of more than are missing has begun to count anew: then nothing is known of what it left out.
    fn miss(&mut self, gap: u64, skipped: u32) {
        let left_out = u64::from(skipped.wrapping_sub(std::mem::replace(&mut self.told, skipped)));
        let left_out = match left_out {
            _ if self.moved => gap,
            left_out if left_out > gap => 0,
            left_out => left_out,
        };
        self.counts.skipped += left_out;
        self.counts.lost += gap - left_out;
    }

    fn stats(&self) -> SegmentStats {
        SegmentStats {
            epoch: self.id.epoch,
            incarnation: self.id.incarnation,
            first: self.first,
            last: self.last,
            received: self.counts.received,
            replaced: self.counts.replaced,
            dropped: self.counts.dropped,
            lost: self.counts.lost,
            skipped: self.counts.skipped,
            waiting: self.counts.waiting,
        }
    }
}

impl Counts {
    /// Wrapping: a hostile server's sequence numbers may make `lost` of many segments overflow.
    fn plus(&self, other: &Counts) -> Counts {
        Counts {
            received: self.received.wrapping_add(other.received),
            replaced: self.replaced.wrapping_add(other.replaced),
            dropped: self.dropped.wrapping_add(other.dropped),
            lost: self.lost.wrapping_add(other.lost),
            skipped: self.skipped.wrapping_add(other.skipped),
            waiting: self.waiting.wrapping_add(other.waiting),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIFE: SegmentId = SegmentId { epoch: 7, incarnation: 1 };

    #[test]
    fn gaps_and_declarations_are_losses() {
        let mut account = Account::default();
        account.declared(LIFE, 3, 0);
        assert!(account.is_empty());
        for (sequence, expect) in
            [(4, Arrival::Fresh), (5, Arrival::Fresh), (5, Arrival::Repeated), (8, Arrival::Fresh)]
        {
            assert_eq!(account.arrived(LIFE, sequence, 0), expect, "{sequence}");
        }
        account.received(LIFE);
        account.declared(LIFE, 10, 0);
        account.declared(LIFE, 9, 0);
        let stats = account.stats();
        assert_eq!((stats.received, stats.lost, stats.waiting, stats.duplicates), (1, 4, 2, 1));
        assert_eq!((stats.segments[0].first, stats.segments[0].last, stats.expected()), (4, 10, 7));
        assert!(stats.balances());
        // What a declaration counted as lost stays lost.
        assert_eq!(account.arrived(LIFE, 10, 0), Arrival::Repeated);
    }

    #[test]
    fn a_new_life_of_the_source_is_a_break_and_not_a_number() {
        let mut account = Account::default();
        let restarted = SegmentId { epoch: 8, ..LIFE };
        let added_again = SegmentId { epoch: 8, incarnation: 2 };
        for (id, sequence) in [(LIFE, 100), (restarted, 0), (added_again, 5)] {
            assert_eq!(account.arrived(id, sequence, 0), Arrival::Fresh);
        }
        assert_eq!(account.arrived(LIFE, 101, 0), Arrival::Repeated, "a straggler");
        account.declared(restarted, 50, 0);
        account.replaced(LIFE);
        let stats = account.stats();
        assert_eq!(
            (stats.breaks, stats.lost, stats.waiting, stats.replaced, stats.expected()),
            (2, 0, 2, 1, 3)
        );
        assert!(stats.balances());
    }

    #[test]
    fn segments_that_are_not_listed_any_more_still_balance() {
        let mut account = Account::default();
        let life = |epoch| SegmentId { epoch, incarnation: 1 };
        for epoch in 0..40 {
            assert_eq!(account.arrived(life(epoch), 1, 0), Arrival::Fresh);
            assert_eq!(account.arrived(life(epoch), 3, 0), Arrival::Fresh);
        }
        for epoch in 0..40 {
            account.received(life(epoch));
            assert!(account.stats().balances());
        }
        let stats = account.stats();
        assert_eq!((stats.segments.len(), stats.breaks, stats.expected()), (LISTED_SEGMENTS, 39, 120));
        assert_eq!((stats.received, stats.waiting, stats.lost), (40, 40, 40));
    }

    #[test]
    fn what_was_left_out_is_told_and_the_rest_is_lost() {
        let mut account = Account::default();
        // A view of every tenth, and others have had it before: 40 of them, 360 left out.
        assert_eq!(account.arrived(LIFE, 400, 360), Arrival::Fresh);
        assert_eq!(account.arrived(LIFE, 410, 369), Arrival::Fresh);
        let counts = |account: &Account| (account.stats().skipped, account.stats().lost);
        assert_eq!(counts(&account), (9, 0));
        assert_eq!(account.arrived(LIFE, 440, 396), Arrival::Fresh);
        assert_eq!(counts(&account), (36, 2), "420 and 430");
        account.declared(LIFE, 445, 401);
        account.declared(LIFE, 445, 401);
        assert_eq!(counts(&account), (41, 2));
        // The server has begun to count anew: what it left out meanwhile is not known.
        assert_eq!(account.arrived(LIFE, 460, 460), Arrival::Fresh);
        assert_eq!(counts(&account), (41, 16));
        // Another view of the same stream, at the subscription's own wish.
        account.moved();
        account.declared(LIFE, 465, 7);
        assert_eq!(account.arrived(LIFE, 470, 9), Arrival::Fresh);
        assert_eq!(counts(&account), (50, 16));
        assert_eq!(account.arrived(LIFE, 472, 9), Arrival::Fresh);
        assert_eq!(counts(&account), (50, 17));
        assert!(account.stats().balances() && account.is_in(LIFE));
    }

    #[derive(Debug, Clone, Copy)]
    enum Event {
        /// The source makes this many samples that never arrive.
        Lose(u64),
        /// It makes one that arrives.
        Arrive,
        /// An old packet comes again.
        Repeat(u64),
        /// It declares its newest number.
        Declare,
        /// It begins anew.
        Restart {
            new_epoch: bool,
        },
        /// The consumer takes, overwrites or drops the oldest one that waits.
        Take,
        Replace,
        Drop,
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let event = prop_oneof![
            2 => (1_u64..5).prop_map(Event::Lose),
            10 => Just(Event::Arrive),
            2 => (0_u64..4).prop_map(Event::Repeat),
            2 => Just(Event::Declare),
            1 => any::<bool>().prop_map(|new_epoch| Event::Restart { new_epoch }),
            5 => Just(Event::Take),
            2 => Just(Event::Replace),
            2 => Just(Event::Drop),
        ];
        proptest::collection::vec(event, 0..400)
    }

    proptest! {
        #[test]
        fn the_equation_always_holds(events in events()) {
            let mut account = Account::default();
            let mut id = SegmentId { epoch: 1, incarnation: 1 };
            let mut next = 0_u64;
            let mut waiting = VecDeque::new();
            let (mut delivered, mut received, mut duplicates) = (0_u64, 0_u64, 0_u64);
            for event in events {
                match event {
                    Event::Lose(count) => next += count,
                    Event::Arrive => {
                        prop_assert_eq!(account.arrived(id, next, 0), Arrival::Fresh);
                        waiting.push_back(id);
                        delivered += 1;
                        next += 1;
                    }
                    Event::Repeat(back) => {
                        let seen = account.stats().segments.last().copied();
                        if let Some(current) = seen.filter(|seen| (seen.epoch, seen.incarnation) == (id.epoch, id.incarnation)) {
                            prop_assert_eq!(account.arrived(id, current.last.saturating_sub(back), 0), Arrival::Repeated);
                            duplicates += 1;
                        }
                    }
                    Event::Declare => account.declared(id, next.saturating_sub(1), 0),
                    Event::Restart { new_epoch } => {
                        if new_epoch { id.epoch += 1 } else { id.incarnation += 1 }
                        next = 0;
                    }
                    Event::Take => if let Some(oldest) = waiting.pop_front() {
                        account.received(oldest);
                        received += 1;
                    },
                    Event::Replace => if let Some(oldest) = waiting.pop_front() { account.replaced(oldest) },
                    Event::Drop => if let Some(oldest) = waiting.pop_front() { account.dropped(oldest) },
                }
                let stats = account.stats();
                prop_assert!(stats.balances(), "{stats:?}");
                prop_assert_eq!(stats.waiting, waiting.len() as u64);
                prop_assert_eq!(stats.received, received);
                prop_assert_eq!(stats.duplicates, duplicates);
                prop_assert_eq!(stats.received + stats.replaced + stats.dropped + stats.waiting, delivered);
            }
        }
    }
}
