//! `UpstreamView`: what other threads see of an upstream, written by the router loop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use router_client::ConnectionState;
use router_wire::Name;
use router_wire::describe::UpstreamDescription;

use super::told::Told;

/// The upstreams of a server, by prefix.
pub(crate) type UpstreamViews = RwLock<BTreeMap<Name, Arc<UpstreamView>>>;

/// One upstream.
pub(crate) struct UpstreamView {
    pub(crate) prefix: Name,
    pub(crate) endpoint: String,
    facts: Mutex<Facts>,
    pub(crate) in_flight: AtomicU64,
    pub(crate) queued: AtomicU64,
    pub(crate) passed_on: AtomicU64,
    pub(crate) unknown: AtomicU64,
    pub(crate) dropped: AtomicU64,
}

struct Facts {
    state: ConnectionState,
    since: Instant,
    reason: String,
    round_trip: Option<Duration>,
    /// As it was told last, under this server's prefix; it stays while the upstream is away.
    told: Option<Arc<Told>>,
    /// Why its last description is not told on; empty when it is.
    not_told: String,
}

impl UpstreamView {
    pub(crate) fn new(prefix: Name, endpoint: String) -> Arc<UpstreamView> {
        let facts = Facts {
            state: ConnectionState::Connecting,
            since: Instant::now(),
            reason: "it has not answered yet".to_owned(),
            round_trip: None,
            told: None,
            not_told: String::new(),
        };
        Arc::new(UpstreamView {
            prefix,
            endpoint,
            facts: Mutex::new(facts),
            in_flight: AtomicU64::new(0),
            queued: AtomicU64::new(0),
            passed_on: AtomicU64::new(0),
            unknown: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        })
    }

    pub(crate) fn set_state(&self, state: ConnectionState, reason: String) {
        let mut facts = self.facts.lock();
        if facts.state != state {
            facts.since = Instant::now();
        }
        facts.state = state;
        facts.reason = if state == ConnectionState::Connected { String::new() } else { reason };
    }

    pub(crate) fn set_round_trip(&self, round_trip: Option<Duration>) {
        self.facts.lock().round_trip = round_trip;
    }

    pub(crate) fn set_told(&self, told: Told) {
        let mut facts = self.facts.lock();
        facts.told = Some(Arc::new(told));
        facts.not_told.clear();
    }

    /// It could not tell, or not so that it could be read: what it told before stays.
    pub(crate) fn set_not_told(&self, why: String) {
        self.facts.lock().not_told = why;
    }

    /// What it serves, under the prefix; `None` until it has told.
    pub(crate) fn told(&self) -> Option<Arc<Told>> {
        self.facts.lock().told.clone()
    }

    /// How it is.
    pub(crate) fn status(&self) -> UpstreamDescription {
        let facts = self.facts.lock();
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        UpstreamDescription {
            prefix: self.prefix.to_string(),
            endpoint: self.endpoint.clone(),
            state: word(facts.state).to_owned(),
            reason: facts.reason.clone(),
            since_s: facts.since.elapsed().as_secs_f64(),
            round_trip_ms: facts.round_trip.map(|trip| trip.as_secs_f64() * 1e3),
            server: facts.told.as_ref().map(|told| told.description.server.clone()),
            not_described: match (&facts.told, facts.not_told.as_str()) {
                (Some(told), "") => told.left_out.clone(),
                (_, why) => why.to_owned(),
            },
            in_flight: number(&self.in_flight),
            queued: number(&self.queued),
            passed_on: number(&self.passed_on),
            unknown: number(&self.unknown),
            dropped: number(&self.dropped),
        }
    }
}

fn word(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::Connecting => "connecting",
        ConnectionState::Connected => "connected",
        ConnectionState::Stale => "stale",
        _ => "lost",
    }
}
