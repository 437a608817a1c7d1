//! What a client knows of its connection: written by the calls loop, read and waited for by anyone.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use thiserror::Error;

use crate::server_clock::ClockEstimate;

/// How the connection to the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionState {
    /// No server has answered yet; it may start later.
    Connecting,
    /// The server answers.
    Connected,
    /// The connection stands, and the server has not answered for a while (1.5 s unless set): it may be stuck.
    Stale,
    /// The connection ended, or the server has not answered for long (3 s unless set). The client goes on trying.
    Lost,
}

impl ConnectionState {
    /// Tells whether requests leave in this state; in the others they wait.
    pub fn is_up(self) -> bool {
        matches!(self, ConnectionState::Connected | ConnectionState::Stale)
    }
}

/// The state did not become what was waited for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no connection to {endpoint} within {} ms: {reason}", waited.as_millis())]
pub struct NotConnected {
    /// The endpoint that was dialled.
    pub endpoint: String,
    /// The state at the end.
    pub state: ConnectionState,
    /// Why there is no connection, as far as that is known.
    pub reason: String,
    /// How long it was waited for.
    pub waited: Duration,
}

/// What is known of the connection at a moment.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) state: ConnectionState,
    /// The epoch of the server that greeted last; 0 before the first.
    pub(crate) epoch: u64,
    /// Of the last ping that was answered.
    pub(crate) round_trip: Option<Duration>,
    /// What pings told of the server's clock.
    pub(crate) clock: ClockEstimate,
    /// Why there is no connection.
    pub(crate) reason: String,
    /// The client was closed.
    pub(crate) closed: bool,
    /// How often the state changed.
    changes: u64,
}

/// The connection's state, with everyone who waits for it.
#[derive(Debug)]
pub(crate) struct Connection {
    view: Mutex<View>,
    changed: Condvar,
}

impl Connection {
    pub(crate) fn new() -> Connection {
        let view = View {
            state: ConnectionState::Connecting,
            epoch: 0,
            round_trip: None,
            clock: ClockEstimate::default(),
            reason: "nothing accepts connections there".to_owned(),
            closed: false,
            changes: 0,
        };
        Connection { view: Mutex::new(view), changed: Condvar::new() }
    }

    pub(crate) fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock()
    }

    /// By the loop: the state is another one.
    pub(crate) fn set_state(&self, state: ConnectionState) {
        self.update(|view| view.state = state);
    }

    /// By the loop: what was measured or heard, which nobody waits for.
    pub(crate) fn note(&self, note: impl FnOnce(&mut View)) {
        note(&mut self.view.lock());
    }

    /// By the loop, as its last word.
    pub(crate) fn close(&self) {
        self.update(|view| {
            view.closed = true;
            view.state = ConnectionState::Lost;
            view.reason = "the client was closed".to_owned();
        });
    }

    /// Waits until `wanted` says yes of the state, at most until `end`; returns the state at the end.
    pub(crate) fn wait_state(
        &self,
        end: Option<Instant>,
        mut wanted: impl FnMut(ConnectionState) -> bool,
    ) -> Result<ConnectionState, ConnectionState> {
        let mut view = self.view.lock();
        loop {
            if wanted(view.state) {
                return Ok(view.state);
            }
            if view.closed || !self.wait(&mut view, end) {
                return Err(view.state);
            }
        }
    }

    /// Waits for the next change after those that `seen` counts; `None` when the client is closed, or `ended` says
    /// so after a [`nudge`](Connection::nudge).
    pub(crate) fn next_change(&self, seen: &mut u64, ended: impl Fn() -> bool) -> Option<ConnectionState> {
        let mut view = self.view.lock();
        while view.changes == *seen || ended() {
            if view.closed || ended() {
                return None;
            }
            self.changed.wait(&mut view);
        }
        *seen = view.changes;
        Some(view.state)
    }

    /// The number of changes until now.
    pub(crate) fn changes(&self) -> u64 {
        self.view.lock().changes
    }

    /// Makes everyone who waits look again.
    pub(crate) fn nudge(&self) {
        drop(self.view.lock());
        self.changed.notify_all();
    }

    fn update(&self, change: impl FnOnce(&mut View)) {
        let mut view = self.view.lock();
        change(&mut view);
        view.changes += 1;
        drop(view);
        self.changed.notify_all();
    }

    /// `false` when it is too late.
    fn wait(&self, view: &mut MutexGuard<'_, View>, end: Option<Instant>) -> bool {
        match end {
            Some(end) => !self.changed.wait_until(view, end).timed_out(),
            None => {
                self.changed.wait(view);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_state_is_waited_for() {
        let connection = Arc::new(Connection::new());
        let soon = || Some(Instant::now() + Duration::from_millis(1));
        let found = connection.wait_state(soon(), |state| state == ConnectionState::Lost);
        assert_eq!(found, Err(ConnectionState::Connecting));
        let other = Arc::clone(&connection);
        let waiter = std::thread::spawn(move || other.wait_state(None, ConnectionState::is_up));
        connection.set_state(ConnectionState::Connected);
        assert_eq!(waiter.join().unwrap(), Ok(ConnectionState::Connected));
    }

    #[test]
    fn a_change_is_seen_once_and_closing_ends_every_wait() {
        let connection = Connection::new();
        let mut seen = connection.changes();
        connection.set_state(ConnectionState::Lost);
        assert_eq!(connection.next_change(&mut seen, || false), Some(ConnectionState::Lost));
        connection.close();
        assert_eq!(connection.next_change(&mut seen, || false), Some(ConnectionState::Lost));
        assert_eq!(connection.next_change(&mut seen, || false), None);
        assert!(connection.wait_state(None, ConnectionState::is_up).is_err());
    }
}
