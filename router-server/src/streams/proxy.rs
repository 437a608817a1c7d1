//! `ProxyLoop`: forwards samples from their sources to subscribers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use router_slots::SlotDescriptor;
use router_socket::{Context, Endpoint, Frame, Mailbox, PollEntry, Socket, SocketError, SocketKind};
use router_wire::describe::StreamSocket;
use router_wire::{Name, SampleHeader, SampleStatus, Topic};

use super::counters::{Counted, Counters};
use super::declarations::{Declarations, Then, Waiting};
use super::forwarding::Forwarding;
use super::outlet::Outlet;
use super::packet::Packet;
use super::served_view::Due;
use super::stream::Stream;

/// Most messages of one socket, and most commands, in one turn.
const MOST_IN_A_TURN: usize = 1_000;
/// How often each heard stream declares its newest number. A subscriber that hears nothing for much longer is not
/// subscribed, whatever the reason, and does well to subscribe again.
const DECLARE_EVERY: Duration = Duration::from_secs(1);

/// What the loop is asked to do. Unbounded: there is at most one declaration of each stream, and all else is as
/// many as the application's threads that wait for it.
pub(crate) enum ProxyCommand {
    /// Serve a stream.
    Add { stream: Arc<Stream>, done: Sender<()> },
    /// Serve it no more, once what it has sent has passed.
    Remove { stream: Arc<Stream>, done: Sender<()> },
    /// Declare its newest number to those who asked.
    Declare { stream: Arc<Stream> },
    /// Send the newest sample that was published until now to the one who asks.
    Ask { stream: Arc<Stream>, asker: u64, token: u64 },
    /// Hand it on, once what it has sent has passed.
    Move { stream: Arc<Stream>, on: Box<dyn FnOnce() + Send> },
    /// End the loop.
    Stop,
}

/// The one thread through which every sample passes. It waits in `poll` only.
pub(crate) struct ProxyLoop {
    pub(super) mailbox: Mailbox<ProxyCommand>,
    pub(super) ingress: Socket,
    pub(super) samples: Outlet,
    pub(super) frames: Outlet,
    pub(super) streams: HashMap<Name, Forwarding>,
    pub(super) waiting: Declarations,
    /// Who waits for streams to be added.
    pub(super) added: Vec<Sender<()>>,
    /// Streams that may owe somebody their last value, and until when they wait with it.
    pub(super) owing: Vec<(Name, Instant)>,
    /// Views in which a sample waits, and until when.
    pub(super) viewing: Vec<(Topic, Instant)>,
    /// What is to be done about views in this moment; kept for its capacity.
    pub(super) due: Vec<(Topic, Due)>,
    pub(super) counters: Arc<Counters>,
    /// Most bytes that wait for one connection.
    pub(super) budget_bytes: usize,
    declare_at: Instant,
    /// Kept for its capacity.
    message: Vec<Frame>,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Again,
    Ended,
}

impl ProxyLoop {
    /// Binds where sources connect to and subscribes to everything there.
    ///
    /// # Errors
    /// [`SocketError`].
    pub(crate) fn new(
        context: &Context,
        endpoint: &Endpoint,
        mailbox: Mailbox<ProxyCommand>,
        (samples, frames): (Outlet, Outlet),
        counters: Arc<Counters>,
        budget_bytes: usize,
    ) -> Result<ProxyLoop, SocketError> {
        let mut ingress = context.socket(SocketKind::XSub)?;
        // What waits between a source and here is the sum of both marks, and the source's is the one that is meant.
        ingress.set_recv_hwm(1)?;
        ingress.bind(endpoint)?;
        // Kept by the socket and sent to each source that connects.
        let _ = ingress.try_send(Frame::copy_from(&[1]), false);
        Ok(ProxyLoop {
            mailbox,
            ingress,
            samples,
            frames,
            streams: HashMap::new(),
            waiting: Declarations::default(),
            added: Vec::new(),
            owing: Vec::new(),
            viewing: Vec::new(),
            due: Vec::new(),
            counters,
            budget_bytes,
            declare_at: Instant::now() + DECLARE_EVERY,
            message: Vec::new(),
        })
    }

