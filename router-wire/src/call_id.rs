//! The name of one call among all calls of all clients.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::hello::ClientId;

/// Names one call for ever: the client's random id and the number the client gave the call.
///
/// It also says which life of a server the request went to, when that is known: a restarted server knows nothing of
/// the calls of the one before, and without the epoch it could not tell those from calls that never arrived. The
/// epoch is no part of the name: two ids of one client and number are equal.
///
/// Reads and writes as `CLIENT-NUMBER@EPOCH`, client and epoch in hexadecimal digits; `@EPOCH` is left out where it
/// is not known.
///
/// ```
/// use router_wire::CallId;
///
/// let id: CallId = "00000000000000010000000000000002-7@0102030405060708".parse()?;
/// assert_eq!((id.number, id.epoch), (7, 0x0102_0304_0506_0708));
/// assert_eq!(id.to_string(), "00000000000000010000000000000002-7@0102030405060708");
/// assert_eq!(id, "00000000000000010000000000000002-7".parse()?);
/// # Ok::<(), router_wire::CallIdError>(())
/// ```
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct CallId {
    /// The client.
    pub client: ClientId,
    /// The number it gave the call.
    pub number: u64,
    /// The life of the server that the request was sent to last; 0 while it is not known.
    pub epoch: u64,
}

/// A text is not a [`CallId`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{text}` is not a call id; one is 32 hexadecimal digits, a `-` and a number, and may end in `@` and 16 hexadecimal \
     digits"
)]
pub struct CallIdError {
    text: String,
}

/// The longest text that is repeated in an error [bytes].
const MOST_SHOWN: usize = 100;

impl CallId {
    /// The same call without the epoch.
    pub fn without_epoch(self) -> CallId {
        CallId { epoch: 0, ..self }
    }

    fn name(&self) -> (ClientId, u64) {
        (self.client, self.number)
    }
}

impl PartialEq for CallId {
    fn eq(&self, other: &CallId) -> bool {
        self.name() == other.name()
    }
}

impl Eq for CallId {}

impl Hash for CallId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl PartialOrd for CallId {
    fn partial_cmp(&self, other: &CallId) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CallId {
    fn cmp(&self, other: &CallId) -> std::cmp::Ordering {
        self.name().cmp(&other.name())
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.client, self.number)?;
        if self.epoch == 0 { Ok(()) } else { write!(f, "@{:016x}", self.epoch) }
    }
}

impl FromStr for CallId {
    type Err = CallIdError;

    fn from_str(text: &str) -> Result<CallId, CallIdError> {
        parse(text).ok_or_else(|| {
            let shown = text.char_indices().take_while(|(at, _)| *at < MOST_SHOWN);
            CallIdError { text: shown.map(|(_, character)| character).collect() }
        })
    }
}

fn parse(text: &str) -> Option<CallId> {
    let (client, rest) = text.split_once('-')?;
    if client.len() != 32 || !is_hexadecimal(client) {
        return None;
    }
    let (high, low) = client.split_at_checked(16)?;
    let client = ClientId(u64::from_str_radix(high, 16).ok()?, u64::from_str_radix(low, 16).ok()?);
    let (number, epoch) = match rest.split_once('@') {
        Some((number, epoch)) if epoch.len() == 16 && is_hexadecimal(epoch) => {
            (number, u64::from_str_radix(epoch, 16).ok()?)
        }
        Some(_) => return None,
        None => (rest, 0),
    };
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(CallId { client, number: number.parse().ok()?, epoch })
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl From<CallId> for String {
    fn from(id: CallId) -> String {
        id.to_string()
    }
}

impl TryFrom<String> for CallId {
    type Error = CallIdError;

    fn try_from(text: String) -> Result<CallId, CallIdError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_and_others_are_refused() {
        for epoch in [0, 1, u64::MAX] {
            let id = CallId { client: ClientId(u64::MAX, 1), number: u64::MAX, epoch };
            let read: CallId = id.to_string().parse().unwrap();
            assert_eq!((read, read.epoch), (id, epoch));
        }
        for wrong in [
            "",
            "-",
            "12-7",
            "0000000000000001000000000000000g-7",
            "00000000000000010000000000000002-",
            "00000000000000010000000000000002-+7",
            "00000000000000010000000000000002-7@",
            "00000000000000010000000000000002-7@12",
            "00000000000000010000000000000002-7@000000000000000g",
        ] {
            assert!(wrong.parse::<CallId>().is_err(), "{wrong}");
        }
        let long = "é".repeat(1_000_000).parse::<CallId>().unwrap_err();
        assert!(long.to_string().len() < 400);
    }
}
