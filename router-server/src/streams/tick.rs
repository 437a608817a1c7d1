//! A tick that runs on an instrument's lane.

use std::sync::Arc;

use crossbeam_channel::Sender;
use parking_lot::Mutex;
use router_wire::Failure;

use super::clock::{Clock, Times};
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
    incarnation: u64,
    /// Which of the stream's ticks that lanes were asked to run.
    tick: u64,
    clock: Clock,
}

/// Where the outcome of a tick goes: to the streamer that has the stream now, which changes with its frequency.
pub(crate) struct Route(Mutex<Seat>);

/// A streamer.
#[derive(Clone)]
pub(crate) struct Seat {
    pub(super) streamer: u64,
    pub(super) commands: Sender<Command>,
}

/// An outcome on its way to a streamer.
pub(crate) struct TickOutcome {
    pub(super) route: Arc<Route>,
    pub(super) incarnation: u64,
    pub(super) tick: u64,
    pub(super) times: Times,
    /// The method's value in MessagePack; `None`: it will never be known.
    pub(super) outcome: Option<Result<Vec<u8>, Failure>>,
}

impl TickDone {
    pub(super) fn new(route: Arc<Route>, (incarnation, tick): (u64, u64), clock: Clock) -> TickDone {
        TickDone { route: Some(route), incarnation, tick, clock }
    }

    /// Hands what the method returned to the streamer, which publishes it: a value in MessagePack, or how else the
    /// call ended. Never waits. The sample's time is now.
    pub(crate) fn finish(mut self, outcome: Result<Vec<u8>, Failure>) {
        self.post(Some(outcome));
    }

    fn post(&mut self, outcome: Option<Result<Vec<u8>, Failure>>) {
        if let Some(route) = self.route.take() {
            let times = self.clock.now();
            let (incarnation, tick) = (self.incarnation, self.tick);
            TickOutcome { route, incarnation, tick, times, outcome }.send();
        }
    }
}

impl Drop for TickDone {
    fn drop(&mut self) {
        self.post(None);
    }
}

impl TickOutcome {
    /// Posts it to where the stream is. The channel needs no bound: each stream has one tick at most.
    pub(super) fn send(self) {
        let commands = self.route.0.lock().commands.clone();
        let _ = commands.send(Command::TickDone(self)); // a streamer that is gone needs it no more
    }
}

impl Route {
    pub(super) fn to(seat: Seat) -> Arc<Route> {
        Arc::new(Route(Mutex::new(seat)))
    }

    pub(super) fn change(&self, seat: Seat) {
        *self.0.lock() = seat;
    }

    pub(super) fn leads_to(&self, streamer: u64) -> bool {
        self.0.lock().streamer == streamer
    }
}
