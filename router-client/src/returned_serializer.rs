//! Telling a `Result` from every other value while it is serialised.

use rmp_serde::config::{DefaultConfig, StructMapConfig};
use rmp_serde::encode::Error;
use router_wire::{Failure, Refused, body};
use serde::ser::{Impossible, SerializeStruct};
use serde::{Serialize, Serializer};
use serde_bytes::ByteBuf;

use crate::interrupted::Interrupted;
use crate::remote_error::{PLAIN_KIND, SERIALIZED_NAME, SerializedInterruption};

type MessagePack<'b> = rmp_serde::Serializer<&'b mut Vec<u8>, StructMapConfig<DefaultConfig>>;

/// Writes a value as MessagePack, but takes apart a `Result` at its top: serde serialises one as a variant
/// `Ok` or `Err` of an enum named `Result`.
pub(crate) struct ReturnedSerializer<'a, 'b> {
    inner: &'a mut MessagePack<'b>,
    failure: &'a mut Option<Failure>,
}

impl<'a, 'b> ReturnedSerializer<'a, 'b> {
    /// `failure` is set when the value is an `Err`.
    pub(crate) fn new(inner: &'a mut MessagePack<'b>, failure: &'a mut Option<Failure>) -> Self {
        ReturnedSerializer { inner, failure }
    }
}

/// The methods of a `Serializer` that hand a plain value on.
macro_rules! hand_on {
    ($($method:ident($($argument:ident: $type:ty),*);)*) => {
        $(fn $method(self, $($argument: $type),*) -> Result<(), Error> { self.inner.$method($($argument),*) })*
    };
}

