//! What became of a subscription's samples, as a child tells it.

use router_client::SubscriptionStats;
use serde::{Deserialize, Serialize};

use crate::failed::{Outcome, check};

/// The sums of one or more subscriptions, and whether the equation of each balanced in each segment.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) stream: String,
    pub(crate) received: u64,
    pub(crate) replaced: u64,
    pub(crate) dropped: u64,
    pub(crate) lost: u64,
    pub(crate) waiting: u64,
    pub(crate) breaks: u64,
    /// Segments that were looked at one by one.
    pub(crate) segments: u64,
    /// What did not balance, as text.
    pub(crate) unbalanced: Option<String>,
}

impl Account {
    pub(crate) fn of(stream: &str, stats: &SubscriptionStats) -> Account {
        Account {
            stream: stream.to_owned(),
            received: stats.received,
            replaced: stats.replaced,
            dropped: stats.dropped,
            lost: stats.lost,
            waiting: stats.waiting,
            breaks: stats.breaks,
            segments: stats.segments.len() as u64,
            unbalanced: (!stats.balances()).then(|| format!("{stats:?}")),
        }
    }

    /// Adds another subscription's sums.
    pub(crate) fn add(&mut self, other: &Account) {
        self.received += other.received;
        self.replaced += other.replaced;
        self.dropped += other.dropped;
        self.lost += other.lost;
        self.waiting += other.waiting;
        self.breaks += other.breaks;
        self.segments += other.segments;
        self.unbalanced = self.unbalanced.take().or_else(|| other.unbalanced.clone());
    }

    /// # Errors
    /// The equation of a segment does not balance.
    pub(crate) fn must_balance(&self) -> Outcome {
        check(self.unbalanced.is_none(), || {
            format!("the equation of `{}` does not balance: {:?}", self.stream, self.unbalanced)
        })
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} received", self.received)?;
        let others = [
            (self.dropped, "dropped"),
            (self.lost, "lost"),
            (self.replaced, "replaced"),
            (self.waiting, "waiting"),
            (self.breaks, "breaks"),
        ];
        others
            .iter()
            .filter(|(count, _)| *count > 0)
            .try_for_each(|(count, what)| write!(f, ", {count} {what}"))
    }
}
