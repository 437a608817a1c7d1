//! The streams of a server: adding, controlling and removing them.

use std::sync::Arc;
use std::sync::Weak;

use router_wire::describe::CallKind;
use router_wire::{Failure, Name, ToPayload, arguments};
use serde::Serialize;

use crate::add_error::NotFound;
use crate::call_entry::CallEntry;
use crate::dispatcher::{Dispatcher, OwnJob};
use crate::job::{Answer, Body};
use crate::server::RouterServer;
use crate::streams::{
    AddStreamError, LaneBusyWith, Publisher, RelayOptions, SetFrequencyError, StreamOptions, TickDone,
    TickRunner,
};

impl RouterServer {
    /// Streams what `function` returns, `frequency_hz` times a second. Streams of equal frequency share one thread. A
    /// `Result`'s error and a panic become error samples; the function is called whether or not anybody listens.
    ///
    /// ```
    /// # let server = router_server::RouterServer::bind("tcp://127.0.0.1:*")?;
    /// let started = std::time::Instant::now();
    /// server.add_stream("host.uptime_s", 2.0, move || started.elapsed().as_secs_f64())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`AddStreamError`] when the name is illegal or taken, or the frequency is none that a thread can keep.
    pub fn add_stream<R: Serialize>(
        &self,
        name: &str,
        frequency_hz: f64,
        function: impl FnMut() -> R + Send + 'static,
    ) -> Result<(), AddStreamError> {
        self.add_stream_with(name, frequency_hz, StreamOptions::new(), function)
    }

    /// As [`add_stream`](RouterServer::add_stream), with options: disabled at first, on demand, larger samples, docs.
    ///
    /// # Errors
    /// [`AddStreamError`].
    pub fn add_stream_with<R: Serialize>(
        &self,
        name: &str,
        frequency_hz: f64,
        options: StreamOptions,
        function: impl FnMut() -> R + Send + 'static,
    ) -> Result<(), AddStreamError> {
        self.streams.add_periodic(name, frequency_hz, function, options)
    }

    /// Streams what an instrument's method returns. It runs as it is declared: on the instrument's lane, where a tick
    /// that finds the one before it still waiting is counted with the call that held it up, or in the stream's own
    /// thread when it is `concurrent` or `inline`.
    ///
    /// # Errors
    /// [`AddStreamError`]; also when there is no such method, or the arguments cannot be sent.
    pub fn add_instrument_stream(
        &self,
        name: &str,
        frequency_hz: f64,
        method: &str,
        arguments: impl Serialize,
    ) -> Result<(), AddStreamError> {
        self.add_instrument_stream_with(name, frequency_hz, method, arguments, StreamOptions::new())
    }

    /// As [`add_instrument_stream`](RouterServer::add_instrument_stream), with options.
    ///
    /// # Errors
    /// [`AddStreamError`].
    pub fn add_instrument_stream_with(
        &self,
        name: &str,
        frequency_hz: f64,
        method: &str,
        arguments: impl Serialize,
        options: StreamOptions,
    ) -> Result<(), AddStreamError> {
        let found = self.dispatcher.registry.read().find(method);
        let entry = match found {
            Ok(found) => found.entry,
            Err(Failure::NotFound { nearest, .. }) => {
                return Err(AddStreamError::NoSuchCall {
                    name: name.to_owned(),
                    error: NotFound { name: method.to_owned(), nearest },
                });
            }
            Err(other) => unreachable!("a look-up finds or does not find: {other}"),
        };
        let body = arguments::encode(&arguments, &[])
            .map_err(|error| AddStreamError::Arguments { name: name.to_owned(), error })?;
        let ticks =
            MethodTicks { dispatcher: Arc::downgrade(&self.dispatcher), method: Name::parse(method)?, body };
        let mut options = options.method(method, entry.description.returns.clone());
        if options.docs.is_empty() {
            options.docs.clone_from(&entry.description.docs);
        }
        self.streams.add_periodic_ticks(name, frequency_hz, Box::new(ticks), options)
    }

    /// A stream into which the application pushes samples of at most `largest_sample_bytes` of payload, from any
    /// thread that owns the publisher.
    ///
    /// # Errors
    /// [`AddStreamError`].
    pub fn add_publisher<T: ToPayload>(
        &self,
        name: &str,
        largest_sample_bytes: usize,
    ) -> Result<Publisher<T>, AddStreamError> {
        self.add_publisher_with(name, largest_sample_bytes, StreamOptions::new())
    }

