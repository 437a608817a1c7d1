//! `Outlet`: an XPUB towards clients.
//!
//! libzmq subscribes and unsubscribes its peers by itself, and reports each of it here (XPUB_VERBOSER). It is not in
//! manual mode, where the owner would subscribe the peers and could answer one of them alone: libzmq 4.3.5 then
//! looks at memory of connections that have ended (`xpub_t::xrecv`), and messages that are no subscription make it
//! take one peer for another.
//!
//! So a peer that subscribes to a prefix gets what others listen to under it, at its own cost. It is counted, and is
//! no subscriber: for it alone nothing is sent.
//!
//! The high-water mark of a socket is chosen before it listens and never changed: libzmq 4.3.5 would tell the new one
//! to connections that have ended, too (`socket_base_t::update_pipe_options`), and a connection that is full by the
//! new mark can wait for ever for an acknowledgement that its other end sends by the old one. Another mark takes
//! another socket; see [`Outlet::set_mark`].

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use router_socket::{
    ConnectionToken, Context, Endpoint, Frame, Monitor, PollEntry, Socket, SocketError, SocketEvent,
    SocketKind,
};
use router_wire::describe::StreamSocket;
use router_wire::{Name, Topic, sample};

use super::counters::{Counted, Counters};
use super::local_outlet::LocalOutlet;
use super::options::SMALL_SAMPLE_BYTES;
use super::packet::Packet;
use super::subscribers::{MOST_ENTRIES, Subscribed, Subscribers};
use crate::socket_file::SocketFile;
use crate::stop_schedule::StopSchedule;

/// The longest frame a client may send here [bytes]: a subscription has 386 at most, and a handshake with keys fits.
const MOST_RECEIVED_BYTES: u64 = 4_096;
/// The least mark: one message less would lose the second of two in a row.
pub(crate) const LEAST_MARK: i32 = 2;
/// Most messages that wait for a connection, whatever the budget.
const MOST_WAITING: usize = 1_000;
/// How long libzmq may take to say that a listener is closed. It says so at once, unless something is wrong with it.
const CLOSE_TAKES: Duration = Duration::from_secs(1);
/// How long to wait before an endpoint is bound again that could not be.
const BIND_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// A socket that serves streams.
pub(crate) struct Outlet {
    context: Context,
    /// Where the socket listens: TCP and `ipc`.
    endpoints: Vec<Endpoint>,
    /// Towards clients of this process, if the server listens for them.
    local: Option<LocalOutlet>,
    counters: Arc<Counters>,
    /// Dropped before the socket, which keeps others from the paths until then.
    socket_files: Vec<SocketFile>,
    socket: Socket,
    monitor: Monitor,
    /// How many messages wait for one connection of `socket`.
    mark: i32,
    /// A sample went out through `socket`.
    has_served: bool,
    replacement: Replacement,
    /// Listeners that libzmq has not closed yet.
    closing: usize,
    subscribers: Subscribers<ConnectionToken, Frame>,
    /// The views that somebody subscribed to, by stream; within the bound of `subscribers`.
    views: HashMap<Name, HashSet<Topic>>,
}

/// A socket whose listener libzmq's thread is closing.
pub(crate) struct ClosingOutlet {
    outlet: Outlet,
    /// Listeners that libzmq has not closed yet.
    open: usize,
}

/// How far the socket's replacement by one with another mark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Replacement {
    None,
    /// The listener is being closed by libzmq's thread, which says so through the monitor, by `until` in any case.
    Closing {
        mark: i32,
        until: Instant,
    },
    /// The endpoint is free; it could not be bound before `at`.
    Binding {
        mark: i32,
        at: Instant,
    },
}

/// What the proxy has to act upon.
#[derive(Debug)]
pub(crate) enum Change {
    /// One more listens to the topic.
    Subscribed(Topic),
    /// One less listens to the topic.
    Unsubscribed(Topic),
    /// Nothing: it was counted.
    Nothing,
}

