//! The fields of an error as a refusal carries them: a MessagePack map.

use router_wire::{Refused, body};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;

/// Writes the fields; for generated code.
#[derive(Debug, Default)]
pub struct DetailsWriter {
    count: u32,
    /// Names and values, one after another.
    fields: Vec<u8>,
}

#[allow(missing_docs, reason = "for generated code only")]
impl DetailsWriter {
    pub fn new() -> DetailsWriter {
        DetailsWriter::default()
    }

    /// Leaves out a field that has no MessagePack form: the error then arrives as a plain refusal.
    pub fn write<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        let before = self.fields.len();
        match body::encode_into(name, &mut self.fields)
            .and_then(|()| body::encode_into(value, &mut self.fields))
        {
            Ok(()) => self.count += 1,
            Err(_) => self.fields.truncate(before),
        }
    }

    pub fn refused(self, kind: &str, message: String) -> Refused {
        let mut details = Vec::with_capacity(self.fields.len() + 5);
        if self.count > 0 {
            rmp::encode::write_map_len(&mut details, self.count).expect("writing to a Vec does not fail");
            details.extend_from_slice(&self.fields);
        }
        Refused { kind: kind.to_owned(), message, details: ByteBuf::from(details) }
    }
}

/// Reads the fields; for generated code.
#[derive(Debug)]
pub struct Details<'a> {
    fields: Vec<(&'a str, &'a [u8])>,
}

#[allow(missing_docs, reason = "for generated code only")]
impl<'a> Details<'a> {
    /// `None` when the details are no map.
    pub fn of(refused: &'a Refused) -> Option<Details<'a>> {
        let mut rest = refused.details.as_slice();
        let mut fields = Vec::new();
        if rest.is_empty() {
            return Some(Details { fields });
        }
        for _ in 0..rmp::decode::read_map_len(&mut rest).ok()? {
            let (name, behind) = rmp::decode::read_str_from_slice(rest).ok()?;
            let (value, behind) = behind.split_at_checked(body::value_length(behind).ok()?)?;
            fields.push((name, value));
            rest = behind;
        }
        Some(Details { fields })
    }

    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let (_, value) = self.fields.iter().find(|(field, _)| *field == name)?;
        body::decode(value).ok()
    }
}
