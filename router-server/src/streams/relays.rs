//! The relays of a server, and adding one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use parking_lot::Mutex;
use router_socket::{Endpoint, MailSender, NamedThread, mailbox, spawn};
use router_wire::Name;
use router_wire::describe::{StreamKind, ValueDescription};

use super::handle::Streams;
use super::relay::{RelayCommand, RelayLoop, RelayParts, below};
use super::relay_counters::RelayShared;
use super::relay_options::RelayOptions;
use super::roster::{Record, Roster};
use super::source::{Source, SourceError};
use super::stream::Stream;
use super::stream_error::AddStreamError;

/// Their threads and what is counted of them.
#[derive(Default)]
pub(super) struct Relays {
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    relays: Vec<Relay>,
    /// Looks at what relays receive; each ends with its relay.
    taps: Vec<NamedThread>,
    /// Of everything that ends by itself: upstreams.
    others: Vec<Other>,
}

struct Relay {
    name: Name,
    /// It has a stream for each topic: its name is none of a stream.
    is_group: bool,
    mail: MailSender<RelayCommand>,
    thread: NamedThread,
    shared: Arc<RelayShared>,
}

/// A thread that is told to end by a function.
struct Other {
    shared: Arc<RelayShared>,
    end: Box<dyn Fn() + Send>,
    counters: Box<dyn Fn() -> BTreeMap<String, u64> + Send>,
    thread: NamedThread,
}

impl Streams {
    /// Adds a relay.
    ///
    /// # Errors
    /// [`AddStreamError`].
    ///
    /// # Blocking
    /// For a turn of the proxy for each stream; 10 s at most.
    pub(crate) fn add_relay(
        &self,
        name: &str,
        address: &str,
        mut options: RelayOptions,
    ) -> Result<(), AddStreamError> {
        let _changing = self.roster.changing.lock();
        let relay_name = Name::parse_unreserved(name)?;
        let endpoint = Endpoint::for_client(address)
            .map_err(|error| AddStreamError::Address { name: name.to_owned(), error })?;
        check_in_process(name, &endpoint, &options)?;
        if self.roster.ingress.stopped.load(Ordering::SeqCst) {
            return Err(AddStreamError::Stopped);
        }
        let is_taken = || self.relays.has_group(name) || self.find(name).is_ok();
        if options.each_topic.is_some() && is_taken() {
            return Err(AddStreamError::StreamExists { name: name.to_owned() });
        }
        let adding = |error: SourceError| error.adding(name);
        let sink =
            Source::connect(&self.roster.ingress, options.stream.largest_sample_bytes).map_err(adding)?;
        let context = self.roster.ingress.context().map_err(adding)?;
        let shared = Arc::new(RelayShared::new());
        let thread_error = |error| AddStreamError::Thread { name: name.to_owned(), error };
        let tap = options.tap.take().map(|tap| tap.start(name, Arc::clone(&shared.tap_dropped)));
        let (tap, tap_thread) = tap.transpose().map_err(thread_error)?.unzip();
        let (mail, inbox) = mailbox(&context, None).map_err(|error| adding(error.into()))?;
        let (is_group, topics) = (options.each_topic.is_some(), options.topics.clone());
        let prefix = options.each_topic.clone().unwrap_or_default();
        let parts = RelayParts {
            name: relay_name.clone(),
            options,
            roster: self.roster.clone(),
            context,
            endpoint,
            sink,
            tap,
            shared: Arc::clone(&shared),
        };
        let mut relay = RelayLoop::new(parts, (mail.clone(), inbox)).map_err(|error| adding(error.into()))?;
        let mut served: Vec<Arc<Stream>> = Vec::new();
        let mut serve = |relay: &mut RelayLoop, name: &str, topic: Option<&str>| {
            let value = ValueDescription::default();
            let options = relay.stream_options();
            let stream = self.roster.new_stream(name, StreamKind::Relayed, None, value, options)?;
            relay.watch(&stream);
            self.serve(Record { stream: Arc::clone(&stream), route: None })?;
            served.push(Arc::clone(&stream));
            relay.add(stream, topic);
            Ok::<(), AddStreamError>(())
        };
        let added = if is_group {
            let name =
                |(topic, name): &(String, Option<String>)| below(&prefix, name.as_ref().unwrap_or(topic));
            topics.iter().try_for_each(|topic| serve(&mut relay, &name(topic), Some(&topic.0)))
        } else {
            serve(&mut relay, name, None)
        };
        let started = added.and_then(|()| {
            let thread = spawn(format!("relay {name}"), move || relay.run()).map_err(thread_error)?;
            Ok(Relay { name: relay_name, is_group, mail, thread, shared })
        });
        match started {
            Ok(relay) => {
                self.relays.push(relay, tap_thread);
                Ok(())
            }
            Err(error) => {
                served.iter().for_each(|stream| self.roster.withdraw(stream));
                Err(error)
            }
        }
    }
}

