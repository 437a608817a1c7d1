//! `Streams`: what the server holds of its streams, and calls from any thread.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use router_socket::{Context, Endpoint, NamedThread, SocketError, mailbox, spawn};
use router_wire::Name;
use router_wire::describe::StreamDescription;
use router_wire::nearest;
use router_wire::status::StreamStats;

use super::clock::Clock;
use super::counters::Counters;
use super::frequency::Frequency;
use super::outlet::{LEAST_MARK, Outlet, samples_mark};
use super::proxy::{ProxyCommand, ProxyLoop};
use super::relays::Relays;
use super::roster::{Record, Roster};
use super::sharing::Sharing;
use super::source::Ingress;
use super::stream::{Ended, Stream};
use super::stream_error::{DeclareError, SetFrequencyError};
use super::stream_ring::RingBounds;
use super::streamer::Command;
use super::streamers::{SeatError, Streamers};
use crate::add_error::NotFound;
use crate::stop_schedule::StopSchedule;

/// What the streams of a server are told at its start.
#[derive(Debug, Clone)]
pub(crate) struct StreamSettings {
    /// This life of the server.
    pub(crate) epoch: u64,
    /// What monotonic times count from.
    pub(crate) started: Instant,
    /// Most bytes that wait for one stalled subscriber connection, or two largest samples where that is more.
    pub(crate) stalled_subscriber_bytes: usize,
    /// What is shared with processes of the same user on this machine; `None`: nothing.
    pub(crate) shares: Option<RingBounds>,
}

/// The streams of one server, their threads and their proxy.
///
/// `enable`, `disable`, `set_frequency`, `declare` and everything that only tells hold locks for look-ups and never
/// wait. `add_*` and `remove` wait for the proxy's next turn; they are not for loops.
pub(crate) struct Streams {
    pub(super) roster: Roster,
    pub(super) streamers: Streamers,
    pub(super) relays: Relays,
    counters: Arc<Counters>,
    thread: Mutex<Option<NamedThread>>,
}

impl Streams {
    /// Binds both sockets, each at all of its endpoints, and starts the proxy. Returns the endpoints of samples and
    /// frames with their real ports.
    ///
    /// # Errors
    /// A [`SocketError`] that says which endpoint is in use, or what the system refuses.
    pub(crate) fn start(
        context: &Context,
        samples: &[Endpoint],
        frames: &[Endpoint],
        settings: StreamSettings,
    ) -> Result<(Streams, Vec<Endpoint>, Vec<Endpoint>), SocketError> {
        let budget_bytes = settings.stalled_subscriber_bytes;
        let counters = Arc::new(Counters::default());
        let (samples, samples_at) =
            Outlet::bind(context, samples, samples_mark(budget_bytes), Arc::clone(&counters))?;
        let (frames, frames_at) = Outlet::bind(context, frames, LEAST_MARK, Arc::clone(&counters))?;
        let (proxy, inbox) = mailbox(context, None)?;
        let endpoint = Endpoint::unique_inproc("streams");
        let outlets = (samples, frames);
        let proxy_loop =
            ProxyLoop::new(context, &endpoint, inbox, outlets, Arc::clone(&counters), budget_bytes)?;
        let thread = spawn("proxy", move || proxy_loop.run())
            .map_err(|reason| SocketError::WakeUp { action: "start the thread of the proxy", reason })?;
        let ingress = Ingress::new(context.clone(), endpoint, budget_bytes);
        let sharing = settings.shares.and_then(|bounds| Sharing::start(settings.epoch, bounds, budget_bytes));
        let streams = Streams {
            streamers: Streamers::new(ingress.clone(), proxy.clone()),
            roster: Roster::new(settings.epoch, Clock::since(settings.started), ingress, proxy, sharing),
            relays: Relays::default(),
            counters,
            thread: Mutex::new(Some(thread)),
        };
        Ok((streams, samples_at, frames_at))
    }

