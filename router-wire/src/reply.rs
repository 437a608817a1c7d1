//! What a server answers: outcomes and progress.
//!
//! A message is one frame; with the flag "body in own frame" the body follows in a second one.
//! All numbers are little-endian.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 1 | kind: 129 outcome, 130 progress |
//! | 1 | 1 | flags: 1 body in a frame of its own |
//! | 2 | 1 | encoding of the body |
//! | 3 | 1 | status of an outcome ([`Status`]), 0 in progress |
//! | 4 | 4 | reserved (0) |
//! | 8 | 8 | epoch of the server |
//! | 16 | 8 | call number |
//! | 24 | rest | body: the value, a [`Failure`](crate::Failure), or [`Progress`] |

use serde::{Deserialize, Serialize};

use crate::body::Encoding;
use crate::field::{DecodeError, Fields};

const OUTCOME: u8 = 129;
const PROGRESS: u8 = 130;

/// The size of an answer before its body [bytes].
pub const REPLY_HEADER_BYTES: usize = 24;

/// How a call ended, in one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
#[repr(u8)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is documented at the variant of Failure with its name")]
pub enum Status {
    Done = 0,
    Refused = 1,
    Cancelled = 2,
    DeadlineExceeded = 3,
    Busy = 4,
    NotFound = 5,
    BadArguments = 6,
    ClientLost = 7,
    OtherEpoch = 8,
    Panicked = 9,
    BadRequest = 10,
    Undelivered = 11,
    Unknown = 12,
    Unreachable = 13,
}

impl Status {
    fn from_byte(byte: u8) -> Result<Self, DecodeError> {
        use Status::*;
        const ALL: [Status; 14] = [
            Done,
            Refused,
            Cancelled,
            DeadlineExceeded,
            Busy,
            NotFound,
            BadArguments,
            ClientLost,
            OtherEpoch,
            Panicked,
            BadRequest,
            Undelivered,
            Unknown,
            Unreachable,
        ];
        ALL.get(usize::from(byte)).copied().ok_or(DecodeError::UnknownValue { field: "status", value: byte })
    }
}

impl From<Status> for u8 {
    fn from(status: Status) -> u8 {
        status as u8
    }
}

impl TryFrom<u8> for Status {
    type Error = DecodeError;

    fn try_from(byte: u8) -> Result<Status, DecodeError> {
        Status::from_byte(byte)
    }
}

/// What stands before the body of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutcomeHeader {
    /// The body is the next frame of the message.
    pub body_in_own_frame: bool,
    /// How the body is encoded.
    pub encoding: Encoding,
    /// How the call ended.
    pub status: Status,
    /// The epoch of the server.
    pub epoch: u64,
    /// The number the client gave the call.
    pub call: u64,
}

impl OutcomeHeader {
    /// The header's bytes; the body goes behind.
    pub fn encode(&self) -> [u8; REPLY_HEADER_BYTES] {
        header(OUTCOME, self.body_in_own_frame, self.encoding, self.status as u8, self.epoch, self.call)
    }
}

/// How far a call is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// From 0.0 to 1.0.
    pub fraction: f64,
    /// What is being done, for a person.
    pub message: String,
}

/// Bytes before the body of a progress report.
pub fn encode_progress_header(epoch: u64, call: u64) -> [u8; REPLY_HEADER_BYTES] {
    header(PROGRESS, false, Encoding::MessagePack, 0, epoch, call)
}

fn header(
    kind: u8,
    own_frame: bool,
    encoding: Encoding,
    status: u8,
    epoch: u64,
    call: u64,
) -> [u8; REPLY_HEADER_BYTES] {
    let mut bytes = [0; REPLY_HEADER_BYTES];
    bytes[0] = kind;
    bytes[1] = u8::from(own_frame);
    bytes[2] = encoding as u8;
    bytes[3] = status;
    bytes[8..16].copy_from_slice(&epoch.to_le_bytes());
    bytes[16..24].copy_from_slice(&call.to_le_bytes());
    bytes
}

/// Writes another epoch over that of an answer: each server answers its clients with its own.
///
/// # Panics
/// When `message` is shorter than a header.
pub fn overwrite_epoch(message: &mut [u8], epoch: u64) {
    message[8..16].copy_from_slice(&epoch.to_le_bytes());
}

/// Says in the header of an answer that its body is a frame of its own.
///
/// # Panics
/// When `message` is shorter than a header.
pub fn body_goes_into_own_frame(message: &mut [u8]) {
    message[1] |= 1;
}

/// A message of a server, borrowed from its frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerMessage<'a> {
    /// The call ended.
    Outcome {
        /// The header.
        header: OutcomeHeader,
        /// The value or the failure; empty when it is in a frame of its own.
        body: &'a [u8],
    },
    /// The call goes on.
    Progress {
        /// The epoch of the server.
        epoch: u64,
        /// The number of the call.
        call: u64,
        /// A [`Progress`] in MessagePack.
        body: &'a [u8],
    },
}

impl<'a> ServerMessage<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// A [`DecodeError`] when it is none.
    pub fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = Fields::new(message);
        let kind = fields.u8("kind")?;
        if kind != OUTCOME && kind != PROGRESS {
            return Err(DecodeError::UnknownValue { field: "kind", value: kind });
        }
        let flags = fields.u8("reply flags")?;
        if flags & !1 != 0 {
            return Err(DecodeError::UnknownValue { field: "reply flags", value: flags });
        }
        let encoding = Encoding::from_byte(fields.u8("encoding")?)?;
        let status = Status::from_byte(fields.u8("status")?)?;
        fields.u32("reserved")?;
        let epoch = fields.u64("epoch")?;
        let call = fields.u64("call")?;
        let body = fields.rest();
        if kind == PROGRESS {
            return Ok(ServerMessage::Progress { epoch, call, body });
        }
        let header = OutcomeHeader { body_in_own_frame: flags & 1 != 0, encoding, status, epoch, call };
        Ok(ServerMessage::Outcome { header, body })
    }
}
