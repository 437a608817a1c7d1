//! Waiting on several sockets at once.

use crate::error::{SocketError, last_zmq_error};
use crate::socket::Socket;
use std::ffi::{c_int, c_long};
use std::time::{Duration, Instant};
use zmq_sys::zmq_pollitem_t;

/// What a loop waits for on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// A message to receive.
    Readable,
    /// Room to send a message.
    Writable,
    /// Either.
    Both,
}

/// One socket, or descriptor, of the list a loop waits on; afterwards it says what is ready.
pub struct PollEntry<'a> {
    target: Target<'a>,
    interest: Interest,
    /// Written by a poll.
    ready: i16,
}

/// What is waited on.
enum Target<'a> {
    Socket(&'a Socket),
    #[cfg(unix)]
    Descriptor(std::os::fd::BorrowedFd<'a>),
}

impl<'a> PollEntry<'a> {
    /// Waits for what `interest` says.
    pub fn new(socket: &'a Socket, interest: Interest) -> PollEntry<'a> {
        PollEntry { target: Target::Socket(socket), interest, ready: 0 }
    }

    /// Waits for something to read from a descriptor that is no ZeroMQ socket, or for its end.
    #[cfg(unix)]
    pub fn descriptor(descriptor: std::os::fd::BorrowedFd<'a>) -> PollEntry<'a> {
        PollEntry { target: Target::Descriptor(descriptor), interest: Interest::Readable, ready: 0 }
    }

    /// Waits for a message to receive.
    pub fn readable(socket: &'a Socket) -> PollEntry<'a> {
        PollEntry::new(socket, Interest::Readable)
    }

    /// Waits for room to send a message.
    pub fn writable(socket: &'a Socket) -> PollEntry<'a> {
        PollEntry::new(socket, Interest::Writable)
    }

    /// Tells whether the last poll found a message to receive.
    pub fn is_readable(&self) -> bool {
        self.ready & zmq_sys::ZMQ_POLLIN as i16 != 0
    }

    /// Tells whether the last poll found room to send a message.
    pub fn is_writable(&self) -> bool {
        self.ready & zmq_sys::ZMQ_POLLOUT as i16 != 0
    }

    fn poll_item(&self) -> zmq_pollitem_t {
        let events = match self.interest {
            Interest::Readable => zmq_sys::ZMQ_POLLIN,
            Interest::Writable => zmq_sys::ZMQ_POLLOUT,
            Interest::Both => zmq_sys::ZMQ_POLLIN | zmq_sys::ZMQ_POLLOUT,
        };
        let (socket, fd) = match &self.target {
            Target::Socket(socket) => (socket.raw(), 0),
            #[cfg(unix)]
            Target::Descriptor(descriptor) => {
                (std::ptr::null_mut(), std::os::fd::AsRawFd::as_raw_fd(descriptor))
            }
        };
        zmq_pollitem_t { socket, fd, events: events as i16, revents: 0 }
    }
}

/// Waits until one of `entries` is ready or `timeout` is over; `None` waits without end. Returns how many are ready.
///
/// A loop that waits often keeps a [`Poller`], or has a [`Mailbox`](crate::Mailbox).
///
/// # Errors
/// [`SocketError::ContextTerminated`].
///
/// # Blocking
/// For `timeout`; a signal does not end it.
pub fn poll(entries: &mut [PollEntry<'_>], timeout: Option<Duration>) -> Result<usize, SocketError> {
    Poller::default().poll(entries, timeout)
}

/// The memory of a loop that polls again and again.
#[derive(Default)]
pub struct Poller {
    /// Written and read within one poll; kept for its capacity.
    items: Vec<zmq_pollitem_t>,
}

// SAFETY: between polls the pointers in `items` are left-overs that nobody follows.
unsafe impl Send for Poller {}

impl Poller {
    /// Does what [`poll`] does, without allocating each time.
    ///
    /// # Errors
    /// [`SocketError::ContextTerminated`].
    ///
    /// # Blocking
    /// For `timeout`; a signal does not end it.
    pub fn poll(
        &mut self,
        entries: &mut [PollEntry<'_>],
        timeout: Option<Duration>,
    ) -> Result<usize, SocketError> {
        self.poll_with(entries, None, timeout).map(|polled| polled.ready_entries)
    }

    /// Polls with a wake-up beside the sockets.
    pub(crate) fn poll_with(
        &mut self,
        entries: &mut [PollEntry<'_>],
        wake_up: Option<zmq_pollitem_t>,
        timeout: Option<Duration>,
    ) -> Result<Polled, SocketError> {
        self.items.clear();
        self.items.extend(entries.iter().map(PollEntry::poll_item));
        self.items.extend(wake_up);
        self.wait(timeout)?;
        for (entry, item) in entries.iter_mut().zip(&self.items) {
            entry.ready = item.revents;
        }
        let woken = self.items.get(entries.len()).is_some_and(|item| item.revents != 0);
        Ok(Polled { ready_entries: entries.iter().filter(|entry| entry.ready != 0).count(), woken })
    }

    fn wait(&mut self, timeout: Option<Duration>) -> Result<(), SocketError> {
        // A span beyond the end of the clock is as good as no end.
        let deadline = timeout.and_then(|span| Instant::now().checked_add(span));
        loop {
            let left_ms = match (timeout, deadline) {
                (Some(Duration::ZERO), _) => 0,
                (_, Some(deadline)) => ceil_ms(deadline.saturating_duration_since(Instant::now())),
                (_, None) => -1,
            };
            // SAFETY: a list of the length given; its sockets are open, and borrowed by this thread for the call.
            let count =
                unsafe { zmq_sys::zmq_poll(self.items.as_mut_ptr(), self.items.len() as c_int, left_ms) };
            if count >= 0 {
                return Ok(());
            }
            match last_zmq_error() {
                zmq::Error::EINTR => {}
                other => return Err(SocketError::from_zmq("poll", other)),
            }
        }
    }
}

/// What a poll with a wake-up found.
pub(crate) struct Polled {
    pub(crate) ready_entries: usize,
    pub(crate) woken: bool,
}

/// Rounds up, so that a loop that waits until it is due does not wake just before.
fn ceil_ms(span: Duration) -> c_long {
    c_long::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(c_long::MAX).min(i32::MAX as c_long)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_rounded_up_to_whole_milliseconds() {
        for (span, expect) in [
            (Duration::ZERO, 0),
            (Duration::from_nanos(1), 1),
            (Duration::from_millis(1), 1),
            (Duration::from_micros(1_001), 2),
            (Duration::MAX, i32::MAX as c_long),
        ] {
            assert_eq!(ceil_ms(span), expect, "{span:?}");
        }
    }
}