impl<'a, 'b> Serializer for ReturnedSerializer<'a, 'b> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = <&'a mut MessagePack<'b> as Serializer>::SerializeSeq;
    type SerializeTuple = <&'a mut MessagePack<'b> as Serializer>::SerializeTuple;
    type SerializeTupleStruct = <&'a mut MessagePack<'b> as Serializer>::SerializeTupleStruct;
    type SerializeTupleVariant = <&'a mut MessagePack<'b> as Serializer>::SerializeTupleVariant;
    type SerializeMap = <&'a mut MessagePack<'b> as Serializer>::SerializeMap;
    type SerializeStruct = <&'a mut MessagePack<'b> as Serializer>::SerializeStruct;
    type SerializeStructVariant = <&'a mut MessagePack<'b> as Serializer>::SerializeStructVariant;

    hand_on! {
        serialize_bool(v: bool);
        serialize_i8(v: i8);
        serialize_i16(v: i16);
        serialize_i32(v: i32);
        serialize_i64(v: i64);
        serialize_i128(v: i128);
        serialize_u8(v: u8);
        serialize_u16(v: u16);
        serialize_u32(v: u32);
        serialize_u64(v: u64);
        serialize_u128(v: u128);
        serialize_f32(v: f32);
        serialize_f64(v: f64);
        serialize_char(v: char);
        serialize_str(v: &str);
        serialize_bytes(v: &[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(name: &'static str);
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str);
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.inner.serialize_some(value)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.inner.serialize_newtype_struct(name, value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        match (name, variant) {
            ("Result", "Ok") => value.serialize(self.inner),
            ("Result", "Err") => {
                *self.failure = Some(failure_of(value));
                Ok(())
            }
            _ => self.inner.serialize_newtype_variant(name, index, variant, value),
        }
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, Error> {
        self.inner.serialize_seq(len)
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, Error> {
        self.inner.serialize_tuple(len)
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, Error> {
        self.inner.serialize_tuple_struct(name, len)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        self.inner.serialize_tuple_variant(name, index, variant, len)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, Error> {
        self.inner.serialize_map(len)
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, Error> {
        self.inner.serialize_struct(name, len)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        self.inner.serialize_struct_variant(name, index, variant, len)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// What an error that can only be serialised means: the parts of a remote error, the text of a string, or else
/// its JSON text.
fn failure_of<T: Serialize + ?Sized>(error: &T) -> Failure {
    if let Ok(failure) = error.serialize(PartsSerializer) {
        return failure;
    }
    let message = match serde_json::to_value(error) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(reason) => format!("an error that cannot be shown: {reason}"),
    };
    Failure::Refused(Refused::new(PLAIN_KIND, message))
}

/// Takes the fields of a [`Refused`] or of a serialised remote error; refuses everything else at once.
struct PartsSerializer;

/// The value is neither.
#[derive(Debug, thiserror::Error)]
#[error("not a remote error")]
struct NotARemoteError;

impl serde::ser::Error for NotARemoteError {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        NotARemoteError
    }
}

macro_rules! refuse {
    ($($method:ident($($type:ty),*) -> $result:ty;)*) => {
        $(fn $method(self, $(_: $type),*) -> Result<$result, NotARemoteError> { Err(NotARemoteError) })*
    };
}

impl Serializer for PartsSerializer {
    type Ok = Failure;
    type Error = NotARemoteError;
    type SerializeSeq = Impossible<Failure, NotARemoteError>;
    type SerializeTuple = Impossible<Failure, NotARemoteError>;
    type SerializeTupleStruct = Impossible<Failure, NotARemoteError>;
    type SerializeTupleVariant = Impossible<Failure, NotARemoteError>;
    type SerializeMap = Impossible<Failure, NotARemoteError>;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Impossible<Failure, NotARemoteError>;

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Parts, NotARemoteError> {
        if name == SERIALIZED_NAME || name == "Refused" { Ok(Parts::default()) } else { Err(NotARemoteError) }
    }

    refuse! {
        serialize_bool(bool) -> Failure;
        serialize_i8(i8) -> Failure;
        serialize_i16(i16) -> Failure;
        serialize_i32(i32) -> Failure;
        serialize_i64(i64) -> Failure;
        serialize_u8(u8) -> Failure;
        serialize_u16(u16) -> Failure;
        serialize_u32(u32) -> Failure;
        serialize_u64(u64) -> Failure;
        serialize_f32(f32) -> Failure;
        serialize_f64(f64) -> Failure;
        serialize_char(char) -> Failure;
        serialize_str(&str) -> Failure;
        serialize_bytes(&[u8]) -> Failure;
        serialize_none() -> Failure;
        serialize_unit() -> Failure;
        serialize_unit_struct(&'static str) -> Failure;
        serialize_unit_variant(&'static str, u32, &'static str) -> Failure;
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Failure, NotARemoteError> {
        Err(NotARemoteError)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<Failure, NotARemoteError> {
        Err(NotARemoteError)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Failure, NotARemoteError> {
        Err(NotARemoteError)
    }
}

#[derive(Default)]
struct Parts {
    kind: Option<String>,
    message: Option<String>,
    details: ByteBuf,
    interrupted: Option<SerializedInterruption>,
}

impl SerializeStruct for Parts {
    type Ok = Failure;
    type Error = NotARemoteError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), NotARemoteError> {
        let bytes = body::encode(value).map_err(|_| NotARemoteError)?;
        let wrong = |_| NotARemoteError;
        match key {
            "kind" => self.kind = Some(body::decode(&bytes).map_err(wrong)?),
            "message" => self.message = Some(body::decode(&bytes).map_err(wrong)?),
            "details" => self.details = body::decode(&bytes).map_err(wrong)?,
            "interrupted" => self.interrupted = body::decode(&bytes).map_err(wrong)?,
            _ => return Err(NotARemoteError),
        }
        Ok(())
    }

    fn end(self) -> Result<Failure, NotARemoteError> {
        if let Some(interruption) = self.interrupted {
            return Ok(Interrupted::from(interruption).into());
        }
        match (self.kind, self.message) {
            (Some(kind), Some(message)) => {
                Ok(Failure::Refused(Refused { kind, message, details: self.details }))
            }
            _ => Err(NotARemoteError),
        }
    }
}
