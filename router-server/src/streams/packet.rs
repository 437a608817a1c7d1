//! A sample as bytes: built without a number, numbered under its stream's lock, forwarded and kept by reference.

use router_slots::SlotDescriptor;
use router_socket::Frame;
use router_wire::sample::{self, SAMPLE_HEADER_BYTES};
use router_wire::{
    BodyError, Encoding, Failure, Refused, SampleHeader, SampleStatus, ToPayload, Topic, Written, body,
};

use super::clock::Times;

/// From this size on, bytes that exist already travel by reference in a frame of their own.
const OWN_FRAME_BYTES: usize = 64 << 10;

/// From this size on, what a relay received travels by reference: below, a copy costs less than a second frame. Measured
/// through a relay: 1.5 times as many messages a second at 4 KiB by reference as by copy, 1.1 times at 2 KiB.
pub(crate) const RELAYED_BY_REFERENCE_BYTES: usize = 4 << 10;

/// From this size on, a value that is bytes already, such as a camera's frame, travels by reference in a frame of its own:
/// it then begins at an aligned address where it is received. One packet with a shorter one has at most 8,192 bytes,
/// which a client copies to an aligned address.
const ALIGNED_BY_REFERENCE_BYTES: usize = 4 << 10;

/// One life of a stream's source: the epoch of its server and its incarnation there.
pub(crate) type Life = (u64, u64);

/// A sample that has no number yet.
pub(crate) struct Unnumbered {
    /// Name, NUL, room for the header, and the payload unless it has a frame of its own.
    packet: Vec<u8>,
    payload: Option<Frame>,
    status: SampleStatus,
    encoding: Encoding,
    times: Times,
}

/// Whose sample it is, and which.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp {
    pub(crate) epoch: u64,
    pub(crate) incarnation: u64,
    pub(crate) sequence: u64,
}

/// A numbered sample, or a packet that is none.
pub(crate) struct Packet {
    pub(crate) life: Life,
    pub(crate) sequence: u64,
    pub(crate) head: Frame,
    pub(crate) payload: Option<Frame>,
    /// Where the payload is in shared memory, too.
    pub(crate) slot: Option<SlotDescriptor>,
}

impl Unnumbered {
    /// A value, serialised in place behind the header, or by reference where it is bytes already.
    ///
    /// # Errors
    /// [`BodyError::Encode`].
    pub(crate) fn value<T: ToPayload + ?Sized>(
        name: &str,
        value: &T,
        times: Times,
    ) -> Result<Self, BodyError> {
        let mut packet = sample::start_packet(name);
        let (payload, encoding) = match value.to_payload(&mut packet)? {
            Written::InPacket(encoding) => (None, encoding),
            Written::Shared(encoding, bytes) if bytes.len() < ALIGNED_BY_REFERENCE_BYTES => {
                packet.extend_from_slice(&bytes);
                (None, encoding)
            }
            Written::Shared(encoding, bytes) => (Some(Frame::from_owner(bytes)), encoding),
        };
        Ok(Unnumbered { packet, payload, status: SampleStatus::Value, encoding, times })
    }

    /// A value that was written as MessagePack behind [`sample::start_packet`].
    pub(crate) fn built(packet: Vec<u8>, times: Times) -> Self {
        Unnumbered {
            packet,
            payload: None,
            status: SampleStatus::Value,
            encoding: Encoding::MessagePack,
            times,
        }
    }

    /// Bytes that exist already: by reference from 64 KiB, where a copy costs more than a second frame.
    pub(crate) fn bytes<B>(name: &str, bytes: B, encoding: Encoding, times: Times) -> Self
    where
        B: AsRef<[u8]> + Send + Sync + 'static,
    {
        let mut packet = sample::start_packet(name);
        let payload = if bytes.as_ref().len() < OWN_FRAME_BYTES {
            packet.extend_from_slice(bytes.as_ref());
            None
        } else {
            Some(Frame::from_owner(bytes))
        };
        Unnumbered { packet, payload, status: SampleStatus::Value, encoding, times }
    }

