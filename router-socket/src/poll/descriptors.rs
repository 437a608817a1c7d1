//! Waiting by the system's own `poll` on the descriptors of sockets: two or three calls of the system fewer than
//! `zmq_poll` makes, which asks every socket before and behind.
//!
//! A socket's descriptor tells that news has come for it, once, until the news is taken: it is edge-triggered. So a
//! socket is asked first, unless nothing can wait there since it was asked last ([`Socket::is_quiet`]): then what comes
//! next makes the descriptor readable.

use super::{PollEntry, Polled, Timeout, WakeUpSource};
use crate::error::SocketError;
use crate::socket::Socket;
use std::io;

/// Written and read within one poll; kept for its capacity.
#[derive(Default)]
pub(super) struct Items {
    descriptors: Vec<libc::pollfd>,
}

impl Items {
    /// Waits until an entry is ready, the wake-up rings, or the time is over.
    pub(super) fn wait(
        &mut self,
        entries: &mut [PollEntry<'_>],
        wake_up: Option<WakeUpSource<'_>>,
        timeout: &Timeout,
    ) -> Result<Polled, SocketError> {
        let mut ready_entries = 0;
        for entry in entries.iter_mut() {
            entry.ready = 0;
            let is_quiet = entry.socket().is_none_or(Socket::is_quiet);
            if entry.wants() != zmq_sys::ZMQ_POLLIN as i16 || !is_quiet {
                ready_entries += usize::from(look(entry)?);
            }
        }
        let mut woken = match wake_up {
            Some(WakeUpSource::Socket(socket)) if !socket.is_quiet() => socket.events_readable()?,
            _ => false,
        };
        let in_wake_up = wake_up.map(|source| match source {
            WakeUpSource::Descriptor(descriptor) => descriptor,
            WakeUpSource::Socket(socket) => socket.descriptor(),
        });
        let descriptors = entries.iter().map(PollEntry::raw_descriptor).chain(in_wake_up);
        self.descriptors.clear();
        self.descriptors.extend(descriptors.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 }));
        for is_first in std::iter::once(true).chain(std::iter::repeat(false)) {
            let left_ms = if ready_entries > 0 || woken { 0 } else { timeout.left_ms(is_first) };
            let found = self.poll(left_ms)?;
            let behind = self.descriptors.get(entries.len());
            if behind.is_some_and(|item| item.revents != 0) {
                woken = match wake_up {
                    Some(WakeUpSource::Socket(socket)) => socket.events_readable()?,
                    _ => true,
                };
            }
            for (entry, item) in entries.iter_mut().zip(&self.descriptors) {
                // One that was ready before is asked once more all the same: its news may be more than that.
                if item.revents != 0 {
                    let before = entry.ready != 0;
                    ready_entries += usize::from(look(entry)? && !before);
                }
            }
            // Else the news was none that anybody waits for here (a connection was attached, say).
            if ready_entries > 0 || woken || found == Found::TimeOver {
                break;
            }
        }
        Ok(Polled { ready_entries, woken })
    }

    fn poll(&mut self, left_ms: i32) -> Result<Found, SocketError> {
        let count = self.descriptors.len() as libc::nfds_t;
        // SAFETY: a list of the length given, borrowed for the call.
        match unsafe { libc::poll(self.descriptors.as_mut_ptr(), count, left_ms) } {
            0 => Ok(Found::TimeOver),
            ready if ready > 0 => Ok(Found::News),
            _ => match io::Error::last_os_error() {
                // What the list says was not written.
                error if error.kind() == io::ErrorKind::Interrupted => {
                    self.descriptors.iter_mut().for_each(|item| item.revents = 0);
                    Ok(Found::Signal)
                }
                error => Err(SocketError::from_zmq("poll", zmq_error(&error))),
            },
        }
    }
}

#[derive(PartialEq, Eq)]
enum Found {
    News,
    Signal,
    TimeOver,
}

/// Asks the socket; whether it has what is waited for. Of another descriptor the system has said so.
fn look(entry: &mut PollEntry<'_>) -> Result<bool, SocketError> {
    let events = entry.socket().map_or(Ok(zmq_sys::ZMQ_POLLIN as _), Socket::events)?;
    entry.ready = events as i16 & entry.wants();
    Ok(entry.ready != 0)
}

fn zmq_error(error: &io::Error) -> zmq::Error {
    zmq::Error::from_raw(error.raw_os_error().unwrap_or(libc::EINVAL))
}
