//! Positional and keyword arguments in a request's body.
//!
//! The body is the MessagePack array `[positional, keyword]`: an array of values and a map from names to
//! values. The values stay undecoded until the method's signature says what they are to be.

use serde::{Deserialize, Serialize};

use crate::body::{self, BodyError, value_length};
use crate::failure::Failure;
use crate::name::nearest;

/// Most arguments of one call; a request with more is refused.
pub const MAX_ARGUMENTS: usize = 256;

/// The arguments of one call, each still MessagePack, borrowed from the body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments<'a> {
    /// By position.
    pub positional: Vec<&'a [u8]>,
    /// By name.
    pub keyword: Vec<(&'a str, &'a [u8])>,
}

/// Makes a request's body. `positional` that serialises as a sequence (a tuple, an array, a `Vec`) gives one
/// argument an element, `()` none, anything else is the only argument. Keyword values are MessagePack.
///
/// # Errors
/// [`BodyError::Encode`] when a value refuses to be serialised.
pub fn encode<T: Serialize + ?Sized>(
    positional: &T,
    keyword: &[(String, Vec<u8>)],
) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    encode_positional_into(positional, &mut body)?;
    encode_keyword_into(keyword, &mut body)?;
    Ok(body)
}

/// Appends the first half of a body, built in place behind what `message` holds already; see [`encode`].
/// [`encode_keyword_into`] has to follow.
///
/// # Errors
/// [`BodyError::Encode`]; `message` then ends with a part of a body.
pub fn encode_positional_into<T: Serialize + ?Sized>(
    positional: &T,
    message: &mut Vec<u8>,
) -> Result<(), BodyError> {
    message.push(ARRAY_OF_TWO);
    let start = message.len();
    body::encode_into(positional, message)?;
    match message.get(start) {
        Some(0x90..=0x9f | 0xdc | 0xdd) => {}
        Some(0xc0) => message[start] = EMPTY_ARRAY,
        _ => message.insert(start, ARRAY_OF_ONE),
    }
    Ok(())
}

/// Appends the second half of a body: the keyword arguments, their values in MessagePack.
///
/// # Errors
/// [`BodyError::Encode`] for more of them than a map can count.
pub fn encode_keyword_into(keyword: &[(String, Vec<u8>)], message: &mut Vec<u8>) -> Result<(), BodyError> {
    let count =
        u32::try_from(keyword.len()).map_err(|_| BodyError::Encode("too many keyword arguments".into()))?;
    let fail = |_| BodyError::Encode("a keyword could not be written".into());
    rmp::encode::write_map_len(message, count).map_err(fail)?;
    for (name, value) in keyword {
        rmp::encode::write_str(message, name).map_err(fail)?;
        message.extend_from_slice(value);
    }
    Ok(())
}

const WHY: &str = "writing to a Vec does not fail";
const ARRAY_OF_TWO: u8 = 0x92;
const ARRAY_OF_ONE: u8 = 0x91;
const EMPTY_ARRAY: u8 = 0x90;

impl<'a> Arguments<'a> {
    /// Splits a body into its arguments; an empty body is no arguments.
    ///
    /// # Errors
    /// [`BodyError::Malformed`] when it is not `[positional, keyword]`, or there are more than
    /// [`MAX_ARGUMENTS`].
    pub fn decode(body: &'a [u8]) -> Result<Arguments<'a>, BodyError> {
        let mut arguments = Arguments::default();
        if body.is_empty() {
            return Ok(arguments);
        }
        const SHAPE: BodyError = BodyError::Malformed("arguments are the array [positional, keyword]");
        let mut rest = body;
        if rmp::decode::read_array_len(&mut rest).map_err(|_| SHAPE)? != 2 {
            return Err(SHAPE);
        }
        let count = rmp::decode::read_array_len(&mut rest).map_err(|_| SHAPE)?;
        check_count(count)?;
        for _ in 0..count {
            arguments.positional.push(next_value(&mut rest)?);
        }
        let count = rmp::decode::read_map_len(&mut rest).map_err(|_| SHAPE)?;
        check_count(count)?;
        for _ in 0..count {
            let (name, behind) = rmp::decode::read_str_from_slice(rest).map_err(|_| SHAPE)?;
            rest = behind;
            arguments.keyword.push((name, next_value(&mut rest)?));
        }
        if rest.is_empty() { Ok(arguments) } else { Err(BodyError::Malformed("bytes follow the arguments")) }
    }

    /// The argument at `index` or of `name`, if it was given.
    ///
    /// # Errors
    /// [`Failure::BadArguments`] when it was given twice.
    pub fn raw(&self, index: usize, name: &str) -> Result<Option<&'a [u8]>, Failure> {
        let mut given = self.keyword.iter().filter(|(keyword, _)| *keyword == name).map(|(_, value)| *value);
        let by_position = self.positional.get(index).copied();
        let by_name = given.next();
        if given.next().is_some() || (by_position.is_some() && by_name.is_some()) {
            return Err(Failure::bad_argument(name, "it was given twice"));
        }
        Ok(by_position.or(by_name))
    }

