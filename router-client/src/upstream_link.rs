//! `UpstreamLink`: a gateway's connection to the server behind it, for the router loop that drives it.
//!
//! It greets, pings and finds the state as a client does; whose requests travel on it, and what their answers mean,
//! is the gateway's business.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use router_socket::{Context, Endpoint, Frame, PollEntry};
use router_wire::hello::{ClientSocket, GatewayHop};
use router_wire::request::encode_goodbye;
use router_wire::{ClientId, Enclosed, Envelope, OutcomeHeader};

use crate::answer::{self, Answer};
use crate::connection::ConnectionState;
use crate::ending::outcome_body;
use crate::identity;
use crate::link::Link;
use crate::options::{ConnectError, ConnectOptions};
use crate::shared::Shared;

/// Most messages taken from one socket in a turn, so that an upstream does not starve the gateway's clients.
const MOST_PER_TURN: usize = 500;

/// A loop that is so much too late did not run: the process was stopped, or the PC slept.
const AWAY: Duration = Duration::from_millis(250);

/// The connection to one upstream server: both DEALERs, the greeting, the pings.
pub struct UpstreamLink {
    link: Link,
    shared: Arc<Shared>,
    /// Epoch and version of what was told last by [`UpstreamEvent::Greeted`].
    told: (u64, u64),
    /// Kept for its capacity.
    frames: Vec<Frame>,
    last_turn: Instant,
    /// How long the loop meant to sleep since.
    slept: Duration,
}

/// What happened on the connection.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all are answers, and boxing each would cost more than moving it"
)]
pub enum UpstreamEvent {
    /// The state is another one.
    State {
        /// The state before.
        before: ConnectionState,
        /// The state now.
        now: ConnectionState,
    },
    /// The server was greeted for the first time, was restarted, or serves something else than before.
    Greeted,
    /// The server answered.
    Answer(UpstreamAnswer),
    /// The server sent what is no message of this protocol, or more than was asked for.
    Malformed,
}

/// An answer, its body still unread.
#[derive(Debug)]
pub struct UpstreamAnswer {
    /// Whose call it answers; nobody's: the gateway's own.
    pub client: Option<ClientId>,
    /// The number of the call.
    pub call: u64,
    /// The header of an outcome; none: a progress report.
    pub outcome: Option<OutcomeHeader>,
    /// Header and, unless that has a frame of its own, body.
    pub message: Frame,
    /// The body, where it has a frame of its own.
    pub body: Option<Frame>,
}

impl UpstreamAnswer {
    /// The body of an outcome, wherever it is.
    pub fn body(&self) -> &[u8] {
        outcome_body(&self.message, self.body.as_ref())
    }

    /// The length of all frames [bytes].
    pub fn bytes(&self) -> usize {
        self.message.len() + self.body.as_ref().map_or(0, |body| body.len())
    }
}

/// Where a greeted server serves its streams: epoch, samples, frames.
pub type OnUpstream = Box<dyn Fn(u64, Endpoint, Endpoint) + Send>;

