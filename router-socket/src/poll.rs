//! Waiting on several sockets at once.

#[cfg(unix)]
mod descriptors;
#[cfg(any(test, not(unix)))]
#[cfg_attr(unix, allow(dead_code, reason = "its tests run everywhere"))]
mod zmq_poll;

use crate::error::SocketError;
use crate::socket::Socket;
use crate::wake_up::WakeUp;
use std::time::{Duration, Instant};

#[cfg(unix)]
use descriptors::Items;
#[cfg(not(unix))]
use zmq_poll::Items;

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

    /// The socket, unless it is a descriptor of something else.
    fn socket(&self) -> Option<&'a Socket> {
        match self.target {
            Target::Socket(socket) => Some(socket),
            #[cfg(unix)]
            Target::Descriptor(_) => None,
        }
    }

    /// What the system waits for.
    #[cfg(unix)]
    fn raw_descriptor(&self) -> zmq_sys::RawFd {
        match self.target {
            Target::Socket(socket) => socket.descriptor(),
            Target::Descriptor(descriptor) => std::os::fd::AsRawFd::as_raw_fd(&descriptor),
        }
    }

    fn wants(&self) -> i16 {
        let events = match self.interest {
            Interest::Readable => zmq_sys::ZMQ_POLLIN,
            Interest::Writable => zmq_sys::ZMQ_POLLOUT,
            Interest::Both => zmq_sys::ZMQ_POLLIN | zmq_sys::ZMQ_POLLOUT,
        };
        events as i16
    }
}

/// What wakes a poll besides sockets.
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "a system has one of the two")]
pub(crate) enum WakeUpSource<'a> {
    /// A descriptor that is readable while it rings.
    Descriptor(zmq_sys::RawFd),
    /// A socket on which a message waits while it rings.
    Socket(&'a Socket),
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
    items: Items,
}

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
        wake_up: Option<&WakeUp>,
        timeout: Option<Duration>,
    ) -> Result<Polled, SocketError> {
        self.items.wait(entries, wake_up.map(WakeUp::source), &Timeout::new(timeout))
    }
}

/// What a poll with a wake-up found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Polled {
    pub(crate) ready_entries: usize,
    pub(crate) woken: bool,
}

/// How long a poll may take, over interruptions by signals.
enum Timeout {
    None,
    Zero,
    /// Read from the clock only where a poll is long enough to be interrupted.
    Until(Instant, Duration),
}

impl Timeout {
    fn new(timeout: Option<Duration>) -> Timeout {
        match timeout {
            None => Timeout::None,
            Some(Duration::ZERO) => Timeout::Zero,
            // A span beyond the end of the clock is as good as no end.
            Some(span) => match Instant::now().checked_add(span) {
                Some(end) => Timeout::Until(end, span),
                None => Timeout::None,
            },
        }
    }

    /// What is left, in the milliseconds that the system takes: -1 is without end.
    fn left_ms(&self, is_first: bool) -> i32 {
        match self {
            Timeout::None => -1,
            Timeout::Zero => 0,
            Timeout::Until(_, span) if is_first => ceil_ms(*span),
            Timeout::Until(end, _) => ceil_ms(end.saturating_duration_since(Instant::now())),
        }
    }
}

/// Rounds up, so that a loop that waits until it is due does not wake just before.
fn ceil_ms(span: Duration) -> i32 {
    i32::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
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
            (Duration::MAX, i32::MAX),
        ] {
            assert_eq!(ceil_ms(span), expect, "{span:?}");
        }
    }
}
