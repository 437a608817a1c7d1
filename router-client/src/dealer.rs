//! `Dealer`: one of a client's two sockets, with what waits to leave through it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use router_socket::{
    Context, Endpoint, Frame, HandshakeFailure, Interest, Monitor, PollEntry, SendRefusal, Socket,
    SocketError, SocketEvent, SocketKind,
};
use router_wire::MAX_HEADER_BYTES;
use router_wire::hello::ClientSocket;

use crate::options::ConnectOptions;

/// How long a closed client keeps trying to say goodbye.
const LINGER: Duration = Duration::from_millis(200);

/// After how long an unanswered hello is sent once more.
const HELLO_REPEATED_AFTER: Duration = Duration::from_secs(3);

/// What waits to leave, in order: a cancel follows its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queued {
    /// The request of a call in flight.
    Request(u64),
    /// The cancel of a call that left.
    Cancel(u64),
}

/// A socket, whether it was greeted, and its queue.
#[derive(Debug)]
pub(crate) struct Dealer {
    pub(crate) socket: Socket,
    monitor: Monitor,
    role: ClientSocket,
    /// The epoch of the server that greeted on the connection that stands.
    pub(crate) greeted: Option<u64>,
    /// Number and time of the hello that waits for its answer.
    hello: Option<(u64, Instant)>,
    /// When the next hello is to leave.
    hello_due: Option<Instant>,
    /// Requests are bounded by the loop, cancels by one for each call in flight.
    pub(crate) queue: VecDeque<Queued>,
    /// The socket took no more; cleared when a poll says that it does.
    blocked: bool,
}

/// What happened to a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConnectionEvent {
    /// Something accepted it; the handshake follows.
    Accepted,
    /// It ended, greeted or not.
    Ended { was_greeted: bool },
    /// An attempt failed: nothing accepts connections.
    NotAccepted,
    /// It was given up before any message.
    NotMade(HandshakeFailure),
}

impl Dealer {
    /// Starts to connect and returns at once.
    pub(crate) fn connect(
        context: &Context,
        role: ClientSocket,
        endpoint: &Endpoint,
        options: &ConnectOptions,
    ) -> Result<Dealer, SocketError> {
        let mut socket = context.socket(SocketKind::Dealer)?;
        socket.set_immediate(true)?;
        socket.set_linger(LINGER)?;
        socket.set_max_message_bytes((options.max_body_bytes + MAX_HEADER_BYTES) as u64)?;
        let monitor = socket.monitor()?;
        socket.connect(endpoint)?;
        Ok(Dealer {
            socket,
            monitor,
            role,
            greeted: None,
            hello: None,
            hello_due: Some(Instant::now()),
            queue: VecDeque::new(),
            blocked: false,
        })
    }

    /// Takes what happened since the last look. After an end the connection needs a greeting again.
    pub(crate) fn next_event(&mut self, now: Instant) -> Option<ConnectionEvent> {
        loop {
            match self.monitor.try_next()? {
                SocketEvent::Disconnected { .. } => {
                    let was_greeted = self.greeted.is_some();
                    self.greet_again(now);
                    return Some(ConnectionEvent::Ended { was_greeted });
                }
                SocketEvent::Connected => return Some(ConnectionEvent::Accepted),
                SocketEvent::Closed { .. } => return Some(ConnectionEvent::NotAccepted),
                SocketEvent::HandshakeFailed { reason } => return Some(ConnectionEvent::NotMade(reason)),
                _ => {}
            }
        }
    }

    /// Forgets the greeting and has another hello leave as soon as a connection stands.
    pub(crate) fn greet_again(&mut self, now: Instant) {
        self.greeted = None;
        self.hello = None;
        self.hello_due = Some(now);
        self.blocked = false;
    }

    /// Has another hello leave, while the last greeting holds; not while one is under way.
    pub(crate) fn refresh_greeting(&mut self, now: Instant) {
        if self.hello.is_none() && self.hello_due.is_none() {
            self.hello_due = Some(now);
        }
    }

    /// Has another hello leave in a while.
    pub(crate) fn greet_later(&mut self, at: Instant) {
        self.greeted = None;
        self.hello_due = Some(at);
    }

    /// Sends the hello that `hello` makes, if one is due and can leave; tells whether one left.
    pub(crate) fn greet_if_due(
        &mut self,
        now: Instant,
        hello: impl FnOnce(ClientSocket) -> (u64, Vec<u8>),
    ) -> bool {
        if self.blocked || self.next_hello().is_none_or(|due| now < due) {
            return false;
        }
        let (number, message) = hello(self.role);
        let left = self.try_send(Frame::from_vec(message));
        if left {
            self.hello = Some((number, now));
            self.hello_due = None;
        }
        left
    }

    /// Tells whether `number` is the hello that waits; it does not any more.
    pub(crate) fn take_hello(&mut self, number: u64) -> bool {
        let is_hello = self.hello.is_some_and(|(hello, _)| hello == number);
        if is_hello {
            self.hello = None;
        }
        is_hello
    }

    /// When a hello is to leave next, if nothing else happens.
    pub(crate) fn next_hello(&self) -> Option<Instant> {
        self.hello_due.or_else(|| self.hello.map(|(_, sent)| sent + HELLO_REPEATED_AFTER))
    }

    /// Tells whether the socket took no more when it was asked last.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Sends one frame, or finds that the socket takes no more.
    pub(crate) fn try_send(&mut self, frame: Frame) -> bool {
        let sent = self.socket.try_send(frame, false).map_err(|refused| refused.reason);
        self.took(&sent)
    }

    /// Notes what the socket said to a send, and tells whether it took the message.
    pub(crate) fn took(&mut self, sent: &Result<(), SendRefusal>) -> bool {
        self.blocked = sent.is_err();
        !self.blocked
    }

    /// What a poll waits for.
    pub(crate) fn poll_entries(&self) -> [PollEntry<'_>; 2] {
        let interest = if self.blocked { Interest::Both } else { Interest::Readable };
        [PollEntry::new(&self.socket, interest), self.monitor.poll_entry()]
    }

    /// A poll found room to send.
    pub(crate) fn unblock(&mut self) {
        self.blocked = false;
    }
}
