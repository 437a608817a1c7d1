//! JSON bodies, for programs that have no MessagePack: read and written as the MessagePack that they stand for.
//!
//! JSON has neither bytes nor NaN. Bytes are the object `{"$base64": "AAEC"}`, both ways. A number that is not finite
//! is written as `null`. A map's keys that are no text are written as the text of their value.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rmp::Marker;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use crate::arguments::Arguments;
use crate::body::{BodyError, MAX_DEPTH, value_length};

/// The only key of an object that stands for bytes.
pub const BYTES_KEY: &str = "$base64";
/// The key beside it that tells an extension type of MessagePack.
const EXTENSION_KEY: &str = "$ext";

/// Reads the arguments of a request, `[[1500.0], {"speed": "fast"}]`, as the MessagePack body of the same request. An
/// empty body is no arguments, and stays one.
///
/// ```
/// let body = router_wire::json::arguments(br#"[[1500.0], {"speed": "fast"}]"#)?;
/// let arguments = router_wire::Arguments::decode(&body)?;
/// assert_eq!(arguments.take::<f64>(0, "target_um")?, 1500.0);
/// assert_eq!(arguments.take::<&str>(1, "speed")?, "fast");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`BodyError::Json`] says what is wrong, and where.
pub fn arguments(body: &[u8]) -> Result<Vec<u8>, BodyError> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let body = to_message_pack(body)?;
    match Arguments::decode(&body) {
        Ok(_) => Ok(body),
        Err(BodyError::Malformed(reason)) => {
            Err(BodyError::Json(format!("{reason}, as in [[1500.0], {{\"speed\": \"fast\"}}]")))
        }
        Err(other) => Err(other),
    }
}

/// Reads a JSON value as MessagePack.
///
/// # Errors
/// [`BodyError::Json`] when it is none, or nested deeper than [`MAX_DEPTH`].
pub fn to_message_pack(text: &[u8]) -> Result<Vec<u8>, BodyError> {
    let fail = |error: serde_json::Error| BodyError::Json(error.to_string());
    let mut body = Vec::with_capacity(text.len() + 16);
    let mut reader = serde_json::Deserializer::from_slice(text);
    Transcode { body: &mut body, depth: 0 }.deserialize(&mut reader).map_err(fail)?;
    reader.end().map_err(fail)?;
    Ok(body)
}

/// Writes a MessagePack value as JSON.
///
/// # Errors
/// [`BodyError::Malformed`] when it is none, or nested deeper than [`MAX_DEPTH`].
pub fn from_message_pack(body: &[u8]) -> Result<Vec<u8>, BodyError> {
    // From here on what is announced is there.
    if value_length(body)? != body.len() {
        return Err(BodyError::Malformed("bytes follow the value"));
    }
    let mut text = Vec::with_capacity(body.len() + body.len() / 2 + 16);
    let mut rest = body;
    write(&mut rest, &mut text, 0)?;
    Ok(text)
}

const WHY: &str = "writing to a Vec does not fail";

/// Writes the value that comes next behind what `body` holds.
struct Transcode<'a> {
    body: &'a mut Vec<u8>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Transcode<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Transcode<'_> {
    fn inside<E: serde::de::Error>(&self) -> Result<usize, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format!("it is nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(self.depth + 1)
    }

    /// Writes a marker, and leaves room for the number of values behind it, which JSON tells only at the end.
    fn begin(&mut self, marker: Marker) -> usize {
        self.body.push(marker.to_u8());
        self.body.extend_from_slice(&[0; 4]);
        self.body.len()
    }

    fn end<E: serde::de::Error>(&mut self, start: usize, count: usize) -> Result<(), E> {
        let count = u32::try_from(count).map_err(|_| E::custom("it has too many values"))?;
        self.body[start - 4..start].copy_from_slice(&count.to_be_bytes());
        Ok(())
    }
}

impl<'de> Visitor<'de> for Transcode<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        rmp::encode::write_nil(self.body).expect(WHY);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        rmp::encode::write_bool(self.body, value).expect(WHY);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        rmp::encode::write_uint(self.body, value).expect(WHY);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        rmp::encode::write_sint(self.body, value).expect(WHY);
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        rmp::encode::write_f64(self.body, value).expect(WHY);
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        check_length(value.len())?;
        rmp::encode::write_str(self.body, value).expect(WHY);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut values: A) -> Result<(), A::Error> {
        let depth = self.inside()?;
        let start = self.begin(Marker::Array32);
        let mut count = 0_usize;
        while values.next_element_seed(Transcode { body: self.body, depth })?.is_some() {
            count += 1;
        }
        self.end(start, count)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        let depth = self.inside()?;
        let start = self.begin(Marker::Map32);
        let mut count = 0_usize;
        while let Some(key) = entries.next_key::<Cow<'_, str>>()? {
            if key == BYTES_KEY && count == 0 {
                let text: Cow<'_, str> = entries.next_value()?;
                if entries.next_key::<Cow<'_, str>>()?.is_some() {
                    return Err(A::Error::custom("`$base64` is the only key of its object"));
                }
                let bytes = BASE64.decode(text.as_bytes());
                let bytes = bytes.map_err(|error| A::Error::custom(format!("`$base64`: {error}")))?;
                check_length(bytes.len())?;
                self.body.truncate(start - 5);
                rmp::encode::write_bin(self.body, &bytes).expect(WHY);
                return Ok(());
            }
            check_length(key.len())?;
            rmp::encode::write_str(self.body, &key).expect(WHY);
            entries.next_value_seed(Transcode { body: self.body, depth })?;
            count += 1;
        }
        self.end(start, count)
    }
}

