//! What methods run on: an instrument, reached through its table of methods.

use std::collections::HashMap;
use std::sync::Arc;

use router_client::{Call, Instrument, Invoke, Method, Placed, ReplyBody, Returned, SharedInstrument};
use router_socket::named_thread;
use router_wire::Arguments;

use crate::job_queue::JobQueue;

/// Names one instrument in its server; a removed and added one is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct InstrumentId(pub(crate) u64);

/// The instruments that live on one lane's thread.
pub(crate) type Workshop = HashMap<InstrumentId, Box<dyn Target>>;

/// One run of a method: which of the instrument's, and what it is given.
pub(crate) struct Run<'a> {
    /// Its place in the instrument's table.
    pub(crate) method: usize,
    pub(crate) call: &'a Call,
    pub(crate) arguments: &'a Arguments<'a>,
    /// Where its value is written.
    pub(crate) body: &'a mut ReplyBody,
}

/// An instrument that one thread uses.
pub(crate) trait Target {
    fn run(&mut self, run: Run<'_>) -> Returned;
}

/// An instrument that any thread may use at any time.
pub(crate) trait SharedTarget: Send + Sync {
    fn run_shared(&self, run: Run<'_>) -> Returned;
}

/// Where the instrument of a call is.
#[derive(Clone)]
pub(crate) enum TargetPlace {
    /// In the workshop of its lane.
    OnLane(InstrumentId),
    /// Wherever the call runs.
    Shared(SharedPlace),
}

/// A shared instrument. Whoever lets go of it last (a lane, a pool, the router loop, `remove` under the registry's
/// lock), it is dropped by its lane's thread: an instrument's drop is user code and may take its time.
#[derive(Clone)]
pub(crate) struct SharedPlace {
    /// `None` only while it is dropped. The box lets the last owner, and only it, take the instrument out.
    target: Option<Arc<Box<dyn SharedTarget>>>,
    lane: Arc<JobQueue>,
}

impl SharedPlace {
    pub(crate) fn new(target: Box<dyn SharedTarget>, lane: &Arc<JobQueue>) -> SharedPlace {
        SharedPlace { target: Some(Arc::new(target)), lane: Arc::clone(lane) }
    }

    pub(crate) fn target(&self) -> &dyn SharedTarget {
        self.target.as_deref().expect("it is taken out by drop only").as_ref()
    }
}

impl Drop for SharedPlace {
    fn drop(&mut self) {
        let Some(target) = self.target.take().and_then(Arc::into_inner) else { return };
        if let Err(dispose) = self.lane.push_disposal(Box::new(move |_| drop(target))) {
            // The lane's thread has ended. Without a thread for it the instrument is dropped here.
            let drop_it = move || dispose(&mut Workshop::new());
            let _ = named_thread::spawn(format!("drop {}", self.lane.name()), drop_it);
        }
    }
}

/// An instrument that has been made and is where it may be used from.
pub(crate) enum Placement {
    OnLane(Box<dyn Target>),
    Shared(Box<dyn SharedTarget>),
}

impl Placement {
    pub(crate) fn of<T: Instrument>(placed: Placed<T>) -> Placement {
        match placed {
            Placed::OnLane(instrument) => {
                Placement::OnLane(Box::new(OnLane { instrument, methods: T::methods() }))
            }
            Placed::Shared(instrument) => {
                Placement::Shared(Box::new(Shared { instrument, methods: T::methods() }))
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
    fn run(&mut self, run: Run<'_>) -> Returned {
        match self.methods[run.method].invoke {
            Invoke::Shared(invoke) => invoke(&self.instrument, run.call, run.arguments, run.body),
            Invoke::Exclusive(invoke) => invoke(&mut self.instrument, run.call, run.arguments, run.body),
        }
    }
}

impl<T: Instrument> SharedTarget for Shared<T> {
    fn run_shared(&self, run: Run<'_>) -> Returned {
        match self.methods[run.method].invoke {
            Invoke::Shared(invoke) => invoke((*self.instrument).borrow(), run.call, run.arguments, run.body),
            Invoke::Exclusive(_) => {
                unreachable!("an interface with `&mut self` methods is Exclusive, never shared")
            }
        }
    }
}
