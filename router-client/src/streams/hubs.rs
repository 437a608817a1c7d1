//! All hubs of a client: which message goes to whom.

use std::collections::HashMap;
use std::sync::Arc;

use router_socket::Frame;
use router_wire::Name;

use super::hub::Hub;
use super::packet::{self, Arrived, Place};
use super::samples_handle::SamplesCounters;
use super::subscription::Deliver;

/// The streams that somebody subscribed to, by name. Knows no socket.
pub(crate) struct Hubs {
    by_name: HashMap<Name, Hub>,
    /// Streams that a message said are served elsewhere, until the loop moves them.
    moving: Vec<(Name, Place)>,
    counters: Arc<SamplesCounters>,
}

impl Hubs {
    pub(crate) fn new(counters: Arc<SamplesCounters>) -> Hubs {
        Hubs { by_name: HashMap::new(), moving: Vec::new(), counters }
    }

    /// Adds a subscription; whether the stream is a new one, to be subscribed to with the small ones.
    pub(crate) fn add(&mut self, name: Name, subscription: Arc<dyn Deliver>) -> bool {
        let is_new = !self.by_name.contains_key(&name);
        self.by_name.entry(name.clone()).or_insert_with(|| Hub::new(name)).add(subscription);
        is_new
    }

    /// Removes a subscription; where the stream was subscribed to, when it was the last one.
    pub(crate) fn remove(&mut self, name: &Name, number: u64) -> Option<Place> {
        let hub = self.by_name.get_mut(name)?;
        if hub.remove(number) {
            return None;
        }
        self.by_name.remove(name).map(|hub| hub.place)
    }

    /// Hands on a message from a socket of `place`; one that is not whole had more frames than any packet.
    pub(crate) fn message(&mut self, place: Place, frames: &mut Vec<Frame>, is_whole: bool) {
        let Some(name) = packet::stream_name(frames) else { return self.counters.count_malformed() };
        // What still comes after the stream was unsubscribed from there is for nobody.
        let Some(hub) = self.by_name.get_mut(name).filter(|hub| hub.place == place) else { return };
        hub.was_heard = true;
        match packet::read(frames).filter(|_| is_whole) {
            Some(Arrived::Sample { packet, is_last_value }) => hub.sample(packet, is_last_value),
            Some(Arrived::Declaration { id, sequence, token }) => hub.declared(id, sequence, token),
            Some(Arrived::Removed { id, sequence }) => hub.removed(id, sequence),
            Some(Arrived::Elsewhere { place: there }) => self.moving.push((hub.name.clone(), there)),
            None => self.counters.count_malformed(),
        }
    }

    /// A stream that is to be subscribed to at another place, until there is none.
    pub(crate) fn next_move(&mut self) -> Option<(Name, Place)> {
        while let Some((name, there)) = self.moving.pop() {
            if self.by_name.get(&name).is_some_and(|hub| hub.place != there) {
                return Some((name, there));
            }
        }
        None
    }

    /// The stream is subscribed to at another place now.
    pub(crate) fn moved(&mut self, name: &Name, there: Place) {
        if let Some(hub) = self.by_name.get_mut(name) {
            hub.place = there;
        }
    }

    /// The streams of which nothing has come since this was last asked, and where they are subscribed to.
    pub(crate) fn silent(&mut self) -> Vec<(Name, Place)> {
        let silent = |hub: &mut Hub| {
            let was_heard = std::mem::take(&mut hub.was_heard);
            (!was_heard).then(|| (hub.name.clone(), hub.place))
        };
        self.by_name.values_mut().filter_map(silent).collect()
    }

    /// A server was greeted.
    pub(crate) fn greeted(&mut self, epoch: u64) {
        self.by_name.values_mut().for_each(|hub| hub.greeted(epoch));
    }

    /// Nothing will ever come again.
    pub(crate) fn close(&mut self) {
        self.by_name.drain().for_each(|(_, hub)| hub.close());
    }
}
