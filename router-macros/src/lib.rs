//! The macros of `router-client`, which re-exports them; there is no need to depend on this crate.
//!
//! What they write names `::router_client`, so a crate that uses them has `router-client` among its
//! dependencies, under that name.
//!
//! # Layout
//!
//! | module | holds |
//! |---|---|
//! | `interface` | which of its three forms `#[interface]` is |
//! | `interface_trait`, `interface_impl` | the forms |
//! | `remote_method`, `argument`, `travelling` | a signature read as a remote call, or refused where it cannot be one |
//! | `call_attribute`, `unit`, `docs` | what stands around a signature |
//! | `method_table`, `typed_client` | what is written for the server and for the client |
//! | `remote_error` | `#[derive(RemoteError)]` |

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod argument;
mod call_attribute;
mod docs;
mod interface;
mod interface_impl;
mod interface_trait;
mod method_table;
mod remote_error;
mod remote_method;
mod travelling;
mod typed_client;
mod unit;

use proc_macro::TokenStream;

/// Makes methods callable from other programs.
///
/// | on | writes |
/// |---|---|
/// | `trait Stage` | the typed client `StageClient` |
/// | `impl Stage for AsiStage` | `impl Instrument for AsiStage`, what a server needs to serve one |
/// | `impl AsiStage` | both, for the `pub` methods with `&self` or `&mut self`; others are left alone |
///
/// ```
/// use router_client::{Call, Interrupted, interface};
///
/// #[interface]
/// pub trait Stage {
///     /// Moves to `target_um` [um]; returns the position reached [um].
///     fn move_to(&self, call: &Call, target_um: f64) -> Result<f64, Interrupted>;
///     /// Stops at once.
///     #[call(urgent, clears_lane)]
///     fn stop(&self);
///     /// Waits until it is calm.
///     fn settle(&self, #[arg(default = 50)] pause_ms: u64);
/// }
///
/// # struct AsiStage;
/// #[interface]
/// impl Stage for AsiStage {
/// #   fn move_to(&self, call: &Call, target_um: f64) -> Result<f64, Interrupted> { Ok(target_um) }
/// #   fn stop(&self) {}
/// #   fn settle(&self, pause_ms: u64) {}
///     // as without the attribute
/// }
/// ```
///
/// A type has one interface. The trait is one that can be made into an object (`dyn Stage`).
///
/// # A method
///
/// takes `&self`, or `&mut self` where no method of the interface runs beside the lane. It may take a
/// `call: &Call` at any place, which is no argument of the remote call. Its other arguments implement serde's
/// `Serialize` and `Deserialize`; `&str`, `&[T]` and `&T` are decoded as `String`, `Vec<T>` and `T` and lent to
/// it. `&[u8]` and `Vec<u8>` travel as bytes. It returns a `T` or, written out, a `Result<T, E>` whose `E` is a
/// `RemoteError`. Its doc comment and the types' JSON Schema (where they implement `schemars::JsonSchema`) are
/// what `describe` tells.
///
/// | `#[call(...)]` | |
/// |---|---|
/// | `urgent` | runs on the instrument's urgent lane, at once |
/// | `urgent, clears_lane` | and first cancels the running call and ends every queued one |
/// | `concurrent` | runs on the instrument's pool, beside the lane |
/// | `inline` | runs in the server's loop; for getters that take microseconds, see below |
/// | `idempotent` | may run twice for one call: clients send it again when they lost the server before its answer |
/// | `cancel_on_client_lost` | is interrupted when its client is lost |
/// | `unit = "um"` | the unit of what it returns |
/// | `skip` | is no remote call |
///
/// | `#[arg(...)]` | |
/// |---|---|
/// | `default = 1.0` | its value when the caller leaves it out; all arguments behind it have one too |
/// | `unit = "ms"` | its unit |
/// | `docs = "..."` | what it is; a doc comment on the argument says the same |
///
/// An `inline` method holds up every call of its server while it runs: it reads what is there and returns. It waits for
/// nothing, no lock that others hold for long, no device, no sample and no call: a call that it makes and waits for
/// ends at once as cancelled, since the loop in which it waits would have to bring the outcome (`start` alone is
/// allowed). A run of more than 1 ms is counted, one of more than 10 ms moves the method to the lane for good.
///
/// A unit is taken from the end of the name where none is given: `target_um`, `frequency_hz`, `speed_mm_per_s`.
/// An argument with a default may be left out by callers by name (`client.call("stage.settle", ())`); in the
/// typed client it is an argument like the others.
///
/// # The typed client
///
/// has `new(&client, "stage")`, `client()`, `name()` (unless the interface has methods so named) and a method
/// for each call with its arguments, which gives a `Request<T, E>`.
#[proc_macro_attribute]
pub fn interface(attribute: TokenStream, item: TokenStream) -> TokenStream {
    interface::expand(attribute.into(), item.into()).into()
}

/// Makes an error travel: what a method refuses with is the same type again at the typed client.
///
/// The kind is the variant's name (a struct's own name), the message its `Display`, the details its fields,
/// which implement serde's `Serialize` and `Deserialize`; a tuple's fields are named `0`, `1`. The doc comments
/// of the variants are what `describe` tells of them.
///
/// A variant whose field is marked `#[interrupted]` holds an `Interrupted`: it is made by `?` on
/// `call.check()?`, and a call that ends with it ends as cancelled or past its deadline.
///
/// It writes `serde::Serialize` too, so that a closure may return the error.
#[proc_macro_derive(RemoteError, attributes(interrupted))]
pub fn remote_error(item: TokenStream) -> TokenStream {
    remote_error::expand(item.into()).into()
}
