//! A stream's packet: name, NUL, header, payload.
//!
//! A packet is one frame; with [`SampleHeader::payload_in_own_frame`] the payload follows in a second one.
//! All numbers are little-endian; offsets count from behind the NUL.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 1 | layout version: 1 |
//! | 1 | 1 | flags: 1 payload in a frame of its own, 2 sent again as the last value for a new subscription, 4 the payload is in a slot |
//! | 2 | 1 | status ([`SampleStatus`]) |
//! | 3 | 1 | encoding of the payload |
//! | 4 | 4 | under the topic of a view: how many samples it has left out until now, modulo 2^32; else 0 |
//! | 8 | 8 | epoch of the server |
//! | 16 | 8 | incarnation of the stream under its name |
//! | 24 | 8 | sequence number, from 0 in each incarnation |
//! | 32 | 8 | UTC of acquisition [ns since 1970-01-01], signed |
//! | 40 | 8 | monotonic time of the server at acquisition [ns since an unspecified start] |
//! | 48 | rest | payload; with flag 4 the 20 bytes that lead to it in memory that both sides share |

use crate::body::Encoding;
use crate::field::{DecodeError, Fields};
use crate::name::NameError;
use crate::topic::{self, MAX_TOPIC_BYTES};

const LAYOUT_VERSION: u8 = 1;
const PAYLOAD_IN_OWN_FRAME: u8 = 1;
const LAST_VALUE: u8 = 2;
const PAYLOAD_IN_SLOT: u8 = 4;
/// Where the count of what a view left out stands in the header.
const SKIPPED_AT: usize = 4;

/// The size of the header between the NUL and the payload [bytes].
pub const SAMPLE_HEADER_BYTES: usize = 48;

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum SampleStatus {
    /// A sample; the payload is its value.
    Value = 0,
    /// A sample whose value could not be made; the payload is a [`Failure`](crate::Failure) in MessagePack.
    Error = 1,
    /// Not a sample: its sequence number is the last one that was given, declared so that a loss at the end
    /// is seen. The payload is empty, or the 8 bytes of the token of the `settle` that asked for it.
    Declaration = 2,
    /// Not a sample: the stream is served on the other samples socket; subscribe there. The payload is one
    /// byte, 0 for `samples` and 1 for `frames`.
    Elsewhere = 3,
    /// Not a sample: the stream was removed. The sequence number is the last one that was given.
    Removed = 4,
}

impl SampleStatus {
    fn from_byte(byte: u8) -> Result<Self, DecodeError> {
        use SampleStatus::*;
        [Value, Error, Declaration, Elsewhere, Removed]
            .get(usize::from(byte))
            .copied()
            .ok_or(DecodeError::UnknownValue { field: "sample status", value: byte })
    }

    /// Whether the packet is a sample and its sequence number its own.
    pub fn is_sample(self) -> bool {
        matches!(self, SampleStatus::Value | SampleStatus::Error)
    }
}

/// What stands between the name and the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleHeader {
    /// The payload is the next frame of the message.
    pub payload_in_own_frame: bool,
    /// What the packet is.
    pub status: SampleStatus,
    /// How the payload is encoded.
    pub encoding: Encoding,
    /// The epoch of the server that made the sample.
    pub epoch: u64,
    /// The stream's incarnation under its name.
    pub incarnation: u64,
    /// The number of the sample in its incarnation.
    pub sequence: u64,
    /// UTC of acquisition [ns since 1970-01-01].
    pub utc_ns: i64,
    /// The server's monotonic clock at acquisition [ns].
    pub monotonic_ns: u64,
}

impl SampleHeader {
    /// The header's bytes.
    pub fn encode(&self) -> [u8; SAMPLE_HEADER_BYTES] {
        let mut bytes = [0; SAMPLE_HEADER_BYTES];
        bytes[0] = LAYOUT_VERSION;
        bytes[1] = if self.payload_in_own_frame { PAYLOAD_IN_OWN_FRAME } else { 0 };
        bytes[2] = self.status as u8;
        bytes[3] = self.encoding as u8;
        bytes[8..16].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.incarnation.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.utc_ns.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.monotonic_ns.to_le_bytes());
        bytes
    }

    /// Reads a header and returns it with what follows it.
    ///
    /// # Errors
    /// A [`DecodeError`] when it is none.
    pub fn decode(bytes: &[u8]) -> Result<(SampleHeader, &[u8]), DecodeError> {
        let mut fields = Fields::new(bytes);
        let version = fields.u8("sample layout version")?;
        if version != LAYOUT_VERSION {
            return Err(DecodeError::UnknownValue { field: "sample layout version", value: version });
        }
        let flags = fields.u8("sample flags")?;
        let excludes = PAYLOAD_IN_OWN_FRAME | PAYLOAD_IN_SLOT;
        if flags & !(PAYLOAD_IN_OWN_FRAME | LAST_VALUE | PAYLOAD_IN_SLOT) != 0 || flags & excludes == excludes
        {
            return Err(DecodeError::UnknownValue { field: "sample flags", value: flags });
        }
        let status = SampleStatus::from_byte(fields.u8("sample status")?)?;
        let encoding = Encoding::from_byte(fields.u8("encoding")?)?;
        fields.u32("skipped")?;
        let header = SampleHeader {
            payload_in_own_frame: flags & PAYLOAD_IN_OWN_FRAME != 0,
            status,
            encoding,
            epoch: fields.u64("epoch")?,
            incarnation: fields.u64("incarnation")?,
            sequence: fields.u64("sequence")?,
            utc_ns: fields.i64("utc")?,
            monotonic_ns: fields.u64("monotonic time")?,
        };
        Ok((header, fields.rest()))
    }
}

