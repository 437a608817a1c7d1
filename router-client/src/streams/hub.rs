//! `Hub`: what the samples loop knows of one stream, and who of this client subscribed to it.

use std::sync::Arc;

use router_wire::Topic;

use super::packet::{Packet, Place};
use super::segment::SegmentId;
use super::shared_stream::SharedStream;
use super::subscription::Deliver;

/// One stream, subscribed to once and shared by all of this client's subscriptions to it.
pub(crate) struct Hub {
    pub(crate) topic: Topic,
    place: Place,
    /// Where it is subscribed to as well, until something comes from there.
    pub(crate) joining: Option<Place>,
    /// Its samples in shared memory.
    pub(crate) shared: SharedStream,
    subscriptions: Vec<Arc<dyn Deliver>>,
    /// The last value for a further subscription.
    newest: Option<Packet>,
    /// Something of the stream has come since the loop last looked for silent ones.
    pub(crate) was_heard: bool,
}

impl Hub {
    pub(crate) fn new(topic: Topic) -> Hub {
        Hub {
            topic,
            place: Place::Samples,
            joining: None,
            shared: SharedStream::default(),
            subscriptions: Vec::new(),
            newest: None,
            was_heard: true,
        }
    }

    /// Adds a subscription, which begins with the newest sample as its last value.
    pub(crate) fn add(&mut self, subscription: Arc<dyn Deliver>) {
        if let Some(newest) = &self.newest {
            subscription.sample(newest, true);
        }
        if self.place == Place::Asked {
            subscription.moved(true, true);
        }
        self.subscriptions.push(subscription);
    }

    /// Removes a subscription; whether the hub still has one.
    pub(crate) fn remove(&mut self, number: u64) -> bool {
        self.subscriptions.retain(|subscription| subscription.number() != number);
        !self.subscriptions.is_empty()
    }

    /// Which socket subscribes to it.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Where it is best subscribed to, given that the server serves it at `there`: large samples are
    /// read from shared memory where that can be, and those of which nobody wants more than the newest are asked for.
    pub(crate) fn best_place(&self, there: Place) -> Place {
        let by_asking = there != Place::Samples && self.subscriptions.iter().all(|one| one.wants_newest());
        match there {
            Place::Samples => Place::Samples,
            _ if self.shared.is_attached() => Place::Slots,
            _ if by_asking => Place::Asked,
            _ => Place::Frames,
        }
    }

    /// It is subscribed to at another place now.
    pub(crate) fn moved(&mut self, there: Place) {
        // On one socket the one continues the other: what is missed then is lost.
        let continues = |place: Place| place.is_large() && place.has_all();
        let excuses = !(continues(self.place) && continues(there));
        (self.place, self.joining) = (there, None);
        if there == Place::Samples {
            self.shared = SharedStream::default();
        }
        for subscription in &self.subscriptions {
            subscription.moved(there == Place::Asked, excuses);
        }
    }

    /// Whether what comes from `place` is for it.
    pub(crate) fn listens_at(&self, place: Place) -> bool {
        self.place == place || self.joining == Some(place)
    }

    /// Whether the server is to be asked for the ring of `life`, where `epoch` is the server whose memory can be had.
    pub(crate) fn wants_ring(&mut self, life: SegmentId, epoch: Option<u64>) -> bool {
        let can_be = epoch == Some(life.epoch) && self.place.is_large() && self.topic.view().is_none();
        can_be && self.shared.asks(life)
    }

    pub(crate) fn sample(&mut self, packet: Packet, is_last_value: bool) {
        for subscription in &self.subscriptions {
            subscription.sample(&packet, is_last_value);
        }
        let is_older =
            |newest: &Packet| newest.id() == packet.id() && newest.header.sequence >= packet.header.sequence;
        if !self.newest.as_ref().is_some_and(is_older) {
            self.newest = Some(packet);
        }
    }

    pub(crate) fn declared(&self, id: SegmentId, sequence: u64, skipped: u32, token: Option<u64>) {
        for subscription in &self.subscriptions {
            subscription.declared(id, sequence, skipped, token);
        }
    }

    pub(crate) fn removed(&mut self, id: SegmentId, sequence: u64, skipped: u32) {
        self.newest = None;
        for subscription in &self.subscriptions {
            subscription.removed(id, sequence, skipped);
        }
    }

    /// A server of `epoch` was greeted: what another life of it sent is nobody's last value any more.
    pub(crate) fn greeted(&mut self, epoch: u64) {
        self.newest.take_if(|newest| newest.header.epoch != epoch);
    }

    pub(crate) fn close(&self) {
        for subscription in &self.subscriptions {
            subscription.close();
        }
    }
}