    /// Runs until it is stopped or the context is gone.
    pub(crate) fn run(mut self) {
        const CLOSE_WAIT: Duration = Duration::from_millis(200);
        while let Ok(Turn::Again) = self.turn() {}
        let closing = [self.samples.close(), self.frames.close()];
        let deadline = Instant::now() + CLOSE_WAIT;
        closing.into_iter().flatten().for_each(|listener| listener.wait(deadline));
    }

    /// Does what there is to do, and waits when there is nothing.
    ///
    /// # Errors
    /// [`SocketError::ContextTerminated`].
    ///
    /// # Blocking
    /// In `poll`, until something comes or the next declarations are due.
    pub(crate) fn turn(&mut self) -> Result<Turn, SocketError> {
        let mut more = false;
        for taken in 1..=MOST_IN_A_TURN {
            match self.mailbox.try_take() {
                Some(ProxyCommand::Stop) => return Ok(Turn::Ended),
                Some(command) => self.obey(command),
                None => break,
            }
            more |= taken == MOST_IN_A_TURN;
        }
        more |= self.take_changes(StreamSocket::Samples)?;
        more |= self.take_changes(StreamSocket::Frames)?;
        more |= self.forward()?;
        more |= self.settle();
        self.send_last_values();
        self.send_due_views();
        for socket in [StreamSocket::Samples, StreamSocket::Frames] {
            if self.outlets(socket).0.maintain(MOST_IN_A_TURN) {
                self.refresh_all(socket);
            }
        }
        // A stream is there when clients can connect to where it is.
        if !self.frames.is_being_replaced() {
            for done in self.added.drain(..) {
                let _ = done.send(()); // whoever asked may have given up
            }
        }
        if Instant::now() >= self.declare_at {
            self.declare_all();
            more = true;
        }
        self.wait(more)?;
        Ok(Turn::Again)
    }

    /// The socket that serves a stream, and the other one.
    pub(super) fn outlets(&mut self, socket: StreamSocket) -> (&mut Outlet, &mut Outlet) {
        match socket {
            StreamSocket::Samples => (&mut self.samples, &mut self.frames),
            StreamSocket::Frames => (&mut self.frames, &mut self.samples),
        }
    }

    /// Does `then` once everything that `stream` has sent until now has passed.
    pub(super) fn once_passed(&mut self, stream: Arc<Stream>, then: Then) {
        let given = stream.given();
        self.waiting.push(Waiting { stream, given, then });
    }

    fn obey(&mut self, command: ProxyCommand) {
        match command {
            ProxyCommand::Add { stream, done } => {
                self.add(stream);
                self.added.push(done);
            }
            ProxyCommand::Remove { stream, done } => self.once_passed(stream, Then::Remove { done }),
            ProxyCommand::Declare { stream } => {
                let tokens = stream.take_tokens();
                self.once_passed(stream, Then::Declare { tokens });
            }
            ProxyCommand::Ask { stream, asker, token } => {
                self.once_passed(stream, Then::Ask { asker, token })
            }
            ProxyCommand::Move { stream, on } => self.once_passed(stream, Then::Move { on }),
            ProxyCommand::Stop => {} // taken before
        }
    }

