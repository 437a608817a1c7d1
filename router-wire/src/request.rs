//! What a client sends: requests, cancels and goodbye.
//!
//! A message is one frame; with [`RequestFlags::body_in_own_frame`] the body follows in a second one.
//! All numbers are little-endian.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 1 | kind: 1 request, 2 cancel, 3 goodbye |
//! | 1 | 1 | flags: 1 body in a frame of its own, 2 detached, 4 to 128 reserved (0) |
//! | 2 | 1 | encoding of the body: 0 none, 1 MessagePack, 2 JSON, 3 raw |
//! | 3 | 1 | reserved (0) |
//! | 4 | 4 | lease number (0: none) |
//! | 8 | 8 | epoch of the server the client was greeted by (0: not yet greeted, `router.*` only) |
//! | 16 | 8 | call number, chosen by the client, never used twice with one client id |
//! | 24 | 8 | deadline: time left [us], 0: none |
//! | 32 | 2 | length n of the target |
//! | 34 | n | target, UTF-8: `stage.move_to` |
//! | 34+n | rest | body |
//!
//! A cancel is the first 24 bytes of the request it cancels with kind 2; a goodbye is kind 3, seven zero
//! bytes and the epoch.

use crate::body::Encoding;
use crate::field::{DecodeError, Fields};
use crate::name;

const REQUEST: u8 = 1;
const CANCEL: u8 = 2;
const GOODBYE: u8 = 3;

/// The size of a request before its target [bytes].
pub const REQUEST_HEADER_BYTES: usize = 34;

/// How a request is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestFlags {
    /// The body is the next frame of the message.
    pub body_in_own_frame: bool,
    /// A queued call runs although its client was lost.
    pub detached: bool,
}

impl RequestFlags {
    fn to_byte(self) -> u8 {
        u8::from(self.body_in_own_frame) | u8::from(self.detached) << 1
    }

    fn from_byte(byte: u8) -> Result<Self, DecodeError> {
        if byte & !3 != 0 {
            return Err(DecodeError::UnknownValue { field: "request flags", value: byte });
        }
        Ok(RequestFlags { body_in_own_frame: byte & 1 != 0, detached: byte & 2 != 0 })
    }
}

/// What stands before the target of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestHeader {
    /// How the request is to be taken.
    pub flags: RequestFlags,
    /// How the body is encoded.
    pub encoding: Encoding,
    /// The lease under which the call is made; 0 is none.
    pub lease: u32,
    /// The epoch of the server that greeted the client; 0 before the hello.
    pub epoch: u64,
    /// The client's number of this call.
    pub call: u64,
    /// The time left until the call's deadline [us]; 0 is none.
    pub deadline_us: u64,
}

impl RequestHeader {
    /// Appends the header and `target` to `message`; the body goes behind.
    ///
    /// # Panics
    /// When `target` is longer than a name may be.
    pub fn encode(&self, target: &str, message: &mut Vec<u8>) {
        assert!(target.len() <= name::MAX_NAME_BYTES, "a target is a legal name");
        message.extend_from_slice(&self.to_bytes());
        message.extend_from_slice(&(target.len() as u16).to_le_bytes());
        message.extend_from_slice(target.as_bytes());
    }

    /// Writes this header over the one that `message` begins with; target and body stay. What a header tells of
    /// the epoch and of the time left is known only when the request leaves.
    ///
    /// # Panics
    /// When `message` is shorter than a header.
    pub fn overwrite(&self, message: &mut [u8]) {
        let bytes = self.to_bytes();
        message[..bytes.len()].copy_from_slice(&bytes);
    }

    fn to_bytes(self) -> [u8; REQUEST_HEADER_BYTES - 2] {
        let mut bytes = [0; REQUEST_HEADER_BYTES - 2];
        bytes[..4].copy_from_slice(&[REQUEST, self.flags.to_byte(), self.encoding as u8, 0]);
        bytes[4..8].copy_from_slice(&self.lease.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.call.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.deadline_us.to_le_bytes());
        bytes
    }
}

/// A message of a client, borrowed from its frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientMessage<'a> {
    /// Run `target`.
    Request {
        /// The header.
        header: RequestHeader,
        /// The name of the call.
        target: &'a str,
        /// The body, empty when it is in a frame of its own.
        body: &'a [u8],
    },
    /// Ask the running or queued call to end.
    Cancel {
        /// The epoch the client was greeted with.
        epoch: u64,
        /// The number of the call.
        call: u64,
    },
    /// The client leaves.
    Goodbye {
        /// The epoch the client was greeted with.
        epoch: u64,
    },
}

impl<'a> ClientMessage<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// A [`DecodeError`] when it is none.
    pub fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = Fields::new(message);
        match fields.u8("kind")? {
            REQUEST => {
                let flags = RequestFlags::from_byte(fields.u8("request flags")?)?;
                let encoding = Encoding::from_byte(fields.u8("encoding")?)?;
                fields.u8("reserved")?;
                let header = RequestHeader {
                    flags,
                    encoding,
                    lease: fields.u32("lease")?,
                    epoch: fields.u64("epoch")?,
                    call: fields.u64("call")?,
                    deadline_us: fields.u64("deadline")?,
                };
                let length = fields.u16("target length")?;
                let target = fields.bytes(usize::from(length), "target")?;
                let bad = |reason: name::NameError| DecodeError::BadName {
                    field: "target",
                    reason: reason.to_string(),
                };
                let target = std::str::from_utf8(target).map_err(|_| bad(name::NameError::NotUtf8))?;
                name::check(target).map_err(bad)?;
                Ok(ClientMessage::Request { header, target, body: fields.rest() })
            }
            CANCEL => {
                fields.bytes(7, "cancel header")?;
                Ok(ClientMessage::Cancel { epoch: fields.u64("epoch")?, call: fields.u64("call")? })
            }
            GOODBYE => {
                fields.bytes(7, "goodbye header")?;
                Ok(ClientMessage::Goodbye { epoch: fields.u64("epoch")? })
            }
            value => Err(DecodeError::UnknownValue { field: "kind", value }),
        }
    }

    /// The call number of a message that may be broken behind it, so that its sender can be answered.
    pub fn call_number(message: &[u8]) -> Option<u64> {
        let is_request = message.first() == Some(&REQUEST);
        let bytes = message.get(16..24).filter(|_| is_request)?;
        Some(u64::from_le_bytes(bytes.try_into().expect("eight bytes")))
    }
}

/// A cancel of `call`.
pub fn encode_cancel(epoch: u64, call: u64) -> [u8; 24] {
    let mut message = [0; 24];
    message[0] = CANCEL;
    message[8..16].copy_from_slice(&epoch.to_le_bytes());
    message[16..24].copy_from_slice(&call.to_le_bytes());
    message
}

/// A goodbye.
pub fn encode_goodbye(epoch: u64) -> [u8; 16] {
    let mut message = [0; 16];
    message[0] = GOODBYE;
    message[8..16].copy_from_slice(&epoch.to_le_bytes());
    message
}
