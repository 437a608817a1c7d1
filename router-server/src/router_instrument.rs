//! The server as the instrument `router`: what it serves, how it is, and control of its streams.
//!
//! `router.hello` and `router.ping` are answered by the router loop itself, in `requests.rs`.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use router_client::{Call, Instrument, Interrupted, RemoteError, interface};
use router_socket::MailSender;
use router_wire::describe::{Description, ServerDescription, UpstreamDescription};
use router_wire::name::RESERVED;
use router_wire::status::{ClientStats, LaneStatus, ServerStats, StopOutcome};

use crate::add_error::NotFound;
use crate::dispatcher::Dispatcher;
use crate::registry_views::LaneView;
use crate::router_event::RouterEvent;
use crate::stop_all::collect;
use crate::streams::{DeclareError, SetFrequencyError, Streams};
use crate::upstreams::{MOST_BYTES_OF_ALL, UpstreamViews};

/// How long the router loop may take to tell of its clients.
const CLIENTS_WAIT: Duration = Duration::from_secs(1);

/// The server itself as an instrument.
pub(crate) struct RouterInstrument {
    pub(crate) dispatcher: Arc<Dispatcher>,
    /// Weak: the server owns its streams, and this instrument lives on the server's own threads.
    pub(crate) streams: Weak<Streams>,
    pub(crate) upstreams: Arc<UpstreamViews>,
    pub(crate) mail: MailSender<RouterEvent>,
    pub(crate) description: ServerDescription,
    pub(crate) started: Instant,
}

/// Why the server could not do what it was asked for.
#[derive(Debug, thiserror::Error, RemoteError)]
pub(crate) enum ControlError {
    /// There is no stream of this name.
    #[error("{message}")]
    NoSuchStream {
        /// With the nearest names.
        message: String,
    },
    /// The stream cannot do this.
    #[error("{message}")]
    NotPossible {
        /// What and why.
        message: String,
    },
    /// The server stops.
    #[error("the server is stopping")]
    Stopping {},
    /// The call was cancelled.
    #[error("{0}")]
    Interrupted(#[interrupted] Interrupted),
}

impl From<NotFound> for ControlError {
    fn from(error: NotFound) -> ControlError {
        ControlError::NoSuchStream { message: error.to_string() }
    }
}

impl From<SetFrequencyError> for ControlError {
    fn from(error: SetFrequencyError) -> ControlError {
        match error {
            SetFrequencyError::NotFound(error) => error.into(),
            SetFrequencyError::Stopped => ControlError::Stopping {},
            other => ControlError::NotPossible { message: other.to_string() },
        }
    }
}

impl From<DeclareError> for ControlError {
    fn from(error: DeclareError) -> ControlError {
        match error {
            DeclareError::NotFound(error) => error.into(),
            other => ControlError::NotPossible { message: other.to_string() },
        }
    }
}

/// The server itself: what it serves, how it is, and control of its streams.
#[allow(unreachable_pub, reason = "`pub` is what exposes a method to clients")]
#[interface]
impl RouterInstrument {
    /// Everything served here: instruments, calls with arguments, types, units, defaults and docs, and streams.
    #[call(concurrent)]
    pub fn describe(&self) -> Description {
        let streams = self.streams.upgrade().map(|streams| streams.describe()).unwrap_or_default();
        let registry = self.dispatcher.registry.read();
        let (mut instruments, calls) = (registry.describe_instruments(), registry.describe());
        drop(registry);
        if let Some(router) = instruments.iter_mut().find(|instrument| instrument.name == RESERVED) {
            Self::docs().clone_into(&mut router.docs);
        }
        let server = self.description.clone();
        let mut description =
            Description { server, instruments, calls, streams, upstreams: self.upstreams() };
        let behind: Vec<_> = self
            .upstreams
            .read()
            .values()
            .filter_map(|view| Some((view.prefix.clone(), view.told()?)))
            .collect();
        let mut bytes = 0;
        for (prefix, told) in behind {
            let of_all = bytes + told.bytes;
            if of_all > MOST_BYTES_OF_ALL {
                self.dispatcher.counters.cut_descriptions.add(1);
                let mut upstreams = description.upstreams.iter_mut();
                if let Some(left_out) = upstreams.find(|upstream| upstream.prefix == prefix.as_str()) {
                    left_out.not_described = format!(
                        "its calls, instruments and servers are not described here: with those of other servers \
                         behind they are more than {} KiB",
                        MOST_BYTES_OF_ALL >> 10
                    );
                }
                continue;
            }
            bytes = of_all;
            // Streams are served by this server's own proxy, which tells of them itself.
            description.instruments.extend(told.description.instruments.iter().cloned());
            description.calls.extend(told.description.calls.iter().cloned());
            description.upstreams.extend(told.description.upstreams.iter().cloned());
        }
        description
    }

