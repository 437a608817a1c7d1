//! Closures as calls: their arguments as one tuple, and what they return.

use router_wire::describe::{ArgumentDescription, ValueDescription};
use router_wire::{Arguments, Failure};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::returned::{ReplyBody, Returned, write_returned};
use crate::schema::{described_by_name, described_return};

/// The arguments of a closure: a tuple of up to eight types that can be deserialised.
///
/// `names` are the arguments' names in order. One that has none is named by its position, from `0`.
pub trait Parameters: Sized {
    /// Reads the arguments of a call.
    ///
    /// # Errors
    /// [`Failure::BadArguments`] names the argument that does not fit.
    fn decode(arguments: &Arguments<'_>, names: &[String]) -> Result<Self, Failure>;

    /// How many there are.
    fn count() -> usize;

    /// Describes them.
    fn describe(names: &[String]) -> Vec<ArgumentDescription>;
}

/// A closure that a server can call: `FnMut() -> R`, `FnMut((A, B)) -> R` or `FnMut(&Call, (A, B)) -> R`.
///
/// `Marker` tells the three apart and is always inferred. A closure that returns a `Result` refuses with its
/// error, see [`write_returned`].
#[diagnostic::on_unimplemented(
    message = "this closure cannot be a call",
    label = "expected `|| ...`, `|(a, b): (A, B)| ...` or `|call: &Call, (a, b): (A, B)| ...`",
    note = "the arguments are one tuple with its types written out, `(a,): (A,)` for a single one; they implement \
            `serde::Deserialize`, what it returns implements `serde::Serialize`, and the closure is `Send + 'static`"
)]
pub trait CallFunction<Marker>: Send + 'static {
    /// The tuple of its arguments.
    type Parameters: Parameters;

    /// Calls it and writes what it returned.
    ///
    /// # Errors
    /// The failure that a returned error means.
    fn run(&mut self, call: &Call, parameters: Self::Parameters, body: &mut ReplyBody) -> Returned;

    /// Describes what it returns when all is well.
    fn returns() -> ValueDescription;
}

impl<F, R> CallFunction<fn() -> R> for F
where
    F: FnMut() -> R + Send + 'static,
    R: Serialize,
{
    type Parameters = ();

    fn run(&mut self, _: &Call, (): (), body: &mut ReplyBody) -> Returned {
        write_returned(&self(), body)
    }

    fn returns() -> ValueDescription {
        described_return::<R>()
    }
}

impl<F, P, R> CallFunction<fn(P) -> R> for F
where
    F: FnMut(P) -> R + Send + 'static,
    P: Parameters,
    R: Serialize,
{
    type Parameters = P;

    fn run(&mut self, _: &Call, parameters: P, body: &mut ReplyBody) -> Returned {
        write_returned(&self(parameters), body)
    }

    fn returns() -> ValueDescription {
        described_return::<R>()
    }
}

impl<F, P, R> CallFunction<fn(&Call, P) -> R> for F
where
    F: FnMut(&Call, P) -> R + Send + 'static,
    P: Parameters,
    R: Serialize,
{
    type Parameters = P;

    fn run(&mut self, call: &Call, parameters: P, body: &mut ReplyBody) -> Returned {
        write_returned(&self(call, parameters), body)
    }

    fn returns() -> ValueDescription {
        described_return::<R>()
    }
}

const POSITIONS: [&str; 8] = ["0", "1", "2", "3", "4", "5", "6", "7"];

fn name(names: &[String], index: usize) -> &str {
    names.get(index).map_or(POSITIONS[index], String::as_str)
}

macro_rules! tuples {
    ($($count:literal: $($type:ident $index:literal),*;)*) => {$(
        impl<$($type: DeserializeOwned),*> Parameters for ($($type,)*) {
            #[allow(clippy::unused_unit, reason = "the tuple of none")]
            fn decode(arguments: &Arguments<'_>, names: &[String]) -> Result<Self, Failure> {
                let names: [&str; $count] = std::array::from_fn(|index| name(names, index));
                arguments.check(&names)?;
                Ok(($(arguments.take::<$type>($index, names[$index])?,)*))
            }

            fn count() -> usize {
                $count
            }

            fn describe(names: &[String]) -> Vec<ArgumentDescription> {
                let described: [ValueDescription; $count] = [$(described_by_name::<$type>()),*];
                let describe = |(index, value)| ArgumentDescription {
                    name: name(names, index).to_owned(),
                    value,
                    default: None,
                };
                described.into_iter().enumerate().map(describe).collect()
            }
        }
    )*};
}

tuples! {
    0: ;
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
}