impl Outlet {
    /// Listens at `wanted`. `mark` bounds what waits for each connection [messages]. Returns the same endpoints with
    /// their real ports.
    ///
    /// # Errors
    /// A [`SocketError`] that says why it cannot listen there.
    pub(crate) fn bind(
        context: &Context,
        wanted: &[Endpoint],
        mark: i32,
        counters: Arc<Counters>,
    ) -> Result<(Outlet, Vec<Endpoint>), SocketError> {
        let (here, beyond): (Vec<_>, Vec<_>) =
            wanted.iter().cloned().partition(|endpoint| endpoint.inproc_name().is_some());
        let local = LocalOutlet::bind(context, &here, mark)?;
        let (socket, monitor, endpoints) = listen(context, &beyond, mark)?;
        let mut bound = endpoints.iter();
        let real = wanted.iter().map(|endpoint| match endpoint.inproc_name() {
            Some(_) => endpoint,
            None => bound.next().unwrap_or(endpoint),
        });
        let real = real.cloned().collect();
        let outlet = Outlet {
            context: context.clone(),
            endpoints,
            local,
            counters,
            socket_files: wanted.iter().filter_map(SocketFile::of).collect(),
            socket,
            monitor,
            mark,
            has_served: false,
            replacement: Replacement::None,
            closing: 0,
            subscribers: Subscribers::new(MOST_ENTRIES),
            views: HashMap::new(),
        };
        Ok((outlet, real))
    }

    /// How many connections listen to `topic` here.
    pub(crate) fn count(&self, topic: &str) -> u64 {
        self.subscribers.count(topic) + self.count_local(topic)
    }

    /// Whether somebody listens to `topic` here, or may.
    pub(crate) fn is_heard(&self, topic: &str) -> bool {
        self.subscribers.is_heard(topic) || self.count_local(topic) > 0
    }

    /// The views of the stream `name` that somebody listens to.
    pub(crate) fn views_of(&self, name: &str) -> impl Iterator<Item = &Topic> {
        self.views.get(name).into_iter().flatten()
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
        let change = match self.socket.try_recv()? {
            Some(frame) => Some(self.read(frame)),
            None => {
                let change = self.local.as_mut().map_or(Ok(None), LocalOutlet::next_change)?;
                change.map(|change| change.unwrap_or_else(|counted| self.nothing(counted)))
            }
        };
        if let Some(Change::Subscribed(topic) | Change::Unsubscribed(topic)) = &change {
            let listeners = self.count(topic.as_str());
            note_view(&mut self.views, topic, listeners);
        }
        Ok(change)
    }

    /// Sends a packet to everyone who is subscribed to its topic. A connection that is full is skipped.
    pub(crate) fn send(&mut self, packet: Packet) {
        if let Some(local) = &mut self.local {
            local.send(&packet);
        }
        // An XPUB that drops for full subscribers refuses nothing; with a closed context there is nobody to tell.
        let _ = self.socket.try_send(packet.head, packet.payload.is_some());
        if let Some(payload) = packet.payload {
            let _ = self.socket.try_send(payload, false);
        }
    }

    /// As [`send`](Outlet::send), for a sample.
    pub(crate) fn send_sample(&mut self, packet: Packet) {
        self.has_served = true;
        self.send(packet);
    }

    /// Bounds what waits for each connection to `mark` messages.
    ///
    /// The socket is replaced by another at the same endpoints: its connections are closed, and clients connect and
    /// subscribe again. That happens where it must, for a lower mark, and where it disturbs nobody, for a higher one
    /// while nothing was served yet or nobody is known. Otherwise a lower mark than the budget allows stays.
    pub(crate) fn set_mark(&mut self, mark: i32) {
        if self.endpoints.is_empty() {
            return;
        }
        let mark = mark.max(LEAST_MARK);
        match &mut self.replacement {
            Replacement::Closing { mark: next, .. } | Replacement::Binding { mark: next, .. } => *next = mark,
            Replacement::None => {
                let disturbs = self.has_served && self.subscribers.connections() > 0;
                if mark < self.mark || (mark > self.mark && !disturbs) {
                    self.replace(mark);
                }
            }
        }
    }

