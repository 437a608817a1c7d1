//! What the handles of one client and its calls loop share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use router_socket::Endpoint;
use router_wire::ClientIdentity;

use crate::budget::Budget;
use crate::connection::Connection;
use crate::counters::Counters;
use crate::options::ConnectOptions;

/// Fixed facts, and cells that are written by one side and read by the other.
#[derive(Debug)]
pub(crate) struct Shared {
    /// What was dialled.
    pub(crate) endpoint: Endpoint,
    /// Who this client says it is.
    pub(crate) identity: ClientIdentity,
    pub(crate) options: ConnectOptions,
    /// Written by the loop, read by handles.
    pub(crate) connection: Connection,
    /// Written by both.
    pub(crate) counters: Counters,
    /// Taken by callers, given back when requests have left and calls have ended.
    pub(crate) budget: Arc<Budget>,
    last_call: AtomicU64,
}

impl Shared {
    pub(crate) fn new(endpoint: Endpoint, identity: ClientIdentity, options: ConnectOptions) -> Shared {
        Shared {
            endpoint,
            identity,
            connection: Connection::new(),
            counters: Counters::default(),
            budget: Budget::new(options.max_calls_in_flight, options.max_unsent_bytes),
            last_call: AtomicU64::new(0),
            options,
        }
    }

    /// The number of the next call, hello or ping: from 1, none twice.
    pub(crate) fn next_call(&self) -> u64 {
        self.last_call.fetch_add(1, Ordering::Relaxed) + 1
    }
}
