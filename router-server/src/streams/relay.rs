//! `RelayLoop`: receives from one ZeroMQ socket and publishes it as streams. What it does with a message is in
//! `relay_intake.rs`, its side towards the source in `relay_source.rs`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use router_socket::{Context, Endpoint, Frame, MailSender, Mailbox, Monitor, PollEntry, SocketError};
use router_wire::Name;

use super::feed::Feed;
use super::greeter::Greeter;
use super::inlet::{Inlet, Step};
use super::relay_counters::RelayShared;
use super::relay_options::{RelayFormat, RelayOptions};
use super::roster::Roster;
use super::source::Source;
use super::stream::{Origin, Stream};
use super::tap::TapSender;

/// Most messages of the first socket, and most commands, in one turn ...
pub(super) const MOST_IN_A_TURN: usize = 1_000;
/// ... and of a server's large streams, so that small ones never wait long behind them.
const MOST_LARGE_IN_A_TURN: usize = 16;

/// What reaches a relay. There is at most one `Look` of each stream on its way.
pub(super) enum RelayCommand {
    /// Something about this stream has changed: who listens, whether it is enabled or there at all.
    Look { incarnation: u64 },
    /// Withdraw what is left and end.
    End,
}

/// One relay. It waits in `poll` only.
pub(super) struct RelayLoop {
    /// The relay's name; without [`RelayOptions::each_topic`] that of its stream.
    pub(super) name: Name,
    pub(super) options: RelayOptions,
    pub(super) roster: Roster,
    pub(super) mail: MailSender<RelayCommand>,
    pub(super) mailbox: Mailbox<RelayCommand>,
    pub(super) context: Context,
    pub(super) endpoint: Endpoint,
    /// What the application named, or the samples of a server that was greeted there.
    pub(super) feed: Feed,
    pub(super) monitor: Monitor,
    /// The frames of a server, once a stream turned out to be there.
    pub(super) large: Option<Feed>,
    /// Where a server that was greeted serves samples and frames.
    pub(super) served: Option<(Endpoint, Endpoint)>,
    /// The life of the server that told where its streams are; 0: none has.
    pub(super) served_by: u64,
    /// A connection is there, and the other side has not said what it is.
    pub(super) is_greeting: bool,
    /// There may be a server at the endpoint: its calls socket.
    pub(super) greeter: Option<Greeter>,
    /// When to connect again that could not even be tried.
    pub(super) dial_at: Option<Instant>,
    /// The source numbers its samples: whole names are subscribed to, and nothing else.
    pub(super) is_numbered: bool,
    pub(super) sink: Source,
    /// By incarnation.
    pub(super) inlets: HashMap<u64, Route>,
    /// What becomes of a topic. Bounded by `most_topics`.
    pub(super) topics: HashMap<Vec<u8>, Topic>,
    /// The stream of all topics.
    pub(super) single: Option<u64>,
    /// Streams that wait for a time.
    pub(super) restless: Vec<(u64, Instant)>,
    pub(super) tap: Option<TapSender>,
    pub(super) shared: Arc<RelayShared>,
    /// Kept for its capacity.
    pub(super) message: Vec<Frame>,
}

/// A stream, and what is subscribed to for it.
pub(super) struct Route {
    pub(super) inlet: Inlet,
    pub(super) topics: Vec<String>,
    /// On the frames of a server.
    pub(super) is_large: bool,
}

/// What becomes of a topic.
#[derive(Debug, Clone, Copy)]
pub(super) enum Topic {
    Stream(u64),
    /// It has none: the name is taken, or the stream was removed.
    None,
}

/// What a relay is made of.
pub(super) struct RelayParts {
    pub(super) name: Name,
    pub(super) options: RelayOptions,
    pub(super) roster: Roster,
    pub(super) context: Context,
    pub(super) endpoint: Endpoint,
    pub(super) sink: Source,
    pub(super) tap: Option<TapSender>,
    pub(super) shared: Arc<RelayShared>,
}

impl RelayLoop {
    /// Opens the socket; connects in its first turn.
    ///
    /// # Errors
    /// [`SocketError`].
    pub(super) fn new(
        parts: RelayParts,
        (mail, mailbox): (MailSender<RelayCommand>, Mailbox<RelayCommand>),
    ) -> Result<RelayLoop, SocketError> {
        let RelayParts { name, options, roster, context, endpoint, sink, tap, shared } = parts;
        let largest_bytes = options.stream.largest_sample_bytes;
        let mut feed = Feed::open(&context, largest_bytes, roster.ingress.budget_bytes)?;
        let monitor = feed.socket.monitor()?;
        let is_numbered = options.format == RelayFormat::RouterServer;
        if options.discovers() {
            feed.socket.subscribe(&[])?;
        }
        Ok(RelayLoop {
            name,
            options,
            roster,
            mail,
            mailbox,
            context,
            endpoint,
            feed,
            monitor,
            large: None,
            served: None,
            served_by: 0,
            is_greeting: false,
            greeter: None,
            dial_at: Some(Instant::now()),
            is_numbered,
            sink,
            inlets: HashMap::new(),
            topics: HashMap::new(),
            single: None,
            restless: Vec::new(),
            tap,
            shared,
            message: Vec::new(),
        })
    }