    /// As [`add_publisher`](RouterServer::add_publisher), with options.
    ///
    /// # Errors
    /// [`AddStreamError`].
    pub fn add_publisher_with<T: ToPayload>(
        &self,
        name: &str,
        largest_sample_bytes: usize,
        options: StreamOptions,
    ) -> Result<Publisher<T>, AddStreamError> {
        self.streams.add_publisher(name, largest_sample_bytes, options)
    }

    /// Streams what a ZeroMQ PUB socket sends: any program's, a Python one-liner's, or a stream of another
    /// `RouterServer`, which keeps its numbers and times. `address` is `tcp://HOST:PORT` or `ipc://PATH`; of a
    /// `RouterServer` any of its endpoints, best that of calls.
    ///
    /// The relay connects by itself, now and whenever its source is back, and is subscribed there while somebody listens
    /// here. What a source without numbers sends is numbered on receipt: losses before that are invisible.
    ///
    /// # Errors
    /// [`AddStreamError`] when the name is illegal or taken, or the address is none.
    pub fn add_relay(&self, name: &str, address: &str) -> Result<(), AddStreamError> {
        self.add_relay_with(name, address, RelayOptions::new())
    }

    /// As [`add_relay`](RouterServer::add_relay), with options: topics, the format of the messages, their encoding, a
    /// stream for each topic, a tap.
    ///
    /// ```
    /// # use router_server::{RelayFormat, RelayOptions, RouterServer};
    /// # let server = RouterServer::bind("tcp://127.0.0.1:*")?;
    /// let options = RelayOptions::new().format(RelayFormat::Prefixed(b' ')).each_topic("laser");
    /// server.add_relay_with("laser", "tcp://127.0.0.1:7000", options)?; // `laser.power_mw`, `laser.shutter`, ...
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`AddStreamError`].
    pub fn add_relay_with(
        &self,
        name: &str,
        address: &str,
        options: RelayOptions,
    ) -> Result<(), AddStreamError> {
        self.check_reach(address)
            .map_err(|error| AddStreamError::Address { name: name.to_owned(), error })?;
        self.streams.add_relay(name, address, options)
    }

    /// Publishes a stream again, for every client. Nothing happens when it is enabled.
    ///
    /// # Errors
    /// [`NotFound`] with the nearest names.
    pub fn enable_stream(&self, name: &str) -> Result<(), NotFound> {
        self.streams.enable(name)
    }

    /// Publishes a stream no more until it is enabled: nothing later than the return of this. Nothing happens when it
    /// is disabled.
    ///
    /// # Errors
    /// [`NotFound`] with the nearest names.
    pub fn disable_stream(&self, name: &str) -> Result<(), NotFound> {
        self.streams.disable(name)
    }

    /// Changes how often a periodic stream's function is called [Hz]; its sequence goes on.
    ///
    /// # Errors
    /// [`SetFrequencyError`].
    pub fn set_frequency(&self, name: &str, frequency_hz: f64) -> Result<(), SetFrequencyError> {
        self.streams.set_frequency(name, frequency_hz)
    }

    /// Takes a stream out of service; subscribers are told. Added again it is a new incarnation.
    ///
    /// # Errors
    /// [`NotFound`] with the nearest names.
    pub fn remove_stream(&self, name: &str) -> Result<(), NotFound> {
        self.streams.remove(name)
    }
}

/// Runs an instrument's method for each tick of a stream. The method is looked up each time: an instrument that was
/// removed gives error samples, and one that was added again goes on.
struct MethodTicks {
    dispatcher: Weak<Dispatcher>,
    method: Name,
    body: Vec<u8>,
}

impl TickRunner for MethodTicks {
    fn busy_with(&self) -> Option<String> {
        let found = self.dispatcher.upgrade()?.registry.read().find(self.method.as_str()).ok()?;
        let running = found.entry.queue.running();
        let other = running.iter().find(|call| call.name != self.method.as_str());
        other.or(running.first()).map(|call| call.name.clone())
    }

    fn start(&self, done: TickDone) -> Result<(), LaneBusyWith> {
        let Some(dispatcher) = self.dispatcher.upgrade() else { return Ok(()) };
        let found = dispatcher.registry.read().find(self.method.as_str());
        match found {
            Ok(found) => {
                let beside = runs_beside(&found.entry);
                let (body, answer) = (Body::Made(self.body.clone()), Answer::Tick(done));
                let job = OwnJob {
                    entry: found.entry,
                    preset: found.named,
                    client: "a stream of this server",
                    body,
                    answer,
                };
                if beside { dispatcher.run_here(job) } else { dispatcher.submit_own(job, None) }
            }
            Err(failure) => done.finish(Err(failure)),
        }
        Ok(())
    }
}

fn runs_beside(entry: &CallEntry) -> bool {
    matches!(entry.description.kind, CallKind::Concurrent | CallKind::Inline)
}
