//! A sample's payload: its bytes by reference, and how a type is read from them and written to them.
//!
//! Every type that serde knows travels as MessagePack. A type that is bytes already, such as a camera's frame,
//! implements [`FromPayload`] and [`ToPayload`] itself: it then has an [`Encoding`] of its own and is not copied.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::de::value::{BytesDeserializer, Error as BytesError};

use crate::body::{self, BodyError, Encoding};
use crate::describe::ValueDescription;

/// The bytes of a sample as they came, shared and never copied by cloning.
///
/// `client.subscribe::<Payload>(name)` receives bytes instead of values; the sample's encoding tells what they are.
#[derive(Clone)]
pub struct Payload(Kept);

#[derive(Clone)]
enum Kept {
    /// A block of its own; begins at a multiple of 8 bytes.
    Copied(Arc<[u8]>),
    /// Whoever owns them.
    Shared(Bytes),
}

/// What a subscription can hand out: every [`DeserializeOwned`] type, [`Payload`] for the bytes themselves, and types
/// that are made of bytes without a copy.
pub trait FromPayload: Sized {
    /// Reads a value; runs on the thread that takes the sample.
    ///
    /// # Errors
    /// A [`BodyError`] when the bytes are not such a value.
    fn from_payload(encoding: Encoding, payload: &Payload) -> Result<Self, BodyError>;
}

/// What a publisher can publish: every [`Serialize`] type, and types that are bytes already.
pub trait ToPayload {
    /// Writes the value behind what `packet` holds, or hands out bytes that exist already.
    ///
    /// # Errors
    /// [`BodyError::Encode`]; `packet` may then end with a part of the value.
    fn to_payload(&self, packet: &mut Vec<u8>) -> Result<Written, BodyError>;

    /// What a server tells of such values; `None` for what it knows of the type's name.
    fn describe() -> Option<ValueDescription> {
        None
    }
}

/// Where [`ToPayload::to_payload`] left the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// Behind what the packet held.
    InPacket(Encoding),
    /// Here, to be passed on by reference.
    Shared(Encoding, Bytes),
}

impl Payload {
    /// Copies the bytes into a block of their own.
    pub fn copy_from(bytes: &[u8]) -> Payload {
        Payload(Kept::Copied(Arc::from(bytes)))
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Kept::Copied(bytes) => bytes,
            Kept::Shared(bytes) => bytes,
        }
    }

    /// The same bytes as a handle that any owner may stand behind, not copied.
    pub fn to_bytes(&self) -> Bytes {
        match &self.0 {
            Kept::Copied(bytes) => Bytes::from_owner(Arc::clone(bytes)),
            Kept::Shared(bytes) => bytes.clone(),
        }
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Payload {
        Payload(Kept::Shared(bytes))
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Payload {
        Payload(Kept::Copied(bytes.into()))
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Payload) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Payload {}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.len())
    }
}

impl<T: DeserializeOwned> FromPayload for T {
    fn from_payload(encoding: Encoding, payload: &Payload) -> Result<T, BodyError> {
        let unreadable = |got: String, reason: String| BodyError::Decode {
            expected: body::readable_type_name(std::any::type_name::<T>()),
            got,
            reason,
        };
        let bytes_of = || format!("{} bytes of {encoding:?}", payload.len());
        match encoding {
            Encoding::Json => {
                serde_json::from_slice(payload).map_err(|error| unreadable(bytes_of(), error.to_string()))
            }
            // For types such as `serde_bytes::ByteBuf`; all others say that they expected something else.
            Encoding::Raw => T::deserialize(BytesDeserializer::<BytesError>::new(payload))
                .map_err(|error| unreadable(bytes_of(), error.to_string())),
            Encoding::Frame => Err(unreadable("a frame".into(), "read it as router_frame::Frame".into())),
            Encoding::Array => Err(unreadable("an array".into(), "read it as router_frame::NdArray".into())),
            encoding => body::decode_as(encoding, payload),
        }
    }
}

impl FromPayload for Payload {
    fn from_payload(_encoding: Encoding, payload: &Payload) -> Result<Payload, BodyError> {
        Ok(payload.clone())
    }
}

impl<T: Serialize + ?Sized> ToPayload for T {
    fn to_payload(&self, packet: &mut Vec<u8>) -> Result<Written, BodyError> {
        body::encode_into(self, packet)?;
        Ok(Written::InPacket(Encoding::MessagePack))
    }
}

#[cfg(test)]
mod tests {
    use serde_bytes::ByteBuf;

    use super::*;

    #[test]
    fn bytes_are_shared_whoever_owns_them() {
        let owned = Payload::from(Bytes::from_owner(vec![7; 100_000]).slice(10..));
        assert_eq!((owned.len(), owned[0]), (99_990, 7));
        let copied = Payload::copy_from(&[90, 91]);
        for payload in [owned, copied] {
            assert_eq!(payload.clone().as_ptr(), payload.as_ptr());
            assert_eq!(payload.to_bytes().as_ptr(), payload.as_ptr());
        }
    }

    #[test]
    fn every_encoding_is_read() {
        let bytes = |encoding, payload: &[u8]| ByteBuf::from_payload(encoding, &payload.to_vec().into());
        let float = |encoding, payload: &[u8]| f64::from_payload(encoding, &payload.to_vec().into());
        assert_eq!(float(Encoding::MessagePack, &body::encode(&2.5).unwrap()), Ok(2.5));
        assert_eq!(float(Encoding::Json, b"2.5"), Ok(2.5));
        assert!(float(Encoding::Json, b"2,5").is_err());
        assert!(float(Encoding::Raw, &[0; 8]).unwrap_err().to_string().contains("f64"));
        assert_eq!(bytes(Encoding::Raw, &[1, 2]), Ok(ByteBuf::from([1, 2])));
        assert_eq!(bytes(Encoding::MessagePack, &[0xc4, 2, 1, 2]), Ok(ByteBuf::from([1, 2])));
        let text = float(Encoding::Frame, &[1; 200]).unwrap_err().to_string();
        assert_eq!(text, "expected f64, got a frame: read it as router_frame::Frame");
        assert_eq!(<()>::from_payload(Encoding::None, &Vec::new().into()), Ok(()));
        assert_eq!(Payload::from_payload(Encoding::Raw, &vec![5].into()).unwrap().as_slice(), &[5]);
    }
}
