//! A closure as an instrument with one method.

use std::marker::PhantomData;

use router_client::{CallFunction, Parameters, Returned};
use router_wire::describe::{CallDescription, CallKind};

use crate::target::{Run, Target};

/// What is told of a closure beside its types: `CallOptions::default()`, or with names for its arguments.
///
/// ```
/// use router_server::CallOptions;
/// let options = CallOptions::new().docs("Beeps `times` times.").arguments(["times"]);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Default)]
pub struct CallOptions {
    pub(crate) docs: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) lane: Option<String>,
    pub(crate) idempotent: bool,
}

impl CallOptions {
    /// No docs, arguments named `argument_1`, `argument_2` and so on, a lane of its own.
    pub fn new() -> CallOptions {
        CallOptions::default()
    }

    /// Says what the call does.
    pub fn docs(mut self, docs: impl Into<String>) -> CallOptions {
        self.docs = docs.into();
        self
    }

    /// Names the arguments in order, so that callers can give them by name; a unit ends a quantity's name.
    pub fn arguments<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> CallOptions {
        self.arguments = names.into_iter().map(Into::into).collect();
        self
    }

    /// Runs the closure on the lane of this name, one after the other with whatever else runs there.
    pub fn lane(mut self, name: impl Into<String>) -> CallOptions {
        self.lane = Some(name.into());
        self
    }

    /// Says that the closure may run twice for one call: a client sends such a call again when it lost the server before
    /// an answer came.
    pub fn idempotent(mut self) -> CallOptions {
        self.idempotent = true;
        self
    }

    /// One name for each of `count` arguments.
    pub(crate) fn argument_names(&self, count: usize) -> Vec<String> {
        let named = self.arguments.iter().cloned();
        named
            .chain((self.arguments.len()..count).map(|index| format!("argument_{}", index + 1)))
            .take(count)
            .collect()
    }
}

/// A closure with the names of its arguments.
pub(crate) struct Closure<F, M> {
    function: F,
    names: Vec<String>,
    marker: PhantomData<fn() -> M>,
}

impl<M, F: CallFunction<M>> Closure<F, M> {
    pub(crate) fn new(function: F, options: &CallOptions) -> Self {
        let names = options.argument_names(F::Parameters::count());
        Closure { function, names, marker: PhantomData }
    }

    pub(crate) fn describe(&self, options: &CallOptions) -> CallDescription {
        CallDescription {
            docs: options.docs.clone(),
            kind: CallKind::Lane,
            idempotent: options.idempotent,
            arguments: F::Parameters::describe(&self.names),
            returns: F::returns(),
            ..CallDescription::default()
        }
    }
}

impl<M, F: CallFunction<M>> Target for Closure<F, M> {
    fn run(&mut self, run: Run<'_>) -> Returned {
        let parameters = F::Parameters::decode(run.arguments, &self.names)?;
        self.function.run(run.call, parameters, run.body)
    }
}
