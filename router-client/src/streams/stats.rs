//! What a subscription counted.

use serde::Serialize;

/// What became of the samples of one subscription.
///
/// Every sample that the source numbered since the first one delivered is in exactly one of the first six
/// counters, so that in total and in each segment
/// `received + replaced + dropped + lost + skipped + waiting = last - first + 1`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct SubscriptionStats {
    /// Handed to the program.
    pub received: u64,
    /// Overwritten in a cache before they were looked at.
    pub replaced: u64,
    /// Left out because a queue was full.
    pub dropped: u64,
    /// Never arrived: gaps in sequence, and what the source declared beyond the newest sample.
    pub lost: u64,
    /// Left out because the subscription asked for less: by `max_hz` or `decimate`, or as a cache of large samples,
    /// which come over a network when they are looked for.
    pub skipped: u64,
    /// Arrived and not taken yet.
    pub waiting: u64,
    /// Packets that came again, such as the last value after a reconnection; they are ignored and stand
    /// outside the equation.
    pub duplicates: u64,
    /// How often the source began anew: its server was restarted, or the stream removed and added again.
    /// What was published unseen in between has no number.
    pub breaks: u64,
    /// Samples among `received` that could not be read as the type asked for.
    pub undecodable: u64,
    /// Samples that came through memory which this program and the server share, on one machine; outside the equation, as
    /// the next.
    pub through_memory: u64,
    /// Those of them that were copied: more of the stream were kept here than the server lets a program keep in place.
    pub copied_from_memory: u64,
    /// Whether the server removed the stream, and has not added it again.
    pub removed: bool,
    /// The last segments, at most [`LISTED_SEGMENTS`], the current one last.
    pub segments: Vec<SegmentStats>,
    /// All segments that are not listed any more, summed; how many samples they were expected to have.
    pub earlier_expected: u64,
}

/// How many segments a subscription remembers one by one.
pub const LISTED_SEGMENTS: usize = 16;

/// The part of a subscription's samples that comes from one incarnation of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct SegmentStats {
    /// The life of the server.
    pub epoch: u64,
    /// The life of the stream under its name.
    pub incarnation: u64,
    /// The first sequence number delivered.
    pub first: u64,
    /// The newest sequence number seen or declared.
    pub last: u64,
    /// See [`SubscriptionStats::received`].
    pub received: u64,
    /// See [`SubscriptionStats::replaced`].
    pub replaced: u64,
    /// See [`SubscriptionStats::dropped`].
    pub dropped: u64,
    /// See [`SubscriptionStats::lost`].
    pub lost: u64,
    /// See [`SubscriptionStats::skipped`].
    pub skipped: u64,
    /// See [`SubscriptionStats::waiting`].
    pub waiting: u64,
}

impl SubscriptionStats {
    /// How many samples the sources numbered in what this subscription saw of them: the sum of
    /// `last - first + 1` over all segments.
    pub fn expected(&self) -> u64 {
        self.segments.iter().fold(self.earlier_expected, |sum, segment| sum.wrapping_add(segment.expected()))
    }

    /// Whether the loss equation holds in total and in each listed segment. It always does; tests ask.
    pub fn balances(&self) -> bool {
        let counted = [self.received, self.replaced, self.dropped, self.lost, self.skipped, self.waiting];
        sum(counted) == self.expected() && self.segments.iter().all(SegmentStats::balances)
    }
}

impl SegmentStats {
    /// How many samples the source numbered from the first delivered to the newest seen or declared.
    pub fn expected(&self) -> u64 {
        self.last - self.first + 1
    }

    /// Whether the loss equation holds.
    pub fn balances(&self) -> bool {
        sum([self.received, self.replaced, self.dropped, self.lost, self.skipped, self.waiting])
            == self.expected()
    }
}

/// Sums as the counters themselves are summed: a hostile server's sequence numbers may overflow a total.
fn sum(counters: [u64; 6]) -> u64 {
    counters.into_iter().fold(0, u64::wrapping_add)
}
