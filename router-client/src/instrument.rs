//! What a server needs to know of an instrument: its methods, and from where they may run.

use std::borrow::Borrow;
use std::sync::Arc;

use router_wire::Arguments;
use router_wire::describe::{ArgumentDescription, CallKind, ErrorDescription, ValueDescription};

use crate::call::Call;
use crate::returned::{ReplyBody, Returned};

/// A type whose methods can be called remotely; `#[interface]` on its `impl` block writes this.
pub trait Instrument: Sized + 'static {
    /// From where its methods may run: [`LaneOnly`], [`Beside`] or [`Exclusive`].
    type Access: Access;

    /// Its methods, in the order of the source.
    fn methods() -> Vec<Method<Self>>;

    /// What it is; the doc comment of its `impl` block or trait.
    fn docs() -> &'static str {
        ""
    }
}

/// What an interface says of every instrument that implements it. `#[interface]` on a trait writes it for
/// `dyn Trait`, so that an `impl` block needs nothing but the trait's path.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no interface",
    label = "this trait has no `#[interface]`",
    note = "write `#[interface]` on the trait too"
)]
pub trait InterfaceOf {
    /// As in [`Instrument`].
    type Access: Access;
    /// As in [`Instrument`].
    const DOCS: &'static str;
}

/// A method of an instrument.
pub struct Method<T> {
    /// What it is, for people and for the server's registry.
    pub spec: MethodSpec,
    /// Runs it.
    pub invoke: Invoke<T>,
}

/// Runs a method: decodes the arguments, calls it and writes what it returned. It may panic as the method may;
/// the server catches that.
pub enum Invoke<T> {
    /// A method with `&self`.
    Shared(fn(&T, &Call, &Arguments<'_>, &mut ReplyBody) -> Returned),
    /// A method with `&mut self`.
    Exclusive(fn(&mut T, &Call, &Arguments<'_>, &mut ReplyBody) -> Returned),
}

// Not derived: a derive would ask for `T: Clone`, and this holds no `T`.
impl<T> Clone for Invoke<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Invoke<T> {}

/// What a method is.
#[derive(Clone, Debug, Default)]
pub struct MethodSpec {
    /// Its name, without the instrument's.
    pub name: &'static str,
    /// Its doc comment.
    pub docs: String,
    /// How it runs.
    pub kind: CallKind,
    /// Whether it first cancels the running call and ends every queued one of its instrument.
    pub clears_lane: bool,
    /// Whether it is cancelled when its client is lost.
    pub cancel_on_client_lost: bool,
    /// Whether it may be sent again when its outcome is unknown.
    pub idempotent: bool,
    /// Its arguments, in order, without the [`Call`].
    pub arguments: Vec<ArgumentDescription>,
    /// What it returns when all is well.
    pub returns: ValueDescription,
    /// The kinds of error it may refuse with; empty when that is not known.
    pub errors: Vec<ErrorDescription>,
}

/// From where an instrument's methods may run; one of the three markers.
pub trait Access: sealed::Sealed + 'static {}

/// Every method takes `&self` and runs on the lane.
#[derive(Debug)]
pub enum LaneOnly {}

/// Every method takes `&self`, and some run beside the lane: concurrent, urgent or inline. The instrument is
/// used by several threads at once.
#[derive(Debug)]
pub enum Beside {}

/// Some method takes `&mut self`: all run on the lane.
#[derive(Debug)]
pub enum Exclusive {}

impl Access for LaneOnly {}
impl Access for Beside {}
impl Access for Exclusive {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::LaneOnly {}
    impl Sealed for super::Beside {}
    impl Sealed for super::Exclusive {}
}

/// An instrument where its methods can reach it; what a server keeps. `Send` when the instrument is.
pub enum Placed<T> {
    /// Its lane owns it.
    OnLane(T),
    /// The lane and the threads beside it share it.
    Shared(SharedInstrument<T>),
}

/// An instrument that several threads use; `borrow()` gives it.
pub type SharedInstrument<T> = Arc<dyn Borrow<T> + Send + Sync>;

/// Instruments of type `T` with this access may be given to a server by value.
#[diagnostic::on_unimplemented(
    message = "an instrument of type `{T}` cannot be given to a server",
    label = "the server runs the methods of `{T}` on threads of its own",
    note = "an instrument moves to its lane's thread, so it must be `Send`; one with `concurrent`, `urgent` or \
            `inline` methods is used by several threads at once, so it must be `Sync` too",
    note = "build it on its lane with `add_instrument_with(name, || ...)` when it cannot be `Send`"
)]
pub trait Given<T>: Access {
    /// Puts the instrument where its methods can reach it.
    fn place(instrument: T) -> Placed<T>;
}

// `do_not_recommend` makes the compiler report the trait above, which says why, and not `Send` alone.
#[diagnostic::do_not_recommend]
impl<T: Send> Given<T> for LaneOnly {
    fn place(instrument: T) -> Placed<T> {
        Placed::OnLane(instrument)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Send> Given<T> for Exclusive {
    fn place(instrument: T) -> Placed<T> {
        Placed::OnLane(instrument)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> Given<T> for Beside {
    fn place(instrument: T) -> Placed<T> {
        Placed::Shared(Arc::new(instrument))
    }
}

/// Instruments of type `T` with this access may be built on their lane by a factory.
#[diagnostic::on_unimplemented(
    message = "an instrument of type `{T}` cannot be built on its lane: it has methods that run beside the lane",
    label = "`{T}` is not `Send + Sync`",
    note = "`concurrent`, `urgent` and `inline` methods are called from other threads than the lane's while the \
            lane may be running one",
    note = "make the type `Send + Sync`, or remove those attributes so that every method runs on the lane"
)]
pub trait BuiltOnLane<T>: Access {
    /// Puts the instrument where its methods can reach it.
    fn place(instrument: T) -> Placed<T>;
}

impl<T> BuiltOnLane<T> for LaneOnly {
    fn place(instrument: T) -> Placed<T> {
        Placed::OnLane(instrument)
    }
}

impl<T> BuiltOnLane<T> for Exclusive {
    fn place(instrument: T) -> Placed<T> {
        Placed::OnLane(instrument)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> BuiltOnLane<T> for Beside {
    fn place(instrument: T) -> Placed<T> {
        Placed::Shared(Arc::new(instrument))
    }
}
