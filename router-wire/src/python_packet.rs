//! A stream's packet of the Python one-liner: topic, NUL, metadata, payload, in one ZeroMQ frame.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | n | topic |
//! | n | 1 | 0x00 |
//! | n+1 | 2 | metadata length m, little-endian |
//! | n+3 | m | pickle of `(success: bool, timestamp: float, int or None)`, protocol 2 to 5 |
//! | n+3+m | rest | payload: pickle, JSON or bytes; nothing says which |
//!
//! A pickle is a program for a machine that can call anything. There is no such machine here: the metadata is compared
//! with the few forms in which Python writes that tuple, and whatever differs is refused.

use crate::field::{DecodeError, Fields};

/// Longest topic that is read [bytes].
pub const MAX_TOPIC_BYTES: usize = 1024;

/// Longest metadata that can be one of the forms that are read [bytes].
const MAX_METADATA_BYTES: usize = 64;

/// A packet, borrowed from its frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PythonPacket<'a> {
    /// What stands before the NUL; any bytes but NUL.
    pub topic: &'a [u8],
    /// Whether the value could be made; otherwise the payload tells why it could not.
    pub success: bool,
    /// When the value was acquired, by a clock of the source's own.
    pub time: Option<PythonTime>,
    /// The value, in an encoding that the packet does not tell.
    pub payload: &'a [u8],
}

/// A number that a Python program gave as its time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PythonTime {
    /// A `float`: `time.perf_counter()` unless the program gave another [s].
    Float(f64),
    /// An `int`, of whatever unit the program gave.
    Int(i64),
}

impl<'a> PythonPacket<'a> {
    /// Reads a packet.
    ///
    /// # Errors
    /// A [`DecodeError`] when it is none, or its metadata is another pickle than the one that belongs there.
    pub fn decode(packet: &'a [u8]) -> Result<Self, DecodeError> {
        let nul = packet.iter().take(MAX_TOPIC_BYTES + 1).position(|&byte| byte == 0);
        let end = nul.ok_or(DecodeError::Short { field: "topic", missing: 1 })?;
        let mut fields = Fields::new(&packet[end + 1..]);
        let length = fields.u16("metadata length")?;
        let metadata = fields.bytes(length.into(), "metadata")?;
        let (success, time) = read_metadata(metadata)?;
        Ok(PythonPacket { topic: &packet[..end], success, time, payload: fields.rest() })
    }
}

impl PythonTime {
    /// The time as nanoseconds of a clock that counts seconds; `None` for what is none: negative, infinite, NaN.
    pub fn seconds_as_ns(self) -> Option<u64> {
        match self {
            PythonTime::Float(seconds) if seconds.is_finite() && seconds >= 0.0 => {
                Some((seconds * 1e9).round() as u64) // saturates
            }
            PythonTime::Float(_) => None,
            PythonTime::Int(seconds) => Some(u64::try_from(seconds).ok()?.saturating_mul(1_000_000_000)),
        }
    }
}

/// The text in a pickle that is a `str` and nothing else, as the payload of a failed sample is; `None` for any other.
pub fn pickled_text(pickle: &[u8]) -> Option<&str> {
    let mut fields = Fields::new(pickle);
    read_start(&mut fields).ok()?;
    let length = match fields.u8(FIELD).ok()? {
        SHORT_BINUNICODE => fields.u8(FIELD).ok()?.into(),
        BINUNICODE => usize::try_from(fields.u32(FIELD).ok()?).ok()?,
        _ => return None,
    };
    let text = fields.bytes(length, FIELD).ok()?;
    let next = fields.u8(FIELD).ok()?;
    read_end(next, fields).ok()?;
    std::str::from_utf8(text).ok()
}

/// What a refused field of the metadata is called.
const FIELD: &str = "Python metadata";

const PROTO: u8 = 0x80;
const FRAME: u8 = 0x95;
const NEWTRUE: u8 = 0x88;
const NEWFALSE: u8 = 0x89;
const NONE: u8 = b'N';
const BINFLOAT: u8 = b'G';
const BININT: u8 = b'J';
const BININT1: u8 = b'K';
const BININT2: u8 = b'M';
const LONG1: u8 = 0x8a;
const TUPLE2: u8 = 0x86;
const MEMOIZE: u8 = 0x94;
const BINPUT: u8 = b'q';
const LONG_BINPUT: u8 = b'r';
const STOP: u8 = b'.';
const BINUNICODE: u8 = b'X';
const SHORT_BINUNICODE: u8 = 0x8c;

