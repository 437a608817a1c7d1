//! `SamplesLoop`: receives the samples of every subscription of a client and hands them on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use router_slots::Refusal;
use router_socket::{Context, Frame, Mailbox, PollEntry, SocketError};
use router_wire::Topic;

use super::hubs::{Hubs, Move};
use super::memory::{Memory, MemoryEvent};
use super::packet::Place;
use super::samples_handle::{Command, SamplesCounters, ServerView};
use super::stream_socket::StreamSocket;

/// One SUB for all small streams of a server and one for each large stream, so that a large sample on its way
/// holds no small one up.
///
/// It waits in poll only, never for a consumer: what a consumer does not take in time, its own subscription
/// drops or replaces.
pub(crate) struct SamplesLoop {
    context: Context,
    mailbox: Mailbox<Command>,
    counters: Arc<SamplesCounters>,
    hubs: Hubs,
    /// All small streams.
    small: StreamSocket,
    /// One for each stream that the server serves as frames.
    large: Vec<LargeStream>,
    /// What the server shares of its memory.
    memory: Memory,
    /// The server greeted last.
    server: Option<ServerView>,
    /// When to look for silent streams again.
    look_at: Instant,
    /// The message that is being read; kept for its capacity.
    frames: Vec<Frame>,
}

/// A large stream, or a view of one, and the socket that is subscribed to it.
struct LargeStream {
    /// What its hub is known by.
    topic: Topic,
    /// What it is subscribed as.
    place: Place,
    socket: StreamSocket,
}

/// Most commands, and most messages of one socket, before the others get their turn.
const MESSAGES_PER_TURN: usize = 1000;
/// A server says something on each heard stream every second. A stream that is silent for longer is subscribed to
/// again: a full connection may have dropped the answer that it is served elsewhere, or a foreign peer may have
/// confused libzmq's subscriptions.
const LOOK_FOR_SILENCE_EVERY: Duration = Duration::from_secs(3);

impl SamplesLoop {
    pub(crate) fn new(
        context: &Context,
        mailbox: Mailbox<Command>,
        asker: u64,
        counters: Arc<SamplesCounters>,
    ) -> Result<SamplesLoop, SocketError> {
        Ok(SamplesLoop {
            context: context.clone(),
            mailbox,
            hubs: Hubs::new(asker, Arc::clone(&counters)),
            counters,
            small: StreamSocket::for_samples(context)?,
            large: Vec::new(),
            memory: Memory::default(),
            server: None,
            look_at: Instant::now() + LOOK_FOR_SILENCE_EVERY,
            frames: Vec::new(),
        })
    }

    /// Does what there is to do, or waits for something to do; `false` when the loop has ended.
    ///
    /// # Blocking
    /// Until a message or a command comes, or `timeout` is over.
    pub(crate) fn turn(&mut self, timeout: Option<Duration>) -> bool {
        // An error means that the context is gone and no socket works any more.
        let goes_on = self.try_turn(timeout).unwrap_or(false);
        if !goes_on {
            self.hubs.close();
            self.large.clear();
        }
        goes_on
    }

    fn try_turn(&mut self, timeout: Option<Duration>) -> Result<bool, SocketError> {
        let mut is_idle = true;
        for _ in 0..MESSAGES_PER_TURN {
            let Some(command) = self.mailbox.try_take() else { break };
            is_idle = false;
            match command {
                Command::Server(view) => self.connect(view),
                Command::Subscribe { topic, subscription } => {
                    let bytes = topic.to_bytes();
                    if self.hubs.add(topic, subscription) {
                        self.small.socket.subscribe(&bytes)?;
                    }
                }
                Command::Unsubscribe { topic, number } => {
                    if let Some(place) = self.hubs.remove(&topic, number) {
                        self.leave(&topic, place)?;
                    }
                }
                Command::Close => return Ok(false),
            }
        }
        is_idle &= !receive(&mut self.small, Place::Samples, &mut self.hubs, &mut self.frames)?;
        for large in &mut self.large {
            is_idle &= !receive(&mut large.socket, Place::Frames, &mut self.hubs, &mut self.frames)?;
        }
        is_idle &= !self.turn_memory();
        while let Some((topic, left, there)) = self.hubs.next_joined() {
            self.joined(&topic, left, there)?;
        }
        while let Some(next) = self.hubs.next_move() {
            match next {
                Move::To { topic, place } => self.move_to(&topic, place)?,
                Move::Join { topic, from, to } => self.join(&topic, from, to)?,
                Move::Leave { topic, place } => self.leave_joining(&topic, place)?,
            }
        }
        let now = Instant::now();
        if now >= self.look_at {
            self.look_at = now + LOOK_FOR_SILENCE_EVERY;
            self.ask_silent_again()?;
            self.hubs.ask_refused_again();
            if let Some(server) = self.server.take_if(|_| self.memory.is_to_try_again) {
                self.connect_memory(&server);
                self.server = Some(server);
            }
        }
        if is_idle {
            let look = self.look_at.saturating_duration_since(now);
            let timeout = Some(timeout.map_or(look, |timeout| timeout.min(look)));
            let mut entries = vec![PollEntry::readable(&self.small.socket)];
            entries.extend(self.large.iter().map(|large| PollEntry::readable(&large.socket.socket)));
            entries.extend(self.memory.poll_entry());
            self.mailbox.poll(&mut entries, timeout)?;
        }
        Ok(true)
    }