    /// How many connections to the two sockets have ended, or came to nothing, whenever it is asked.
    pub(crate) fn connections_ended(&self) -> Box<dyn Fn() -> u64 + Send> {
        let counters = Arc::clone(&self.counters);
        Box::new(move || counters.connections_ended())
    }

    /// Where processes of the same user on this machine attach to shared memory; empty where there is none.
    pub(crate) fn slots_address(&self) -> String {
        self.roster.sharing.as_ref().map(Sharing::address).unwrap_or_default()
    }

    /// Counts the changes of what [`describe`](Streams::describe) tells, beside those of counts.
    pub(crate) fn changes(&self) -> Arc<AtomicU64> {
        self.roster.changes()
    }

    /// Publishes a stream again; nothing happens when it is enabled.
    ///
    /// # Errors
    /// [`NotFound`].
    pub(crate) fn enable(&self, name: &str) -> Result<(), NotFound> {
        self.set_enabled(name, true)
    }

    /// Publishes a stream no more: nothing later than the return of this. Nothing happens when it is disabled.
    ///
    /// # Errors
    /// [`NotFound`].
    pub(crate) fn disable(&self, name: &str) -> Result<(), NotFound> {
        self.set_enabled(name, false)
    }

    /// A relay of many topics is enabled and disabled as a whole, too.
    fn set_enabled(&self, name: &str, enabled: bool) -> Result<(), NotFound> {
        match self.find(name) {
            Ok(record) => record.stream.set_enabled(enabled),
            Err(not_found) if !self.relays.set_enabled(name, enabled) => return Err(not_found),
            Err(_) => {}
        }
        self.roster.has_changed();
        Ok(())
    }

    /// Changes how often a periodic stream's function is called. Numbers go on, and no sample overtakes another.
    ///
    /// # Errors
    /// [`SetFrequencyError`].
    pub(crate) fn set_frequency(&self, name: &str, hz: f64) -> Result<(), SetFrequencyError> {
        let record = self.find(name)?;
        let Some(route) = record.route else {
            return Err(SetFrequencyError::NotPeriodic { name: name.to_owned() });
        };
        let frequency = Frequency::new(hz)?;
        let mut seat = route.lock();
        if record.stream.frequency() == Some(frequency) || record.stream.has_ended() {
            return Ok(());
        }
        let to = self.streamers.seat(frequency, None).map_err(|error| match error {
            SeatError::Thread(error) => SetFrequencyError::Thread { hz, error },
            SeatError::Stopped => SetFrequencyError::Stopped,
        })?;
        record.stream.set_frequency(frequency);
        self.roster.has_changed();
        let incarnation = record.stream.incarnation;
        seat.send(Command::Release { incarnation });
        self.streamers.leave(&seat);
        *seat = to;
        Ok(())
    }

    /// Declares the newest number of a stream in the stream itself, with `token`.
    ///
    /// # Errors
    /// [`DeclareError`].
    pub(crate) fn declare(&self, name: &str, token: u64) -> Result<(), DeclareError> {
        let stream = self.find(name)?.stream;
        if stream.passes_on() {
            let upstream = stream.spec.source.as_ref().and_then(|origin| origin.upstream.as_ref());
            let upstream = upstream.map(Name::to_string);
            return Err(DeclareError::AskSource { name: name.to_owned(), upstream });
        }
        let is_first = stream
            .ask_declaration(token)
            .map_err(|waiting| DeclareError::Busy { name: name.to_owned(), waiting })?;
        if is_first {
            self.roster.proxy.post(ProxyCommand::Declare { stream }).map_err(|_| DeclareError::Stopped)?;
        }
        Ok(())
    }

    /// Has the newest sample of a stream sent to `asker`, under its topic.
    ///
    /// # Errors
    /// [`DeclareError`].
    pub(crate) fn ask(&self, name: &str, asker: u64, token: u64) -> Result<(), DeclareError> {
        let stream = self.find(name)?.stream;
        self.roster.proxy.post(ProxyCommand::Ask { stream, asker, token }).map_err(|_| DeclareError::Stopped)
    }

