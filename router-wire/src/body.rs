//! Bodies and payloads: MessagePack unless their header says otherwise.
//!
//! MessagePack keeps NaN, bytes and integers what they were; its decoder cannot run code. A structure's
//! fields travel by name, so that a reader may know more or fewer of them than the writer.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::field::DecodeError;

/// How a body or a payload is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[repr(u8)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Encoding {
    /// There is none.
    #[default]
    None = 0,
    /// MessagePack, structures by field name.
    MessagePack = 1,
    /// JSON text in UTF-8.
    Json = 2,
    /// Bytes that mean what the stream's or call's description says.
    Raw = 3,
    /// A Python pickle. Nothing here reads it: a pickle can run code in its reader. It travels as the bytes that it
    /// is, for a program that trusts its source.
    Pickle = 4,
    /// A camera's frame: a header and its pixels. The crate router-frame reads it.
    Frame = 5,
    /// An array of numbers with named axes: a header and its elements. The crate router-frame reads it.
    Array = 6,
}

impl Encoding {
    pub(crate) fn from_byte(byte: u8) -> Result<Self, DecodeError> {
        match byte {
            0 => Ok(Encoding::None),
            1 => Ok(Encoding::MessagePack),
            2 => Ok(Encoding::Json),
            3 => Ok(Encoding::Raw),
            4 => Ok(Encoding::Pickle),
            5 => Ok(Encoding::Frame),
            6 => Ok(Encoding::Array),
            value => Err(DecodeError::UnknownValue { field: "encoding", value }),
        }
    }
}

/// Why a value could not become a body, or a body a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The value cannot be written as MessagePack.
    #[error("the value cannot be sent: {0}")]
    Encode(String),
    /// The bytes are not the type that was asked for.
    #[error("expected {expected}, got {got}{}", because(.reason))]
    Decode {
        /// The Rust type that was asked for.
        expected: &'static str,
        /// What the bytes hold, shortened.
        got: String,
        /// What the decoder says beside that; may be empty.
        reason: String,
    },
    /// The bytes are no MessagePack.
    #[error("the body is not MessagePack: {0}")]
    Malformed(&'static str),
    /// The text is no JSON, or not what was asked for.
    #[error("the JSON body cannot be read: {0}")]
    Json(String),
    /// The encoding is not one that is read here.
    #[error("the body is encoded as {0:?}; this reads MessagePack and JSON")]
    Encoding(Encoding),
}

/// Deepest nesting of arrays and maps that is read. Decoders recurse: the 1,024 levels that they allow by
/// themselves overflow the stack of a thread.
pub const MAX_DEPTH: usize = 64;

/// Appends `value` to `body` as MessagePack.
///
/// # Errors
/// [`BodyError::Encode`] when the type refuses to be serialised; `body` then ends with a part of the value.
pub fn encode_into<T: Serialize + ?Sized>(value: &T, body: &mut Vec<u8>) -> Result<(), BodyError> {
    let mut serializer = rmp_serde::Serializer::new(body).with_struct_map();
    value.serialize(&mut serializer).map_err(|error| BodyError::Encode(error.to_string()))
}

/// `value` as MessagePack.
///
/// # Errors
/// As [`encode_into`].
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    encode_into(value, &mut body)?;
    Ok(body)
}

