//! A subscription that the samples loop serves for as long as its handle lives.

use std::sync::Arc;
use std::time::Duration;

use router_wire::{Name, NameError, Topic};
use thiserror::Error;

use super::asking;
use super::samples_handle::SamplesHandle;
use super::settle::{self, SettleError};
use super::stats::SubscriptionStats;
use super::subscription::{Deliver, Keep, Subscription};
use crate::CallError;

/// What subscriptions need of the client: `RouterClient`, or a stand-in for one in tests.
pub(crate) trait StreamClient: Send + Sync {
    /// The samples loop.
    fn samples(&self) -> &SamplesHandle;
    /// How many bytes a queue holds unless it is told otherwise.
    fn queue_bytes(&self) -> usize;
    /// Asks the server to declare the newest number of the stream, with `token`, in the stream itself.
    ///
    /// # Blocking
    /// At most `deadline`.
    fn ask_to_declare(&self, name: &Name, token: u64, deadline: Duration) -> Result<(), CallError>;
    /// Asks the server for the newest sample of the stream, without waiting; `false` when there is no connection. The
    /// answer comes in the stream's topic for this client: the sample, or a declaration with `token`.
    fn ask_newest(&self, name: &Name, token: u64) -> bool;
}

/// Why there is no subscription.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The text is not a legal name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// What is not a rate.
    #[error("at most {max_hz} samples a second cannot be kept; write a number above 0, such as 10.0")]
    Rate {
        /// What was asked for [Hz].
        max_hz: f64,
    },
    /// One of no samples.
    #[error("one of every 0 samples cannot be picked; write 1 for all of them or a higher number")]
    EveryNone,
    /// Two ways of leaving samples out at once.
    #[error("samples are left out either by `max_hz` or by `decimate`; write one of them")]
    TwoViews,
    /// A queue of no samples would drop every one.
    #[error("a queue of 0 samples keeps nothing; ask for at least 1")]
    EmptyQueue,
    /// The client was closed.
    #[error("`{name}` cannot be subscribed to: the client was closed")]
    Closed {
        /// The stream.
        name: Name,
    },
    /// The system has no thread left for `on_sample`.
    #[error("no thread could be started for the samples of `{name}`: {reason}")]
    Thread {
        /// The stream.
        name: Name,
        /// What the system says.
        reason: std::io::Error,
    },
}

/// A subscription and the client it belongs to. Dropped, it unsubscribes.
pub(crate) struct Attached<K: Keep> {
    pub(crate) subscription: Arc<Subscription<K>>,
    client: Arc<dyn StreamClient>,
}

impl<K: Keep> Attached<K> {
    pub(crate) fn open(
        client: Arc<dyn StreamClient>,
        topic: Topic,
        live_only: bool,
        kept: K,
    ) -> Result<Attached<K>, SubscribeError> {
        let subscription = Subscription::new(topic, live_only, kept);
        let deliver: Arc<dyn Deliver> = Arc::clone(&subscription) as Arc<dyn Deliver>;
        if !client.samples().subscribe(subscription.topic.clone(), deliver) {
            return Err(SubscribeError::Closed { name: subscription.name().clone() });
        }
        Ok(Attached { subscription, client })
    }

    pub(crate) fn name(&self) -> &Name {
        self.subscription.name()
    }

    /// Has the newest sample come here, where samples come when they are asked for.
    pub(crate) fn freshen(&self, timeout: Duration) {
        asking::freshen(&self.subscription, &*self.client, timeout);
    }

    pub(crate) fn stats(&self) -> SubscriptionStats {
        self.subscription.stats()
    }

    pub(crate) fn settle(&self, timeout: Duration) -> Result<SubscriptionStats, SettleError> {
        settle::settle(&self.subscription, &*self.client, timeout)
    }
}

impl<K: Keep> Drop for Attached<K> {
    fn drop(&mut self) {
        self.subscription.abandon();
        self.client.samples().unsubscribe(self.subscription.topic.clone(), self.subscription.number());
    }
}
