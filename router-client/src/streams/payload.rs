//! `Payload`: a sample's bytes, by reference.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use router_socket::Frame;
use router_wire::body::{self, BodyError, Encoding};
use serde::de::DeserializeOwned;
use serde::de::value::{BytesDeserializer, Error as BytesError};

/// The bytes of a sample as they came, shared and never copied by cloning.
///
/// `client.subscribe::<Payload>(name)` receives bytes instead of values; [`Sample::encoding`](super::Sample)
/// tells what they are.
#[derive(Clone)]
pub struct Payload(Bytes);

#[derive(Clone)]
enum Bytes {
    Copied(Arc<[u8]>),
    Received {
        frame: Arc<Frame>,
        start: usize,
    },
    /// Bytes with an owner, such as a slot in shared memory.
    Owned(Arc<dyn AsRef<[u8]> + Send + Sync>),
}

/// Up to this length a frame may lie in the buffer that libzmq received it into, together with its neighbours,
/// and would keep all of that buffer for as long as the sample is kept. Longer ones have memory of their own.
const RECEIVE_BUFFER_BYTES: usize = 8192;

/// What a subscription can hand out: every [`DeserializeOwned`] type, and [`Payload`] for the bytes themselves.
pub trait FromPayload: Sized {
    /// Reads a value; runs on the thread that takes the sample.
    ///
    /// # Errors
    /// A [`BodyError`] when the bytes are not such a value.
    fn from_payload(encoding: Encoding, payload: &Payload) -> Result<Self, BodyError>;
}

impl Payload {
    /// What follows `start` in `frame`.
    pub(crate) fn of_frame(frame: Frame, start: usize) -> Payload {
        if frame.len() <= RECEIVE_BUFFER_BYTES {
            Payload(Bytes::Copied(Arc::from(&frame[start..])))
        } else {
            Payload(Bytes::Received { frame: Arc::new(frame), start })
        }
    }

    /// All bytes of `owner`, which keeps them where they are and as they are.
    pub(crate) fn of_owner(owner: impl AsRef<[u8]> + Send + Sync + 'static) -> Payload {
        Payload(Bytes::Owned(Arc::new(owner)))
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Bytes::Copied(bytes) => bytes,
            Bytes::Received { frame, start } => &frame[*start..],
            Bytes::Owned(owner) => (**owner).as_ref(),
        }
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Payload {
        Payload(Bytes::Copied(bytes.into()))
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
        let unreadable = |reason: String| BodyError::Decode {
            expected: body::readable_type_name(std::any::type_name::<T>()),
            got: format!("{} bytes of {encoding:?}", payload.len()),
            reason,
        };
        match encoding {
            Encoding::Json => serde_json::from_slice(payload).map_err(|error| unreadable(error.to_string())),
            // For types such as `serde_bytes::ByteBuf`; all others say that they expected something else.
            Encoding::Raw => T::deserialize(BytesDeserializer::<BytesError>::new(payload))
                .map_err(|error| unreadable(error.to_string())),
            encoding => body::decode_as(encoding, payload),
        }
    }
}

impl FromPayload for Payload {
    fn from_payload(_encoding: Encoding, payload: &Payload) -> Result<Payload, BodyError> {
        Ok(payload.clone())
    }
}

#[cfg(test)]
mod tests {
    use serde_bytes::ByteBuf;

    use super::*;

    #[test]
    fn long_frames_are_shared_and_short_ones_keep_nothing_else_alive() {
        let long = Payload::of_frame(Frame::from_vec(vec![7; 100_000]), 10);
        assert_eq!(long.len(), 99_990);
        assert_eq!(long.clone().as_ptr(), long.as_ptr());
        let short = Payload::of_frame(Frame::from_vec((0..100).collect()), 90);
        assert_eq!(short.as_slice(), &[90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
        assert_eq!(short.clone().as_ptr(), short.as_ptr());
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
        assert_eq!(<()>::from_payload(Encoding::None, &Vec::new().into()), Ok(()));
        assert_eq!(Payload::from_payload(Encoding::Raw, &vec![5].into()).unwrap().as_slice(), &[5]);
    }
}
