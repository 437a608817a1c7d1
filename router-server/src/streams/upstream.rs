//! `UpstreamLoop`: brings the streams of another server here, under a prefix.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use router_socket::{
    Context, Endpoint, Frame, MailSender, Mailbox, Monitor, PollEntry, SocketError, SocketEvent,
};
use router_wire::Name;
use router_wire::describe::{StreamDescription, StreamSocket};
use router_wire::sample::topic;

use super::feed::Feed;
use super::inlet::{Inlet, Passed, Step};
use super::options::{SMALL_SAMPLE_BYTES, StreamOptions};
use super::relay_counters::{RelayCounted, RelayShared};
use super::relay_message::Message;
use super::relay_options::RelayFormat;
use super::roster::{Roster, ServeError};
use super::source::Source;
use super::stream::Origin;
use super::upstream_entry::{Entry, Large, same_place};

/// Most messages of the small streams, and most commands, in one turn ...
const MOST_IN_A_TURN: usize = 1_000;
/// ... and of each large one, so that the small ones never wait long behind them, nor one behind another.
const MOST_LARGE_IN_A_TURN: usize = 4;
/// Most streams of one upstream; what it describes beyond is counted.
const MOST_STREAMS: usize = 16_384;
/// When to try again what could not be done at once.
const ADD_AGAIN_AFTER: Duration = Duration::from_millis(10);
const OPEN_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What reaches the thread of an upstream: as much as its router loop tells, and one `Look` of each stream.
pub(super) enum UpstreamCommand {
    /// It was greeted, maybe again.
    Server { epoch: u64, samples: Endpoint, frames: Endpoint },
    /// What it serves now.
    Described(Vec<StreamDescription>),
    /// It cannot be reached.
    Lost(String),
    /// Something about this stream has changed here.
    Look { incarnation: u64 },
    /// Withdraw everything and end.
    End,
}

/// The streams of one upstream. It waits in `poll` only.
pub(super) struct UpstreamLoop {
    prefix: Name,
    roster: Roster,
    mail: MailSender<UpstreamCommand>,
    mailbox: Mailbox<UpstreamCommand>,
    context: Context,
    /// All small streams.
    small: Feed,
    monitor: Monitor,
    sink: Source,
    server: Option<Server>,
    /// Why it cannot be reached at present.
    lost: Option<String>,
    /// By their names there.
    entries: HashMap<Name, Entry>,
    /// Their names there, by incarnation here.
    names: HashMap<u64, Name>,
    restless: Vec<(Name, Instant)>,
    /// Descriptions of streams that could not be added at once.
    late: Vec<StreamDescription>,
    shared: Arc<RelayShared>,
    /// Kept for its capacity.
    message: Vec<Frame>,
}

struct Server {
    epoch: u64,
    samples: Endpoint,
    frames: Endpoint,
}

impl UpstreamLoop {
    /// Opens the SUB of small streams.
    ///
    /// # Errors
    /// [`SocketError`].
    pub(super) fn new(
        prefix: Name,
        roster: Roster,
        context: Context,
        sink: Source,
        (mail, mailbox): (MailSender<UpstreamCommand>, Mailbox<UpstreamCommand>),
        shared: Arc<RelayShared>,
    ) -> Result<UpstreamLoop, SocketError> {
        let mut small = Feed::open(&context, SMALL_SAMPLE_BYTES, roster.ingress.budget_bytes)?;
        let monitor = small.socket.monitor()?;
        Ok(UpstreamLoop {
            prefix,
            roster,
            mail,
            mailbox,
            context,
            small,
            monitor,
            sink,
            server: None,
            lost: None,
            entries: HashMap::new(),
            names: HashMap::new(),
            restless: Vec::new(),
            late: Vec::new(),
            shared,
            message: Vec::new(),
        })
    }

    /// Runs until it is told to end or the context is gone.
    pub(super) fn run(mut self) {
        while let Ok(true) = self.turn() {}
        for entry in self.entries.values() {
            self.roster.withdraw(&entry.inlet.stream);
        }
    }