    /// Counts what the monitor tells, at most `most` events, and goes on with a replacement. Returns whether the
    /// socket is another one now, that nobody has subscribed to yet.
    pub(crate) fn maintain(&mut self, most: usize) -> bool {
        for _ in 0..most {
            match self.monitor.try_next() {
                Some(SocketEvent::HandshakeFailed { .. }) => self.counters.count(Counted::FailedHandshake),
                Some(SocketEvent::Disconnected { .. }) => self.counters.count(Counted::Disconnect),
                Some(SocketEvent::Closed { .. }) => self.closed(),
                Some(_) => {}
                None => break,
            }
        }
        match self.replacement {
            Replacement::Closing { mark, until: at } | Replacement::Binding { mark, at }
                if at <= Instant::now() =>
            {
                self.bind_again(mark)
            }
            _ => false,
        }
    }

    /// Whether the socket is about to be replaced.
    pub(crate) fn is_being_replaced(&self) -> bool {
        self.replacement != Replacement::None
    }

    /// When [`maintain`](Outlet::maintain) has something to do though nothing comes.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self.replacement {
            Replacement::None => None,
            Replacement::Closing { until: at, .. } | Replacement::Binding { at, .. } => Some(at),
        }
    }

    /// What a loop waits for.
    pub(crate) fn poll_entries(&self) -> impl Iterator<Item = PollEntry<'_>> {
        let own = [PollEntry::readable(&self.socket), self.monitor.poll_entry()];
        own.into_iter().chain(self.local.as_ref().map(LocalOutlet::poll_entry))
    }

    /// Stops listening; `None` if it does not listen.
    pub(crate) fn close(mut self) -> Option<ClosingOutlet> {
        while self.monitor.try_next().is_some() {}
        self.socket_files.clear();
        self.local = None;
        let open = self.unbind();
        (open > 0).then_some(ClosingOutlet { outlet: self, open })
    }

    fn read(&mut self, frame: Frame) -> Change {
        let subscribes = match frame.first() {
            Some(1) => true,
            Some(0) => false,
            _ => return self.nothing(Counted::ForeignMessage),
        };
        match sample::split_topic(&frame[1..]) {
            Ok((topic, [])) => match Topic::parse(topic) {
                Ok(topic) if subscribes => self.subscribed(topic, frame),
                Ok(topic) => self.unsubscribed(topic, &frame),
                Err(_) => self.nothing(Counted::RefusedSubscription),
            },
            _ => self.nothing(Counted::RefusedSubscription),
        }
    }

    fn subscribed(&mut self, topic: Topic, frame: Frame) -> Change {
        // Only a connection within this process could be without, and those have a socket of their own.
        let Some(key) = frame.connection() else { return self.nothing(Counted::RefusedSubscription) };
        match self.subscribers.subscribe(&topic, key, frame.connection_fd(), frame) {
            Subscribed::New => Change::Subscribed(topic),
            Subscribed::Repeated => self.nothing(Counted::RepeatedSubscription),
            Subscribed::NotRemembered => {
                self.counters.count(Counted::SubscriptionNotRemembered);
                Change::Subscribed(topic)
            }
        }
    }

    fn unsubscribed(&mut self, topic: Topic, frame: &Frame) -> Change {
        let genuine = match frame.connection() {
            Some(key) => self.subscribers.unsubscribe(topic.as_str(), key),
            // libzmq's own report of a connection that ended. Peers that cannot say who they are, of ZMTP before
            // 3.0, are refused by every socket of this program.
            None => self.subscribers.ended(topic.as_str()),
        };
        if genuine { Change::Unsubscribed(topic) } else { self.nothing(Counted::UnknownUnsubscription) }
    }

    fn nothing(&self, counted: Counted) -> Change {
        self.counters.count(counted);
        Change::Nothing
    }

    fn replace(&mut self, mark: i32) {
        self.socket_files.clear();
        self.closing = self.unbind();
        self.replacement = match self.closing {
            0 => Replacement::Binding { mark, at: Instant::now() }, // it does not listen
            _ => Replacement::Closing { mark, until: Instant::now() + CLOSE_TAKES },
        };
    }

    /// Starts to close the listeners; how many there are.
    fn unbind(&self) -> usize {
        self.endpoints.iter().filter(|endpoint| self.socket.unbind(endpoint).is_ok()).count()
    }

    /// libzmq closed a listener.
    fn closed(&mut self) {
        if let Replacement::Closing { mark, .. } = self.replacement {
            self.closing = self.closing.saturating_sub(1);
            if self.closing == 0 {
                self.replacement = Replacement::Binding { mark, at: Instant::now() };
            }
        }
    }

    fn count_local(&self, topic: &str) -> u64 {
        self.local.as_ref().map_or(0, |local| local.count(topic))
    }

    fn bind_again(&mut self, mark: i32) -> bool {
        match listen(&self.context, &self.endpoints, mark) {
            Ok((socket, monitor, _)) => {
                // The monitor first: it belongs to the former socket.
                self.monitor = monitor;
                self.socket = socket;
                self.socket_files = self.endpoints.iter().filter_map(SocketFile::of).collect();
                self.mark = mark;
                self.has_served = false;
                self.replacement = Replacement::None;
                self.subscribers = Subscribers::new(MOST_ENTRIES);
                self.views.clear();
                if let Some(local) = &self.local {
                    local.topics().for_each(|topic| note_view(&mut self.views, topic, 1));
                }
                true
            }
            Err(_) => {
                self.counters.count(Counted::FailedBind);
                self.replacement = Replacement::Binding { mark, at: Instant::now() + BIND_AGAIN_AFTER };
                false
            }
        }
    }
}