    /// Takes (un)subscriptions; whether some may be left.
    fn take_changes(&mut self, socket: StreamSocket) -> Result<bool, SocketError> {
        for _ in 0..MOST_IN_A_TURN {
            match self.outlets(socket).0.next_change()? {
                Some(change) => self.act_on(socket, change),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Forwards samples; whether some may be left.
    fn forward(&mut self) -> Result<bool, SocketError> {
        let mut message = std::mem::take(&mut self.message);
        for _ in 0..MOST_IN_A_TURN {
            if !self.ingress.try_recv_message(&mut message)? {
                self.message = message;
                return Ok(false);
            }
            self.forward_one(&mut message);
        }
        self.message = message;
        Ok(true)
    }

    fn forward_one(&mut self, message: &mut Vec<Frame>) {
        let mut frames = message.drain(..);
        let Some(head) = frames.next() else { return };
        let read = read_sample(&head);
        let payload = read.filter(|(_, header)| header.payload_in_own_frame).and_then(|_| frames.next());
        let slot = frames.next().and_then(|frame| SlotDescriptor::decode(&frame));
        let passes = read.and_then(|(name, header)| {
            let forwarding = self.streams.get_mut(name)?;
            let stream = &forwarding.stream;
            let is_current = stream.passes_on() || stream.incarnation == header.incarnation;
            is_current.then_some((forwarding, header))
        });
        let Some((forwarding, header)) = passes else {
            self.counters.count(Counted::StaleSample);
            return;
        };
        let life = (header.epoch, header.incarnation);
        let packet = Packet { life, sequence: header.sequence, head, payload, slot };
        let socket = forwarding.stream.spec.socket;
        if !header.status.is_sample() {
            // The source's own declaration or removal, in order behind its samples.
            forwarding.tell_views(&header, &packet, &mut self.due);
            if header.status == SampleStatus::Removed {
                forwarding.removed_at_source();
            }
        } else if forwarding.pass(&packet) {
            forwarding.offer_to_views(&packet, &mut self.due);
        } else {
            // A last value that a source sends again for somebody else was seen here already.
            if !forwarding.stream.passes_on() {
                self.counters.count(Counted::OvertakenSample);
            }
            return;
        }
        // What was sent just before the last subscriber left goes to nobody. A new one, whose subscription libzmq
        // knows already and this loop does not, begins with the last value, and would see a gap behind this.
        let whole = forwarding.is_whole_heard().then_some(packet);
        self.serve_views(socket);
        if let Some(packet) = whole {
            self.outlets(socket).0.send_sample(packet);
        }
    }

    /// Does what waited for samples to pass; whether some may be ready still.
    fn settle(&mut self) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let streams = &self.streams;
        let ready = self.waiting.take_ready(MOST_IN_A_TURN, |waiting| {
            let forwarding = streams.get(waiting.stream.name.as_str());
            forwarding.is_none_or(|forwarding| forwarding.has_passed(waiting))
        });
        let more = ready.len() == MOST_IN_A_TURN;
        for waiting in ready {
            match waiting.then {
                Then::Declare { tokens } => self.declare(&waiting.stream, waiting.given, &tokens),
                Then::Ask { asker, token } => self.ask(&waiting.stream, asker, token),
                Then::Remove { done } => {
                    self.remove(&waiting.stream, waiting.given);
                    let _ = done.send(()); // whoever asked may have given up
                }
                Then::Move { on } => on(),
            }
        }
        more
    }

    fn declare_all(&mut self) {
        self.declare_at = Instant::now() + DECLARE_EVERY;
        let declares = |stream: &Stream| stream.is_heard() && !stream.passes_on();
        let heard = self.streams.values().filter(|forwarding| declares(&forwarding.stream));
        let streams: Vec<_> = heard.map(|forwarding| Arc::clone(&forwarding.stream)).collect();
        for stream in streams {
            // Also where no number was given: a subscriber that hears nothing for long subscribes again.
            self.once_passed(stream, Then::Declare { tokens: Vec::new() });
        }
    }

    fn wait(&mut self, more: bool) -> Result<(), SocketError> {
        if more {
            return Ok(());
        }
        let owing = self.owing.iter().map(|&(_, at)| at);
        let viewing = self.viewing.iter().map(|&(_, at)| at);
        let owing = owing.chain(viewing);
        let due =
            owing.chain(self.samples.due()).chain(self.frames.due()).fold(self.declare_at, Instant::min);
        let until = due.saturating_duration_since(Instant::now());
        let mut entries = vec![PollEntry::readable(&self.ingress)];
        entries.extend(self.samples.poll_entries());
        entries.extend(self.frames.poll_entries());
        self.mailbox.poll(&mut entries, Some(until))
    }
}

/// Name and header of a packet, which a source of this process wrote: the name was checked when it was added.
fn read_sample(head: &[u8]) -> Option<(&str, SampleHeader)> {
    let nul = head.iter().position(|&byte| byte == 0)?;
    let name = std::str::from_utf8(&head[..nul]).ok()?;
    let (header, _) = SampleHeader::decode(&head[nul + 1..]).ok()?;
    Some((name, header))
}
