//! What is counted and has no better place.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($( $(#[$docs:meta])* $name:ident, )*) => {
        /// Counters of a server's router loop. Written there, read by `router.stats`.
        #[derive(Default)]
        pub(crate) struct Counters { $( $(#[$docs])* pub(crate) $name: Count, )* }

        impl Counters {
            /// All of them by name.
            pub(crate) fn read(&self) -> BTreeMap<String, u64> {
                BTreeMap::from([ $( (stringify!($name).to_owned(), self.$name.get()), )* ])
            }
        }
    };
}

counters! {
    /// Requests that were understood.
    requests,
    /// Messages with too few or too many frames.
    bad_frame_count,
    /// Messages that are no message of this protocol.
    bad_messages,
    /// Requests for another life of this server.
    other_epoch_requests,
    /// Requests whose call number is in flight already, or was used before.
    repeated_call_numbers,
    /// Requests of idempotent calls that were sent before: attached to the call that runs, answered again, or run again.
    repeated_idempotent_calls,
    /// Questions for the outcome of a call.
    outcome_questions,
    /// Requests of calls that somebody had been told had never run; refused, nothing ran.
    requests_of_closed_calls,
    /// Cancels of calls that are not in flight.
    late_cancels,
    /// Answers whose client could not be reached.
    unroutable_answers,
    /// Answers that the client's full connection refused.
    refused_answers,
    /// Answers that were dropped because too many bytes were unconfirmed.
    unconfirmed_answers_dropped,
    /// Outcomes of methods that returned after their call had been answered (deadline passed, server stopping).
    late_outcomes,
    /// Inline runs longer than 1 ms.
    slow_inline_runs,
    /// Inline methods moved to their lane because a run was longer than 10 ms.
    inline_methods_moved,
    /// Descriptions of servers behind that were not told on, or not as a whole.
    cut_descriptions,
    /// Names of urgent and idempotent calls for which greetings have no room.
    names_left_out_of_greetings,
    /// Messages of strangers for whom there was no place beside the clients that are known.
    refused_clients,
    /// Hellos with another id than the connection had greeted with.
    changed_identities,
    /// Clients that were lost.
    lost_clients,
    /// Connections whose handshake failed: not ZeroMQ, another security mechanism, or too slow.
    failed_handshakes,
    /// Connections that ended.
    disconnects,
}

/// One counter.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
