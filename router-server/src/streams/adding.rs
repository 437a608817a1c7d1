//! Adding streams to a server and removing them, at any time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use router_client::{described_by_name, described_return};
use router_wire::ToPayload;
use router_wire::describe::{StreamKind, StreamSocket, ValueDescription};
use serde::Serialize;

use super::frequency::Frequency;
use super::handle::Streams;
use super::options::{SMALL_SAMPLE_BYTES, StreamOptions};
use super::periodic::{PeriodicStream, Work, function};
use super::proxy::ProxyCommand;
use super::publisher::Publisher;
use super::roster::Record;
use super::route::{Route, Seat};
use super::source::{Source, SourceError};
use super::stream::{Ended, Stream};
use super::stream_error::AddStreamError;
use super::streamer::Command;
use super::streamers::SeatError;
use super::tick::TickRunner;
use crate::add_error::NotFound;

/// How long the proxy is waited for. It answers in its next turn; if it cannot, it does what it was asked later.
const PROXY_WAIT: Duration = Duration::from_secs(5);

impl Streams {
    /// Adds a stream whose values `value` makes, `hz` times a second. An `Err` becomes an error sample.
    ///
    /// # Errors
    /// [`AddStreamError`].
    ///
    /// # Blocking
    /// For a turn of the proxy; 10 s at most.
    pub(crate) fn add_periodic<R: Serialize>(
        &self,
        name: &str,
        hz: f64,
        value: impl FnMut() -> R + Send + 'static,
        options: StreamOptions,
    ) -> Result<(), AddStreamError> {
        self.add_work(name, hz, Work::Function(function(value)), described_return::<R>(), options)
    }

    /// Adds a stream whose ticks run elsewhere, on an instrument's lane. What it returns is in the options.
    ///
    /// # Errors
    /// [`AddStreamError`].
    ///
    /// # Blocking
    /// For a turn of the proxy; 10 s at most.
    pub(crate) fn add_periodic_ticks(
        &self,
        name: &str,
        hz: f64,
        runner: Box<dyn TickRunner>,
        options: StreamOptions,
    ) -> Result<(), AddStreamError> {
        self.add_work(name, hz, Work::Ticks(runner), ValueDescription::default(), options)
    }

    /// Adds a stream that the application publishes to.
    ///
    /// # Errors
    /// [`AddStreamError`].
    ///
    /// # Blocking
    /// For a turn of the proxy; 10 s at most.
    pub(crate) fn add_publisher<T: ToPayload + ?Sized>(
        &self,
        name: &str,
        largest_sample_bytes: usize,
        options: StreamOptions,
    ) -> Result<Publisher<T>, AddStreamError> {
        let options = options.largest_sample_bytes(largest_sample_bytes);
        let _changing = self.roster.changing.lock();
        let value = T::describe().unwrap_or_else(described_by_name::<T>);
        let stream = self.roster.new_stream(name, StreamKind::Pushed, None, value, options)?;
        let largest_bytes = stream.spec.largest_sample_bytes;
        let source =
            Source::connect(&self.roster.ingress, largest_bytes).map_err(|error| error.adding(name))?;
        self.serve(Record { stream: Arc::clone(&stream), route: None })?;
        Ok(Publisher::new(stream, source))
    }

    /// Removes a stream: nothing is published later than the return of this, and the name is free. A function that
    /// hangs does not delay it.
    ///
    /// # Errors
    /// [`NotFound`].
    ///
    /// # Blocking
    /// For a turn of the proxy; 5 s at most.
    pub(crate) fn remove(&self, name: &str) -> Result<(), NotFound> {
        let _changing = self.roster.changing.lock();
        let record = match self.find(name) {
            Ok(record) => record,
            Err(not_found) => {
                return if self.relays.remove(name, &self.roster) { Ok(()) } else { Err(not_found) };
            }
        };
        record.stream.end(Ended::Removed);
        if let Some(sharing) = &self.roster.sharing {
            sharing.withdraw(&record.stream);
        }
        self.roster.records.lock().remove(name);
        self.roster.has_changed();
        if let Some(route) = &record.route {
            let seat = route.lock();
            seat.send(Command::Remove { incarnation: record.stream.incarnation });
            self.streamers.leave(&seat);
        }
        let (done, removed) = crossbeam_channel::bounded(1);
        if self.roster.proxy.post(ProxyCommand::Remove { stream: record.stream, done }).is_ok() {
            let _ = removed.recv_timeout(PROXY_WAIT); // nothing depends on it but order
        }
        Ok(())
    }