    /// What the streams are, by name.
    pub(crate) fn describe(&self) -> Vec<StreamDescription> {
        self.all().iter().map(|stream| stream.describe()).collect()
    }

    /// How the streams are, by name.
    pub(crate) fn stats(&self) -> Vec<StreamStats> {
        self.all().iter().map(|stream| stream.stats()).collect()
    }

    /// What is counted beside: what clients sent that was refused, and which calls held up ticks.
    pub(crate) fn counters(&self) -> BTreeMap<String, u64> {
        let mut counters = self.counters.read();
        for stream in self.all() {
            let name = &stream.name;
            let held = stream.held_by().into_iter();
            counters.extend(held.map(|(call, ticks)| (format!("ticks_held.{name}.by.{call}"), ticks)));
        }
        let passing = self.all().into_iter().filter(|stream| stream.passes_on());
        counters.extend(passing.map(|stream| (format!("lost_before.{}", stream.name), stream.lost_before())));
        counters.extend(self.relays.counters());
        if let Some(sharing) = &self.roster.sharing {
            let counts = sharing.counters();
            let counts = [
                ("memory_connections", counts.connections as u64),
                ("memory_attachments", counts.attachments as u64),
                ("memory_turned_away", counts.turned_away),
                ("memory_strangers", counts.strangers),
                ("memory_refused", counts.refused),
                ("memory_malformed", counts.malformed),
            ];
            counters.extend(counts.map(|(name, count)| (name.to_owned(), count)));
        }
        counters
    }

    /// The names of the streams, in order.
    #[cfg(test)]
    pub(crate) fn names(&self) -> Vec<Name> {
        self.roster.records.lock().keys().cloned().collect()
    }

    /// Ends everything: publishers get `Stopped`, both sockets are closed, threads are joined. Returns those that do
    /// not end in time; one that hangs in a function of the application with its stream.
    ///
    /// # Blocking
    /// Until the end of `schedule` at most.
    pub(crate) fn stop(&self, schedule: StopSchedule) -> Vec<String> {
        let Some(proxy) = self.thread.lock().take() else { return Vec::new() };
        self.roster.ingress.stopped.store(true, Ordering::SeqCst);
        self.streamers.end();
        self.relays.end();
        let _ = self.roster.proxy.post(ProxyCommand::Stop); // it may have ended with its context
        // A thread of its own: it waits for whoever sends in this moment, and for libzmq.
        let (streams, ingress) = (self.all(), self.roster.ingress.clone());
        let closing = spawn("closing of streams", move || {
            streams.iter().for_each(|stream| stream.end(Ended::Stopped));
            ingress.close();
        });
        let mut set_apart = self.streamers.join(schedule.user_code_by);
        set_apart.extend(self.relays.join(schedule.loops_by));
        for thread in [Some(proxy), closing.ok()].into_iter().flatten() {
            let left = StopSchedule::until(schedule.end_by);
            set_apart.extend(thread.join_within(left).err().map(|still| still.name));
        }
        if let Some(sharing) = &self.roster.sharing
            && !sharing.stop(StopSchedule::until(schedule.end_by))
        {
            set_apart.push("slots".to_owned());
        }
        set_apart
    }

    pub(super) fn find(&self, name: &str) -> Result<Record, NotFound> {
        let records = self.roster.records.lock();
        records.get(name).cloned().ok_or_else(|| NotFound {
            name: name.to_owned(),
            nearest: nearest(name, records.keys().map(Name::as_str)),
        })
    }

    fn all(&self) -> Vec<Arc<Stream>> {
        self.roster.records.lock().values().map(|record| Arc::clone(&record.stream)).collect()
    }

    #[cfg(test)]
    pub(super) fn proxy_counters(&self) -> &Counters {
        &self.counters
    }
}

impl Default for StreamSettings {
    fn default() -> StreamSettings {
        StreamSettings { epoch: 1, started: Instant::now(), stalled_subscriber_bytes: 64 << 20, shares: None }
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.stop(StopSchedule::from(Instant::now()));
    }
}