fn check_length<E: serde::de::Error>(length: usize) -> Result<(), E> {
    u32::try_from(length).map(drop).map_err(|_| E::custom("a text or bytes of more than 4 GiB"))
}

/// Writes the first value of `rest`, which is whole, and takes it away.
fn write(rest: &mut &[u8], text: &mut Vec<u8>, depth: usize) -> Result<(), BodyError> {
    const SHAPE: BodyError = BodyError::Malformed("a value is not what its marker says");
    const DEEP: BodyError = BodyError::Malformed("it is nested deeper than 64 levels");
    let first = *rest.first().ok_or(SHAPE)?;
    match Marker::from_u8(first) {
        Marker::Null => {
            *rest = &rest[1..];
            text.extend_from_slice(b"null");
        }
        Marker::True | Marker::False => {
            *rest = &rest[1..];
            text.extend_from_slice(if first == Marker::True.to_u8() { b"true" } else { b"false" });
        }
        Marker::FixNeg(_) | Marker::I8 | Marker::I16 | Marker::I32 | Marker::I64 => {
            put(text, &rmp::decode::read_int::<i64, _>(rest).map_err(|_| SHAPE)?);
        }
        Marker::FixPos(_) | Marker::U8 | Marker::U16 | Marker::U32 | Marker::U64 => {
            put(text, &rmp::decode::read_int::<u64, _>(rest).map_err(|_| SHAPE)?);
        }
        // serde_json writes `null` for what is not finite.
        Marker::F32 => put(text, &rmp::decode::read_f32(rest).map_err(|_| SHAPE)?),
        Marker::F64 => put(text, &rmp::decode::read_f64(rest).map_err(|_| SHAPE)?),
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
            let length = rmp::decode::read_str_len(rest).map_err(|_| SHAPE)?;
            put(text, &String::from_utf8_lossy(take(rest, length)?));
        }
        Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
            let length = rmp::decode::read_bin_len(rest).map_err(|_| SHAPE)?;
            text.push(b'{');
            put_bytes(text, take(rest, length)?);
            text.push(b'}');
        }
        Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => {
            if depth >= MAX_DEPTH {
                return Err(DEEP);
            }
            let count = rmp::decode::read_array_len(rest).map_err(|_| SHAPE)?;
            text.push(b'[');
            for index in 0..count {
                comma(text, index);
                write(rest, text, depth + 1)?;
            }
            text.push(b']');
        }
        Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => {
            if depth >= MAX_DEPTH {
                return Err(DEEP);
            }
            let count = rmp::decode::read_map_len(rest).map_err(|_| SHAPE)?;
            text.push(b'{');
            for index in 0..count {
                comma(text, index);
                let start = text.len();
                write(rest, text, depth + 1)?;
                if text.get(start) != Some(&b'"') {
                    let key = String::from_utf8_lossy(&text.split_off(start)).into_owned();
                    put(text, &key);
                }
                text.push(b':');
                write(rest, text, depth + 1)?;
            }
            text.push(b'}');
        }
        Marker::FixExt1
        | Marker::FixExt2
        | Marker::FixExt4
        | Marker::FixExt8
        | Marker::FixExt16
        | Marker::Ext8
        | Marker::Ext16
        | Marker::Ext32 => {
            let meta = rmp::decode::read_ext_meta(rest).map_err(|_| SHAPE)?;
            text.extend_from_slice(format!("{{\"{EXTENSION_KEY}\":{},", meta.typeid).as_bytes());
            put_bytes(text, take(rest, meta.size)?);
            text.push(b'}');
        }
        Marker::Reserved => return Err(SHAPE),
    }
    Ok(())
}

fn put<T: serde::Serialize + ?Sized>(text: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(text, value).expect("numbers and text can be written to a Vec");
}