fn read_metadata(metadata: &[u8]) -> Result<(bool, Option<PythonTime>), DecodeError> {
    if metadata.len() > MAX_METADATA_BYTES {
        return Err(refused(metadata[0]));
    }
    let mut fields = Fields::new(metadata);
    read_start(&mut fields)?;
    let success = match fields.u8(FIELD)? {
        NEWTRUE => true,
        NEWFALSE => false,
        other => return Err(refused(other)),
    };
    let time = match fields.u8(FIELD)? {
        NONE => None,
        BINFLOAT => Some(PythonTime::Float(f64::from_bits(fields.u64(FIELD)?.swap_bytes()))),
        BININT => Some(PythonTime::Int((fields.u32(FIELD)? as i32).into())),
        BININT1 => Some(PythonTime::Int(fields.u8(FIELD)?.into())),
        BININT2 => Some(PythonTime::Int(fields.u16(FIELD)?.into())),
        LONG1 => Some(PythonTime::Int(read_long(&mut fields)?)),
        other => return Err(refused(other)),
    };
    match fields.u8(FIELD)? {
        TUPLE2 => {}
        other => return Err(refused(other)),
    }
    let next = fields.u8(FIELD)?;
    read_end(next, fields)?;
    Ok((success, time))
}

/// The protocol, and the frame in which protocols from 4 on put the rest.
fn read_start(fields: &mut Fields<'_>) -> Result<(), DecodeError> {
    match (fields.u8(FIELD)?, fields.u8(FIELD)?) {
        (PROTO, 2..=5) => {}
        (PROTO, version) => {
            return Err(DecodeError::UnknownValue { field: "pickle protocol", value: version });
        }
        (other, _) => return Err(refused(other)),
    }
    if fields.peek() == Some(FRAME) {
        fields.u8(FIELD)?;
        let length = fields.u64(FIELD)?;
        if length != fields.left() as u64 {
            return Err(refused(FRAME));
        }
    }
    Ok(())
}

/// Where the value may be remembered by the pickle machine, which matters to nobody; then the end.
fn read_end(next: u8, mut fields: Fields<'_>) -> Result<(), DecodeError> {
    let stop = match next {
        MEMOIZE => fields.u8(FIELD)?,
        BINPUT => {
            fields.u8(FIELD)?;
            fields.u8(FIELD)?
        }
        LONG_BINPUT => {
            fields.u32(FIELD)?;
            fields.u8(FIELD)?
        }
        other => other,
    };
    match (stop, fields.rest()) {
        (STOP, []) => Ok(()),
        (STOP, rest) => Err(refused(rest[0])),
        (other, _) => Err(refused(other)),
    }
}

/// A little-endian integer in two's complement, of as few bytes as it takes.
fn read_long(fields: &mut Fields<'_>) -> Result<i64, DecodeError> {
    let length = fields.u8(FIELD)?;
    let bytes = fields.bytes(length.into(), FIELD)?;
    if bytes.len() > size_of::<i64>() {
        return Err(DecodeError::UnknownValue { field: "length of a Python integer", value: length });
    }
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut whole = [if negative { 0xff } else { 0 }; size_of::<i64>()];
    whole[..bytes.len()].copy_from_slice(bytes);
    Ok(i64::from_le_bytes(whole))
}

