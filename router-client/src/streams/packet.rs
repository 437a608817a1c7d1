//! A packet as the loop hands it on: read once, shared by every subscription.

use bytes::Bytes;
use router_slots::SlotDescriptor;
use router_socket::Frame;
use router_wire::topic::MAX_TOPIC_BYTES;
use router_wire::{Payload, SampleHeader, SamplePacket, SampleStatus};

use super::segment::SegmentId;

/// A sample, whose payload is shared by cloning.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) header: SampleHeader,
    /// How many samples were left out until then, modulo 2^32.
    pub(crate) skipped: u32,
    pub(crate) payload: Payload,
    pub(crate) way: Way,
}

/// How the payload of a sample came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// In the message.
    Message,
    /// In shared memory, where it stays.
    Memory,
    /// In shared memory, from where it was copied, since as many are kept there as may be.
    Copied,
}

/// What a message on a samples socket says.
#[derive(Debug)]
pub(crate) enum Arrived {
    /// A sample; `is_last_value`: it was sent again because of a new subscription.
    Sample { packet: Packet, is_last_value: bool },
    /// A sample that is in shared memory.
    InSlot { header: SampleHeader, slot: SlotDescriptor },
    /// The source declares the newest number it gave, maybe because a `settle` with this token asked.
    Declaration { id: SegmentId, sequence: u64, skipped: u32, token: Option<u64> },
    /// The stream is served on the other socket.
    Elsewhere { place: Place },
    /// The stream is gone; the last number it gave.
    Removed { id: SegmentId, sequence: u64, skipped: u32 },
}

/// Which of the server's two sockets serves a stream, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Samples,
    Frames,
    /// Also at `frames`, and only what is asked for.
    Asked,
    /// Also at `frames`: what leads to samples in shared memory.
    Slots,
}

impl Place {
    /// Whether every sample comes there that the stream has.
    pub(crate) fn has_all(self) -> bool {
        self != Place::Asked
    }

    /// Whether it is one of those of a large stream, which share a socket and an order.
    pub(crate) fn is_large(self) -> bool {
        self != Place::Samples
    }
}

/// Higher numbers are malformed: at a million samples a second a source needs two thousand years to get there,
/// and sums of lower ones stay far from an overflow.
const HIGHEST_SEQUENCE: u64 = 1 << 56;

/// Up to this length a frame may lie in the buffer that libzmq received it into, together with its neighbours,
/// and would keep all of that buffer for as long as the sample is kept. Longer ones have memory of their own.
const RECEIVE_BUFFER_BYTES: usize = 8192;

/// What a kept sample costs beside its payload [bytes]: its place in a queue and the counters of its memory.
const BOOKKEEPING_BYTES: usize = size_of::<Packet>() + 32;

impl Packet {
    /// The life of the source it comes from.
    pub(crate) fn id(&self) -> SegmentId {
        segment_id(&self.header)
    }

    /// What keeping it costs [bytes].
    pub(crate) fn cost_bytes(&self) -> usize {
        self.payload.len() + BOOKKEEPING_BYTES
    }
}

/// The text of the topic of a message, if its first frame begins with one.
pub(crate) fn topic_text(frames: &[Frame]) -> Option<&str> {
    let frame: &[u8] = frames.first()?;
    let end = frame.iter().take(MAX_TOPIC_BYTES).position(|&byte| byte == 0)?;
    std::str::from_utf8(&frame[..end]).ok()
}

/// Reads a message; `None` when it is malformed.
pub(crate) fn read(frames: &mut Vec<Frame>) -> Option<Arrived> {
    let packet = SamplePacket::decode(frames.first()?).ok()?;
    let (header, is_last_value, skipped) = (packet.header, packet.last_value, packet.skipped);
    let (start, id, sequence) =
        (frames[0].len() - packet.payload.len(), segment_id(&header), header.sequence);
    let own_frame = header.payload_in_own_frame;
    if frames.len() != 1 + usize::from(own_frame) || sequence > HIGHEST_SEQUENCE {
        return None;
    }
    if own_frame && start != frames[0].len() {
        return None;
    }
    if packet.in_slot {
        let slot = SlotDescriptor::decode(packet.payload).filter(|_| header.status == SampleStatus::Value)?;
        return Some(Arrived::InSlot { header, slot });
    }
    let payload = |frames: &mut Vec<Frame>| {
        let start = if own_frame { 0 } else { start };
        frames.pop().map(|frame| payload_of(frame, start))
    };
    match header.status {
        SampleStatus::Value | SampleStatus::Error => {
            let packet = Packet { header, skipped, payload: payload(frames)?, way: Way::Message };
            Some(Arrived::Sample { packet, is_last_value })
        }
        SampleStatus::Declaration => {
            let payload = payload(frames)?;
            let token = match payload.as_slice() {
                [] => None,
                token => Some(u64::from_le_bytes(token.try_into().ok()?)),
            };
            Some(Arrived::Declaration { id, sequence, skipped, token })
        }
        SampleStatus::Elsewhere => match *payload(frames)?.as_slice() {
            [0] => Some(Arrived::Elsewhere { place: Place::Samples }),
            [1] => Some(Arrived::Elsewhere { place: Place::Frames }),
            _ => None,
        },
        SampleStatus::Removed => Some(Arrived::Removed { id, sequence, skipped }),
        // A status of a newer version of the protocol, which the greeting would have refused.
        _ => None,
    }
}

/// The life of the source that a message comes from; `None` where it says nothing of one.
pub(crate) fn life(arrived: &Arrived) -> Option<SegmentId> {
    match arrived {
        Arrived::Sample { packet, .. } => Some(packet.id()),
        Arrived::InSlot { header, .. } => Some(segment_id(header)),
        Arrived::Declaration { id, .. } => Some(*id),
        Arrived::Elsewhere { .. } | Arrived::Removed { .. } => None,
    }
}

pub(crate) fn segment_id(header: &SampleHeader) -> SegmentId {
    SegmentId { epoch: header.epoch, incarnation: header.incarnation }
}

/// What follows `start` in `frame`: a copy of a short frame, a reference to a long one.
fn payload_of(frame: Frame, start: usize) -> Payload {
    if frame.len() <= RECEIVE_BUFFER_BYTES {
        Payload::copy_from(&frame[start..])
    } else {
        Payload::from(Bytes::from_owner(frame).slice(start..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_frames_are_shared_and_short_ones_keep_nothing_else_alive() {
        let frame = Frame::from_vec(vec![7; 100_000]);
        let address = frame.as_ptr();
        let long = payload_of(frame, 10);
        assert_eq!((long.len(), long.as_ptr()), (99_990, address.wrapping_add(10)));
        let short = payload_of(Frame::from_vec((0..100).collect()), 90);
        assert_eq!(short.as_slice(), &[90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
    }
}
