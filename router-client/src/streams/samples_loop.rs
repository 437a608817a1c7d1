//! `SamplesLoop`: receives the samples of every subscription of a client and hands them on.

use std::sync::Arc;
use std::time::Duration;

use router_socket::{Context, Frame, Mailbox, PollEntry, SocketError};
use router_wire::Name;
use router_wire::sample::topic;

use super::hubs::Hubs;
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
    large: Vec<(Name, StreamSocket)>,
    /// The server greeted last.
    server: Option<ServerView>,
    /// The message that is being read; kept for its capacity.
    frames: Vec<Frame>,
}

/// Most commands, and most messages of one socket, before the others get their turn.
const MESSAGES_PER_TURN: usize = 1000;

impl SamplesLoop {
    pub(crate) fn new(
        context: &Context,
        mailbox: Mailbox<Command>,
        counters: Arc<SamplesCounters>,
    ) -> Result<SamplesLoop, SocketError> {
        Ok(SamplesLoop {
            context: context.clone(),
            mailbox,
            hubs: Hubs::new(Arc::clone(&counters)),
            counters,
            small: StreamSocket::for_samples(context)?,
            large: Vec::new(),
            server: None,
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
                Command::Subscribe { name, subscription } => {
                    let topic = topic(name.as_str());
                    if self.hubs.add(name, subscription) {
                        self.small.socket.subscribe(&topic)?;
                    }
                }
                Command::Unsubscribe { name, number } => {
                    if let Some(place) = self.hubs.remove(&name, number) {
                        self.leave(&name, place)?;
                    }
                }
                Command::Close => return Ok(false),
            }
        }
        is_idle &= !receive(&mut self.small, Place::Samples, &mut self.hubs, &mut self.frames)?;
        for (_, socket) in &mut self.large {
            is_idle &= !receive(socket, Place::Frames, &mut self.hubs, &mut self.frames)?;
        }
        while let Some((name, place)) = self.hubs.next_move() {
            self.move_to(&name, place)?;
        }
        if is_idle {
            let mut entries = vec![PollEntry::readable(&self.small.socket)];
            entries.extend(self.large.iter().map(|(_, large)| PollEntry::readable(&large.socket)));
            self.mailbox.poll(&mut entries, timeout)?;
        }
        Ok(true)
    }

    /// Connects to a server that was greeted; where nothing changed libzmq reconnects by itself.
    fn connect(&mut self, view: ServerView) {
        let small = self.small.dial(&view.samples);
        let large = self.large.iter_mut().map(|(_, socket)| socket.dial(&view.frames));
        for _refused in std::iter::once(small).chain(large).filter(Result::is_err) {
            self.counters.count_refused_socket();
        }
        self.hubs.greeted(view.epoch);
        self.server = Some(view);
    }

    /// Subscribes to the stream at the other place. If there is no socket left for a large one, the stream
    /// stays where it is, silent, until its subscription is made again.
    fn move_to(&mut self, name: &Name, place: Place) -> Result<(), SocketError> {
        match place {
            Place::Samples => self.small.socket.subscribe(&topic(name.as_str()))?,
            Place::Frames => match self.open_large(name) {
                Ok(socket) => self.large.push((name.clone(), socket)),
                Err(SocketError::ContextTerminated) => return Err(SocketError::ContextTerminated),
                Err(_) => {
                    self.counters.count_refused_socket();
                    return Ok(());
                }
            },
        }
        let left = match place {
            Place::Samples => Place::Frames,
            Place::Frames => Place::Samples,
        };
        self.hubs.moved(name, place);
        self.leave(name, left)
    }

    fn open_large(&self, name: &Name) -> Result<StreamSocket, SocketError> {
        let mut large = StreamSocket::for_frames(&self.context)?;
        large.socket.subscribe(&topic(name.as_str()))?;
        if let Some(server) = &self.server {
            large.dial(&server.frames)?;
        }
        Ok(large)
    }

    fn leave(&mut self, name: &Name, place: Place) -> Result<(), SocketError> {
        match place {
            Place::Samples => self.small.socket.unsubscribe(&topic(name.as_str())),
            Place::Frames => {
                self.large.retain(|(large, _)| large != name);
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
