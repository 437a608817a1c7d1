//! All hubs of a client: which message goes to whom.

use std::collections::HashMap;
use std::sync::Arc;

use router_socket::Frame;
use router_wire::{Name, Topic, View};

use super::hub::Hub;
use super::packet::{self, Arrived, Place};
use super::samples_handle::SamplesCounters;
use super::subscription::Deliver;

/// The streams, and views of streams, that somebody subscribed to. Knows no socket.
pub(crate) struct Hubs {
    by_topic: HashMap<Topic, Hub>,
    /// Streams that are perhaps better subscribed to elsewhere than they are, until the loop moves them.
    moving: Vec<(Topic, Place)>,
    /// Who asks for samples, in their topics.
    asker: u64,
    /// The end of those topics.
    asked: String,
    counters: Arc<SamplesCounters>,
}

impl Hubs {
    pub(crate) fn new(asker: u64, counters: Arc<SamplesCounters>) -> Hubs {
        let anything = Name::parse("a").expect("a legal name");
        let topic = Topic::view_of(&anything, View::Asked { asker });
        let asked = topic.as_str()[anything.as_str().len()..].to_owned();
        Hubs { by_topic: HashMap::new(), moving: Vec::new(), asker, asked, counters }
    }

    /// Adds a subscription; whether the topic is a new one, to be subscribed to with the small streams.
    pub(crate) fn add(&mut self, topic: Topic, subscription: Arc<dyn Deliver>) -> bool {
        let is_new = !self.by_topic.contains_key(&topic);
        let hub = self.by_topic.entry(topic.clone()).or_insert_with(|| Hub::new(topic.clone()));
        hub.add(subscription);
        self.moving.push((topic, hub.place()));
        is_new
    }

    /// Removes a subscription; where the topic was subscribed to, when it was the last one.
    pub(crate) fn remove(&mut self, topic: &Topic, number: u64) -> Option<Place> {
        let hub = self.by_topic.get_mut(topic)?;
        if hub.remove(number) {
            self.moving.push((topic.clone(), hub.place()));
            return None;
        }
        self.by_topic.remove(topic).map(|hub| hub.place())
    }

    /// The topic under which `topic` is subscribed to at `place`.
    pub(crate) fn at(&self, topic: &Topic, place: Place) -> Topic {
        match place {
            Place::Asked => Topic::view_of(topic.name(), View::Asked { asker: self.asker }),
            Place::Samples | Place::Frames => topic.clone(),
        }
    }

    /// Hands on a message from a socket of `place`; one that is not whole had more frames than any packet.
    pub(crate) fn message(&mut self, place: Place, frames: &mut Vec<Frame>, is_whole: bool) {
        let Some(text) = packet::topic_text(frames) else { return self.counters.count_malformed() };
        let (text, place) = match text.strip_suffix(&self.asked) {
            Some(name) => (name, Place::Asked),
            None => (text, place),
        };
        // What still comes after the stream was unsubscribed from there is for nobody.
        let Some(hub) = self.by_topic.get_mut(text).filter(|hub| hub.place() == place) else { return };
        hub.was_heard = true;
        match packet::read(frames).filter(|_| is_whole) {
            Some(Arrived::Sample { packet, is_last_value }) => hub.sample(packet, is_last_value),
            Some(Arrived::Declaration { id, sequence, skipped, token }) => {
                hub.declared(id, sequence, skipped, token);
            }
            Some(Arrived::Removed { id, sequence, skipped }) => hub.removed(id, sequence, skipped),
            Some(Arrived::Elsewhere { place: there }) => self.moving.push((hub.topic.clone(), there)),
            None => self.counters.count_malformed(),
        }
    }

    /// A topic that is to be subscribed to at another place, until there is none.
    pub(crate) fn next_move(&mut self) -> Option<(Topic, Place)> {
        while let Some((topic, there)) = self.moving.pop() {
            let Some(hub) = self.by_topic.get(&topic) else { continue };
            let best = hub.best_place(there);
            if best != hub.place() {
                return Some((topic, best));
            }
        }
        None
    }

    /// The topic is subscribed to at another place now; where it was before.
    pub(crate) fn moved(&mut self, topic: &Topic, there: Place) -> Option<Place> {
        let hub = self.by_topic.get_mut(topic)?;
        let left = hub.place();
        hub.moved(there);
        Some(left)
    }

    /// The topics of which nothing has come since this was last asked, and where they are subscribed to.
    pub(crate) fn silent(&mut self) -> Vec<(Topic, Place)> {
        let silent = |hub: &mut Hub| {
            let was_heard = std::mem::take(&mut hub.was_heard);
            (!was_heard).then(|| (hub.topic.clone(), hub.place()))
        };
        self.by_topic.values_mut().filter_map(silent).collect()
    }

    /// A server was greeted.
    pub(crate) fn greeted(&mut self, epoch: u64) {
        self.by_topic.values_mut().for_each(|hub| hub.greeted(epoch));
    }

    /// Nothing will ever come again.
    pub(crate) fn close(&mut self) {
        self.by_topic.drain().for_each(|(_, hub)| hub.close());
    }
}
