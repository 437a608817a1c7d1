//! `SharedStream`: one stream's samples in memory that its server shares with this process, as its hub sees it.

use bytes::Bytes;
use router_slots::{Borrower, NotHeld, Refusal, SlotDescriptor, SlotReader};
use router_wire::{Payload, SampleHeader};

use super::packet::{Arrived, Packet, Way};
use super::segment::SegmentId;

/// Most messages that wait for the server's answer to one question for a ring. It keeps at most as many samples.
const MOST_PARKED: usize = 1_000;

/// How far a hub is with the ring of a stream's life.
#[derive(Debug, Default)]
pub(crate) struct SharedStream {
    /// The life that was asked about last.
    life: Option<SegmentId>,
    /// `None` while there is no answer, and when it was no.
    reader: Option<SlotReader>,
    /// The answer is on its way.
    is_asked: bool,
    /// There was no place, which may change.
    is_full: bool,
    /// What has come meanwhile, in its order.
    parked: Vec<Arrived>,
}

impl SharedStream {
    /// Whether the server is to be asked for the ring of `life`; says so once for each.
    pub(crate) fn asks(&mut self, life: SegmentId) -> bool {
        let is_older = |known: SegmentId| known.epoch == life.epoch && known.incarnation >= life.incarnation;
        if self.life.is_some_and(is_older) {
            return false;
        }
        (self.life, self.reader, self.is_asked, self.is_full) = (Some(life), None, true, false);
        true
    }

    /// Where there was no place, the same life may be asked about once more.
    pub(crate) fn ask_again(&mut self) {
        if std::mem::take(&mut self.is_full) {
            self.life = None;
        }
    }

    /// The server's answer for `life`; what was parked is to be handled now, in its order.
    pub(crate) fn answered(&mut self, life: SegmentId, answer: Result<SlotReader, Refusal>) -> Vec<Arrived> {
        if self.life == Some(life) && self.is_asked {
            let no_place = [Refusal::TooManyReaders, Refusal::TooManyAttachments];
            self.is_full = answer.as_ref().is_err_and(|reason| no_place.contains(reason));
            (self.reader, self.is_asked) = (answer.ok(), false);
            return std::mem::take(&mut self.parked);
        }
        Vec::new()
    }

    /// Nothing more comes through memory, until somebody asks anew.
    pub(crate) fn forget(&mut self) -> Vec<Arrived> {
        std::mem::take(self).parked
    }

    /// Whether samples can be read from memory.
    pub(crate) fn is_attached(&self) -> bool {
        self.reader.is_some()
    }

    /// Keeps what came while the answer that it needs is on its way; gives it back when it needs none.
    pub(crate) fn park(&mut self, arrived: Arrived) -> Option<Arrived> {
        let needs_answer = matches!(arrived, Arrived::InSlot { .. }) || !self.parked.is_empty();
        if !self.is_asked || !needs_answer || self.parked.len() >= MOST_PARKED {
            return Some(arrived);
        }
        self.parked.push(arrived);
        None
    }

    /// The sample that is in this slot, in place, or copied when as many are kept in place as may be. `None`: it is there
    /// no longer.
    pub(crate) fn read(&self, header: SampleHeader, slot: SlotDescriptor) -> Option<Packet> {
        let reader = self.reader.as_ref()?;
        let (payload, way) = match reader.hold(slot) {
            Ok(held) => (Payload::from(Bytes::from_owner(held)), Way::Memory),
            Err(NotHeld::TooMany { .. }) => {
                let mut copy = Vec::new();
                reader.copy(slot, &mut copy).ok()?;
                (Payload::from(Bytes::from(copy)), Way::Copied)
            }
            Err(_) => return None,
        };
        Some(Packet { header, skipped: 0, payload, way })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{LIFE, header};
    use super::*;

    fn in_slot(sequence: u64) -> Arrived {
        Arrived::InSlot { header: header(sequence), slot: SlotDescriptor { slot: 0, len: 1, stamp: 1 } }
    }

    fn declared(sequence: u64) -> Arrived {
        Arrived::Declaration { id: LIFE, sequence, skipped: 0, token: None }
    }

    fn sequences(arrived: &[Arrived]) -> Vec<u64> {
        let sequence = |arrived: &Arrived| match arrived {
            Arrived::InSlot { header, .. } => header.sequence,
            Arrived::Declaration { sequence, .. } => *sequence,
            other => panic!("{other:?}"),
        };
        arrived.iter().map(sequence).collect()
    }

    #[test]
    fn what_comes_before_the_answer_waits_for_it_in_its_order() {
        let mut shared = SharedStream::default();
        assert!(shared.park(in_slot(0)).is_some(), "nobody has asked");
        assert!(shared.asks(LIFE) && !shared.asks(LIFE));
        assert!(shared.park(declared(1)).is_some(), "it needs no answer");
        assert!(shared.park(in_slot(2)).is_none());
        assert!(shared.park(declared(2)).is_none(), "it would count what waits as lost");
        let other = SegmentId { incarnation: LIFE.incarnation + 1, ..LIFE };
        assert!(shared.answered(other, Err(Refusal::NotOffered)).is_empty(), "nobody asked for that");
        assert_eq!(sequences(&shared.answered(LIFE, Err(Refusal::NotOffered))), [2, 2]);
        assert!(shared.park(in_slot(3)).is_some());
        // A later life is asked for, an earlier one is not, and another server's is.
        assert!(shared.asks(other) && !shared.asks(LIFE));
        assert!(shared.asks(SegmentId { epoch: LIFE.epoch + 1, incarnation: 1 }));
        assert!(shared.park(in_slot(4)).is_none());
        assert_eq!(sequences(&shared.forget()), [4]);
        assert!(shared.asks(LIFE));
    }

    #[test]
    fn where_there_was_no_place_it_is_asked_again() {
        for (reason, again) in [(Refusal::TooManyReaders, true), (Refusal::NotOffered, false)] {
            let mut shared = SharedStream::default();
            assert!(shared.asks(LIFE));
            shared.answered(LIFE, Err(reason));
            assert!(!shared.asks(LIFE), "not at once");
            shared.ask_again();
            assert_eq!(shared.asks(LIFE), again, "{reason:?}");
        }
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut shared = SharedStream::default();
        assert!(shared.asks(LIFE));
        let parked = (0..).take_while(|&sequence| shared.park(in_slot(sequence)).is_none()).count();
        assert_eq!(parked, MOST_PARKED);
    }
}
