//! What a cache keeps: the newest sample.

use super::packet::Packet;
use super::segment::Account;
use super::subscription::Keep;

/// The newest sample, and whether the program has seen it.
#[derive(Debug, Default)]
pub(crate) struct CacheSlot {
    newest: Option<Packet>,
    /// The newest one is counted as received.
    seen: bool,
}

impl CacheSlot {
    /// The newest sample, which stays.
    pub(crate) fn latest(&mut self, account: &mut Account) -> Option<Packet> {
        let newest = self.newest.clone()?;
        self.see(&newest, account);
        Some(newest)
    }

    /// The newest sample, which does not stay.
    pub(crate) fn take(&mut self, account: &mut Account) -> Option<Packet> {
        let newest = self.newest.take()?;
        self.see(&newest, account);
        Some(newest)
    }

    /// The newest sample, if the program has not seen it.
    pub(crate) fn newer(&mut self, account: &mut Account) -> Option<Packet> {
        if self.seen { None } else { self.latest(account) }
    }

    fn see(&mut self, newest: &Packet, account: &mut Account) {
        if !self.seen {
            self.seen = true;
            account.received(newest.id());
        }
    }
}

impl Keep for CacheSlot {
    const NEWEST_ONLY: bool = true;

    fn keep(&mut self, packet: Packet, account: &mut Account) {
        if let Some(replaced) = self.newest.replace(packet)
            && !self.seen
        {
            account.replaced(replaced.id());
        }
        self.seen = false;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{LIFE, packet};
    use super::*;

    #[test]
    fn a_sample_is_received_once_or_replaced() {
        let (mut slot, mut account) = (CacheSlot::default(), Account::default());
        assert!(slot.latest(&mut account).is_none());
        let arrive = |slot: &mut CacheSlot, account: &mut Account, sequence| {
            let _ = account.arrived(LIFE, sequence, 0);
            slot.keep(packet(sequence), account);
        };
        let sequence = |packet: Option<Packet>| packet.map(|packet| packet.header.sequence);
        arrive(&mut slot, &mut account, 0);
        arrive(&mut slot, &mut account, 1);
        assert_eq!(sequence(slot.latest(&mut account)), Some(1));
        assert_eq!(sequence(slot.latest(&mut account)), Some(1));
        assert_eq!(sequence(slot.newer(&mut account)), None);
        arrive(&mut slot, &mut account, 2);
        assert_eq!(sequence(slot.newer(&mut account)), Some(2));
        assert_eq!(sequence(slot.take(&mut account)), Some(2));
        assert_eq!(sequence(slot.take(&mut account)), None);
        assert_eq!(sequence(slot.latest(&mut account)), None);
        arrive(&mut slot, &mut account, 3);
        assert_eq!(sequence(slot.take(&mut account)), Some(3));
        arrive(&mut slot, &mut account, 4);
        let stats = account.stats();
        assert_eq!((stats.received, stats.replaced, stats.waiting), (3, 1, 1));
        assert!(stats.balances());
    }
}