impl ClosingOutlet {
    /// Waits until the port can be bound again.
    ///
    /// # Blocking
    /// Until libzmq's thread has closed the listeners, `deadline` at most.
    pub(crate) fn wait(mut self, deadline: Instant) {
        let monitor = &mut self.outlet.monitor;
        while self.open > 0 {
            match monitor.try_next() {
                Some(SocketEvent::Closed { .. }) => {
                    self.open -= 1;
                    continue;
                }
                Some(_) => continue,
                None => {}
            }
            let left = StopSchedule::until(deadline);
            if left.is_zero() || router_socket::poll(&mut [monitor.poll_entry()], Some(left)).is_err() {
                return;
            }
        }
    }
}

/// Notes how many listen to `topic`, if it is a view.
fn note_view(views: &mut HashMap<Name, HashSet<Topic>>, topic: &Topic, listeners: u64) {
    if topic.view().is_none() {
        return;
    }
    let of_stream = views.entry(topic.name().clone()).or_default();
    if listeners > 0 {
        of_stream.insert(topic.clone());
    } else {
        of_stream.remove(topic);
    }
    if of_stream.is_empty() {
        views.remove(topic.name());
    }
}

fn listen(
    context: &Context,
    endpoints: &[Endpoint],
    mark: i32,
) -> Result<(Socket, Monitor, Vec<Endpoint>), SocketError> {
    let mut socket = context.socket(SocketKind::XPub)?;
    socket.set_xpub_verboser(true)?;
    socket.set_max_message_bytes(MOST_RECEIVED_BYTES)?;
    socket.set_send_hwm(mark)?;
    let monitor = socket.monitor()?;
    let endpoints = endpoints.iter().map(|endpoint| socket.bind(endpoint)).collect::<Result<_, _>>()?;
    Ok((socket, monitor, endpoints))
}

/// The mark of `samples`: as many of the largest samples there as the budget holds, 1,000 at most.
pub(crate) fn samples_mark(budget_bytes: usize) -> i32 {
    (budget_bytes / SMALL_SAMPLE_BYTES).clamp(LEAST_MARK as usize, MOST_WAITING) as i32
}

/// The mark of `frames`: as many of the largest sample declared as the budget holds, two at least.
pub(crate) fn frames_mark(budget_bytes: usize, largest_sample_bytes: usize) -> i32 {
    (budget_bytes / largest_sample_bytes.max(1)).clamp(LEAST_MARK as usize, MOST_WAITING) as i32
}

/// Which socket serves samples of up to `largest_sample_bytes`.
pub(crate) fn place_of(largest_sample_bytes: usize) -> StreamSocket {
    if largest_sample_bytes <= SMALL_SAMPLE_BYTES { StreamSocket::Samples } else { StreamSocket::Frames }
}
