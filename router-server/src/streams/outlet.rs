//! `Outlet`: an XPUB towards clients that subscribes nobody by itself.
//!
//! Three things of libzmq's manual mode (xpub.cpp) decide what is done here:
//!
//! - After a subscription was received, the next message goes to that peer alone. So before anything is forwarded, a
//!   message that nobody can be subscribed to is sent (an empty frame: topics have at least two bytes).
//! - libzmq hands out the peers of (un)subscriptions from a queue of its own, one with each message received, and a
//!   message that is no subscription takes one too. From then on, until nothing waits any more, peers and messages
//!   are out of step: a peer may be subscribed in another's place. Who subscribed is always known, by the
//!   message's connection, so counts stay exact; nobody is unsubscribed meanwhile, and a subscription that is
//!   repeated is applied again.
//! - Marks of connections that carry data must not be changed: a writer that is full by the new mark waits for an
//!   acknowledgement that the reader sends by the old one, for ever. See [`Outlet::set_mark`].

use router_socket::{
    ConnectionToken, Context, Endpoint, Frame, Monitor, PollEntry, Socket, SocketError, SocketKind,
};
use router_wire::describe::StreamSocket;
use router_wire::{Name, sample};
use std::sync::Arc;
use std::time::{Duration, Instant};

use router_socket::SocketEvent;

use super::counters::{Counted, Counters};
use super::packet::Packet;
use super::subscribers::{MOST_ENTRIES, Subscribed, Subscribers};

/// The longest frame a client may send here [bytes]: a subscription has 257 at most, and a handshake with keys fits.
const MOST_RECEIVED_BYTES: u64 = 4_096;
/// The mark of a fresh connection, until it subscribes. It is also the least there is.
const LEAST_MARK: i32 = 2;

/// A socket that serves streams.
pub(crate) struct Outlet {
    socket: Socket,
    monitor: Monitor,
    endpoint: Endpoint,
    subscribers: Subscribers<ConnectionToken, Frame>,
    counters: Arc<Counters>,
    /// The next message would go to one peer alone.
    addresses_one: bool,
    /// libzmq's queue of peers is ahead of its queue of messages.
    out_of_step: bool,
    mark: Mark,
}

/// How many messages wait for one connection.
enum Mark {
    /// The same from the beginning.
    Fixed,
    /// Set when a connection first subscribes; see [`Outlet::set_mark`].
    AtFirstSubscription {
        wanted: i32,
        /// What every connection that has subscribed has; `None` when they differ.
        raised: Option<i32>,
    },
}

/// What the proxy has to act upon.
#[derive(Debug)]
pub(crate) enum Change {
    /// A peer subscribed to a legal name, and may be sent something with [`Outlet::send_to_newest`].
    Subscribed(Name),
    /// Maybe fewer listen.
    Unsubscribed(Name),
    /// Nothing: it was counted.
    Nothing,
}

impl Outlet {
    /// Listens at `endpoint`. `mark` bounds what waits for a connection [messages]; `None`: it is set later.
    ///
    /// # Errors
    /// A [`SocketError`] that says why it cannot listen there.
    pub(crate) fn bind(
        context: &Context,
        endpoint: &Endpoint,
        mark: Option<i32>,
        counters: Arc<Counters>,
    ) -> Result<Outlet, SocketError> {
        let mut socket = context.socket(SocketKind::XPub)?;
        socket.set_xpub_verboser(true)?;
        socket.set_xpub_manual_last_value(true)?;
        socket.set_max_message_bytes(MOST_RECEIVED_BYTES)?;
        socket.set_send_hwm(mark.unwrap_or(LEAST_MARK))?;
        let monitor = socket.monitor()?;
        let endpoint = socket.bind(endpoint)?;
        let mark = match mark {
            Some(_) => Mark::Fixed,
            None => Mark::AtFirstSubscription { wanted: LEAST_MARK, raised: None },
        };
        Ok(Outlet {
            socket,
            monitor,
            endpoint,
            subscribers: Subscribers::new(MOST_ENTRIES),
            counters,
            addresses_one: false,
            out_of_step: false,
            mark,
        })
    }