    /// What stands from `start` on in a frame that was received, by reference where that pays.
    pub(crate) fn relayed(name: &str, frame: Frame, start: usize, encoding: Encoding, times: Times) -> Self {
        let mut packet = sample::start_packet(name);
        let bytes = &frame[start..];
        let payload = if bytes.len() < RELAYED_BY_REFERENCE_BYTES {
            packet.extend_from_slice(bytes);
            None
        } else {
            Some(tail(frame, start))
        };
        Unnumbered { packet, payload, status: SampleStatus::Value, encoding, times }
    }

    /// A sample whose value could not be made. Its text is cut where it is longer than `largest_bytes`.
    pub(crate) fn error(name: &str, failure: &Failure, largest_bytes: usize, times: Times) -> Self {
        const ALWAYS_TAKEN_BYTES: usize = 1024;
        let write = |failure: &Failure| {
            let mut packet = sample::start_packet(name);
            body::encode_into(failure, &mut packet).expect("a failure is plain data");
            packet
        };
        let mut packet = write(failure);
        if packet.len() - start_of_payload(name) > largest_bytes.max(ALWAYS_TAKEN_BYTES) {
            let text: String = failure.to_string().chars().take(200).collect();
            packet = write(&Failure::Refused(Refused::new("error", text + "...")));
        }
        let (status, encoding) = (SampleStatus::Error, Encoding::MessagePack);
        Unnumbered { packet, payload: None, status, encoding, times }
    }

    /// The payload of this sample of `name`.
    pub(crate) fn payload(&self, name: &str) -> &[u8] {
        self.payload.as_ref().map_or(&self.packet[start_of_payload(name)..], |payload| payload)
    }

    /// The size of the payload of this sample of `name` [bytes].
    pub(crate) fn payload_bytes(&self, name: &str) -> usize {
        self.payload.as_ref().map_or(self.packet.len() - start_of_payload(name), |payload| payload.len())
    }

    pub(crate) fn is_error(&self) -> bool {
        self.status == SampleStatus::Error
    }

    /// Gives the sample its number.
    pub(crate) fn number(mut self, name: &str, stamp: Stamp) -> Packet {
        let header = SampleHeader {
            payload_in_own_frame: self.payload.is_some(),
            status: self.status,
            encoding: self.encoding,
            epoch: stamp.epoch,
            incarnation: stamp.incarnation,
            sequence: stamp.sequence,
            utc_ns: self.times.utc_ns,
            monotonic_ns: self.times.monotonic_ns,
        };
        sample::finish_packet(&mut self.packet, name, &header);
        let life = (stamp.epoch, stamp.incarnation);
        let head = Frame::from_vec(self.packet);
        Packet { life, sequence: stamp.sequence, head, payload: self.payload, slot: None }
    }
}

impl Packet {
    /// A packet that is no sample: a declaration, `Elsewhere`, `Removed`.
    pub(crate) fn control(
        name: &str,
        status: SampleStatus,
        stamp: Stamp,
        payload: &[u8],
        times: Times,
    ) -> Packet {
        let mut packet = sample::start_packet(name);
        packet.extend_from_slice(payload);
        let encoding = if payload.is_empty() { Encoding::None } else { Encoding::Raw };
        Unnumbered { packet, payload: None, status, encoding, times }.number(name, stamp)
    }

    /// The same under the topic of a view that has left out `skipped` until now; for small packets.
    pub(crate) fn with_skipped(self, skipped: u32) -> Packet {
        let mut head = self.head.to_vec();
        sample::mark_skipped(&mut head, skipped);
        Packet { head: Frame::from_vec(head), ..self }
    }

