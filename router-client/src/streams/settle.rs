//! `settle`: waiting until everything that the source published before has passed or is known to be lost.

use std::time::{Duration, Instant};

use router_wire::Name;
use thiserror::Error;

use super::attached::StreamClient;
use super::stats::SubscriptionStats;
use super::subscription::{Keep, Subscription};
use super::token;
use crate::CallError;

/// Why a subscription could not be settled.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum SettleError {
    /// The server did not take the request: it is gone, or it has no such stream.
    #[error("`{name}` cannot be settled: {reason}")]
    Refused {
        /// The stream.
        name: Name,
        /// What came of the call.
        reason: Box<CallError>,
    },
    /// The declaration did not come in time; the connection for samples may be down, or full.
    #[error("`{name}` did not settle within {} ms; is its samples connection up?", waited.as_millis())]
    TimedOut {
        /// The stream.
        name: Name,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The client was closed.
    #[error("`{name}` cannot be settled: the client was closed")]
    Closed {
        /// The stream.
        name: Name,
    },
}

/// The declaration is dropped where the pipe is full, and is not sent where the subscription has not arrived
/// yet: it is asked for again after this time.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Makes the source declare its newest number, and waits until the declaration has passed through the stream.
pub(crate) fn settle<K: Keep>(
    subscription: &Subscription<K>,
    client: &dyn StreamClient,
    timeout: Duration,
) -> Result<SubscriptionStats, SettleError> {
    let token = token::new();
    subscription.await_token(token);
    let settled = wait_for(token, subscription, client, timeout);
    subscription.forget_token(token);
    settled.map(|()| subscription.stats())
}

fn wait_for<K: Keep>(
    token: u64,
    subscription: &Subscription<K>,
    client: &dyn StreamClient,
    timeout: Duration,
) -> Result<(), SettleError> {
    let name = || subscription.name().clone();
    let started = Instant::now();
    loop {
        let left = timeout.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(SettleError::TimedOut { name: name(), waited: timeout });
        }
        match client.ask_to_declare(subscription.name(), token, left) {
            // A server that is slow or busy may answer the next one.
            Ok(()) | Err(CallError::DeadlineExceeded { .. } | CallError::Busy { .. }) => {}
            Err(CallError::Closed) => return Err(SettleError::Closed { name: name() }),
            Err(reason) => return Err(SettleError::Refused { name: name(), reason: Box::new(reason) }),
        }
        let left = timeout.saturating_sub(started.elapsed());
        match subscription.token_has_passed(token, Instant::now() + left.min(ASK_AGAIN_AFTER)) {
            Some(true) => return Ok(()),
            Some(false) => {}
            None => return Err(SettleError::Closed { name: name() }),
        }
    }
}
