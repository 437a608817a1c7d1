//! `SlotAddress`: where a server hands out its rings.

use std::fmt;
use std::str::FromStr;

/// The name of a server's socket in the abstract name space: no file, and gone with the server.
///
/// It has 128 random bits, so that it is found only by those who were told, and leads to this life of this server
/// on this machine or nowhere. Told to clients in the greeting, as [`fmt::Display`] writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SlotAddress(String);

/// What every address begins with.
const START: &str = "one-liner-slots.";

/// A socket's abstract name has room for 107 bytes.
const MAX_BYTES: usize = 107;

/// The text is no address of slots.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no address of slots: it begins with `{START}`, goes on with letters, digits and dots, and ends before byte {MAX_BYTES}"
)]
pub struct BadAddress;

impl SlotAddress {
    /// Makes the address of a server's life from its epoch and 128 random bits.
    #[cfg_attr(
        not(all(target_os = "linux", target_pointer_width = "64")),
        expect(dead_code, reason = "no slots here")
    )]
    pub(crate) fn new(epoch: u64, random: u128) -> SlotAddress {
        SlotAddress(format!("{START}{epoch:016x}.{random:032x}"))
    }

    /// Returns the name, without the NUL that the system puts before it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SlotAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SlotAddress {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<SlotAddress, BadAddress> {
        let rest = text.strip_prefix(START).ok_or(BadAddress)?;
        let plain = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        if rest.is_empty() || !plain || text.len() > MAX_BYTES {
            return Err(BadAddress);
        }
        Ok(SlotAddress(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_an_address() {
        let address = SlotAddress::new(u64::MAX, u128::MAX);
        assert_eq!(address.to_string().parse(), Ok(address));
        let long = format!("{START}{}", "a".repeat(MAX_BYTES));
        for text in ["", START, "other", "one-liner-slots.a\0b", "one-liner-slots.a/b", &long] {
            assert_eq!(text.parse::<SlotAddress>(), Err(BadAddress), "{text:?}");
        }
    }
}