    fn turn(&mut self) -> Result<bool, SocketError> {
        let mut more = false;
        for taken in 1..=MOST_IN_A_TURN {
            match self.mailbox.try_take() {
                Some(UpstreamCommand::End) => return Ok(false),
                Some(command) => self.obey(command),
                None => break,
            }
            more |= taken == MOST_IN_A_TURN;
        }
        self.follow_connections();
        let small_left = self.receive_small()?;
        more |= small_left | self.receive_large()?;
        let now = Instant::now();
        let mut due = None;
        if !self.late.is_empty() {
            let late = std::mem::take(&mut self.late);
            late.into_iter().for_each(|described| self.add(described));
            due = (!self.late.is_empty()).then(|| now + ADD_AGAIN_AFTER);
        }
        let (later, now_due): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.restless).into_iter().partition(|&(_, at)| now < at);
        self.restless = later;
        for (name, _) in now_due {
            self.step(&name, now, !small_left);
        }
        for &(_, at) in &self.restless {
            due = Some(due.map_or(at, |due: Instant| due.min(at)));
        }
        if more {
            return Ok(true);
        }
        let timeout = due.map(|due| due.saturating_duration_since(now));
        let mut entries = vec![PollEntry::readable(&self.small.socket), self.monitor.poll_entry()];
        let large = self.entries.values().filter_map(|entry| entry.large.as_ref());
        entries.extend(large.map(|large| PollEntry::readable(&large.feed.socket)));
        self.mailbox.poll(&mut entries, timeout)?;
        Ok(true)
    }

    fn obey(&mut self, command: UpstreamCommand) {
        match command {
            UpstreamCommand::Server { epoch, samples, frames } => {
                self.connect(Server { epoch, samples, frames });
            }
            UpstreamCommand::Described(streams) => self.described(streams),
            UpstreamCommand::Lost(reason) => {
                self.lost = Some(reason);
                self.tell_all();
            }
            UpstreamCommand::Look { incarnation } => self.look(incarnation),
            UpstreamCommand::End => {} // taken before
        }
    }

    /// Connects where endpoints changed; libzmq reconnects the others by itself. It gives up where something else has
    /// answered meanwhile, so that another life of the server is connected to anew.
    fn connect(&mut self, server: Server) {
        let is_same_life = self.server.as_ref().is_none_or(|former| former.epoch == server.epoch);
        let dial = |feed: &mut Feed, endpoint: &Endpoint| {
            if !is_same_life {
                feed.hang_up();
            }
            usize::from(feed.dial(endpoint).is_err())
        };
        let mut refused = dial(&mut self.small, &server.samples);
        for large in self.entries.values_mut().filter_map(|entry| entry.large.as_mut()) {
            refused += dial(&mut large.feed, &server.frames);
        }
        for _ in 0..refused {
            self.shared.counters.count(RelayCounted::RefusedSocket);
        }
        self.server = Some(server);
        if self.lost.take().is_some() {
            self.tell_all();
        }
    }

    fn described(&mut self, streams: Vec<StreamDescription>) {
        let now: HashMap<&str, &StreamDescription> =
            streams.iter().map(|stream| (stream.name.as_str(), stream)).collect();
        let goes = |(name, entry): (&Name, &Entry)| {
            let stays = now.get(name.as_str()).is_some_and(|stream| same_place(stream, &entry.told));
            (!stays).then(|| name.clone())
        };
        let gone: Vec<Name> = self.entries.iter().filter_map(goes).collect();
        for name in gone {
            self.withdraw(&name);
        }
        self.late.clear();
        for described in streams {
            match self.entries.get_mut(described.name.as_str()) {
                Some(entry) => {
                    entry.told = described;
                    entry.tell(&self.prefix, self.lost.as_deref());
                }
                None => self.add(described),
            }
        }
    }

    fn add(&mut self, described: StreamDescription) {
        if self.shared.is_gone() {
            return; // its names may be those of a new one
        }
        let largest_bytes = usize::try_from(described.largest_sample_bytes).unwrap_or(usize::MAX);
        let legal =
            Name::parse_unreserved(&described.name).ok().filter(|_| self.entries.len() < MOST_STREAMS);
        let Some(name) = legal else { return self.shared.counters.count(RelayCounted::RefusedTopic) };
        let endpoint = self.server.as_ref().map(|server| match described.socket {
            StreamSocket::Samples => server.samples.to_string(),
            StreamSocket::Frames => server.frames.to_string(),
        });
        let mut options = StreamOptions::new().largest_sample_bytes(largest_bytes).on_demand();
        options.last_value = described.last_value;
        options.source = Some(Origin {
            endpoint: endpoint.unwrap_or_else(|| self.prefix.to_string()),
            upstream: Some(self.prefix.clone()),
        });
        let mail = self.mail.clone();
        let served = self.roster.serve_relayed(&format!("{}.{name}", self.prefix), options, |stream| {
            let incarnation = stream.incarnation;
            stream.watch(move || drop(mail.post(UpstreamCommand::Look { incarnation })));
            stream.begin_to_pass_on();
        });
        match served {
            Ok(stream) => {
                self.shared.streams.lock().push(Arc::clone(&stream));
                self.names.insert(stream.incarnation, name.clone());
                let entry = Entry { inlet: Inlet::new(stream, false), told: described, large: None };
                entry.tell(&self.prefix, self.lost.as_deref());
                self.restless.push((name.clone(), Instant::now()));
                self.entries.insert(name, entry);
            }
            Err(ServeError::NotNow) => self.late.push(described),
            Err(ServeError::Refused(error)) => {
                log::warn!("upstream {}: {error}", self.prefix);
                self.shared.counters.count(RelayCounted::RefusedTopic);
            }
        }
    }

    fn withdraw(&mut self, name: &Name) {
        let Some(entry) = self.entries.remove(name) else { return };
        let incarnation = entry.inlet.stream.incarnation;
        if entry.inlet.is_on() && entry.large.is_none() {
            let _ = self.small.socket.unsubscribe(&topic(name.as_str())); // fails with the context only
        }
        self.names.remove(&incarnation);
        self.shared.streams.lock().retain(|stream| stream.incarnation != incarnation);
        self.roster.withdraw(&entry.inlet.stream);
    }

    fn tell_all(&self) {
        self.entries.values().for_each(|entry| entry.tell(&self.prefix, self.lost.as_deref()));
    }

    fn look(&mut self, incarnation: u64) {
        let Some(name) = self.names.get(&incarnation).cloned() else { return };
        let Some(entry) = self.entries.get(&name) else { return };
        entry.inlet.stream.take_news();
        if entry.inlet.stream.has_ended() {
            return self.withdraw(&name); // somebody removed it here
        }
        self.restless.retain(|(other, _)| *other != name);
        self.restless.push((name, Instant::now()));
    }

    /// Subscribes or unsubscribes where it is time.
    fn step(&mut self, name: &Name, now: Instant, drained: bool) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        // What was on its way to a SUB of its own is gone with it.
        let is_large = entry.told.socket == StreamSocket::Frames;
        let topic = topic(name.as_str());
        match entry.inlet.step(now, drained || is_large) {
            Step::Subscribe if is_large => {
                let largest_bytes = entry.inlet.stream.spec.largest_sample_bytes;
                let frames = self.server.as_ref().map(|server| &server.frames);
                match Large::open(&self.context, &self.roster, largest_bytes, &topic, frames) {
                    Ok(large) => entry.large = Some(large),
                    Err(_) => {
                        self.shared.counters.count(RelayCounted::RefusedSocket);
                        entry.inlet.could_not();
                        self.restless.push((name.clone(), now + OPEN_AGAIN_AFTER));
                    }
                }
            }
            Step::Unsubscribe if is_large => entry.large = None,
            // They fail with the context only, which the next receive finds out.
            Step::Subscribe => drop(self.small.socket.subscribe(&topic)),
            Step::Unsubscribe => drop(self.small.socket.unsubscribe(&topic)),
            Step::WaitUntil(at) => self.restless.push((name.clone(), at)),
            Step::Nothing => {}
        }
    }

    /// Counts what became of the connection of small streams; libzmq makes it again by itself.
    fn follow_connections(&mut self) {
        for event in std::iter::from_fn(|| self.monitor.try_next()).take(MOST_IN_A_TURN) {
            match event {
                SocketEvent::HandshakeFailed { .. } => {
                    self.shared.counters.count(RelayCounted::FailedHandshake);
                }
                SocketEvent::Disconnected { .. } => self.shared.counters.count(RelayCounted::Disconnect),
                _ => {}
            }
        }
    }

    fn receive_small(&mut self) -> Result<bool, SocketError> {
        for _ in 0..MOST_IN_A_TURN {
            let Some(is_whole) = self.small.receive(&mut self.message)? else { return Ok(false) };
            let read = read(&mut self.message, is_whole, &self.shared);
            let Some((name_bytes, header, is_last_value)) = read else { continue };
            let found = std::str::from_utf8(&self.message[0][..name_bytes]).ok();
            let entry = found.and_then(|name| self.entries.get_mut(name)).filter(|entry| entry.inlet.is_on());
            let Some(entry) = entry else {
                self.shared.counters.count(RelayCounted::ForeignTopic);
                continue;
            };
            let packet = (name_bytes, &header, is_last_value);
            self.shared.count_passed(entry.inlet.pass_on(&mut self.message, packet, &mut self.sink));
        }
        Ok(true)
    }

    fn receive_large(&mut self) -> Result<bool, SocketError> {
        let mut left = false;
        for (name, entry) in &mut self.entries {
            let Some(large) = &mut entry.large else { continue };
            for taken in 1..=MOST_LARGE_IN_A_TURN {
                let Some(is_whole) = large.feed.receive(&mut self.message)? else { break };
                left |= taken == MOST_LARGE_IN_A_TURN;
                let read = read(&mut self.message, is_whole, &self.shared);
                let Some((name_bytes, header, is_last_value)) = read else { continue };
                if &self.message[0][..name_bytes] != name.as_str().as_bytes() {
                    self.shared.counters.count(RelayCounted::ForeignTopic);
                    continue;
                }
                let packet = (name_bytes, &header, is_last_value);
                self.shared.count_passed(entry.inlet.pass_on(&mut self.message, packet, &mut large.sink));
            }
        }
        self.message.clear();
        Ok(left)
    }
}

impl RelayShared {
    fn count_passed(&self, passed: Passed) {
        match passed {
            Passed::On => {}
            Passed::TooLarge => self.counters.count(RelayCounted::TooLarge),
            // Its server will describe where it is now.
            Passed::Elsewhere => self.counters.count(RelayCounted::Elsewhere),
        }
    }
}

fn read(
    message: &mut Vec<Frame>,
    is_whole: bool,
    shared: &RelayShared,
) -> Option<(usize, router_wire::SampleHeader, bool)> {
    shared.counters.count(RelayCounted::Received);
    match Message::read(RelayFormat::RouterServer, message, is_whole) {
        Message::Numbered { name_bytes, header, is_last_value } => Some((name_bytes, header, is_last_value)),
        _ => {
            shared.counters.count(RelayCounted::Unreadable);
            None
        }
    }
}