impl UpstreamLink {
    /// Starts to connect to the calls endpoint at `address` and returns at once. An `inproc` name is one of `context`.
    /// `on_server` is called after each greeting, in the loop; it must not wait.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect(
        context: &Context,
        address: &str,
        options: ConnectOptions,
        on_server: OnUpstream,
    ) -> Result<UpstreamLink, ConnectError> {
        let endpoint = Endpoint::for_client(address)?;
        let identity = identity::identify(options.name.as_deref())
            .map_err(|reason| ConnectError::System { action: "get random numbers", reason })?;
        let shared = Arc::new(Shared::new(endpoint, identity, options));
        let tell = Box::new(move |view: crate::streams::ServerView| {
            on_server(view.epoch, view.samples, view.frames);
        });
        let link = Link::connect(context, &shared.endpoint, Arc::clone(&shared), tell)?;
        Ok(UpstreamLink {
            link,
            shared,
            told: (0, 0),
            frames: Vec::new(),
            last_turn: Instant::now(),
            slept: Duration::ZERO,
        })
    }

    /// Says for which servers this gateway speaks, itself included.
    pub fn set_gateways(&mut self, gateways: &[GatewayHop]) {
        self.link.set_gateways(gateways, Instant::now());
    }

    /// Takes what has come and sends what is due. Returns whether more may be waiting. Never waits.
    pub fn turn(&mut self, events: &mut Vec<UpstreamEvent>) -> bool {
        let now = self.read_clock();
        self.link.take_events(now, true);
        // Before the state is looked at: what came before a connection ended is an answer.
        let mut more = false;
        for socket in [ClientSocket::Control, ClientSocket::Calls] {
            more |= self.receive(socket, events);
        }
        self.tell_state(now, events);
        self.link.send_due(now);
        more
    }

    /// Gives a message to the server.
    ///
    /// # Errors
    /// The message, when the socket takes no more for now.
    pub fn try_send(
        &mut self,
        socket: ClientSocket,
        mut message: VecDeque<Frame>,
    ) -> Result<(), VecDeque<Frame>> {
        let dealer = self.link.dealer(socket);
        if dealer.is_blocked() {
            return Err(message);
        }
        let Some(first) = message.pop_front() else { return Ok(()) };
        if let Err(refused) = dealer.socket.try_send(first, !message.is_empty()) {
            let _ = dealer.took(&Err(refused.reason));
            message.push_front(refused.frame);
            return Err(message);
        }
        while let Some(frame) = message.pop_front() {
            // A message is refused with its first frame or not at all.
            let _ = dealer.socket.try_send(frame, !message.is_empty());
        }
        Ok(())
    }

    /// The number of a request of the gateway itself.
    pub fn next_own_call(&self) -> u64 {
        self.shared.next_call()
    }

    /// How the connection is.
    pub fn state(&self) -> ConnectionState {
        self.link.state()
    }

    /// Why there is no connection.
    pub fn reason(&self) -> String {
        match self.link.other_version() {
            Some(theirs) => format!("it speaks protocol version {theirs}"),
            None => self.link.absence().1.to_owned(),
        }
    }

    /// How long the last ping took that was answered.
    pub fn round_trip(&self) -> Option<Duration> {
        self.shared.connection.view().round_trip
    }

    /// The life of the server that greeted last; 0 before the first.
    pub fn epoch(&self) -> u64 {
        self.link.session.epoch
    }

    /// The names of the calls that are urgent there.
    pub fn urgent(&self) -> &HashSet<String, RandomState> {
        &self.link.session.urgent
    }

    /// The names of the calls there that may run again.
    pub fn idempotent(&self) -> &HashSet<String, RandomState> {
        &self.link.session.idempotent
    }

    /// The socket that takes requests for `target`, a name there.
    pub fn socket_for(&self, target: &str) -> ClientSocket {
        self.link.socket_for(target)
    }

    /// Longest body the server takes [bytes].
    pub fn max_body_bytes(&self) -> usize {
        self.link.session.max_body_bytes
    }

    /// What was dialled.
    pub fn endpoint(&self) -> &Endpoint {
        &self.shared.endpoint
    }

    /// When time alone makes something due.
    pub fn next_due(&self, now: Instant) -> Option<Instant> {
        self.link.next_due(now)
    }

    /// Adds what a poll of the loop is to wait for.
    pub fn poll_entries<'a>(&'a self, entries: &mut Vec<PollEntry<'a>>) {
        entries.extend(self.link.calls.poll_entries());
        entries.extend(self.link.control.poll_entries());
    }

    /// How many entries [`poll_entries`](UpstreamLink::poll_entries) adds; the first is the socket of calls, the
    /// third that of control.
    pub const ENTRIES: usize = 4;

    /// After a poll: which sockets take messages again.
    pub fn unblock(&mut self, calls: bool, control: bool) {
        if calls {
            self.link.calls.unblock();
        }
        if control {
            self.link.control.unblock();
        }
    }

    /// Before a poll: how long the loop means to sleep.
    pub fn about_to_sleep(&mut self, timeout: Duration) {
        self.slept = timeout;
    }

    /// Says goodbye; the sockets close when this is dropped.
    pub fn say_goodbye(&mut self) {
        let goodbye = encode_goodbye(self.link.session.epoch);
        for dealer in [&mut self.link.calls, &mut self.link.control] {
            if dealer.greeted.is_some() {
                dealer.try_send(Frame::copy_from(&goodbye));
            }
        }
    }

    fn tell_state(&mut self, now: Instant, events: &mut Vec<UpstreamEvent>) {
        if let Some(before) = self.link.update_state(now) {
            events.push(UpstreamEvent::State { before, now: self.link.state() });
        }
        let serves = (self.link.session.epoch, self.link.session.registry_version);
        if self.link.state().is_up() && self.told != serves {
            self.told = serves;
            events.push(UpstreamEvent::Greeted);
        }
    }

    fn receive(&mut self, socket: ClientSocket, events: &mut Vec<UpstreamEvent>) -> bool {
        let mut frames = std::mem::take(&mut self.frames);
        let mut taken = 0;
        while taken < MOST_PER_TURN {
            // A context that has ended ends the loop elsewhere.
            let Ok(true) = self.link.dealer(socket).socket.try_recv_message(&mut frames) else { break };
            taken += 1;
            let bytes = frames.iter().map(|frame| frame.len()).sum::<usize>() as u64;
            events.extend(self.take(socket, &mut frames, bytes));
            frames.clear();
        }
        self.frames = frames;
        taken == MOST_PER_TURN
    }

    fn take(&mut self, socket: ClientSocket, frames: &mut Vec<Frame>, bytes: u64) -> Option<UpstreamEvent> {
        let client = match frames.first() {
            Some(first) if Envelope::is_one(first) => match Envelope::decode(first) {
                Ok(Envelope { enclosed: Enclosed::Message, client }) => {
                    frames.remove(0);
                    Some(client)
                }
                _ => return Some(UpstreamEvent::Malformed),
            },
            _ => None,
        };
        let answer = answer::read(frames);
        let now = Instant::now();
        if !matches!(answer, Answer::Malformed { .. }) {
            self.link.heard(socket, bytes, now);
        }
        let answer = match answer {
            Answer::Progress { call, report } => {
                UpstreamAnswer { client, call, outcome: None, message: report, body: None }
            }
            Answer::Outcome { header, message, body } => {
                let own = client.is_none();
                if own && self.link.take_outcome(socket, &header, || outcome_body(&message, body.as_ref())) {
                    return None;
                }
                if header.status == router_wire::Status::OtherEpoch {
                    self.link.other_epoch(header.epoch, now);
                }
                UpstreamAnswer { client, call: header.call, outcome: Some(header), message, body }
            }
            Answer::Malformed { .. } => return Some(UpstreamEvent::Malformed),
        };
        Some(UpstreamEvent::Answer(answer))
    }

    /// Reads the clock. What passed beyond what the loop meant to sleep is no silence of the server.
    fn read_clock(&mut self) -> Instant {
        let now = Instant::now();
        let slept = std::mem::take(&mut self.slept);
        let gap = (now - self.last_turn).saturating_sub(slept);
        if gap > AWAY {
            self.link.was_away(gap);
        }
        self.last_turn = now;
        now
    }
}
