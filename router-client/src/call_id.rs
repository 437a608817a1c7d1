//! The name of one call among all calls of all clients.

use std::fmt;
use std::str::FromStr;

use router_wire::ClientId;
use thiserror::Error;

/// Names one call for ever: the client's random id and the number the client gave the call.
///
/// Reads and writes as `CLIENT-NUMBER`, the client in 32 hexadecimal digits.
///
/// ```
/// use router_client::CallId;
///
/// let id: CallId = "00000000000000010000000000000002-7".parse()?;
/// assert_eq!(id.number, 7);
/// assert_eq!(id.to_string(), "00000000000000010000000000000002-7");
/// # Ok::<(), router_client::CallIdError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId {
    /// The client.
    pub client: ClientId,
    /// The number it gave the call.
    pub number: u64,
}

/// A text is not a [`CallId`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not a call id; one is 32 hexadecimal digits, a `-` and a number")]
pub struct CallIdError {
    text: String,
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.client, self.number)
    }
}

impl FromStr for CallId {
    type Err = CallIdError;

    fn from_str(text: &str) -> Result<CallId, CallIdError> {
        let parse = || {
            let (client, number) = text.split_once('-')?;
            if client.len() != 32 || !client.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return None;
            }
            let (high, low) = client.split_at_checked(16)?;
            let client = ClientId(u64::from_str_radix(high, 16).ok()?, u64::from_str_radix(low, 16).ok()?);
            Some(CallId { client, number: number.parse().ok()? })
        };
        parse().ok_or_else(|| CallIdError { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_and_others_are_refused() {
        let id = CallId { client: ClientId(u64::MAX, 1), number: u64::MAX };
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in
            ["", "-", "12-7", "0000000000000001000000000000000g-7", "00000000000000010000000000000002-"]
        {
            assert!(wrong.parse::<CallId>().is_err(), "{wrong}");
        }
    }
}