    /// A packet of another server under the name that it has here; all else is as it was. A small payload is copied
    /// behind its new name, a large one goes by reference in a frame of its own.
    pub(crate) fn renamed(
        name: &str,
        (former_name_bytes, header, is_last_value): (usize, &SampleHeader, bool),
        head: Frame,
        payload: Option<Frame>,
    ) -> Packet {
        let (life, sequence) = ((header.epoch, header.incarnation), header.sequence);
        let start = former_name_bytes + 1 + SAMPLE_HEADER_BYTES;
        if name.as_bytes() == &head[..former_name_bytes] {
            return Packet { life, sequence, head, payload, slot: None };
        }
        let mut packet = sample::start_packet(name);
        let payload = match payload {
            Some(payload) if payload.len() >= RELAYED_BY_REFERENCE_BYTES => Some(payload),
            Some(payload) => {
                packet.extend_from_slice(&payload);
                None
            }
            None if head.len() - start >= RELAYED_BY_REFERENCE_BYTES => Some(tail(head, start)),
            None => {
                packet.extend_from_slice(&head[start..]);
                None
            }
        };
        let header = SampleHeader { payload_in_own_frame: payload.is_some(), ..*header };
        sample::finish_packet(&mut packet, name, &header);
        if is_last_value {
            sample::mark_last_value(&mut packet);
        }
        Packet { life, sequence, head: Frame::from_vec(packet), payload, slot: None }
    }

    /// The payload of a packet that has it behind its header.
    pub(crate) fn payload_in_head(&self, name: &str) -> &[u8] {
        self.head.get(start_of_payload(name)..).unwrap_or_default()
    }

    /// The same bytes by reference.
    pub(crate) fn shared(&self) -> Packet {
        let payload = self.payload.as_ref().map(Frame::shared);
        Packet { head: self.head.shared(), payload, ..*self }
    }

    /// The same sample under the topic of a view of its stream that has left out `skipped` until now. A large payload is
    /// not copied.
    pub(crate) fn under(&self, topic: &Topic, skipped: u32) -> Packet {
        let name = topic.name().as_str();
        let start = start_of_payload(name);
        let (header, payload_in_head) = (&self.head[name.len() + 1..start], &self.head[start..]);
        let mut head = Vec::with_capacity(start_of_payload(topic.as_str()) + payload_in_head.len().min(4096));
        head.extend_from_slice(topic.as_str().as_bytes());
        head.push(0);
        head.extend_from_slice(header);
        let payload = match &self.payload {
            Some(payload) => Some(payload.shared()),
            None if payload_in_head.len() >= OWN_FRAME_BYTES => {
                sample::mark_payload_in_own_frame(&mut head);
                Some(tail(self.head.shared(), start))
            }
            None => {
                head.extend_from_slice(payload_in_head);
                None
            }
        };
        sample::mark_skipped(&mut head, skipped);
        Packet { head: Frame::from_vec(head), payload, ..*self }
    }

    /// The same sample under the topic of the view of slots: what leads to its payload, or the payload where it is in no
    /// slot.
    pub(crate) fn by_slot(&self, topic: &Topic) -> Packet {
        let Some(slot) = &self.slot else { return self.under(topic, 0) };
        let name = topic.name().as_str();
        let mut head = Vec::with_capacity(start_of_payload(topic.as_str()) + SlotDescriptor::BYTES);
        head.extend_from_slice(topic.as_str().as_bytes());
        head.push(0);
        head.extend_from_slice(&self.head[name.len() + 1..start_of_payload(name)]);
        head.extend_from_slice(&slot.encode());
        sample::mark_payload_in_slot(&mut head);
        Packet { head: Frame::from_vec(head), payload: None, ..*self }
    }