    /// How the servers behind this one are: state, round trip, since when, calls on their way, what was dropped.
    #[call(concurrent)]
    pub fn upstreams(&self) -> Vec<UpstreamDescription> {
        self.upstreams.read().values().map(|view| view.status()).collect()
    }

    /// Counters of calls, streams, lanes, clients and of what was refused.
    #[call(concurrent)]
    pub fn stats(&self) -> ServerStats {
        let streams = self.streams.upgrade();
        let mut counters = self.dispatcher.counters.read();
        counters.extend(streams.iter().flat_map(|streams| streams.counters()));
        // Each of these takes the registry's lock for itself: held over two, a writer in between would stop both.
        let calls = self.dispatcher.registry.read().calls();
        ServerStats {
            uptime_s: self.started.elapsed().as_secs_f64(),
            calls: calls.iter().map(|call| call.stats.read(call.name.as_str())).collect(),
            streams: streams.map(|streams| streams.stats()).unwrap_or_default(),
            lanes: self.lanes(),
            clients: self.clients(),
            upstreams: self.upstreams(),
            counters,
        }
    }

    /// What each lane is doing: which method, for how long, for whom, and how much waits.
    #[call(concurrent)]
    pub fn lanes(&self) -> Vec<LaneStatus> {
        let lanes = self.dispatcher.registry.read().lanes();
        lanes.into_iter().map(lane_status).collect()
    }

    /// Streams it again, for every client. Nothing happens when it is enabled.
    #[call(concurrent)]
    pub fn enable_stream(&self, name: String) -> Result<(), ControlError> {
        self.with_streams(|streams| streams.enable(&name))
    }

    /// Streams it no more, for every client, until it is enabled. Nothing happens when it is disabled.
    #[call(concurrent)]
    pub fn disable_stream(&self, name: String) -> Result<(), ControlError> {
        self.with_streams(|streams| streams.disable(&name))
    }

    /// Changes how often a periodic stream's function is called [Hz].
    #[call(concurrent)]
    pub fn set_frequency(&self, name: String, frequency_hz: f64) -> Result<(), ControlError> {
        self.with_streams(|streams| streams.set_frequency(&name, frequency_hz))
    }

    /// Declares, in the stream itself, the last sequence number that was given; `token` comes back with it.
    #[call(concurrent)]
    pub fn settle(&self, name: String, token: u64) -> Result<(), ControlError> {
        self.with_streams(|streams| streams.declare(&name, token))
    }

    /// Sends the newest sample of a stream under the topic of the view `asked` of `asker`, if it is newer than what was
    /// sent there; else it declares there what was sent, with `token`, and sends the next one.
    #[call(inline)]
    pub fn newest(&self, name: String, asker: u64, token: u64) -> Result<(), ControlError> {
        self.with_streams(|streams| streams.ask(&name, asker, token))
    }

    /// Runs every `urgent, clears_lane` method that needs no argument, side by side; returns each outcome.
    #[call(urgent)]
    pub fn stop_all(&self, call: &Call) -> Vec<StopOutcome> {
        // A client's call never comes here: the router loop starts the methods itself, in `requests.rs`.
        let stopping = self.dispatcher.stop_all(call.client(), call.deadline());
        collect(stopping, Vec::new(), call.deadline())
    }
}

impl RouterInstrument {
    fn clients(&self) -> Vec<ClientStats> {
        let (answer, clients) = crossbeam_channel::bounded(1);
        match self.mail.post(RouterEvent::Clients { answer }) {
            Ok(()) => clients.recv_timeout(CLIENTS_WAIT).unwrap_or_default(),
            Err(_) => Vec::new(),
        }
    }

    fn with_streams<E: Into<ControlError>>(
        &self,
        act: impl FnOnce(&Streams) -> Result<(), E>,
    ) -> Result<(), ControlError> {
        let streams = self.streams.upgrade().ok_or(ControlError::Stopping {})?;
        act(&streams).map_err(Into::into)
    }
}

pub(crate) fn lane_status(lane: LaneView) -> LaneStatus {
    let queue = &lane.executor.queue;
    let (queued, queued_bytes) = queue.queued();
    LaneStatus {
        name: queue.name().to_owned(),
        instruments: lane.instruments,
        running: queue.running().into_iter().next(),
        queued: queued as u64,
        queued_bytes: queued_bytes as u64,
        set_apart: lane.set_apart,
    }
}
