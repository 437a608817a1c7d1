//! What methods run on: an instrument, reached through its table of methods.

use std::collections::HashMap;
use std::sync::Arc;

use router_client::{Call, Instrument, Invoke, Method, Placed, ReplyBody, Returned, SharedInstrument};
use router_wire::Arguments;

/// Names one instrument in its server; a removed and added one is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct InstrumentId(pub(crate) u64);

/// The instruments that live on one lane's thread.
pub(crate) type Workshop = HashMap<InstrumentId, Box<dyn Target>>;

/// An instrument that one thread uses.
pub(crate) trait Target {
    fn run(
        &mut self,
        method: usize,
        call: &Call,
        arguments: &Arguments<'_>,
        body: &mut ReplyBody,
    ) -> Returned;
}

/// An instrument that any thread may use at any time.
pub(crate) trait SharedTarget: Send + Sync {
    fn run_shared(
        &self,
        method: usize,
        call: &Call,
        arguments: &Arguments<'_>,
        body: &mut ReplyBody,
    ) -> Returned;
}

/// Where the instrument of a call is.
#[derive(Clone)]
pub(crate) enum TargetPlace {
    /// In the workshop of its lane.
    OnLane(InstrumentId),
    /// Wherever the call runs.
    Shared(Arc<dyn SharedTarget>),
}

/// An instrument that has been made and is where it may be used from.
pub(crate) enum Placement {
    OnLane(Box<dyn Target>),
    Shared(Arc<dyn SharedTarget>),
}

impl Placement {
    pub(crate) fn of<T: Instrument>(placed: Placed<T>) -> Placement {
        match placed {
            Placed::OnLane(instrument) => {
                Placement::OnLane(Box::new(OnLane { instrument, methods: T::methods() }))
            }
            Placed::Shared(instrument) => {
                Placement::Shared(Arc::new(Shared { instrument, methods: T::methods() }))
            }
        }
    }
}

/// An instrument that belongs to its lane.
struct OnLane<T> {
    instrument: T,
    methods: Vec<Method<T>>,
}

/// An instrument that lane, pool, urgent lane and router loop use.
struct Shared<T> {
    instrument: SharedInstrument<T>,
    methods: Vec<Method<T>>,
}

impl<T: Instrument> Target for OnLane<T> {
    fn run(
        &mut self,
        method: usize,
        call: &Call,
        arguments: &Arguments<'_>,
        body: &mut ReplyBody,
    ) -> Returned {
        match self.methods[method].invoke {
            Invoke::Shared(invoke) => invoke(&self.instrument, call, arguments, body),
            Invoke::Exclusive(invoke) => invoke(&mut self.instrument, call, arguments, body),
        }
    }
}

impl<T: Instrument> SharedTarget for Shared<T> {
    fn run_shared(
        &self,
        method: usize,
        call: &Call,
        arguments: &Arguments<'_>,
        body: &mut ReplyBody,
    ) -> Returned {
        match self.methods[method].invoke {
            Invoke::Shared(invoke) => invoke((*self.instrument).borrow(), call, arguments, body),
            Invoke::Exclusive(_) => {
                unreachable!("an interface with `&mut self` methods is Exclusive, never shared")
            }
        }
    }
}
