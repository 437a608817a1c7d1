//! What a gateway puts before a message that it passes on: whose it is.
//!
//! A gateway is a server that is a client of another one, for clients of its own. It speaks for each of them on its
//! one pair of connections: a frame stands before the message and names the client.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 1 | kind: 5 |
//! | 1 | 1 | what follows: 0 a message, 1 the client's identity, 2 nothing: the client is lost |
//! | 2 | 6 | reserved (0) |
//! | 8 | 16 | id of the client |
//!
//! From gateway to server all three are used, from server to gateway only 0. An identity is a
//! [`ClientIdentity`](crate::ClientIdentity) in MessagePack, of the same id.

use crate::field::{DecodeError, Fields};
use crate::hello::ClientId;

const ENVELOPE: u8 = 5;

/// The size of an envelope [bytes].
pub const ENVELOPE_BYTES: usize = 24;

/// What an envelope is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Enclosed {
    /// A message of the client, or for it, follows.
    Message = 0,
    /// The client's identity follows. A gateway sends it before the client's first message, on each socket.
    Identity = 1,
    /// The client is lost to its gateway; nothing follows.
    Lost = 2,
}

/// Whose message it is that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// What follows.
    pub enclosed: Enclosed,
    /// The client.
    pub client: ClientId,
}

impl Envelope {
    /// Whether a frame is to be read as an envelope. No message begins so.
    pub fn is_one(frame: &[u8]) -> bool {
        frame.first() == Some(&ENVELOPE)
    }

    /// Its bytes.
    pub fn encode(&self) -> [u8; ENVELOPE_BYTES] {
        let mut bytes = [0; ENVELOPE_BYTES];
        bytes[..2].copy_from_slice(&[ENVELOPE, self.enclosed as u8]);
        bytes[8..16].copy_from_slice(&self.client.0.to_le_bytes());
        bytes[16..].copy_from_slice(&self.client.1.to_le_bytes());
        bytes
    }

    /// Reads an envelope.
    ///
    /// # Errors
    /// A [`DecodeError`] when it is none.
    pub fn decode(frame: &[u8]) -> Result<Envelope, DecodeError> {
        let mut fields = Fields::new(frame);
        match fields.u8("kind")? {
            ENVELOPE => {}
            value => return Err(DecodeError::UnknownValue { field: "kind", value }),
        }
        let enclosed = match fields.u8("enclosed")? {
            0 => Enclosed::Message,
            1 => Enclosed::Identity,
            2 => Enclosed::Lost,
            value => return Err(DecodeError::UnknownValue { field: "enclosed", value }),
        };
        fields.bytes(6, "reserved")?;
        let client = ClientId(fields.u64("client id")?, fields.u64("client id")?);
        Ok(Envelope { enclosed, client })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_are_read_as_they_are_written() {
        for enclosed in [Enclosed::Message, Enclosed::Identity, Enclosed::Lost] {
            let envelope = Envelope { enclosed, client: ClientId(0x0102_0304_0506_0708, 9) };
            let bytes = envelope.encode();
            assert!(Envelope::is_one(&bytes));
            assert_eq!(Envelope::decode(&bytes), Ok(envelope));
            for length in 0..ENVELOPE_BYTES {
                assert!(Envelope::decode(&bytes[..length]).is_err(), "{length}");
            }
        }
        assert!(Envelope::decode(&[ENVELOPE, 3]).is_err());
        assert!(!Envelope::is_one(&[1]));
    }
}
