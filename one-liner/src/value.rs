//! Values between MessagePack, JSON and what people type and read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rmpv::Value;
use serde_json::Value as Json;

/// What becomes of bytes, which JSON does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// `{"bytes": N}`: how many there are, for people.
    Counted,
    /// `{"bytes": N, "base64": TEXT}`: all of them.
    Base64,
}

/// An argument as typed: JSON if it is JSON, else the text itself.
pub(crate) fn from_text(text: &str) -> Value {
    match serde_json::from_str::<Json>(text) {
        Ok(json) => from_json(json),
        Err(_) => Value::from(text),
    }
}

/// JSON as MessagePack.
pub(crate) fn from_json(json: Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(boolean) => Value::Boolean(boolean),
        Json::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(unsigned), _) => Value::from(unsigned),
            (None, Some(signed)) => Value::from(signed),
            (None, None) => Value::F64(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text),
        Json::Array(values) => Value::Array(values.into_iter().map(from_json).collect()),
        Json::Object(fields) => Value::Map(
            fields.into_iter().map(|(name, value)| (Value::from(name), from_json(value))).collect(),
        ),
    }
}

/// MessagePack as JSON. What JSON does not know becomes text: `"NaN"`, `"Infinity"`, and the JSON of a map's
/// key that is no text.
pub(crate) fn to_json(value: &Value, bytes: Bytes) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Boolean(boolean) => Json::Bool(*boolean),
        Value::Integer(integer) => match (integer.as_u64(), integer.as_i64()) {
            (Some(unsigned), _) => Json::from(unsigned),
            (None, signed) => Json::from(signed),
        },
        // By way of its shortest text: 0.1_f32 is to read as 0.1, not as 0.10000000149011612.
        Value::F32(float) => float_to_json(float.to_string().parse().unwrap_or(f64::from(*float))),
        Value::F64(float) => float_to_json(*float),
        Value::String(text) => Json::String(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        Value::Binary(data) => bytes_to_json(data, bytes),
        Value::Array(values) => Json::Array(values.iter().map(|value| to_json(value, bytes)).collect()),
        Value::Map(fields) => Json::Object(
            fields.iter().map(|(key, value)| (key_to_text(key), to_json(value, bytes))).collect(),
        ),
        Value::Ext(kind, data) => {
            let mut fields = serde_json::Map::new();
            fields.insert("extension".into(), Json::from(*kind));
            if let Json::Object(data) = bytes_to_json(data, bytes) {
                fields.extend(data);
            }
            Json::Object(fields)
        }
    }
}

/// A value for people: text without quotes, everything else as JSON, bytes counted.
pub(crate) fn for_people(value: &Value) -> String {
    match value {
        Value::Nil => "done, without a value".to_owned(),
        Value::String(text) => tame(&String::from_utf8_lossy(text.as_bytes())),
        other => tame(&to_json(other, Bytes::Counted).to_string()),
    }
}

/// Text of a stranger without the characters that could steer a terminal; lines stay lines.
pub(crate) fn tame(text: &str) -> String {
    let steers = |character: char| character.is_control() && character != '\n' && character != '\t';
    text.chars().map(|character| if steers(character) { '\u{fffd}' } else { character }).collect()
}

/// As [`tame`], in one line.
pub(crate) fn one_line(text: &str) -> String {
    tame(text).replace('\n', " ")
}

fn float_to_json(float: f64) -> Json {
    if float.is_nan() {
        Json::from("NaN")
    } else if float.is_infinite() {
        Json::from(if float > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        Json::from(float)
    }
}

fn bytes_to_json(data: &[u8], bytes: Bytes) -> Json {
    match bytes {
        Bytes::Counted => serde_json::json!({ "bytes": data.len() }),
        Bytes::Base64 => serde_json::json!({ "bytes": data.len(), "base64": BASE64.encode(data) }),
    }
}

fn key_to_text(key: &Value) -> String {
    match key {
        Value::String(text) => String::from_utf8_lossy(text.as_bytes()).into_owned(),
        other => to_json(other, Bytes::Base64).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_json_or_text() {
        fn check(text: &str, expect: Value) {
            assert_eq!(from_text(text), expect, "{text}");
        }
        check("1500", Value::from(1500));
        check("-3", Value::from(-3));
        check("1.5", Value::F64(1.5));
        check("18446744073709551615", Value::from(u64::MAX));
        check("true", Value::Boolean(true));
        check("null", Value::Nil);
        check("stall", Value::from("stall"));
        check("\"1500\"", Value::from("1500"));
        check("[1, \"a\"]", Value::Array(vec![Value::from(1), Value::from("a")]));
        check("{\"x\": 1}", Value::Map(vec![(Value::from("x"), Value::from(1))]));
        check("{x", Value::from("{x"));
        check("", Value::from(""));
    }

    #[test]
    fn what_arrives_becomes_json() {
        fn check(value: Value, bytes: Bytes, expect: &str) {
            assert_eq!(to_json(&value, bytes).to_string(), expect);
        }
        check(Value::from(1_u64 << 60), Bytes::Counted, "1152921504606846976");
        check(Value::from(i64::MIN), Bytes::Counted, "-9223372036854775808");
        check(Value::F64(f64::NAN), Bytes::Counted, "\"NaN\"");
        check(Value::F64(f64::NEG_INFINITY), Bytes::Counted, "\"-Infinity\"");
        check(Value::F64(1500.0), Bytes::Counted, "1500.0");
        check(Value::F32(0.1), Bytes::Counted, "0.1");
        check(Value::Nil, Bytes::Counted, "null");
        check(Value::Binary(vec![0, 255]), Bytes::Counted, "{\"bytes\":2}");
        check(Value::Binary(vec![0, 255]), Bytes::Base64, "{\"bytes\":2,\"base64\":\"AP8=\"}");
        check(Value::Ext(5, vec![1]), Bytes::Base64, "{\"extension\":5,\"bytes\":1,\"base64\":\"AQ==\"}");
        let keys = Value::Map(vec![(Value::from(1), Value::from("a")), (Value::from("b"), Value::from(2))]);
        check(keys, Bytes::Counted, "{\"1\":\"a\",\"b\":2}");
        check(Value::String(rmpv::Utf8String::from("ä")), Bytes::Counted, "\"ä\"");
    }

    #[test]
    fn people_read_no_quotes_and_no_escape_sequences() {
        assert_eq!(for_people(&Value::from("two\nlines")), "two\nlines");
        assert_eq!(for_people(&Value::from("\u{1b}[2J")), "\u{fffd}[2J");
        assert_eq!(for_people(&Value::F64(1499.9)), "1499.9");
        assert_eq!(for_people(&Value::Nil), "done, without a value");
    }
}