    /// The argument at `index` or of `name` as a `T`.
    ///
    /// # Errors
    /// [`Failure::BadArguments`] when it is missing, given twice or no `T`.
    pub fn take<T: Deserialize<'a>>(&self, index: usize, name: &str) -> Result<T, Failure> {
        match self.raw(index, name)? {
            Some(value) => decode_argument(name, value),
            None => {
                let expected = body::readable_type_name(std::any::type_name::<T>());
                Err(Failure::bad_argument(name, &format!("it is missing; expected {expected}")))
            }
        }
    }

    /// As [`take`](Arguments::take), with `default()` where it was not given.
    ///
    /// # Errors
    /// [`Failure::BadArguments`] when it was given twice or is no `T`.
    pub fn take_or<T: Deserialize<'a>>(
        &self,
        index: usize,
        name: &str,
        default: impl FnOnce() -> T,
    ) -> Result<T, Failure> {
        match self.raw(index, name)? {
            Some(value) => decode_argument(name, value),
            None => Ok(default()),
        }
    }

    /// Refuses arguments that the method with these argument `names` does not have.
    ///
    /// # Errors
    /// [`Failure::BadArguments`] names the argument, and the nearest one there is.
    pub fn check(&self, names: &[&str]) -> Result<(), Failure> {
        let expected = || match names {
            [] => "it takes none".to_owned(),
            names => format!("it takes {}: {}", names.len(), names.join(", ")),
        };
        if self.positional.len() > names.len() {
            let given = match self.positional.len() {
                1 => "1 argument was".to_owned(),
                count => format!("{count} arguments were"),
            };
            let message = format!("{given} given; {}", expected());
            return Err(Failure::BadArguments { argument: None, message });
        }
        for (keyword, _) in &self.keyword {
            if !names.contains(keyword) {
                let hint = nearest(keyword, names.iter().copied());
                let hint = hint.first().map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
                let message = format!("there is no such argument; {hint}{}", expected());
                return Err(Failure::bad_argument(keyword, &message));
            }
        }
        Ok(())
    }

    /// These arguments as a body again.
    pub fn to_body(&self) -> Vec<u8> {
        let values: usize =
            self.positional.iter().chain(self.keyword.iter().map(|(_, value)| value)).map(|v| v.len()).sum();
        let mut body = Vec::with_capacity(values + 16);
        rmp::encode::write_array_len(&mut body, 2).expect(WHY);
        rmp::encode::write_array_len(&mut body, self.positional.len() as u32).expect(WHY);
        self.positional.iter().for_each(|value| body.extend_from_slice(value));
        self.write_keywords(&mut body);
        body
    }

    fn write_keywords(&self, body: &mut Vec<u8>) {
        rmp::encode::write_map_len(body, self.keyword.len() as u32).expect(WHY);
        for (name, value) in &self.keyword {
            rmp::encode::write_str(body, name).expect(WHY);
            body.extend_from_slice(value);
        }
    }

    /// The keyword arguments as one MessagePack map.
    pub fn keywords_to_map(&self) -> Vec<u8> {
        let mut map = Vec::new();
        self.write_keywords(&mut map);
        map
    }

    /// A named call's arguments: `self` are the presets, `given` replaces them index by index and name by name.
    pub fn overridden_by(&self, given: &Arguments<'a>) -> Arguments<'a> {
        let mut merged = self.clone();
        for (index, value) in given.positional.iter().enumerate() {
            match merged.positional.get_mut(index) {
                Some(preset) => *preset = value,
                None => merged.positional.push(value),
            }
        }
        for (name, value) in &given.keyword {
            match merged.keyword.iter_mut().find(|(preset, _)| preset == name) {
                Some((_, preset)) => *preset = value,
                None => merged.keyword.push((name, value)),
            }
        }
        merged
    }
}

