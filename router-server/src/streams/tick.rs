//! A tick that runs on an instrument's lane.

use std::sync::Arc;

use router_wire::Failure;

use super::clock::Times;
use super::route::Route;
use super::stream::Stream;
use super::streamer::Command;

/// Runs a stream's method somewhere else: on its instrument's lane.
pub(crate) trait TickRunner: Send {
    /// Queues the method and returns at once; whoever runs it calls [`TickDone::finish`].
    ///
    /// The streamer starts a tick only when the one before is done.
    ///
    /// # Errors
    /// [`LaneBusyWith`] when it cannot be queued now. The tick is counted as missed.
    fn start(&self, done: TickDone) -> Result<(), LaneBusyWith>;

    /// The call that the lane runs now: what holds up a tick that is queued.
    fn busy_with(&self) -> Option<String> {
        None
    }
}

/// The lane takes no tick now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LaneBusyWith {
    /// The call that holds it.
    pub(crate) call: String,
}

/// What a tick ends with. Dropped without [`finish`](TickDone::finish), the tick counts as missed.
pub(crate) struct TickDone {
    route: Option<Arc<Route>>,
    stream: Arc<Stream>,
    /// Which of the stream's ticks that lanes were asked to run.
    tick: u64,
}

/// An outcome on its way to the streamer.
pub(crate) struct TickOutcome {
    pub(super) stream: Arc<Stream>,
    pub(super) tick: u64,
    pub(super) times: Times,
    /// The method's value in MessagePack; `None`: it will never be known.
    pub(super) outcome: Option<Result<Vec<u8>, Failure>>,
}

impl TickDone {
    pub(super) fn new(route: Arc<Route>, stream: Arc<Stream>, tick: u64) -> TickDone {
        TickDone { route: Some(route), stream, tick }
    }

    /// Hands what the method returned to the streamer, which publishes it: a value in MessagePack, or how else the
    /// call ended. Never waits. The sample's time is now.
    pub(crate) fn finish(mut self, outcome: Result<Vec<u8>, Failure>) {
        self.post(Some(outcome));
    }

    fn post(&mut self, outcome: Option<Result<Vec<u8>, Failure>>) {
        if let Some(route) = self.route.take() {
            let (stream, times) = (Arc::clone(&self.stream), self.stream.clock.now());
            route.send(Command::TickDone(TickOutcome { stream, tick: self.tick, times, outcome }));
        }
    }
}

impl Drop for TickDone {
    fn drop(&mut self) {
        self.post(None);
    }
}