    /// Connects to a server that was greeted; where nothing changed libzmq reconnects by itself.
    fn connect(&mut self, view: ServerView) {
        let small = self.small.dial(&view.samples, &view);
        let large = self.large.iter_mut().map(|large| large.socket.dial(&view.frames, &view));
        for _refused in std::iter::once(small).chain(large).filter(Result::is_err) {
            self.counters.count_refused_socket();
        }
        self.hubs.greeted(view.epoch);
        self.connect_memory(&view);
        self.server = Some(view);
    }

    fn connect_memory(&mut self, server: &ServerView) {
        if self.memory.connect(server) {
            self.hubs.memory_ended();
            self.hubs.memory_of = self.memory.epoch();
        }
    }

    /// Takes what the server has said about memory, and asks it for the rings of streams; whether there was anything.
    fn turn_memory(&mut self) -> bool {
        let mut has_worked = false;
        while let Some((topic, life)) = self.hubs.next_wanted() {
            has_worked = true;
            if !self.memory.ask(&topic, life) {
                self.hubs.answered(&topic, life, Err(Refusal::NotOffered));
            }
        }
        while let Some(event) = self.memory.next() {
            has_worked = true;
            match event {
                MemoryEvent::Answer { topic, life, answer } => self.hubs.answered(&topic, life, answer),
                MemoryEvent::Closed => self.hubs.memory_ended(),
            }
        }
        has_worked
    }

    /// Subscribes to the topic at the other place. If there is no socket left for a large one, the stream
    /// stays where it is, silent, until its subscription is made again.
    fn move_to(&mut self, topic: &Topic, place: Place) -> Result<(), SocketError> {
        match place {
            Place::Samples => self.small.socket.subscribe(&topic.to_bytes())?,
            Place::Frames | Place::Asked | Place::Slots => match self.open_large(&self.hubs.at(topic, place))
            {
                Ok(socket) => self.large.push(LargeStream { topic: topic.clone(), place, socket }),
                Err(SocketError::ContextTerminated) => return Err(SocketError::ContextTerminated),
                Err(_) => {
                    self.counters.count_refused_socket();
                    return Ok(());
                }
            },
        }
        match self.hubs.moved(topic, place) {
            Some(left) => self.leave(topic, left),
            None => Ok(()),
        }
    }

    /// Subscribes to the topic at another place on the socket that it has: what comes there continues what came before.
    fn join(&mut self, topic: &Topic, from: Place, to: Place) -> Result<(), SocketError> {
        let large = self.large.iter().find(|large| large.topic == *topic && large.place == from);
        let Some(LargeStream { socket, .. }) = large else { return Ok(()) };
        socket.socket.subscribe(&self.hubs.at(topic, to).to_bytes())?;
        self.hubs.joins(topic, to);
        Ok(())
    }

    /// Something has come from the place that was joined: the one before is left.
    fn joined(&mut self, topic: &Topic, left: Place, there: Place) -> Result<(), SocketError> {
        let bytes = self.hubs.at(topic, left).to_bytes();
        let large = self.large.iter_mut().find(|large| large.topic == *topic && large.place == left);
        let Some(large) = large else { return Ok(()) };
        large.place = there;
        large.socket.socket.unsubscribe(&bytes)
    }

    /// The topic stays where it is, and is not joined at `place`.
    fn leave_joining(&mut self, topic: &Topic, place: Place) -> Result<(), SocketError> {
        let bytes = self.hubs.at(topic, place).to_bytes();
        let large = self.large.iter().find(|large| large.topic == *topic);
        large.map_or(Ok(()), |large| large.socket.socket.unsubscribe(&bytes))
    }

    fn ask_silent_again(&mut self) -> Result<(), SocketError> {
        for (topic, place) in self.hubs.silent() {
            let bytes = self.hubs.at(&topic, place).to_bytes();
            let socket = match place {
                Place::Samples => Some(&self.small),
                Place::Frames | Place::Asked | Place::Slots => {
                    let large = self.large.iter().find(|large| large.topic == topic && large.place == place);
                    large.map(|large| &large.socket)
                }
            };
            if let Some(StreamSocket { socket, .. }) = socket {
                socket.unsubscribe(&bytes)?;
                socket.subscribe(&bytes)?;
            }
        }
        Ok(())
    }

    fn open_large(&self, topic: &Topic) -> Result<StreamSocket, SocketError> {
        let mut large = StreamSocket::for_frames(&self.context)?;
        large.socket.subscribe(&topic.to_bytes())?;
        if let Some(server) = &self.server {
            large.dial(&server.frames, server)?;
        }
        Ok(large)
    }

    fn leave(&mut self, topic: &Topic, place: Place) -> Result<(), SocketError> {
        match place {
            Place::Samples => self.small.socket.unsubscribe(&topic.to_bytes()),
            Place::Frames | Place::Asked | Place::Slots => {
                self.large.retain(|large| large.topic != *topic || large.place != place);
                Ok(())
            }
        }
    }
}

/// Hands on what waits on a socket; whether anything did.
fn receive(
    from: &mut StreamSocket,
    place: Place,
    hubs: &mut Hubs,
    frames: &mut Vec<Frame>,
) -> Result<bool, SocketError> {
    for count in 0..MESSAGES_PER_TURN {
        if !from.socket.try_recv_message(frames)? {
            return Ok(count > 0);
        }
        hubs.message(place, frames, from.socket.discarded_frames() == 0);
    }
    Ok(true)
}