/// Reads a value from MessagePack that may borrow from `body`. Bytes behind the value are an error.
///
/// # Errors
/// [`BodyError::Decode`] says what was expected and what was there.
pub fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, BodyError> {
    let fail = |reason: String| BodyError::Decode {
        expected: readable_type_name(std::any::type_name::<T>()),
        got: preview(body),
        reason,
    };
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(body);
    deserializer.set_max_depth(MAX_DEPTH);
    let value = T::deserialize(&mut deserializer).map_err(|error| match error {
        // That the marker is another one is said already, in words.
        rmp_serde::decode::Error::TypeMismatch(_) => fail(String::new()),
        other => fail(other.to_string()),
    })?;
    match body.len() - value_length(body)? {
        0 => Ok(value),
        rest => Err(fail(format!("{rest} more bytes behind the value"))),
    }
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

/// Reads a value whose encoding a header tells. An absent body reads as nothing (`()`, `None`).
///
/// # Errors
/// A [`BodyError`].
pub fn decode_as<T: DeserializeOwned>(encoding: Encoding, body: &[u8]) -> Result<T, BodyError> {
    const NIL: &[u8] = &[0xc0];
    match encoding {
        Encoding::MessagePack => decode(body),
        Encoding::None => decode(NIL),
        Encoding::Json => decode(&crate::json::to_message_pack(body)?),
        other => Err(BodyError::Encoding(other)),
    }
}

/// The value in a body as text for a person: JSON-like, at most about 80 characters.
pub fn preview(body: &[u8]) -> String {
    const LONGEST: usize = 80;
    const READ_AT_MOST: usize = 4096;
    if body.len() > READ_AT_MOST {
        return format!("a value of {} bytes", body.len());
    }
    let mut rest = body;
    match rmpv::decode::read_value_ref_with_max_depth(&mut rest, MAX_DEPTH) {
        Ok(value) => {
            let text = value.to_string();
            if text.chars().count() <= LONGEST {
                text
            } else {
                text.chars().take(LONGEST).chain("...".chars()).collect()
            }
        }
        Err(_) => format!("{} bytes that are no MessagePack", body.len()),
    }
}

/// A type's name without the paths of well-known types.
pub fn readable_type_name(name: &'static str) -> &'static str {
    match name {
        "alloc::string::String" | "&str" => "text",
        "bool" => "a boolean",
        "()" => "nothing",
        other if other.contains('<') || other.contains('(') => other,
        other => other.rsplit("::").next().unwrap_or(other),
    }
}

/// The length of the first MessagePack value in `bytes`, found without recursion or allocation.
///
/// # Errors
/// [`BodyError::Malformed`] when the value ends past the bytes or uses the reserved marker.
pub fn value_length(bytes: &[u8]) -> Result<usize, BodyError> {
    const SHORT: BodyError = BodyError::Malformed("it ends inside a value");
    let mut at = 0_usize;
    let mut values_left = 1_u64;
    while values_left > 0 {
        values_left -= 1;
        let marker = *bytes.get(at).ok_or(SHORT)?;
        at += 1;
        let number = |width: usize| -> Result<u64, BodyError> {
            let field = bytes.get(at..at + width).ok_or(SHORT)?;
            Ok(field.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
        };
        // (bytes to skip behind the marker, values inside)
        let (skip, inside) = match marker {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => (0, 0),
            0x80..=0x8f => (0, 2 * u64::from(marker & 0x0f)),
            0x90..=0x9f => (0, u64::from(marker & 0x0f)),
            0xa0..=0xbf => (u64::from(marker & 0x1f), 0),
            0xc4 | 0xd9 => (1 + number(1)?, 0),
            0xc5 | 0xda => (2 + number(2)?, 0),
            0xc6 | 0xdb => (4 + number(4)?, 0),
            0xc7 => (2 + number(1)?, 0),
            0xc8 => (3 + number(2)?, 0),
            0xc9 => (5 + number(4)?, 0),
            0xcc | 0xd0 => (1, 0),
            0xcd | 0xd1 | 0xd4 => (2, 0),
            0xd5 => (3, 0),
            0xca | 0xce | 0xd2 => (4, 0),
            0xd6 => (5, 0),
            0xcb | 0xcf | 0xd3 => (8, 0),
            0xd7 => (9, 0),
            0xd8 => (17, 0),
            0xdc => (2, number(2)?),
            0xdd => (4, number(4)?),
            0xde => (2, 2 * number(2)?),
            0xdf => (4, 2 * number(4)?),
            0xc1 => return Err(BodyError::Malformed("it holds the reserved marker 0xc1")),
        };
        at = usize::try_from(skip).ok().and_then(|skip| at.checked_add(skip)).ok_or(SHORT)?;
        if at > bytes.len() {
            return Err(SHORT);
        }
        values_left += inside;
        // Each value takes at least a byte: what claims to hold more than is left is refused at once.
        if values_left > (bytes.len() - at) as u64 {
            return Err(SHORT);
        }
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_come_back() {
        fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: T) {
            let body = encode(&value).unwrap();
            assert_eq!(decode::<T>(&body).unwrap(), value);
            assert_eq!(value_length(&body).unwrap(), body.len());
        }
        check(1500.0_f64);
        check(());
        check("text".to_owned());
        check(vec![1_u64, 1 << 40]);
        check(std::collections::BTreeMap::from([(1, "a".to_owned()), (2, "b".to_owned())]));
        check(serde_bytes::ByteBuf::from(vec![7; 70_000]));
        assert!(decode::<f64>(&encode(&f64::NAN).unwrap()).unwrap().is_nan());
    }

    #[test]
    fn a_wrong_type_is_named() {
        let body = encode("fast").unwrap();
        let error = decode::<f64>(&body).unwrap_err().to_string();
        assert!(error.starts_with("expected f64, got \"fast\""), "{error}");
    }

    #[test]
    fn a_value_that_claims_more_than_is_there_is_refused() {
        assert!(value_length(&[0xdd, 0xff, 0xff, 0xff, 0xff]).is_err());
        assert!(value_length(&[0xc6, 0xff, 0xff, 0xff, 0xff, 0]).is_err());
        assert!(value_length(&[]).is_err());
        assert!(value_length(&[0xc1]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_measured_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(length) = value_length(&bytes) {
                prop_assert!(length <= bytes.len());
            }
            let _ = preview(&bytes);
            let _ = decode::<Vec<String>>(&bytes);
        }
    }
}
