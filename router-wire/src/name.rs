//! Dotted names of calls, instruments and streams, and the nearest ones to a wrong name.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Longest legal name [bytes of UTF-8].
pub const MAX_NAME_BYTES: usize = 255;

/// The instrument that every server is itself; no other may take its name.
pub const RESERVED: &str = "router";

/// A legal name: 1 to 255 bytes of UTF-8 without NUL and control characters, dots between non-empty parts.
///
/// Cloning shares the text. Names are compared whole, never by prefix.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

/// Why a text is not a legal name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing was given.
    #[error("a name is empty; write one such as `stage.position_um`")]
    Empty,
    /// More than [`MAX_NAME_BYTES`].
    #[error("the name `{start}...` has {len} bytes; the limit is {MAX_NAME_BYTES}")]
    TooLong {
        /// Its first characters.
        start: String,
        /// Its length [bytes].
        len: usize,
    },
    /// NUL or another control character.
    #[error("the name {name:?} holds the control character {character:?}; remove it")]
    ControlCharacter {
        /// The text as given.
        name: String,
        /// The character.
        character: char,
    },
    /// A dot at an end, or two in a row.
    #[error("the name `{name}` has an empty part; write single dots between parts, none at the ends")]
    EmptyPart {
        /// The text as given.
        name: String,
    },
    /// The bytes are not UTF-8.
    #[error("the name is not UTF-8")]
    NotUtf8,
    /// `router` and everything below it belong to the server.
    #[error("the name `{name}` is reserved for the server itself; choose another first part than `router`")]
    Reserved {
        /// The text as given.
        name: String,
    },
}

impl Name {
    /// Checks `text` and keeps it as a name.
    ///
    /// # Errors
    /// A [`NameError`] that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Name, NameError> {
        check(text)?;
        Ok(Name(Arc::from(text)))
    }

    /// As [`parse`](Name::parse), and refuses `router` and names below it: for what an application adds.
    ///
    /// # Errors
    /// A [`NameError`].
    pub fn parse_unreserved(text: &str) -> Result<Name, NameError> {
        let name = Name::parse(text)?;
        if name.first_part() == RESERVED {
            return Err(NameError::Reserved { name: text.to_owned() });
        }
        Ok(name)
    }

    /// The name of `method` of this instrument: `stage` and `move_to` give `stage.move_to`.
    ///
    /// # Errors
    /// A [`NameError`] when the two together are no legal name.
    pub fn method(&self, method: &str) -> Result<Name, NameError> {
        Name::parse(&format!("{self}.{method}"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, by reference.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// What stands before the first dot.
    pub fn first_part(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
}

/// Checks without keeping: for names in messages, where most are looked up and dropped.
///
/// # Errors
/// A [`NameError`].
pub fn check(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > MAX_NAME_BYTES {
        return Err(NameError::TooLong { start: text.chars().take(40).collect(), len: text.len() });
    }
    if is_plain(text) {
        return Ok(());
    }
    if let Some(character) = text.chars().find(|c| c.is_control()) {
        return Err(NameError::ControlCharacter { name: text.to_owned(), character });
    }
    if text.split('.').any(str::is_empty) {
        return Err(NameError::EmptyPart { name: text.to_owned() });
    }
    Ok(())
}

/// Whether a name is legal and of printable ASCII: nearly all are, and this is asked of every request.
fn is_plain(text: &str) -> bool {
    let mut before = b'.';
    let plain = text.bytes().all(|byte| {
        let part_is_empty = byte == b'.' && before == b'.';
        before = byte;
        (0x20..0x7f).contains(&byte) && !part_is_empty
    });
    plain && before != b'.'
}

/// The at most three `candidates` that are most like `wrong`, best first.
///
/// A candidate counts when its Jaro-Winkler similarity to `wrong`, whole or by its last part, is at least
/// 0.75, or when one contains the other.
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let last = |name: &'a str| name.rsplit('.').next().unwrap_or(name);
    let wrong_lower = wrong.to_lowercase();
    let mut ranked: Vec<(f64, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| {
            let lower = candidate.to_lowercase();
            let whole = strsim::jaro_winkler(&wrong_lower, &lower);
            let part = 0.95 * strsim::jaro_winkler(&wrong_lower, &last(candidate).to_lowercase());
            let holds =
                !wrong_lower.is_empty() && (lower.contains(&wrong_lower) || wrong_lower.contains(&lower));
            let likeness = whole.max(part) + if holds { 0.2 } else { 0.0 };
            (likeness >= 0.75).then_some((likeness, candidate))
        })
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    ranked.dedup_by(|a, b| a.1 == b.1);
    ranked.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Name {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Name, NameError> {
        Name::parse(text)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
        let text = String::deserialize(deserializer)?;
        Name::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legal_and_illegal_names() {
        for legal in ["stage", "stage.move_to", "1hz_sine[3]", "Größe.µm", "a b", "new", "new_frame"] {
            assert!(Name::parse(legal).is_ok(), "{legal}");
        }
        let long = "x".repeat(256);
        for illegal in ["", ".", "a.", ".a", "a..b", "a\0", "a\nb", "a\u{7f}", &long] {
            assert!(Name::parse(illegal).is_err(), "{illegal:?}");
        }
        assert!(Name::parse_unreserved("router.ping").is_err());
        assert!(Name::parse_unreserved("routers").is_ok());
    }

    #[test]
    fn nearest_finds_what_was_meant() {
        let calls = ["stage.move_to", "stage.stop", "stage.position_um", "camera.snap", "beep"];
        fn check(wrong: &str, calls: &[&str], expect: &str) {
            assert_eq!(
                nearest(wrong, calls.iter().copied()).first().map(String::as_str),
                Some(expect),
                "{wrong}"
            );
        }
        check("stage.moveto", &calls, "stage.move_to");
        check("stage.mov_to", &calls, "stage.move_to");
        check("snap", &calls, "camera.snap");
        check("beeb", &calls, "beep");
        assert!(nearest("xyzzy", calls).is_empty());
    }
}
