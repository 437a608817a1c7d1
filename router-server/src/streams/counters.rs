//! What the proxy counts beside its streams.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Something that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Subscriptions that are no whole name: empty, prefixes, illegal names. Whoever made them is no subscriber.
    RefusedSubscription,
    /// Subscriptions to what the connection had subscribed to.
    RepeatedSubscription,
    /// Unsubscriptions from what the connection had not subscribed to.
    UnknownUnsubscription,
    /// Messages on a samples socket that are no subscription.
    ForeignMessage,
    /// Subscriptions beyond what is remembered; from the first on, every stream stays heard.
    SubscriptionNotRemembered,
    /// Subscribers that were told that their stream is on the other socket.
    ElsewhereAnswer,
    /// Samples that an unheard stream's newer last value had overtaken.
    OvertakenSample,
    /// Samples of a stream that had been removed or that has no entry.
    StaleSample,
    /// Connections to the samples sockets whose handshake failed.
    FailedHandshake,
    /// Connections to the samples sockets that ended.
    Disconnect,
    /// Changes of who listens to a stream of which more views are asked for than are served.
    RefusedView,
    /// Attempts to listen again, with another high-water mark, that failed.
    FailedBind,
}

const NAMES: [&str; 12] = [
    "refused_subscriptions",
    "repeated_subscriptions",
    "unknown_unsubscriptions",
    "foreign_messages_to_streams",
    "subscriptions_not_remembered",
    "elsewhere_answers",
    "overtaken_samples",
    "stale_samples",
    "failed_stream_handshakes",
    "stream_disconnects",
    "refused_views",
    "failed_binds_of_frames",
];

/// Written by the proxy, read by `router.stats`.
#[derive(Debug, Default)]
pub(crate) struct Counters([AtomicU64; NAMES.len()]);

impl Counters {
    pub(crate) fn count(&self, what: Counted) {
        self.0[what as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn connections_ended(&self) -> u64 {
        let count = |what: Counted| self.0[what as usize].load(Ordering::Relaxed);
        count(Counted::Disconnect) + count(Counted::FailedHandshake)
    }

    /// All of them by name.
    pub(crate) fn read(&self) -> BTreeMap<String, u64> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        NAMES.iter().map(|name| (*name).to_owned()).zip(counts).collect()
    }
}

#[cfg(test)]
impl Counters {
    pub(crate) fn get(&self, what: Counted) -> u64 {
        self.0[what as usize].load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_name() {
        let counters = Counters::default();
        counters.count(Counted::RefusedSubscription);
        counters.count(Counted::Disconnect);
        let read = counters.read();
        assert_eq!(
            (read["refused_subscriptions"], read["stream_disconnects"], read["stale_samples"]),
            (1, 1, 0)
        );
    }
}