    /// The same sample, marked as sent again for a new subscriber. A large payload is not copied: it gets a frame
    /// of its own.
    pub(crate) fn as_last_value(&self, name: &str) -> Packet {
        let start = start_of_payload(name);
        let mut head;
        let payload;
        if self.payload.is_none() && self.head.len() - start >= OWN_FRAME_BYTES {
            head = self.head[..start].to_vec();
            let (header, _) =
                SampleHeader::decode(&head[name.len() + 1..]).expect("the header was written here");
            sample::finish_packet(&mut head, name, &SampleHeader { payload_in_own_frame: true, ..header });
            payload = Some(tail(self.head.shared(), start));
        } else {
            head = self.head.to_vec();
            payload = self.payload.as_ref().map(Frame::shared);
        }
        sample::mark_last_value(&mut head);
        Packet { head: Frame::from_vec(head), payload, ..*self }
    }
}

/// What stands behind `start` in a frame, by reference.
struct Tail {
    frame: Frame,
    start: usize,
}

impl AsRef<[u8]> for Tail {
    fn as_ref(&self) -> &[u8] {
        &self.frame[self.start..]
    }
}

fn tail(frame: Frame, start: usize) -> Frame {
    if start == 0 { frame } else { Frame::from_owner(Tail { frame, start }) }
}