fn decode_argument<'a, T: Deserialize<'a>>(name: &str, value: &'a [u8]) -> Result<T, Failure> {
    body::decode(value).map_err(|error| Failure::bad_argument(name, &error.to_string()))
}

fn check_count(count: u32) -> Result<(), BodyError> {
    if count as usize > MAX_ARGUMENTS { Err(BodyError::Malformed("more than 256 arguments")) } else { Ok(()) }
}

fn next_value<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], BodyError> {
    let (value, behind) = rest.split_at(value_length(rest)?);
    *rest = behind;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn positional_and_keyword_arguments_come_back() {
        let body = encode(&(1500.0, "fast"), &[("steps".into(), body::encode(&3).unwrap())]).unwrap();
        let arguments = Arguments::decode(&body).unwrap();
        assert_eq!(arguments.take::<f64>(0, "target_um").unwrap(), 1500.0);
        assert_eq!(arguments.take::<&str>(1, "speed").unwrap(), "fast");
        assert_eq!(arguments.take::<u8>(2, "steps").unwrap(), 3);
        assert_eq!(arguments.take_or(3, "pause_ms", || 7).unwrap(), 7);
        assert!(arguments.check(&["target_um", "speed", "steps"]).is_ok());
        assert_eq!(arguments.to_body(), body);
    }

    #[test]
    fn the_wrong_argument_is_named() {
        let body = encode(&("far",), &[("sped".into(), body::encode(&3).unwrap())]).unwrap();
        let arguments = Arguments::decode(&body).unwrap();
        fn check(failure: Failure, argument: &str, text: &str) {
            let Failure::BadArguments { argument: named, message } = failure else { panic!("{failure:?}") };
            assert_eq!(named.as_deref(), Some(argument));
            assert!(message.contains(text), "{message}");
        }
        check(arguments.take::<f64>(0, "target_um").unwrap_err(), "target_um", "expected f64, got \"far\"");
        check(arguments.take::<f64>(1, "speed").unwrap_err(), "speed", "missing");
        check(arguments.check(&["target_um", "speed"]).unwrap_err(), "sped", "did you mean `speed`?");
    }

    #[test]
    fn presets_are_overridden_by_index_and_by_name() {
        let preset = encode(&(1, 2), &[("a".into(), vec![3]), ("b".into(), vec![4])]).unwrap();
        let given = encode(&(9,), &[("b".into(), vec![8]), ("c".into(), vec![7])]).unwrap();
        let merged = Arguments::decode(&preset).unwrap().overridden_by(&Arguments::decode(&given).unwrap());
        assert_eq!(merged.positional, [&[9_u8][..], &[2]]);
        assert_eq!(merged.keyword, [("a", &[3_u8][..]), ("b", &[8]), ("c", &[7])]);
    }

    #[test]
    fn golden_bytes() {
        let body = encode(&(1500.0_f64,), &[("n".into(), vec![3])]).unwrap();
        let expect = [0x92, 0x91, 0xcb, 0x40, 0x97, 0x70, 0, 0, 0, 0, 0, 0x81, 0xa1, b'n', 3];
        assert_eq!(body, expect);
        assert_eq!(encode(&(), &[]).unwrap(), [0x92, 0x90, 0x80]);
        assert_eq!(encode(&7, &[]).unwrap(), [0x92, 0x91, 7, 0x80]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(arguments) = Arguments::decode(&bytes) {
                let body = arguments.to_body();
                prop_assert_eq!(Arguments::decode(&body).unwrap(), arguments);
            }
        }
    }
}
