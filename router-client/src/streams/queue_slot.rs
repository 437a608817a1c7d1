//! What a queue keeps: every sample, up to a bound.

use std::collections::VecDeque;

use super::packet::Packet;
use super::segment::Account;
use super::subscription::Keep;

/// Samples in the order in which they came, at most as many and as large as the bound allows.
#[derive(Debug)]
pub(crate) struct QueueSlot {
    packets: VecDeque<Packet>,
    /// The sum of their costs.
    bytes: usize,
    bound: QueueBound,
}

/// How much a queue may hold, and what goes when there is more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueBound {
    /// At most so many samples, at least 1.
    pub(crate) samples: usize,
    /// At most so many bytes; a single sample is kept whatever its size.
    pub(crate) bytes: usize,
    /// The newest is dropped instead of the oldest.
    pub(crate) keep_oldest: bool,
}

impl QueueSlot {
    pub(crate) fn new(bound: QueueBound) -> QueueSlot {
        QueueSlot { packets: VecDeque::new(), bytes: 0, bound }
    }

    /// The oldest sample.
    pub(crate) fn take(&mut self, account: &mut Account) -> Option<Packet> {
        let oldest = self.remove_oldest()?;
        account.received(oldest.id());
        Some(oldest)
    }

    fn remove_oldest(&mut self) -> Option<Packet> {
        let oldest = self.packets.pop_front()?;
        self.bytes -= oldest.cost_bytes();
        Some(oldest)
    }

    fn has_room_for(&self, packet: &Packet) -> bool {
        self.packets.is_empty()
            || (self.packets.len() < self.bound.samples
                && self.bytes + packet.cost_bytes() <= self.bound.bytes)
    }
}

impl Keep for QueueSlot {
    const NEWEST_ONLY: bool = false;

    fn keep(&mut self, packet: Packet, account: &mut Account) {
        if self.bound.keep_oldest && !self.has_room_for(&packet) {
            account.dropped(packet.id());
            return;
        }
        while !self.has_room_for(&packet) {
            if let Some(oldest) = self.remove_oldest() {
                account.dropped(oldest.id());
            }
        }
        self.bytes += packet.cost_bytes();
        self.packets.push_back(packet);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{LIFE, packet, packet_of};
    use super::*;

    fn offer(slot: &mut QueueSlot, account: &mut Account, packet: Packet) {
        let _ = account.arrived(LIFE, packet.header.sequence, 0);
        slot.keep(packet, account);
    }

    fn drain(slot: &mut QueueSlot, account: &mut Account) -> Vec<u64> {
        std::iter::from_fn(|| slot.take(account)).map(|packet| packet.header.sequence).collect()
    }

    #[test]
    fn the_oldest_or_the_newest_is_dropped_and_counted() {
        for (keep_oldest, expect) in [(false, [2, 3, 4]), (true, [0, 1, 2])] {
            let mut slot = QueueSlot::new(QueueBound { samples: 3, bytes: usize::MAX, keep_oldest });
            let mut account = Account::default();
            (0..5).for_each(|sequence| offer(&mut slot, &mut account, packet(sequence)));
            assert_eq!(account.stats().dropped, 2);
            assert_eq!(drain(&mut slot, &mut account), expect);
            assert_eq!((account.stats().received, account.stats().balances()), (3, true));
        }
    }

    #[test]
    fn bytes_bound_a_queue_too_but_one_sample_always_fits() {
        let large = |sequence| packet_of(sequence, &[0; 1000]);
        let bytes = 2 * large(0).cost_bytes();
        let mut slot = QueueSlot::new(QueueBound { samples: 100, bytes, keep_oldest: false });
        let mut account = Account::default();
        (0..3).for_each(|sequence| offer(&mut slot, &mut account, large(sequence)));
        assert_eq!(account.stats().dropped, 1);
        offer(&mut slot, &mut account, packet_of(3, &[0; 50_000]));
        assert_eq!(account.stats().dropped, 3);
        assert_eq!(drain(&mut slot, &mut account), [3]);
        assert_eq!(slot.bytes, 0);
        assert!(account.stats().balances());
    }

    proptest! {
        #[test]
        fn the_bound_and_the_account_hold(
            sizes in proptest::collection::vec((0_usize..300, any::<bool>()), 0..200),
            samples in 1_usize..20,
            bytes in 0_usize..3000,
            keep_oldest in any::<bool>(),
        ) {
            let mut slot = QueueSlot::new(QueueBound { samples, bytes, keep_oldest });
            let mut account = Account::default();
            for (sequence, (size, take)) in sizes.into_iter().enumerate() {
                offer(&mut slot, &mut account, packet_of(sequence as u64, &vec![0; size]));
                if take {
                    prop_assert!(slot.take(&mut account).is_some());
                }
                prop_assert!(slot.packets.len() <= samples);
                prop_assert!(slot.bytes <= bytes || slot.packets.len() == 1);
                prop_assert_eq!(slot.bytes, slot.packets.iter().map(Packet::cost_bytes).sum::<usize>());
                prop_assert_eq!(account.stats().waiting, slot.packets.len() as u64);
                prop_assert!(account.stats().balances());
            }
        }
    }
}