    /// Where it listens, with its real port.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// How many connections listen to `name` here.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.subscribers.count(name)
    }

    /// Whether somebody listens to `name` here, or may.
    pub(crate) fn is_heard(&self, name: &str) -> bool {
        self.subscribers.is_heard(name)
    }

    /// Whether too much was subscribed to: everything stays heard.
    pub(crate) fn has_overflowed(&self) -> bool {
        self.subscribers.has_overflowed()
    }

    /// Takes the next thing that a client sent or that became of one; `None` when nothing waits.
    ///
    /// # Errors
    /// [`SocketError::ContextTerminated`].
    pub(crate) fn next_change(&mut self) -> Result<Option<Change>, SocketError> {
        let Some(frame) = self.socket.try_recv()? else {
            self.out_of_step = false;
            return Ok(None);
        };
        self.addresses_one = true;
        Ok(Some(self.read(frame)))
    }

    /// Sends to everyone who is subscribed to the packet's name. A connection that is full is skipped.
    pub(crate) fn send(&mut self, packet: Packet) {
        if self.addresses_one {
            self.push(Frame::copy_from(&[]), false);
        }
        self.push_packet(packet);
    }

    /// Sends to the peer of the [`Change::Subscribed`] that was taken last.
    ///
    /// libzmq forgets whom it means when another connection ends just then: everyone who is subscribed gets the
    /// packet, and those who have it ignore it by its number.
    pub(crate) fn send_to_newest(&mut self, packet: Packet) {
        self.push_packet(packet);
    }

    /// Bounds what waits for a connection to `mark` messages, for connections that subscribe from now on.
    ///
    /// Each connection begins with the least mark and gets its own with its first subscription, before anything was
    /// sent to it: then it is safe to change. But libzmq changes the marks of all connections at once. So while
    /// connections with another mark are there, new ones keep the least.
    pub(crate) fn set_mark(&mut self, mark: i32) {
        if let Mark::AtFirstSubscription { wanted, .. } = &mut self.mark {
            *wanted = mark.max(LEAST_MARK);
        }
    }

    /// Counts what the monitor tells, at most `most` events.
    pub(crate) fn count_events(&mut self, most: usize) {
        for _ in 0..most {
            match self.monitor.try_next() {
                Some(SocketEvent::HandshakeFailed { .. }) => self.counters.count(Counted::FailedHandshake),
                Some(SocketEvent::Disconnected { .. }) => self.counters.count(Counted::Disconnect),
                Some(_) => {}
                None => return,
            }
        }
    }

    /// What a loop waits for.
    pub(crate) fn poll_entries(&self) -> [PollEntry<'_>; 2] {
        [PollEntry::readable(&self.socket), self.monitor.poll_entry()]
    }

    /// Stops listening; afterwards the port can be bound again.
    ///
    /// # Blocking
    /// Until libzmq's thread has closed the listener, `timeout` at most.
    pub(crate) fn close(mut self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        while self.monitor.try_next().is_some() {}
        if self.socket.unbind(&self.endpoint).is_err() {
            return;
        }
        loop {
            match self.monitor.try_next() {
                Some(SocketEvent::Closed { .. }) => return,
                Some(_) => continue,
                None => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || router_socket::poll(&mut [self.monitor.poll_entry()], Some(left)).is_err() {
                return;
            }
        }
    }

    fn read(&mut self, frame: Frame) -> Change {
        let subscribes = match frame.first() {
            Some(1) => true,
            Some(0) => false,
            _ => {
                self.out_of_step = true;
                self.counters.count(Counted::ForeignMessage);
                return Change::Nothing;
            }
        };
        let name = match sample::split_topic(&frame[1..]) {
            Ok((name, [])) => Name::parse(name),
            _ => {
                self.counters.count(Counted::RefusedSubscription);
                return Change::Nothing;
            }
        };
        let Ok(name) = name else { return Change::Nothing }; // split_topic checked it
        if subscribes { self.subscribed(name, frame) } else { self.unsubscribed(name, &frame) }
    }

    fn subscribed(&mut self, name: Name, frame: Frame) -> Change {
        let topic = sample::topic(name.as_str());
        let Some(key) = frame.connection() else {
            // Only a connection within this process could be without, and none is bound.
            self.counters.count(Counted::RefusedSubscription);
            return Change::Nothing;
        };
        self.raise_mark(key);
        let subscribed = self.subscribers.subscribe(&name, key, frame.connection_fd(), frame);
        // A repeated one too: it costs nothing, and the first may have gone astray while out of step.
        let _ = self.socket.subscribe(&topic);
        match subscribed {
            Subscribed::New => Change::Subscribed(name),
            Subscribed::Repeated => {
                self.counters.count(Counted::RepeatedSubscription);
                Change::Nothing
            }
            Subscribed::NotRemembered => {
                self.counters.count(Counted::SubscriptionNotRemembered);
                Change::Subscribed(name)
            }
        }
    }

    fn unsubscribed(&mut self, name: Name, frame: &Frame) -> Change {
        let genuine = match frame.connection() {
            Some(key) => {
                // Out of step it could hit another peer. This one then gets what it does not want any more.
                if !self.out_of_step {
                    let _ = self.socket.unsubscribe(&sample::topic(name.as_str()));
                }
                self.subscribers.unsubscribe(name.as_str(), key)
            }
            // libzmq's own report of a connection that ended. Peers that cannot say who they are, of ZMTP before
            // 3.0, are refused by every socket of this program.
            None => self.subscribers.ended(name.as_str()),
        };
        if genuine {
            return Change::Unsubscribed(name);
        }
        self.counters.count(Counted::UnknownUnsubscription);
        Change::Nothing
    }

    fn raise_mark(&mut self, key: ConnectionToken) {
        let Mark::AtFirstSubscription { wanted, raised } = &mut self.mark else { return };
        if self.subscribers.knows(key) || self.subscribers.has_overflowed() {
            return;
        }
        if self.subscribers.connections() == 0 {
            *raised = Some(*wanted);
        }
        if *raised == Some(*wanted) {
            let _ = self.socket.set_send_hwm(*wanted);
        } else {
            *raised = None;
        }
    }

    fn push_packet(&mut self, packet: Packet) {
        self.push(packet.head, packet.payload.is_some());
        if let Some(payload) = packet.payload {
            self.push(payload, false);
        }
    }

    /// An XPUB that drops for full subscribers refuses nothing; with a closed context there is nobody to tell.
    fn push(&mut self, frame: Frame, more: bool) {
        self.addresses_one = false;
        let _ = self.socket.try_send(frame, more);
    }
}

/// The mark of `samples`: as many of the largest samples there as the budget holds, 1,000 at most.
pub(crate) fn samples_mark(budget_bytes: usize) -> i32 {
    (budget_bytes / super::options::SMALL_SAMPLE_BYTES).clamp(1, MOST_WAITING) as i32
}

/// The mark of `frames`: as many of the largest sample declared as the budget holds, two at least.
pub(crate) fn frames_mark(budget_bytes: usize, largest_sample_bytes: usize) -> i32 {
    (budget_bytes / largest_sample_bytes.max(1)).clamp(LEAST_MARK as usize, MOST_WAITING) as i32
}

/// Most messages that wait for a connection, whatever the budget.
const MOST_WAITING: usize = 1_000;

/// Which socket serves samples of up to `largest_sample_bytes`.
pub(crate) fn place_of(largest_sample_bytes: usize) -> StreamSocket {
    if largest_sample_bytes <= super::options::SMALL_SAMPLE_BYTES {
        StreamSocket::Samples
    } else {
        StreamSocket::Frames
    }
}
