//! What the tests of this folder share: packets.

use router_wire::{Encoding, SampleHeader, SampleStatus, body};

use super::packet::{Packet, Way};
use super::segment::SegmentId;

pub(crate) const LIFE: SegmentId = SegmentId { epoch: 7, incarnation: 1 };

/// The header of sample `sequence` of [`LIFE`].
pub(crate) fn header(sequence: u64) -> SampleHeader {
    SampleHeader {
        payload_in_own_frame: false,
        status: SampleStatus::Value,
        encoding: Encoding::MessagePack,
        epoch: LIFE.epoch,
        incarnation: LIFE.incarnation,
        sequence,
        utc_ns: 1_700_000_000_000_000_000,
        monotonic_ns: 5,
    }
}

/// Sample `sequence` with the value `sequence`.
pub(crate) fn packet(sequence: u64) -> Packet {
    packet_of(sequence, &body::encode(&sequence).expect("a number"))
}

/// Sample `sequence` with this payload.
pub(crate) fn packet_of(sequence: u64, payload: &[u8]) -> Packet {
    Packet { header: header(sequence), skipped: 0, payload: payload.to_vec().into(), way: Way::Message }
}
