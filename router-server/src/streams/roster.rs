//! `Roster`: which streams there are. Shared by the server and by the threads that add streams by themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use router_socket::MailSender;
use router_wire::Name;
use router_wire::describe::{StreamKind, ValueDescription};

use super::clock::Clock;
use super::frequency::Frequency;
use super::options::StreamOptions;
use super::outlet::place_of;
use super::proxy::ProxyCommand;
use super::route::Route;
use super::sharing::Sharing;
use super::source::Ingress;
use super::stream::{Ended, Stream, StreamSpec};
use super::stream_error::AddStreamError;

/// The largest sample that can be declared [bytes].
const MOST_SAMPLE_BYTES: usize = 1 << 30;

/// The streams of one server by name, and what it takes to add one. Clones are the same roster.
#[derive(Clone)]
pub(crate) struct Roster {
    pub(super) epoch: u64,
    pub(super) clock: Clock,
    pub(super) ingress: Ingress,
    pub(super) proxy: MailSender<ProxyCommand>,
    /// Memory that is shared with processes of the same user on this machine, if any is.
    pub(super) sharing: Option<Sharing>,
    /// Held by whoever adds or removes, so that the proxy learns of both in one order.
    pub(super) changing: Arc<Mutex<()>>,
    pub(super) records: Arc<Mutex<BTreeMap<Name, Record>>>,
    pub(super) last_incarnation: Arc<AtomicU64>,
    /// Counts the changes of what is described.
    changes: Arc<AtomicU64>,
}

/// A stream, and where it is.
#[derive(Clone)]
pub(crate) struct Record {
    pub(super) stream: Arc<Stream>,
    /// The way to a periodic stream.
    pub(super) route: Option<Arc<Route>>,
}

/// Why a loop could not serve a stream.
#[derive(Debug)]
pub(crate) enum ServeError {
    /// Somebody adds or removes a stream at this moment: later.
    NotNow,
    /// Never.
    Refused(AddStreamError),
}

impl Roster {
    pub(crate) fn new(
        epoch: u64,
        clock: Clock,
        ingress: Ingress,
        proxy: MailSender<ProxyCommand>,
        sharing: Option<Sharing>,
    ) -> Roster {
        Roster {
            epoch,
            clock,
            ingress,
            proxy,
            sharing,
            changing: Arc::default(),
            records: Arc::default(),
            last_incarnation: Arc::default(),
            changes: Arc::default(),
        }
    }

    /// The count of changes, which goes on.
    pub(super) fn changes(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.changes)
    }

    /// What is described is another from now on.
    pub(super) fn has_changed(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes a stream that nobody can find yet.
    ///
    /// # Errors
    /// [`AddStreamError`].
    pub(super) fn new_stream(
        &self,
        name: &str,
        kind: StreamKind,
        frequency: Option<Frequency>,
        value: ValueDescription,
        options: StreamOptions,
    ) -> Result<Arc<Stream>, AddStreamError> {
        if self.ingress.stopped.load(Ordering::SeqCst) {
            return Err(AddStreamError::Stopped);
        }
        let name = Name::parse_unreserved(name)?;
        let bytes = options.largest_sample_bytes;
        if !(1..=MOST_SAMPLE_BYTES).contains(&bytes) {
            return Err(AddStreamError::LargestSample {
                name: name.to_string(),
                bytes,
                limit: MOST_SAMPLE_BYTES,
            });
        }
        if self.records.lock().contains_key(&name) {
            return Err(AddStreamError::StreamExists { name: name.to_string() });
        }
        let (method, mut value) = match options.method {
            Some((method, returns)) => (Some(method), returns),
            None => (None, value),
        };
        value.unit = options.unit.or(value.unit);
        value.schema = options.schema.unwrap_or(value.schema);
        let spec = StreamSpec {
            kind,
            on_demand: options.on_demand,
            keeps_last_value: options.last_value,
            largest_sample_bytes: bytes,
            socket: place_of(bytes),
            docs: options.docs,
            method,
            value,
            source: options.source,
        };
        let incarnation = self.last_incarnation.fetch_add(1, Ordering::Relaxed) + 1;
        let life = (self.epoch, incarnation);
        Ok(Arc::new(Stream::new(name, life, self.clock, spec, options.enabled, frequency)))
    }

    /// Makes a relayed stream and serves it, without waiting for the proxy. `watch` is given the stream before anybody
    /// can find it.
    ///
    /// # Errors
    /// [`ServeError`].
    pub(super) fn serve_relayed(
        &self,
        name: &str,
        options: StreamOptions,
        watch: impl FnOnce(&Arc<Stream>),
    ) -> Result<Arc<Stream>, ServeError> {
        let Some(_changing) = self.changing.try_lock() else { return Err(ServeError::NotNow) };
        let value = ValueDescription::default();
        let stream =
            self.new_stream(name, StreamKind::Relayed, None, value, options).map_err(ServeError::Refused)?;
        watch(&stream);
        let (done, _nobody_waits) = crossbeam_channel::bounded(1);
        let command = ProxyCommand::Add { stream: Arc::clone(&stream), done };
        self.proxy.post(command).map_err(|_| ServeError::Refused(AddStreamError::Stopped))?;
        let mut records = self.records.lock();
        if self.ingress.stopped.load(Ordering::SeqCst) {
            return Err(ServeError::Refused(AddStreamError::Stopped));
        }
        records.insert(stream.name.clone(), Record { stream: Arc::clone(&stream), route: None });
        self.has_changed();
        Ok(stream)
    }

    /// Takes a stream out of service, without waiting for the proxy. One that another has followed under its name is
    /// left alone: the proxy knows them by incarnation.
    pub(super) fn withdraw(&self, stream: &Arc<Stream>) {
        stream.end(Ended::Removed);
        self.has_changed();
        {
            let mut records = self.records.lock();
            let is_it = |record: &Record| record.stream.incarnation == stream.incarnation;
            if records.get(&stream.name).is_some_and(is_it) {
                records.remove(&stream.name);
            }
        }
        let (done, _nobody_waits) = crossbeam_channel::bounded(1);
        // A proxy that has ended with the server needs nothing.
        let _ = self.proxy.post(ProxyCommand::Remove { stream: Arc::clone(stream), done });
    }
}
