//! What a reader's process and a server say to each other, one packet each.
//!
//! Every packet begins with `SLT1` and its kind, a byte. Numbers are little-endian.
//!
//! | from | kind | then | with |
//! |---|---|---|---|
//! | reader | 1 attach | request u32, key (UTF-8, the rest) | the reader's table |
//! | reader | 2 detach | request u32 | |
//! | server | 1 attached | request u32, slots u32, held u32, largest u64 [bytes] | the ring |
//! | server | 2 refused | request u32, reason u8 | |
//!
//! A request's number is the reader's choice and names the attachment until it is detached.

use crate::{MAX_KEY_BYTES, Refusal};

/// The longest packet: an attach with the longest key.
pub(super) const MAX_PACKET: usize = START.len() + 1 + 4 + MAX_KEY_BYTES;

const START: &[u8] = b"SLT1";

const ATTACH: u8 = 1;
const DETACH: u8 = 2;
const ATTACHED: u8 = 1;
const REFUSED: u8 = 2;

/// From a reader's process.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ask<'a> {
    Attach { request: u32, key: &'a str },
    Detach { request: u32 },
}

/// From a server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Attached { request: u32, slots: u32, held: u32, largest_bytes: u64 },
    Refused { request: u32, reason: Refusal },
}

impl Refusal {
    fn code(self) -> u8 {
        match self {
            Refusal::NotOffered => 1,
            Refusal::TooManyReaders => 2,
            Refusal::TooManyAttachments => 3,
            Refusal::UnfitTable => 4,
            Refusal::UnfitRing => 5,
            Refusal::Other(code) => code,
        }
    }

    fn from_code(code: u8) -> Refusal {
        match code {
            1 => Refusal::NotOffered,
            2 => Refusal::TooManyReaders,
            3 => Refusal::TooManyAttachments,
            4 => Refusal::UnfitTable,
            5 => Refusal::UnfitRing,
            code => Refusal::Other(code),
        }
    }
}

fn packet(kind: u8, request: u32) -> Vec<u8> {
    let mut bytes = START.to_vec();
    bytes.push(kind);
    bytes.extend(request.to_le_bytes());
    bytes
}

/// Returns kind, request and the rest.
fn open(bytes: &[u8]) -> Option<(u8, u32, &[u8])> {
    let (&kind, rest) = bytes.strip_prefix(START)?.split_first()?;
    let (request, rest) = rest.split_first_chunk()?;
    Some((kind, u32::from_le_bytes(*request), rest))
}

impl Ask<'_> {
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Ask::Attach { request, key } => {
                let mut bytes = packet(ATTACH, *request);
                bytes.extend(key.as_bytes());
                bytes
            }
            Ask::Detach { request } => packet(DETACH, *request),
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Ask<'_>> {
        match open(bytes)? {
            (ATTACH, request, key) if key.len() <= MAX_KEY_BYTES => {
                Some(Ask::Attach { request, key: str::from_utf8(key).ok()? })
            }
            (DETACH, request, []) => Some(Ask::Detach { request }),
            _ => None,
        }
    }
}

impl Answer {
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Answer::Attached { request, slots, held, largest_bytes } => {
                let mut bytes = packet(ATTACHED, *request);
                bytes.extend(slots.to_le_bytes());
                bytes.extend(held.to_le_bytes());
                bytes.extend(largest_bytes.to_le_bytes());
                bytes
            }
            Answer::Refused { request, reason } => {
                let mut bytes = packet(REFUSED, *request);
                bytes.push(reason.code());
                bytes
            }
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Answer> {
        match open(bytes)? {
            (ATTACHED, request, rest) => {
                let (slots, rest) = rest.split_first_chunk()?;
                let (held, rest) = rest.split_first_chunk()?;
                let largest_bytes: &[u8; 8] = rest.try_into().ok()?;
                Some(Answer::Attached {
                    request,
                    slots: u32::from_le_bytes(*slots),
                    held: u32::from_le_bytes(*held),
                    largest_bytes: u64::from_le_bytes(*largest_bytes),
                })
            }
            (REFUSED, request, &[code]) => {
                Some(Answer::Refused { request, reason: Refusal::from_code(code) })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        assert_eq!(Ask::Attach { request: 1, key: "cam" }.encode(), b"SLT1\x01\x01\0\0\0cam");
        assert_eq!(Ask::Detach { request: 2 }.encode(), b"SLT1\x02\x02\0\0\0");
        let attached = Answer::Attached { request: 1, slots: 2, held: 3, largest_bytes: 4 };
        assert_eq!(attached.encode(), b"SLT1\x01\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\0\0\0\0");
        let refused = Answer::Refused { request: 1, reason: Refusal::TooManyReaders };
        assert_eq!(refused.encode(), b"SLT1\x02\x01\0\0\0\x02");
    }

    #[test]
    fn what_is_decoded_is_what_was_encoded() {
        for ask in [Ask::Attach { request: 7, key: "cämera.frame" }, Ask::Detach { request: u32::MAX }] {
            assert_eq!(Ask::decode(&ask.encode()), Some(ask));
        }
        for code in 0..=255 {
            let answer = Answer::Refused { request: 9, reason: Refusal::from_code(code) };
            assert_eq!(Answer::decode(&answer.encode()), Some(answer));
        }
        let answer = Answer::Attached { request: 1, slots: 2, held: 3, largest_bytes: u64::MAX };
        assert_eq!(Answer::decode(&answer.encode()), Some(answer));
        assert_eq!(
            Ask::decode(&Ask::Attach { request: 7, key: &"k".repeat(MAX_KEY_BYTES + 1) }.encode()),
            None
        );
    }

    proptest::proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            let _ = (Ask::decode(&bytes), Answer::decode(&bytes));
            let ours = [START, &bytes[..]].concat();
            if let Some(ask) = Ask::decode(&ours) {
                proptest::prop_assert_eq!(ask.encode(), &ours[..]);
            }
            if let Some(answer) = Answer::decode(&ours) {
                proptest::prop_assert_eq!(answer.encode(), ours);
            }
        }
    }
}
