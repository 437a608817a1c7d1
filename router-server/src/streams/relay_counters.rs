//! What is counted of a relay beside its streams.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::stream::Stream;

/// Something that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RelayCounted {
    /// Messages that came.
    Received,
    /// Messages that are none of the relay's format.
    Unreadable,
    /// Messages of topics that are not relayed.
    ForeignTopic,
    /// Messages of topics that are no legal names, are too many, or whose names are taken.
    RefusedTopic,
    /// Messages whose stream could not be made at that moment.
    Unserved,
    /// Messages larger than declared.
    TooLarge,
    /// Answers that a stream is served on a socket that is not known.
    Elsewhere,
    /// Connections whose handshake failed.
    FailedHandshake,
    /// Connections that ended.
    Disconnect,
    /// Sockets that could not be opened or connected.
    RefusedSocket,
}

const NAMES: [&str; 10] = [
    "received",
    "unreadable",
    "foreign_topics",
    "refused_topics",
    "unserved",
    "too_large",
    "elsewhere",
    "failed_handshakes",
    "disconnects",
    "refused_sockets",
];

/// Written by one thread, read by `router.stats`.
#[derive(Debug, Default)]
pub(super) struct RelayCounters([AtomicU64; NAMES.len()]);

/// What a relay's thread and the server's handle share.
pub(super) struct RelayShared {
    pub(super) counters: RelayCounters,
    /// Messages that the tap missed.
    pub(super) tap_dropped: Arc<AtomicU64>,
    /// Those that are there now; written by the relay.
    pub(super) streams: Mutex<Vec<Arc<Stream>>>,
    /// Whether streams that are met later are enabled.
    enabled: AtomicBool,
    /// It is no more, whatever its thread still does.
    gone: AtomicBool,
}

impl RelayCounters {
    pub(super) fn count(&self, what: RelayCounted) {
        self.0[what as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// All of them, their names behind `prefix`.
    pub(super) fn read(&self, prefix: &str) -> BTreeMap<String, u64> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        NAMES.iter().map(|name| format!("{prefix}.{name}")).zip(counts).collect()
    }
}

impl RelayShared {
    pub(super) fn new() -> RelayShared {
        RelayShared {
            counters: RelayCounters::default(),
            tap_dropped: Arc::default(),
            streams: Mutex::default(),
            enabled: AtomicBool::new(true),
            gone: AtomicBool::new(false),
        }
    }

    /// Says that it is no more.
    pub(super) fn leave(&self) {
        self.gone.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::SeqCst)
    }

    /// Enables or disables all streams, also those that are met later.
    pub(super) fn set_enabled(&self, enabled: bool) {
        self.enabled.store(enabled, Ordering::SeqCst);
        for stream in &*self.streams.lock() {
            stream.set_enabled(enabled);
        }
    }
}