fn start_of_payload(name: &str) -> usize {
    name.len() + 1 + SAMPLE_HEADER_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use router_wire::SamplePacket;

    const TIMES: Times = Times { utc_ns: 5, monotonic_ns: 6 };
    const STAMP: Stamp = Stamp { epoch: 1, incarnation: 2, sequence: 3 };

    fn payload_of(packet: &Packet) -> Vec<u8> {
        let read = SamplePacket::decode(&packet.head).unwrap();
        assert_eq!(read.header.payload_in_own_frame, packet.payload.is_some());
        packet.payload.as_ref().map_or(read.payload.to_vec(), |payload| payload.to_vec())
    }

    #[test]
    fn bytes_that_exist_are_not_copied_from_64_kib() {
        for (len, frames) in [(0, 1), (65_535, 1), (65_536, 2), (1 << 20, 2)] {
            let bytes = vec![7; len];
            let address = bytes.as_ptr();
            let packet =
                Unnumbered::bytes("camera.frame", bytes, Encoding::Raw, TIMES).number("camera.frame", STAMP);
            assert_eq!(1 + usize::from(packet.payload.is_some()), frames, "{len} bytes");
            assert!(packet.payload.as_ref().is_none_or(|payload| payload.as_ptr() == address));
            assert_eq!(payload_of(&packet), vec![7; len]);
        }
    }

    /// A value that is bytes already.
    struct Ready(bytes::Bytes);

    impl ToPayload for Ready {
        fn to_payload(&self, _packet: &mut Vec<u8>) -> Result<Written, BodyError> {
            Ok(Written::Shared(Encoding::Frame, self.0.clone()))
        }
    }

    #[test]
    fn a_value_that_is_bytes_is_not_copied_from_4_kib() {
        for (len, frames) in [(0, 1), (4095, 1), (4096, 2), (1 << 20, 2)] {
            let value = Ready(vec![7; len].into());
            let packet =
                Unnumbered::value("camera.frame", &value, TIMES).unwrap().number("camera.frame", STAMP);
            assert_eq!(1 + usize::from(packet.payload.is_some()), frames, "{len} bytes");
            assert!(packet.payload.as_ref().is_none_or(|payload| payload.as_ptr() == value.0.as_ptr()));
            assert_eq!(payload_of(&packet), vec![7; len]);
            let encoding = SamplePacket::decode(&packet.head).unwrap().header.encoding;
            assert_eq!(encoding, Encoding::Frame);
        }
    }

    #[test]
    fn a_last_value_is_the_same_sample_marked_and_not_copied_when_large() {
        let small = Unnumbered::value("a", &1.5, TIMES).unwrap().number("a", STAMP);
        let large = Unnumbered::value("a", &"x".repeat(100_000), TIMES).unwrap().number("a", STAMP);
        let framed = Unnumbered::bytes("a", vec![1; 100_000], Encoding::Raw, TIMES).number("a", STAMP);
        for (packet, frames) in [(small, 1), (large, 2), (framed, 2)] {
            let again = packet.as_last_value("a");
            assert_eq!(1 + usize::from(again.payload.is_some()), frames);
            assert_eq!(payload_of(&again), payload_of(&packet));
            let (read, original) =
                (SamplePacket::decode(&again.head).unwrap(), SamplePacket::decode(&packet.head).unwrap());
            assert!(read.last_value && !original.last_value);
            assert_eq!(read.header.sequence, 3);
            assert_eq!(read.header.encoding, original.header.encoding);
        }
    }

    #[test]
    fn what_was_received_is_passed_by_reference_where_that_pays() {
        for len in [0, 100, RELAYED_BY_REFERENCE_BYTES - 1, RELAYED_BY_REFERENCE_BYTES, 1 << 20] {
            for start in [0, 7] {
                let frame = Frame::from_vec(vec![5; start + len]);
                let address = frame[start..].as_ptr();
                let sample = Unnumbered::relayed("laser", frame, start, Encoding::Raw, TIMES);
                assert_eq!(sample.payload_bytes("laser"), len);
                let packet = sample.number("laser", STAMP);
                assert_eq!(packet.payload.is_some(), len >= RELAYED_BY_REFERENCE_BYTES, "{len} bytes");
                assert!(packet.payload.as_ref().is_none_or(|payload| payload.as_ptr() == address));
                assert_eq!(payload_of(&packet), vec![5; len]);
            }
        }
    }

    #[test]
    fn a_packet_of_another_server_changes_its_name_and_nothing_else() {
        for len in [0, 100, RELAYED_BY_REFERENCE_BYTES, 1 << 20] {
            for own_frame in [false, true] {
                for name in ["camera", "rig2.camera"] {
                    let bytes = vec![3; len];
                    let mut head = sample::start_packet("camera");
                    if !own_frame {
                        head.extend_from_slice(&bytes);
                    }
                    let header = SampleHeader {
                        payload_in_own_frame: own_frame,
                        status: SampleStatus::Value,
                        encoding: Encoding::Json,
                        epoch: 7,
                        incarnation: 8,
                        sequence: 9,
                        utc_ns: -10,
                        monotonic_ns: 11,
                    };
                    sample::finish_packet(&mut head, "camera", &header);
                    sample::mark_last_value(&mut head);
                    let (head, payload) = (Frame::from_vec(head), own_frame.then(|| Frame::from_vec(bytes)));
                    let address = |head: &Frame, payload: &Option<Frame>| {
                        let in_head = || head[head.len() - len..].as_ptr();
                        payload.as_ref().map_or_else(in_head, |frame| frame.as_ptr())
                    };
                    let from = address(&head, &payload);
                    let packet = Packet::renamed(name, ("camera".len(), &header, true), head, payload);
                    let read = SamplePacket::decode(&packet.head).unwrap();
                    assert_eq!((read.topic, read.last_value), (name, true));
                    let own_frame = read.header.payload_in_own_frame;
                    assert_eq!(read.header, SampleHeader { payload_in_own_frame: own_frame, ..header });
                    assert_eq!((packet.life, packet.sequence), ((7, 8), 9));
                    assert_eq!(payload_of(&packet), vec![3; len]);
                    if len >= RELAYED_BY_REFERENCE_BYTES {
                        assert_eq!(address(&packet.head, &packet.payload), from, "{len} bytes as {name}");
                    }
                }
            }
        }
    }

    #[test]
    fn an_error_fits_into_what_the_stream_declared() {
        let failure = Failure::Panicked { message: "boom ".repeat(10_000) };
        for largest in [1, 2_000] {
            let sample = Unnumbered::error("a", &failure, largest, TIMES);
            assert!(sample.is_error());
            assert!(sample.payload_bytes("a") <= 1024, "{}", sample.payload_bytes("a"));
            let packet = sample.number("a", STAMP);
            let read: Failure = body::decode(&payload_of(&packet)).unwrap();
            assert!(read.to_string().contains("boom boom"), "{read}");
        }
    }
}