/// A packet, borrowed from its first frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SamplePacket<'a> {
    /// What was subscribed to: the text of a [`Topic`](crate::Topic), the name unless it is a view.
    pub topic: &'a str,
    /// The header.
    pub header: SampleHeader,
    /// Whether it was sent again, for a new subscription; see [`mark_last_value`].
    pub last_value: bool,
    /// Whether the payload says where in shared memory the sample is; see [`mark_payload_in_slot`].
    pub in_slot: bool,
    /// How many samples the view has left out until now, modulo 2^32; see [`mark_skipped`].
    pub skipped: u32,
    /// The payload, empty when it is in a frame of its own.
    pub payload: &'a [u8],
}

impl<'a> SamplePacket<'a> {
    /// Reads a packet.
    ///
    /// # Errors
    /// A [`DecodeError`] when it is none.
    pub fn decode(packet: &'a [u8]) -> Result<Self, DecodeError> {
        let (topic, rest) = split_topic(packet)?;
        let (header, payload) = SampleHeader::decode(rest)?;
        let (last_value, in_slot) = (rest[1] & LAST_VALUE != 0, rest[1] & PAYLOAD_IN_SLOT != 0);
        let skipped = Fields::new(&rest[SKIPPED_AT..]).u32("skipped")?;
        Ok(SamplePacket { topic, header, last_value, in_slot, skipped, payload })
    }

    /// The stream.
    pub fn name(&self) -> &'a str {
        topic::name_in(self.topic)
    }
}

/// The topic under which a stream is subscribed to: its name and NUL. Of a view: the text of its topic and NUL.
pub fn topic(name: &str) -> Vec<u8> {
    let mut topic = Vec::with_capacity(name.len() + 1);
    topic.extend_from_slice(name.as_bytes());
    topic.push(0);
    topic
}

/// The text of the whole topic in front of a packet or a subscription, and what follows the NUL.
///
/// # Errors
/// A [`DecodeError`] when there is no NUL within the longest topic, or no legal name before it.
pub fn split_topic(bytes: &[u8]) -> Result<(&str, &[u8]), DecodeError> {
    let bad = |reason: String| DecodeError::BadName { field: "topic", reason };
    let Some(end) = bytes.iter().take(MAX_TOPIC_BYTES).position(|&byte| byte == 0) else {
        return Err(DecodeError::Short { field: "topic", missing: 1 });
    };
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| bad(NameError::NotUtf8.to_string()))?;
    topic::check(text).map_err(bad)?;
    Ok((text, &bytes[end + 1..]))
}

/// A packet in the making: name, NUL and room for the header, behind which a payload is built in place.
///
/// ```
/// use router_wire::sample::{start_packet, finish_packet};
/// # use router_wire::{SampleHeader, SampleStatus, Encoding, SamplePacket};
/// let mut packet = start_packet("stage.position_um");
/// packet.extend_from_slice(b"payload");
/// # let header = SampleHeader { payload_in_own_frame: false, status: SampleStatus::Value, encoding: Encoding::Raw,
/// #     epoch: 1, incarnation: 1, sequence: 0, utc_ns: 0, monotonic_ns: 0 };
/// finish_packet(&mut packet, "stage.position_um", &header);
/// assert_eq!(SamplePacket::decode(&packet).unwrap().payload, b"payload");
/// ```
pub fn start_packet(name: &str) -> Vec<u8> {
    let mut packet = Vec::with_capacity(name.len() + 1 + SAMPLE_HEADER_BYTES + 64);
    packet.extend_from_slice(name.as_bytes());
    packet.push(0);
    packet.extend_from_slice(&[0; SAMPLE_HEADER_BYTES]);
    packet
}

/// Writes `header` into the room that [`start_packet`] left.
///
/// # Panics
/// When `packet` was not started for `name`.
pub fn finish_packet(packet: &mut [u8], name: &str, header: &SampleHeader) {
    let start = name.len() + 1;
    packet[start..start + SAMPLE_HEADER_BYTES].copy_from_slice(&header.encode());
}

/// Marks a copy of a packet that is sent again because somebody subscribed, so that a subscription which wants
/// live samples only can leave it out. Does nothing to what is no packet.
pub fn mark_last_value(packet: &mut [u8]) {
    let flags = packet.iter().position(|&byte| byte == 0).and_then(|nul| packet.get_mut(nul + 2));
    if let Some(flags) = flags {
        *flags |= LAST_VALUE;
    }
}

/// Marks a copy of a packet's first frame whose payload was left out of it and follows in a frame of its own. Does
/// nothing to what is no packet.
pub fn mark_payload_in_own_frame(packet: &mut [u8]) {
    let flags = packet.iter().position(|&byte| byte == 0).and_then(|nul| packet.get_mut(nul + 2));
    if let Some(flags) = flags {
        *flags |= PAYLOAD_IN_OWN_FRAME;
    }
}

/// Marks a copy of a packet whose payload was replaced, behind the header, by what leads to it in memory that the server
/// and the subscriber share. Does nothing to what is no packet.
pub fn mark_payload_in_slot(packet: &mut [u8]) {
    let flags = packet.iter().position(|&byte| byte == 0).and_then(|nul| packet.get_mut(nul + 2));
    if let Some(flags) = flags {
        *flags = (*flags & !PAYLOAD_IN_OWN_FRAME) | PAYLOAD_IN_SLOT;
    }
}

/// Writes into a packet under the topic of a view how many samples the view has left out until now. Does nothing to
/// what is no packet.
pub fn mark_skipped(packet: &mut [u8], skipped: u32) {
    let header = packet.iter().position(|&byte| byte == 0).map(|nul| nul + 1 + SKIPPED_AT);
    if let Some(count) = header.and_then(|at| packet.get_mut(at..at + 4)) {
        count.copy_from_slice(&skipped.to_le_bytes());
    }
}
