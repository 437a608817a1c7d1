//! What a method returned, written as the body of its reply.

use router_wire::{Failure, Refused, body};
use serde::Serialize;

use crate::remote_error::RemoteError;
use crate::returned_serializer::ReturnedSerializer;

/// Whether a method gave a value, which is then in the [`ReplyBody`], or how else its call ended.
pub type Returned = Result<(), Failure>;

/// The bytes of a reply: room for a header, and behind it the value, serialised in place.
#[derive(Debug, Default)]
pub struct ReplyBody {
    bytes: Vec<u8>,
    /// Where the value begins [bytes].
    start: usize,
}

impl ReplyBody {
    /// An empty body behind `reserve_header` bytes (zeros for now) that the server fills in later.
    pub fn new(reserve_header: usize) -> ReplyBody {
        const SMALL_VALUE: usize = 96;
        let mut bytes = Vec::with_capacity(reserve_header + SMALL_VALUE);
        bytes.resize(reserve_header, 0);
        ReplyBody { bytes, start: reserve_header }
    }

    /// Writes the value that the method returned; one written before is replaced.
    ///
    /// # Errors
    /// [`Failure::Refused`] of kind `cannot_be_sent` when the value has no MessagePack form.
    pub fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failure> {
        self.write(|bytes| body::encode_into(value, bytes).map_err(|error| cannot_be_sent(&error)))
    }

    /// The value in MessagePack, without the header.
    pub fn as_value(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// The reserved header with the value behind it.
    pub fn into_vec(self) -> Vec<u8> {
        self.bytes
    }

    fn write(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Returned) -> Returned {
        self.bytes.truncate(self.start);
        let returned = write(&mut self.bytes);
        if returned.is_err() {
            self.bytes.truncate(self.start);
        }
        returned
    }
}

/// Writes what a closure returned. A `Result` is recognised by its `Serialize`: `Ok(value)` is the value,
/// `Err(error)` a refusal (or, for a [`RemoteError`] that holds an interruption, a cancelled call).
///
/// # Errors
/// The failure that the `Err` means, or [`Failure::Refused`] of kind `cannot_be_sent`.
pub fn write_returned<R: Serialize>(value: &R, body: &mut ReplyBody) -> Returned {
    body.write(|bytes| {
        let mut failure = None;
        let mut serializer = rmp_serde::Serializer::new(bytes).with_struct_map();
        let written = value.serialize(ReturnedSerializer::new(&mut serializer, &mut failure));
        match (failure, written) {
            (Some(failure), _) => Err(failure),
            (None, Ok(())) => Ok(()),
            (None, Err(error)) => Err(cannot_be_sent(&error)),
        }
    })
}

/// Writes what a method that returns a `Result` returned: what generated code calls.
///
/// # Errors
/// The failure that the error means.
pub fn write_result<T: Serialize, E: RemoteError>(returned: Result<T, E>, body: &mut ReplyBody) -> Returned {
    match returned {
        Ok(value) => body.value(&value),
        Err(error) => Err(match error.interrupted() {
            Some(interrupted) => interrupted.into(),
            None => Failure::Refused(error.to_refused()),
        }),
    }
}

fn cannot_be_sent(error: &dyn std::fmt::Display) -> Failure {
    Failure::Refused(Refused::new("cannot_be_sent", format!("the method's value cannot be sent: {error}")))
}