    fn add_work(
        &self,
        name: &str,
        hz: f64,
        work: Work,
        value: ValueDescription,
        options: StreamOptions,
    ) -> Result<(), AddStreamError> {
        let frequency =
            Frequency::new(hz).map_err(|error| AddStreamError::Frequency { name: name.to_owned(), error })?;
        let spins = options.spin;
        let _changing = self.roster.changing.lock();
        let stream = self.roster.new_stream(name, StreamKind::Periodic, Some(frequency), value, options)?;
        let (source, seat) = self.take_seat(&stream, frequency).map_err(|error| error.adding(name))?;
        let route = Arc::new(Route::to(seat.clone()));
        if let Err(error) =
            self.serve(Record { stream: Arc::clone(&stream), route: Some(Arc::clone(&route)) })
        {
            self.streamers.leave(&seat);
            return Err(error);
        }
        // Its frequency may have been changed since it can be found: it goes to where it belongs now.
        let periodic = PeriodicStream::new(stream, work, source, Arc::clone(&route), spins);
        route.send(Command::Add(Box::new(periodic)));
        Ok(())
    }

    /// Connects what the stream's samples will go through: a source of its own when they are large, otherwise the
    /// streamer's, which a new streamer is given.
    fn take_seat(
        &self,
        stream: &Stream,
        frequency: Frequency,
    ) -> Result<(Option<Source>, Seat), TakeSeatError> {
        let largest_bytes = stream.spec.largest_sample_bytes;
        let connect = |largest_bytes| Source::connect(&self.roster.ingress, largest_bytes);
        let own = if largest_bytes > SMALL_SAMPLE_BYTES { Some(connect(largest_bytes)?) } else { None };
        let shared =
            if self.streamers.needs_thread(frequency) { Some(connect(SMALL_SAMPLE_BYTES)?) } else { None };
        Ok((own, self.streamers.seat(frequency, shared)?))
    }

    /// Makes the stream known, to the proxy first: when it can be found, those who wait for it are known.
    pub(super) fn serve(&self, record: Record) -> Result<(), AddStreamError> {
        let (done, added) = crossbeam_channel::bounded(1);
        let stream = Arc::clone(&record.stream);
        if let Some(sharing) =
            self.roster.sharing.as_ref().filter(|_| stream.spec.socket == StreamSocket::Frames)
        {
            sharing.offer(&stream);
        }
        self.roster.proxy.post(ProxyCommand::Add { stream, done }).map_err(|_| AddStreamError::Stopped)?;
        let _ = added.recv_timeout(PROXY_WAIT); // late, it is done all the same
        let mut records = self.roster.records.lock();
        if self.roster.ingress.stopped.load(Ordering::SeqCst) {
            return Err(AddStreamError::Stopped); // whoever stops looks at the records after setting it
        }
        records.insert(record.stream.name.clone(), record);
        self.roster.has_changed();
        Ok(())
    }
}

/// Why a stream has no streamer.
enum TakeSeatError {
    Source(SourceError),
    Seat(SeatError),
}

impl TakeSeatError {
    fn adding(self, name: &str) -> AddStreamError {
        match self {
            TakeSeatError::Source(error) => error.adding(name),
            TakeSeatError::Seat(SeatError::Thread(error)) => {
                AddStreamError::Thread { name: name.to_owned(), error }
            }
            TakeSeatError::Seat(SeatError::Stopped) => AddStreamError::Stopped,
        }
    }
}

impl From<SourceError> for TakeSeatError {
    fn from(error: SourceError) -> TakeSeatError {
        TakeSeatError::Source(error)
    }
}

impl From<SeatError> for TakeSeatError {
    fn from(error: SeatError) -> TakeSeatError {
        TakeSeatError::Seat(error)
    }
}