fn refused(opcode: u8) -> DecodeError {
    DecodeError::UnknownValue { field: FIELD, value: opcode }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(hex: &str) -> Vec<u8> {
        hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
    }

    fn packet(metadata: &[u8]) -> Vec<u8> {
        let length = u16::try_from(metadata.len()).unwrap().to_le_bytes();
        [b"dj\0", &length[..], metadata, b"payload"].concat()
    }

    /// Written by CPython 3.11: `pickle.dumps((success, timestamp), protocol)`.
    #[test]
    fn what_python_writes_is_read() {
        use PythonTime::{Float, Int};
        for (hex, success, time) in [
            ("80 02 88 47 40 5e dd 2f 1a 9f be 77 86 71 00 2e", true, Some(Float(123.456))),
            ("80 03 89 4e 86 71 00 2e", false, None),
            (
                "80 04 95 0d 00 00 00 00 00 00 00 88 47 40 5e dd 2f 1a 9f be 77 86 94 2e",
                true,
                Some(Float(123.456)),
            ),
            ("80 05 95 06 00 00 00 00 00 00 00 88 4b 07 86 94 2e", true, Some(Int(7))),
            ("80 04 95 07 00 00 00 00 00 00 00 88 4d e8 03 86 94 2e", true, Some(Int(1000))),
            ("80 04 95 09 00 00 00 00 00 00 00 88 4a ff ff ff ff 86 94 2e", true, Some(Int(-1))),
            (
                "80 04 95 0b 00 00 00 00 00 00 00 88 8a 05 00 f2 05 2a 01 86 94 2e",
                true,
                Some(Int(5_000_000_000)),
            ),
            ("80 02 88 8a 01 80 86 2e", true, Some(Int(-128))),
            ("80 02 88 8a 00 86 72 00 00 00 00 2e", true, Some(Int(0))),
        ] {
            let packet = packet(&bytes(hex));
            let read = PythonPacket::decode(&packet).unwrap_or_else(|error| panic!("{hex}: {error}"));
            assert_eq!((read.success, read.time, read.payload), (success, time, &b"payload"[..]), "{hex}");
        }
    }

    /// The example of its protocol.
    #[test]
    fn its_packet_is_read() {
        let packet = bytes(
            "64 6a 00 18 00 80 04 95 0d 00 00 00 00 00 00 00 88 47 40 5e dd 2f 1a 9f be 77 86 94 2e 7b 22 78 22 3a 31 \
             2c 22 79 22 3a 32 2e 35 7d",
        );
        let read = PythonPacket::decode(&packet).unwrap();
        let expect = PythonPacket {
            topic: b"dj",
            success: true,
            time: Some(PythonTime::Float(123.456)),
            payload: br#"{"x":1,"y":2.5}"#,
        };
        assert_eq!(read, expect);
        assert_eq!(read.time.unwrap().seconds_as_ns(), Some(123_456_000_000));
    }

    #[test]
    fn everything_else_is_refused() {
        for (hex, why) in [
            ("80 04 63 6f 73 0a 73 79 73 74 65 6d 0a 2e", "a global: os.system"),
            ("80 04 8c 02 6f 73 8c 06 73 79 73 74 65 6d 93 2e", "a stack global"),
            ("80 02 88 4e 86 52 2e", "a call of the tuple"),
            ("80 02 88 4e 86 71 00 2e 2e", "bytes behind the end"),
            ("80 06 88 4e 86 2e", "a protocol of the future"),
            ("80 01 88 4e 86 2e", "a protocol of the past"),
            ("80 04 95 ff ff ff ff ff ff ff ff 88 4e 86 94 2e", "a frame that is too long"),
            ("80 02 88 88 86 2e", "a bool for a time"),
            ("80 02 4b 01 4e 86 2e", "an int for a bool"),
            ("80 02 88 8a 09 01 02 03 04 05 06 07 08 09 86 2e", "a long integer"),
            ("80 02 88", "half of one"),
            ("", "nothing"),
        ] {
            assert!(PythonPacket::decode(&packet(&bytes(hex))).is_err(), "{why}");
        }
        assert!(PythonPacket::decode(&packet(&[0x80; 65])).is_err());
        assert!(PythonPacket::decode(b"no topic ends here").is_err());
        assert!(PythonPacket::decode(b"dj\0\x18").is_err());
    }

    #[test]
    fn times_are_seconds() {
        for (time, expect) in [
            (PythonTime::Float(1.5), Some(1_500_000_000)),
            (PythonTime::Float(-1.0), None),
            (PythonTime::Float(f64::NAN), None),
            (PythonTime::Float(f64::INFINITY), None),
            (PythonTime::Float(1e300), Some(u64::MAX)),
            (PythonTime::Int(2), Some(2_000_000_000)),
            (PythonTime::Int(-2), None),
            (PythonTime::Int(i64::MAX), Some(u64::MAX)),
        ] {
            assert_eq!(time.seconds_as_ns(), expect, "{time:?}");
        }
    }

    #[test]
    fn the_text_of_a_failure_is_read() {
        let text = bytes("80 04 95 0c 00 00 00 00 00 00 00 8c 08 6e 6f 20 6c 69 67 68 74 94 2e");
        assert_eq!(pickled_text(&text), Some("no light"));
        let old = bytes("80 02 58 08 00 00 00 6e 6f 20 6c 69 67 68 74 71 00 2e");
        assert_eq!(pickled_text(&old), Some("no light"));
        assert_eq!(pickled_text(&bytes("80 04 4b 01 2e")), None);
        assert_eq!(pickled_text(&bytes("80 02 58 ff ff ff ff 6e 2e")), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = PythonPacket::decode(&bytes);
            let _ = PythonPacket::decode(&packet(&bytes[..bytes.len().min(64)]));
            let _ = pickled_text(&bytes);
        }

        /// One byte off: what is still read has no more in it than a flag, a number and a payload.
        #[test]
        fn changed_metadata_is_read_or_refused(at in 0..24_usize, byte: u8) {
            let mut metadata = bytes("80 04 95 0d 00 00 00 00 00 00 00 88 47 40 5e dd 2f 1a 9f be 77 86 94 2e");
            metadata[at] = byte;
            let packet = packet(&metadata);
            if let Ok(read) = PythonPacket::decode(&packet) {
                prop_assert_eq!(read.payload, b"payload");
            }
        }
    }
}
