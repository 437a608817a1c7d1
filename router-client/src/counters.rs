//! What a client counts of its own: losses and oddities that have no better place.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of a client since it was made; from [`RouterClient::counters`](crate::RouterClient::counters).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ClientCounters {
    /// Requests that left.
    pub requests_sent: u64,
    /// Outcomes that reached a call.
    pub outcomes: u64,
    /// Answers to calls that had ended here before, or were never made: late ones, mostly.
    pub answers_without_call: u64,
    /// Messages that no server of this protocol sends.
    pub malformed_messages: u64,
    /// Calls that ended `busy` in the client, because a bound of [`ConnectOptions`](crate::ConnectOptions) was reached.
    pub busy: u64,
    /// Times that an idempotent call was sent again, because its outcome was unknown.
    pub retries: u64,
    /// Calls whose outcome is unknown.
    pub unknown_outcomes: u64,
    /// How often the client was greeted by a server of another epoch than before.
    pub epoch_changes: u64,
    /// How often the state became `Lost`.
    pub times_lost: u64,
    /// Messages on the sockets of streams that are no samples.
    pub malformed_samples: u64,
    /// How often the process had no socket left for a large stream, or could not dial where the server has it.
    pub refused_sockets: u64,
    /// Samples that were in shared memory no longer when they were to be read; their subscriptions count them as lost.
    pub late_in_memory: u64,
}

/// A counter that any thread may advance.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The live counters: advanced by the calls loop and by callers, read by anyone.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) requests_sent: Counter,
    pub(crate) outcomes: Counter,
    pub(crate) answers_without_call: Counter,
    pub(crate) malformed_messages: Counter,
    pub(crate) busy: Counter,
    pub(crate) retries: Counter,
    pub(crate) unknown_outcomes: Counter,
    pub(crate) epoch_changes: Counter,
    pub(crate) times_lost: Counter,
}

impl Counters {
    pub(crate) fn snapshot(&self) -> ClientCounters {
        ClientCounters {
            requests_sent: self.requests_sent.get(),
            outcomes: self.outcomes.get(),
            answers_without_call: self.answers_without_call.get(),
            malformed_messages: self.malformed_messages.get(),
            busy: self.busy.get(),
            retries: self.retries.get(),
            unknown_outcomes: self.unknown_outcomes.get(),
            epoch_changes: self.epoch_changes.get(),
            times_lost: self.times_lost.get(),
            malformed_samples: 0, // the samples loop counts these three itself
            refused_sockets: 0,
            late_in_memory: 0,
        }
    }
}