    /// What a stream of this relay is told when it is made.
    pub(super) fn stream_options(&self) -> super::options::StreamOptions {
        let mut options = self.options.stream.clone();
        options.on_demand = !self.options.keeps();
        options.enabled &= self.shared.is_enabled();
        options.source = Some(Origin { endpoint: self.endpoint.to_string(), upstream: None });
        options
    }

    /// Has the loop told of what happens to `stream`.
    pub(super) fn watch(&self, stream: &Arc<Stream>) {
        let (mail, incarnation) = (self.mail.clone(), stream.incarnation);
        stream.watch(move || drop(mail.post(RelayCommand::Look { incarnation })));
        if self.options.format == RelayFormat::RouterServer {
            stream.begin_to_pass_on();
        }
    }

    /// Gives the relay a stream: of one topic, or of all.
    pub(super) fn add(&mut self, stream: Arc<Stream>, topic: Option<&str>) {
        let incarnation = stream.incarnation;
        let topics = match topic {
            Some(topic) => vec![topic.to_owned()],
            None => self.options.topics.iter().map(|(topic, _)| topic.clone()).collect(),
        };
        for topic in &topics {
            self.topics.insert(topic.clone().into_bytes(), Topic::Stream(incarnation));
        }
        if topic.is_none() {
            self.single = Some(incarnation);
        }
        self.shared.streams.lock().push(Arc::clone(&stream));
        let inlet = Inlet::new(stream, self.options.keeps());
        self.inlets.insert(incarnation, Route { inlet, topics, is_large: false });
        self.restless.push((incarnation, Instant::now()));
    }

    /// Runs until it has no stream any more, is told to end, or the context is gone.
    pub(super) fn run(mut self) {
        while let Ok(true) = self.turn() {}
        for route in self.inlets.values() {
            self.roster.withdraw(&route.inlet.stream);
        }
    }

    fn turn(&mut self) -> Result<bool, SocketError> {
        let mut more = false;
        for taken in 1..=MOST_IN_A_TURN {
            match self.mailbox.try_take() {
                Some(RelayCommand::End) => return Ok(false),
                Some(RelayCommand::Look { incarnation }) => self.look(incarnation),
                None => break,
            }
            more |= taken == MOST_IN_A_TURN;
        }
        if self.inlets.is_empty() && !self.options.discovers() {
            return Ok(false);
        }
        let small_left = self.receive(false, MOST_IN_A_TURN)?;
        let large_left = self.receive(true, MOST_LARGE_IN_A_TURN)?;
        more |= small_left | large_left;
        self.follow_connection()?;
        let now = Instant::now();
        self.dial_when_due(now);
        let mut due = self.dial_at;
        let mut next = |at: Instant| due = Some(due.map_or(at, |due| due.min(at)));
        let (later, now_due): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.restless).into_iter().partition(|&(_, at)| now < at);
        self.restless = later;
        for (incarnation, _) in now_due {
            self.step(incarnation, now, !(small_left || large_left));
        }
        self.restless.iter().for_each(|&(_, at)| next(at));
        if let Some(pause) = self.greeter.as_ref().and_then(Greeter::looks_after) {
            next(now + pause);
        }
        if more {
            return Ok(true);
        }
        let timeout = due.map(|due| due.saturating_duration_since(now));
        let mut entries = vec![PollEntry::readable(&self.feed.socket), self.monitor.poll_entry()];
        entries.extend(self.large.iter().map(|large| PollEntry::readable(&large.socket)));
        entries.extend(self.greeter.iter().flat_map(Greeter::poll_entries));
        self.mailbox.poll(&mut entries, timeout)?;
        Ok(true)
    }

    fn look(&mut self, incarnation: u64) {
        let Some(route) = self.inlets.get(&incarnation) else { return };
        route.inlet.stream.take_news();
        if !route.inlet.stream.has_ended() {
            self.restless.retain(|&(other, _)| other != incarnation);
            self.restless.push((incarnation, Instant::now()));
            return;
        }
        if route.inlet.is_on() {
            self.subscribe(incarnation, false);
        }
        self.shared.streams.lock().retain(|stream| stream.incarnation != incarnation);
        for topic in self.topics.values_mut() {
            if matches!(topic, Topic::Stream(ended) if *ended == incarnation) {
                *topic = Topic::None; // until the relay is added again
            }
        }
        self.inlets.remove(&incarnation);
    }

    /// Subscribes or unsubscribes where it is time.
    fn step(&mut self, incarnation: u64, now: Instant, drained: bool) {
        let Some(route) = self.inlets.get_mut(&incarnation) else { return };
        match route.inlet.step(now, drained) {
            Step::Subscribe => self.subscribe(incarnation, true),
            Step::Unsubscribe => self.subscribe(incarnation, false),
            Step::WaitUntil(at) => self.restless.push((incarnation, at)),
            Step::Nothing => {}
        }
    }
}

/// `name` under `prefix`.
pub(super) fn below(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}
