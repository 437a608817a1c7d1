//! `UpstreamStreams`: the streams of a server behind this one, for the loop that talks to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use router_socket::{Endpoint, MailSender, mailbox, spawn};
use router_wire::Name;
use router_wire::describe::StreamDescription;

use super::handle::Streams;
use super::options::SMALL_SAMPLE_BYTES;
use super::relay_counters::RelayShared;
use super::roster::Roster;
use super::source::{Source, SourceError};
use super::stream_error::AddStreamError;
use super::upstream::{UpstreamCommand, UpstreamLoop};

/// The streams of one upstream. Nothing here waits. Dropped, its streams are removed and its thread ends.
pub(crate) struct UpstreamStreams {
    prefix: Name,
    mail: MailSender<UpstreamCommand>,
    roster: Roster,
    shared: Arc<RelayShared>,
}

impl Streams {
    #[allow(dead_code, reason = "for the cascade in the router loop")]
    /// Starts the thread "upstream PREFIX" that brings another server's streams under `prefix.`.
    ///
    /// # Errors
    /// [`AddStreamError`]; [`AddStreamError::StreamExists`] also when a stream of this server has a name under the prefix.
    ///
    /// # Blocking
    /// For a turn of the proxy; 5 s at most.
    pub(crate) fn add_upstream(&self, prefix: &Name) -> Result<UpstreamStreams, AddStreamError> {
        let name = prefix.as_str();
        let _changing = self.roster.changing.lock();
        Name::parse_unreserved(name)?;
        if self.roster.ingress.stopped.load(Ordering::SeqCst) {
            return Err(AddStreamError::Stopped);
        }
        let is_below = |other: &Name| {
            other.as_str().strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let thread_name = format!("upstream {name}");
        if self.relays.keeps(&thread_name) {
            return Err(AddStreamError::StreamExists { name: name.to_owned() });
        }
        if let Some(taken) = self.roster.records.lock().keys().find(|other| is_below(other)) {
            return Err(AddStreamError::StreamExists { name: taken.to_string() });
        }
        let adding = |error: SourceError| error.adding(name);
        let sink = Source::connect(&self.roster.ingress, SMALL_SAMPLE_BYTES).map_err(adding)?;
        let context = self.roster.ingress.context().map_err(adding)?;
        let (mail, inbox) = mailbox(&context, None).map_err(|error| adding(error.into()))?;
        let shared = Arc::new(RelayShared::new());
        let mails = (mail.clone(), inbox);
        let upstream =
            UpstreamLoop::new(prefix.clone(), self.roster.clone(), context, sink, mails, Arc::clone(&shared))
                .map_err(|error| adding(error.into()))?;
        let thread = spawn(thread_name, move || upstream.run())
            .map_err(|error| AddStreamError::Thread { name: name.to_owned(), error })?;
        let end = {
            let mail = mail.clone();
            move || drop(mail.post(UpstreamCommand::End)) // it may have ended by itself
        };
        let counters = {
            let (shared, prefix) = (Arc::clone(&shared), prefix.clone());
            move || counters_of(&shared, &prefix)
        };
        self.relays.keep(thread, Arc::clone(&shared), end, counters);
        Ok(UpstreamStreams { prefix: prefix.clone(), mail, roster: self.roster.clone(), shared })
    }
}

#[allow(dead_code, reason = "for the cascade in the router loop")]
impl UpstreamStreams {
    /// The server was greeted, maybe again: (re)connects where endpoints changed.
    pub(crate) fn server(&self, epoch: u64, samples: Endpoint, frames: Endpoint) {
        self.post(UpstreamCommand::Server { epoch, samples, frames });
    }

    /// What it serves now: adds, updates and removes streams `PREFIX.NAME`.
    pub(crate) fn described(&self, streams: Vec<StreamDescription>) {
        self.post(UpstreamCommand::Described(streams));
    }

    /// It cannot be reached. Its streams stay, and are described with `reason`.
    pub(crate) fn lost(&self, reason: &str) {
        self.post(UpstreamCommand::Lost(reason.to_owned()));
    }

    /// What is counted of it, by name. [`Streams::counters`] and [`Streams::stats`] have these, too.
    pub(crate) fn counters(&self) -> BTreeMap<String, u64> {
        counters_of(&self.shared, &self.prefix)
    }

    fn post(&self, command: UpstreamCommand) {
        let _ = self.mail.post(command); // a thread that ended with the server needs nothing
    }
}

impl Drop for UpstreamStreams {
    fn drop(&mut self) {
        self.shared.leave();
        self.post(UpstreamCommand::End);
        let streams = std::mem::take(&mut *self.shared.streams.lock());
        streams.iter().for_each(|stream| self.roster.withdraw(stream));
    }
}

fn counters_of(shared: &RelayShared, prefix: &Name) -> BTreeMap<String, u64> {
    let prefix = format!("upstream.{prefix}");
    let mut counters = shared.counters.read(&prefix);
    let streams = shared.streams.lock();
    let lost = streams.iter().fold(0_u64, |sum, stream| sum.saturating_add(stream.lost_before()));
    let dropped: u64 = streams.iter().map(|stream| stream.stats().dropped_at_source).sum();
    counters.insert(format!("{prefix}.lost_before"), lost);
    counters.insert(format!("{prefix}.dropped_here"), dropped);
    counters
}