/// Over `inproc` a SUB would be connected to whatever has the name, and nobody would say that it is no PUB: a server is
/// found by its calls.
fn check_in_process(name: &str, endpoint: &Endpoint, options: &RelayOptions) -> Result<(), AddStreamError> {
    let Some(served) = endpoint.inproc_name() else { return Ok(()) };
    let reason = if served.ends_with(".samples") || served.ends_with(".frames") {
        "give the address of the server's calls, without `.samples` and `.frames`"
    } else if options.greets() {
        return Ok(());
    } else {
        "only a RouterServer can be reached over inproc; leave the format at RelayFormat::Auto"
    };
    Err(AddStreamError::InProcess { name: name.to_owned(), address: endpoint.to_string(), reason })
}

impl Relays {
    /// Enables or disables all streams of a relay that has one for each topic; whether there is such a relay.
    pub(super) fn set_enabled(&self, name: &str, enabled: bool) -> bool {
        let mut running = self.running.lock();
        let group = running.group(name).map(|relay| Arc::clone(&relay.shared));
        drop(running);
        group.map(|shared| shared.set_enabled(enabled)).is_some()
    }

    /// Removes a relay that has a stream for each topic; whether there is such a relay.
    pub(super) fn remove(&self, name: &str, roster: &Roster) -> bool {
        let mut running = self.running.lock();
        let Some(relay) = running.group(name) else { return false };
        let shared = Arc::clone(&relay.shared);
        let _ = relay.mail.post(RelayCommand::End); // it may have ended with its last stream
        relay.is_group = false; // the name is free
        drop(running);
        let streams = std::mem::take(&mut *shared.streams.lock());
        streams.iter().for_each(|stream| roster.withdraw(stream));
        true
    }

    /// Has a thread ended and joined with the server.
    pub(super) fn keep(
        &self,
        thread: NamedThread,
        shared: Arc<RelayShared>,
        end: impl Fn() + Send + 'static,
        counters: impl Fn() -> BTreeMap<String, u64> + Send + 'static,
    ) {
        let mut running = self.running.lock();
        running.others.retain(|other| !other.thread.is_finished());
        running.others.push(Other { shared, end: Box::new(end), counters: Box::new(counters), thread });
    }

    /// Whether a thread of this name was given to [`keep`](Relays::keep), and is there still.
    pub(super) fn keeps(&self, name: &str) -> bool {
        let is_it = |other: &Other| other.thread.name() == name && !other.shared.is_gone();
        self.running.lock().others.iter().any(is_it)
    }

    /// Tells every thread to end.
    pub(super) fn end(&self) {
        let running = self.running.lock();
        for relay in &running.relays {
            let _ = relay.mail.post(RelayCommand::End); // it may have ended by itself
        }
        running.others.iter().for_each(|other| (other.end)());
    }

    /// Waits until `deadline` for the threads; names those that hang: taps, in a function of the application.
    ///
    /// # Blocking
    /// Until `deadline` at most.
    pub(super) fn join(&self, deadline: Instant) -> Vec<String> {
        let running = std::mem::take(&mut *self.running.lock());
        let relays = running.relays.into_iter().map(|relay| relay.thread);
        let threads = relays.chain(running.others.into_iter().map(|other| other.thread)).chain(running.taps);
        let join = |thread: NamedThread| {
            let left = deadline.saturating_duration_since(Instant::now());
            thread.join_within(left).err().map(|still| still.name)
        };
        threads.filter_map(join).collect()
    }

    pub(super) fn counters(&self) -> BTreeMap<String, u64> {
        let mut counters = BTreeMap::new();
        for relay in &self.running.lock().relays {
            let prefix = format!("relay.{}", relay.name);
            counters.extend(relay.shared.counters.read(&prefix));
            let dropped = relay.shared.tap_dropped.load(Ordering::Relaxed);
            counters.insert(format!("{prefix}.missed_by_tap"), dropped);
        }
        let running = self.running.lock();
        let others = running.others.iter().filter(|other| !other.shared.is_gone());
        others.for_each(|other| counters.extend((other.counters)()));
        counters
    }

    fn has_group(&self, name: &str) -> bool {
        self.running.lock().group(name).is_some()
    }

    fn push(&self, relay: Relay, tap: Option<NamedThread>) {
        let mut running = self.running.lock();
        running.forget_ended();
        running.relays.push(relay);
        running.taps.extend(tap);
    }
}

impl Running {
    fn group(&mut self, name: &str) -> Option<&mut Relay> {
        self.forget_ended();
        self.relays.iter_mut().find(|relay| relay.is_group && relay.name.as_str() == name)
    }

    fn forget_ended(&mut self) {
        self.relays.retain(|relay| !relay.thread.is_finished());
        self.taps.retain(|tap| !tap.is_finished());
    }
}
