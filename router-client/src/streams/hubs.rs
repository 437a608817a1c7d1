//! All hubs of a client: which message goes to whom.

use std::collections::HashMap;
use std::sync::Arc;

use router_slots::{Refusal, SlotReader};
use router_socket::Frame;
use router_wire::{Name, Topic, View};

use super::hub::Hub;
use super::packet::{self, Arrived, Place};
use super::samples_handle::SamplesCounters;
use super::segment::SegmentId;
use super::subscription::Deliver;

/// The streams, and views of streams, that somebody subscribed to. Knows no socket.
pub(crate) struct Hubs {
    by_topic: HashMap<Topic, Hub>,
    /// Whose memory can be asked for: the life of the server.
    pub(crate) memory_of: Option<u64>,
    /// Rings to be asked for.
    wanted: Vec<(Topic, SegmentId)>,
    /// Topics that have come to where they are to be, and where they were.
    joined: Vec<(Topic, Place)>,
    /// Streams that are perhaps better subscribed to elsewhere than they are, until the loop moves them.
    moving: Vec<(Topic, Place)>,
    /// Who asks for samples, in their topics.
    asker: u64,
    /// The end of those topics.
    asked: String,
    /// The end of the topics of what is in shared memory.
    slots: String,
    counters: Arc<SamplesCounters>,
}

impl Hubs {
    pub(crate) fn new(asker: u64, counters: Arc<SamplesCounters>) -> Hubs {
        let anything = Name::parse("a").expect("a legal name");
        let end_of = |view| Topic::view_of(&anything, view).as_str()[anything.as_str().len()..].to_owned();
        let asked = end_of(View::Asked { asker });
        Hubs {
            by_topic: HashMap::new(),
            memory_of: None,
            wanted: Vec::new(),
            joined: Vec::new(),
            moving: Vec::new(),
            asker,
            asked,
            slots: end_of(View::Slots),
            counters,
        }
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
            Place::Slots => Topic::view_of(topic.name(), View::Slots),
            Place::Samples | Place::Frames => topic.clone(),
        }
    }

    /// Hands on a message from a socket of `place`; one that is not whole had more frames than any packet.
    pub(crate) fn message(&mut self, place: Place, frames: &mut Vec<Frame>, is_whole: bool) {
        let Some(text) = packet::topic_text(frames) else { return self.counters.count_malformed() };
        let (text, place) = match (text.strip_suffix(&self.asked), text.strip_suffix(&self.slots)) {
            (Some(name), _) => (name, Place::Asked),
            (_, Some(name)) => (name, Place::Slots),
            _ => (text, place),
        };
        // What still comes after the stream was unsubscribed from there is for nobody.
        let Some(hub) = self.by_topic.get_mut(text).filter(|hub| hub.listens_at(place)) else { return };
        hub.was_heard = true;
        let Some(arrived) = packet::read(frames).filter(|_| is_whole) else {
            return self.counters.count_malformed();
        };
        if hub.joining == Some(place) {
            self.joined.push((hub.topic.clone(), hub.place()));
            hub.moved(place);
        }
        if packet::life(&arrived).is_some_and(|life| hub.wants_ring(life, self.memory_of)) {
            self.wanted.extend(packet::life(&arrived).map(|life| (hub.topic.clone(), life)));
        }
        if let Some(arrived) = hub.shared.park(arrived) {
            hand_on(hub, arrived, &mut self.moving, &self.counters);
        }
    }

    /// A ring that the server is to be asked for, until there is none.
    pub(crate) fn next_wanted(&mut self) -> Option<(Topic, SegmentId)> {
        self.wanted.pop()
    }

    /// The server's answer to the question for the ring of one life of a stream.
    pub(crate) fn answered(&mut self, topic: &Topic, life: SegmentId, answer: Result<SlotReader, Refusal>) {
        let Some(hub) = self.by_topic.get_mut(topic) else { return };
        for arrived in hub.shared.answered(life, answer) {
            hand_on(hub, arrived, &mut self.moving, &self.counters);
        }
        self.moving.push((topic.clone(), hub.place()));
    }

    /// Rings for which there was no place are asked for again when something comes.
    pub(crate) fn ask_refused_again(&mut self) {
        self.by_topic.values_mut().for_each(|hub| hub.shared.ask_again());
    }

    /// The server's memory cannot be asked for any more. What is held of it stays.
    pub(crate) fn memory_ended(&mut self) {
        self.memory_of = None;
        self.wanted.clear();
        for hub in self.by_topic.values_mut() {
            for arrived in hub.shared.forget() {
                hand_on(hub, arrived, &mut self.moving, &self.counters);
            }
            self.moving.push((hub.topic.clone(), hub.place()));
        }
    }

    /// A topic that has come to where it is to be, and where it was, until there is none.
    pub(crate) fn next_joined(&mut self) -> Option<(Topic, Place, Place)> {
        while let Some((topic, left)) = self.joined.pop() {
            if let Some(hub) = self.by_topic.get(&topic) {
                return Some((topic, left, hub.place()));
            }
        }
        None
    }

    /// The topic is subscribed to at another place as well, where the stream goes on.
    pub(crate) fn joins(&mut self, topic: &Topic, there: Place) {
        if let Some(hub) = self.by_topic.get_mut(topic) {
            hub.joining = Some(there);
        }
    }

    /// A topic that is to be subscribed to at another place, until there is none.
    pub(crate) fn next_move(&mut self) -> Option<Move> {
        while let Some((topic, there)) = self.moving.pop() {
            let Some(hub) = self.by_topic.get_mut(&topic) else { continue };
            let (best, place) = (hub.best_place(there), hub.place());
            match hub.joining {
                Some(joining) if joining == best => {}
                Some(joining) => {
                    hub.joining = None;
                    self.moving.push((topic.clone(), there));
                    return Some(Move::Leave { topic, place: joining });
                }
                None if best == place => {}
                // All of these come through one socket in one order.
                None if place.is_large() && best.is_large() && [place, best].contains(&Place::Slots) => {
                    return Some(Move::Join { topic, from: place, to: best });
                }
                None => return Some(Move::To { topic, place: best }),
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

/// What the loop is to do about a topic's subscription.
#[derive(Debug)]
pub(crate) enum Move {
    /// Subscribe there, and leave where it was.
    To { topic: Topic, place: Place },
    /// Subscribe on its socket at `to`, too: it is left where it was when something has come from there.
    Join { topic: Topic, from: Place, to: Place },
    /// Leave a place that it was about to join.
    Leave { topic: Topic, place: Place },
}

fn hand_on(hub: &mut Hub, arrived: Arrived, moving: &mut Vec<(Topic, Place)>, counters: &SamplesCounters) {
    match arrived {
        Arrived::Sample { packet, is_last_value } => hub.sample(packet, is_last_value),
        // One that is gone is lost, and counted when the next one or a declaration comes.
        Arrived::InSlot { header, slot } => match hub.shared.read(header, slot) {
            Some(packet) => hub.sample(packet, false),
            None => counters.count_late_in_memory(),
        },
        Arrived::Declaration { id, sequence, skipped, token } => hub.declared(id, sequence, skipped, token),
        Arrived::Removed { id, sequence, skipped } => hub.removed(id, sequence, skipped),
        Arrived::Elsewhere { place } => moving.push((hub.topic.clone(), place)),
    }
}
