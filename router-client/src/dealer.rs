//! `Dealer`: one of a client's two sockets, with what waits to leave through it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use router_socket::options::{RECONNECT_INTERVAL, RECONNECT_INTERVAL_MAX};
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

/// How often a connection within this process is looked at.
const LOOK_IN_PROCESS_EVERY: Duration = Duration::from_millis(100);

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
    endpoint: Endpoint,
    way: Way,
    /// When a connection within this process is looked at next.
    next_look: Option<Instant>,
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

/// By which address of a host name the connection is made. libzmq takes one and never tries another.
#[derive(Debug, Default)]
struct Way {
    by_ipv6: bool,
    accepted: bool,
    /// A connection has ended; that libzmq tries again is no news.
    ended: bool,
    /// When the other address is tried.
    other_at: Option<Instant>,
    /// How long the next failure waits for that.
    pause: Duration,
}

impl Way {
    fn attempt_failed(&mut self, now: Instant) {
        if std::mem::take(&mut self.ended) || self.other_at.is_some() {
            return;
        }
        self.other_at = Some(now + self.pause);
        self.pause = (2 * self.pause).clamp(RECONNECT_INTERVAL, RECONNECT_INTERVAL_MAX);
    }
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
    ///
    /// libzmq takes one address of a host name. If nothing accepts connections at its IPv4 address, the IPv6 address is
    /// tried, and so on in turn; see [`try_other_address`](Dealer::try_other_address).
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
        if endpoint.inproc_name().is_some() {
            // Never full: a socket that takes nothing has no server. What waits is bounded by the client's budget.
            socket.set_send_hwm(0)?;
        }
        let monitor = socket.monitor()?;
        socket.connect(endpoint)?;
        Ok(Dealer {
            socket,
            monitor,
            role,
            endpoint: endpoint.clone(),
            way: Way::default(),
            next_look: None,
            greeted: None,
            hello: None,
            hello_due: Some(Instant::now()),
            queue: VecDeque::new(),
            blocked: false,
        })
    }

    /// Whether something may have happened since the last look; else a poll tells when it does.
    pub(crate) fn may_have_events(&self, now: Instant) -> bool {
        match self.is_in_process() {
            true => self.blocked || self.next_look.is_none_or(|at| at <= now),
            false => !self.monitor.is_quiet(),
        }
    }

    /// Takes what happened since the last look. After an end the connection needs a greeting again.
    pub(crate) fn next_event(&mut self, now: Instant) -> Option<ConnectionEvent> {
        if self.is_in_process() {
            self.next_look = Some(now + LOOK_IN_PROCESS_EVERY);
            return self.end_in_process(now);
        }
        loop {
            match self.monitor.try_next()? {
                SocketEvent::Disconnected { .. } => {
                    let was_greeted = self.greeted.is_some();
                    self.greet_again(now);
                    self.way.accepted = false;
                    self.way.ended = true;
                    return Some(ConnectionEvent::Ended { was_greeted });
                }
                SocketEvent::Connected => {
                    self.way = Way { accepted: true, by_ipv6: self.way.by_ipv6, ..Way::default() };
                    // libzmq tells of an end before it takes the connection away: a hello that left in between has
                    // gone nowhere.
                    if self.hello.take().is_some() {
                        self.hello_due = Some(now);
                    }
                    return Some(ConnectionEvent::Accepted);
                }
                SocketEvent::ConnectRetried { .. } if self.endpoint.has_host_name() => {
                    self.way.attempt_failed(now);
                }
                SocketEvent::Closed { .. } => return Some(ConnectionEvent::NotAccepted),
                SocketEvent::HandshakeFailed { reason } => return Some(ConnectionEvent::NotMade(reason)),
                _ => {}
            }
        }
    }

    /// Tells whether the connection stands, or stood last, by the IPv6 address of a name.
    pub(crate) fn is_by_ipv6(&self) -> bool {
        self.way.by_ipv6
    }

    /// Tells whether something has accepted the connection.
    pub(crate) fn is_accepted(&self) -> bool {
        self.way.accepted
    }

    /// Connects by the other address of a name, if it is time to: by the one of IPv6 if `by_ipv6` says so.
    pub(crate) fn try_other_address(&mut self, now: Instant, by_ipv6: Option<bool>) {
        if self.way.other_at.is_none_or(|at| now < at) {
            return;
        }
        self.way.other_at = None;
        self.way.by_ipv6 = by_ipv6.unwrap_or(!self.way.by_ipv6);
        // Neither resolves the name here: libzmq's thread does.
        let _ = self.socket.disconnect(&self.endpoint);
        let connected = match self.way.by_ipv6 {
            true => self.socket.connect_ipv6(&self.endpoint),
            false => self.socket.connect(&self.endpoint),
        };
        if connected.is_err() {
            self.way.attempt_failed(now);
        }
        self.greet_again(now);
    }

    /// When to look at the connection although nothing comes.
    pub(crate) fn next_look(&self, now: Instant) -> Option<Instant> {
        if self.is_in_process() { Some(self.next_look.unwrap_or(now)) } else { self.way.other_at }
    }

    fn is_in_process(&self) -> bool {
        self.endpoint.inproc_name().is_some()
    }

    /// Over `inproc` libzmq tells nothing and connects once. A socket that takes nothing has lost its server; it is
    /// connected to the next one, which may come later.
    fn end_in_process(&mut self, now: Instant) -> Option<ConnectionEvent> {
        // What the server said last is read before.
        let stands =
            self.socket.events_writable().unwrap_or(true) || self.socket.events_readable().unwrap_or(true);
        if stands {
            return None;
        }
        let was_greeted = self.greeted.is_some();
        let _ = self.socket.disconnect(&self.endpoint); // it has ended already
        let connected = self.socket.connect(&self.endpoint);
        self.greet_again(now);
        (was_greeted || connected.is_ok()).then_some(ConnectionEvent::Ended { was_greeted })
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
        // Over inproc the first waits where the server will find it.
        let repeated = |&(_, sent): &(u64, Instant)| sent + HELLO_REPEATED_AFTER;
        self.hello_due.or_else(|| self.hello.as_ref().filter(|_| !self.is_in_process()).map(repeated))
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
