//! Moments at which the router loop has something to do.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::job::JobKey;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// A call's deadline.
    Deadline(JobKey),
    /// A progress report that was held back.
    Progress(JobKey),
    /// Names that were waited for will not come any more.
    NamesHaveCome,
    /// A look at who has stopped pinging.
    LostClients,
}

/// A heap of moments. One entry is added with each deadline; entries of ended calls are dropped when due, and all
/// at once when they are most of the heap.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Due)>>,
}

impl Timers {
    pub(crate) fn add(&mut self, at: Instant, due: Due) {
        self.heap.push(Reverse((at, due)));
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Due> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, due))| due)
    }

    /// Whether the heap has grown past four times the calls in flight.
    pub(crate) fn need_tidying(&self, in_flight: usize) -> bool {
        self.heap.len() >= 1024 && self.heap.len() >= 4 * in_flight
    }

    /// Drops what belongs to calls that are not in flight any more.
    pub(crate) fn tidy(&mut self, is_in_flight: impl Fn(JobKey) -> bool) {
        self.heap.retain(|Reverse((_, due))| match due {
            Due::Deadline(key) | Due::Progress(key) => is_in_flight(*key),
            Due::LostClients | Due::NamesHaveCome => true,
        });
    }
}
