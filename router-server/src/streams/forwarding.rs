//! What the proxy keeps of a stream.

use std::sync::Arc;

use super::declarations::Waiting;
use super::packet::Packet;
use super::stream::Stream;

/// One stream as the proxy sees it; the proxy alone reads and writes it.
pub(crate) struct Forwarding {
    pub(crate) stream: Arc<Stream>,
    /// The highest number that was forwarded, or that a last value from before had.
    forwarded: Option<u64>,
    /// The newest sample that was forwarded, by reference, or the newest one from the time when nobody listened.
    last: Option<Packet>,
    /// `last`, marked as a last value; made when the first subscriber needs it.
    marked: Option<Packet>,
}

impl Forwarding {
    pub(crate) fn new(stream: Arc<Stream>) -> Forwarding {
        Forwarding { stream, forwarded: None, last: None, marked: None }
    }

    /// Whether everything that `waiting` waits for has passed.
    pub(crate) fn has_passed(&self, waiting: &Waiting) -> bool {
        self.stream.incarnation != waiting.stream.incarnation || waiting.given.sent <= self.forwarded
    }

    /// Notes a sample that passes. `false`: a subscriber has already had a newer one as its last value. That sample
    /// was made while somebody listened who is gone, so nobody misses it.
    pub(crate) fn pass(&mut self, sample: &Packet) -> bool {
        if Some(sample.sequence) <= self.forwarded {
            return false;
        }
        self.keep(sample.sequence, || sample.shared());
        true
    }

    /// Says who listens. The sample that waited for a listener becomes the last value.
    pub(crate) fn set_heard(&mut self, heard: bool, subscribers: u64) {
        if let Some(unsent) = self.stream.set_heard(heard, subscribers)
            && Some(unsent.sequence) > self.forwarded
        {
            self.keep(unsent.sequence, || unsent);
        }
    }

    /// What a new subscriber gets first.
    pub(crate) fn last_value(&mut self) -> Option<Packet> {
        if self.marked.is_none() {
            self.marked = self.last.as_ref().map(|last| last.as_last_value(self.stream.name.as_str()));
        }
        self.marked.as_ref().map(Packet::shared)
    }

    fn keep(&mut self, sequence: u64, packet: impl FnOnce() -> Packet) {
        self.forwarded = Some(sequence);
        self.marked = None;
        self.last = self.stream.spec.keeps_last_value.then(packet);
    }
}
