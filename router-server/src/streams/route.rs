//! Where a periodic stream belongs: what is meant for it goes there, wherever it was a moment ago.

use crossbeam_channel::Sender;
use parking_lot::{Mutex, MutexGuard};

use super::streamer::Command;

/// The way to a periodic stream. Shared by its record, the stream itself and its ticks on a lane.
///
/// Whoever changes the frequency changes the seat, with the lock held until the former streamer knows. Everything
/// that goes to the stream is posted under the lock, so a streamer gets nothing for a stream that has left.
pub(crate) struct Route(Mutex<Seat>);

/// A place at a streamer.
#[derive(Clone)]
pub(crate) struct Seat {
    pub(super) streamer: u64,
    pub(super) commands: Sender<Command>,
}

impl Route {
    pub(super) fn to(seat: Seat) -> Route {
        Route(Mutex::new(seat))
    }

    /// Posts to the streamer that the stream belongs to now. Never waits: the channel has no bound.
    pub(super) fn send(&self, command: Command) {
        self.0.lock().send(command);
    }

    /// The seat, until the guard is dropped. Held for a change of seats only.
    pub(super) fn lock(&self) -> MutexGuard<'_, Seat> {
        self.0.lock()
    }
}

impl Seat {
    pub(super) fn send(&self, command: Command) {
        let _ = self.commands.send(command); // a streamer that ended with the server needs nothing
    }
}