fn put_bytes(text: &mut Vec<u8>, bytes: &[u8]) {
    text.extend_from_slice(format!("\"{BYTES_KEY}\":\"").as_bytes());
    text.extend_from_slice(BASE64.encode(bytes).as_bytes());
    text.push(b'"');
}

fn comma(text: &mut Vec<u8>, index: u32) {
    if index > 0 {
        text.push(b',');
    }
}

fn take<'a>(rest: &mut &'a [u8], length: u32) -> Result<&'a [u8], BodyError> {
    let whole = *rest;
    let cut = whole.split_at_checked(length as usize);
    let (taken, behind) = cut.ok_or(BodyError::Malformed("it ends inside a value"))?;
    *rest = behind;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body;
    use proptest::prelude::*;

    fn there_and_back(text: &str) -> String {
        let body = to_message_pack(text.as_bytes()).unwrap();
        String::from_utf8(from_message_pack(&body).unwrap()).unwrap()
    }

    #[test]
    fn values_come_back() {
        for text in [
            "null",
            "true",
            "[1,-1,18446744073709551615,-9223372036854775808,1500.0,1e+300,\"\",\"\\u0000µ\\n\"]",
            r#"{"a":{"b":[[],{}]},"c":{"$base64":"AAEC/w=="}}"#,
            r#"{"a":1,"$base64":"no bytes: it is not alone"}"#,
        ] {
            assert_eq!(there_and_back(text), text);
        }
        let long = format!("[{}0]", "0,".repeat(70_000));
        assert_eq!(there_and_back(&long), long);
    }

    #[test]
    fn what_json_does_not_have_is_written_as_something_else() {
        fn check(body: Vec<u8>, expect: &str) {
            assert_eq!(String::from_utf8(from_message_pack(&body).unwrap()).unwrap(), expect);
        }
        check(body::encode(&f64::NAN).unwrap(), "null");
        check(body::encode(&[f64::INFINITY, 1.0]).unwrap(), "[null,1.0]");
        check(body::encode(&0.1_f32).unwrap(), "0.1");
        check(body::encode(serde_bytes::Bytes::new(b"\x00\x01")).unwrap(), r#"{"$base64":"AAE="}"#);
        check(body::encode(&std::collections::BTreeMap::from([(1, 2), (3, 4)])).unwrap(), r#"{"1":2,"3":4}"#);
        check(vec![0xd4, 5, 1], r#"{"$ext":5,"$base64":"AQ=="}"#);
        check(vec![0xa1, 0xff], "\"\u{fffd}\"");
    }

    #[test]
    fn numbers_are_what_a_method_asks_for() {
        let body = arguments(br#"[[1500, 2], {"fast": true}]"#).unwrap();
        let arguments = Arguments::decode(&body).unwrap();
        assert_eq!(arguments.take::<f64>(0, "target_um").unwrap(), 1500.0);
        assert_eq!(arguments.take::<u8>(1, "steps").unwrap(), 2);
        assert!(arguments.take::<bool>(2, "fast").unwrap());
    }

    #[test]
    fn what_is_wrong_is_named() {
        fn check(text: &str, expect: &str) {
            let error = arguments(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expect), "{text}: {error}");
        }
        check("[[1, 2}", "expected `,` or `]` at line 1 column 7");
        check("[[1", "EOF while parsing");
        check("[[1], {}] 2", "trailing characters at line 1 column 11");
        check("{\"args\": []}", "[positional, keyword], as in [[1500.0], {\"speed\": \"fast\"}]");
        check("[1, {}]", "[positional, keyword]");
        check(&format!("[[{}], {{}}]", "0,".repeat(256) + "0"), "more than 256 arguments");
        check(&("[".repeat(65) + &"]".repeat(65)), "nested deeper than 64 levels at line 1");
        check(r#"[[{"$base64": "?"}], {}]"#, "`$base64`: ");
        check(r#"[[{"$base64": "AA==", "a": 1}], {}]"#, "only key");
        check("[[\"\u{7}\"], {}]", "control character");
        assert_eq!(arguments(b"").unwrap(), b"");
    }

    #[test]
    fn a_deep_body_is_refused_before_the_stack_ends() {
        let deep = [vec![0x91; 100_000], vec![0]].concat();
        assert!(from_message_pack(&deep).is_err());
        assert!(to_message_pack("[".repeat(1_000_000).as_bytes()).is_err());
        let deepest = "[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH);
        assert_eq!(there_and_back(&deepest), deepest);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = arguments(&bytes);
            if let Ok(text) = from_message_pack(&bytes) {
                to_message_pack(&text).unwrap();
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[\\[\\]{}\",:0-9a-z$. ]{0,60}") {
            if let Ok(body) = to_message_pack(text.as_bytes()) {
                prop_assert_eq!(value_length(&body).unwrap(), body.len());
                from_message_pack(&body).unwrap();
            }
        }
    }
}
