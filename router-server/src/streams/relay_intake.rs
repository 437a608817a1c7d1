//! What a relay does with a message: finds its stream and publishes it there.

use router_socket::{Frame, SocketError};
use router_wire::sample::SAMPLE_HEADER_BYTES;
use router_wire::{Encoding, Failure, Refused, SampleHeader, SampleStatus, python_packet};

use super::clock::Times;
use super::inlet::Passed;
use super::packet::Unnumbered;
use super::relay::{RelayLoop, Topic, below};
use super::relay_counters::RelayCounted;
use super::relay_message::{Foreign, Message};
use super::roster::ServeError;

impl RelayLoop {
    /// Takes what waits on one of the sockets; whether some may be left.
    pub(super) fn receive(&mut self, is_large: bool, most: usize) -> Result<bool, SocketError> {
        let mut message = std::mem::take(&mut self.message);
        let mut left = true;
        for _ in 0..most {
            let feed = if is_large { self.large.as_mut() } else { Some(&mut self.feed) };
            let received = feed.map_or(Ok(None), |feed| feed.receive(&mut message))?;
            let Some(is_whole) = received else {
                left = false;
                break;
            };
            self.take(&mut message, is_whole);
        }
        message.clear();
        self.message = message;
        Ok(left)
    }

    pub(super) fn take(&mut self, frames: &mut Vec<Frame>, is_whole: bool) {
        self.shared.counters.count(RelayCounted::Received);
        if let Some(tap) = &mut self.tap {
            tap.show(frames);
        }
        match Message::read(self.options.format, frames, is_whole) {
            Message::Numbered { name_bytes, header, is_last_value } => {
                self.take_numbered(frames, name_bytes, &header, is_last_value);
            }
            Message::Foreign(foreign) => self.take_foreign(frames, foreign),
            Message::Unreadable => self.shared.counters.count(RelayCounted::Unreadable),
        }
    }

    pub(super) fn take_numbered(
        &mut self,
        frames: &mut Vec<Frame>,
        name_bytes: usize,
        header: &SampleHeader,
        is_last_value: bool,
    ) {
        // A packet's name is a topic as any; without topics, it is that of the relay.
        let topic = &frames[0][..name_bytes];
        let is_own = self.options.topics.is_empty() && topic == self.name.as_str().as_bytes();
        let found = match self.single.filter(|_| is_own) {
            Some(single) => Some(single),
            None => self.find_topic(&frames[0], Some(name_bytes)),
        };
        let Some(incarnation) = found else { return };
        self.source_is_numbered();
        let Some(route) = self.inlets.get_mut(&incarnation) else { return };
        if header.status == SampleStatus::Elsewhere {
            let there = frames[0].get(name_bytes + 1 + SAMPLE_HEADER_BYTES);
            return self.moves(incarnation, there == Some(&1));
        }
        let packet = (name_bytes, header, is_last_value);
        match route.inlet.pass_on(frames, packet, &mut self.sink) {
            Passed::On | Passed::Elsewhere => {}
            Passed::TooLarge => self.shared.counters.count(RelayCounted::TooLarge),
        }
    }

    pub(super) fn take_foreign(&mut self, frames: &mut Vec<Frame>, foreign: Foreign) {
        let found = match (self.single, foreign.topic_bytes) {
            (Some(single), _) if self.options.topics.is_empty() => Some(single),
            // Subscribed to by its beginning.
            (Some(single), None) => Some(single),
            (_, topic_bytes) => self.find_topic(&frames[0], topic_bytes),
        };
        let Some(route) = found.and_then(|incarnation| self.inlets.get(&incarnation)) else {
            return;
        };
        let stream = &route.inlet.stream;
        if stream.passes_on() {
            // Numbers of its source and numbers of ours do not go together.
            return self.shared.counters.count(RelayCounted::Unreadable);
        }
        if stream.publish_unseen().is_some() {
            return;
        }
        let now = stream.clock.now();
        let times = Times { monotonic_ns: foreign.monotonic_ns.unwrap_or(now.monotonic_ns), ..now };
        let (index, start) = foreign.payload;
        let payload = frames.swap_remove(index);
        let (name, largest_bytes) = (stream.name.as_str(), stream.spec.largest_sample_bytes);
        let bytes = payload.len() - start;
        let sample = if foreign.failed {
            let failure = source_failure(self.options.encoding, &payload[start..]);
            Unnumbered::error(name, &failure, largest_bytes, times)
        } else if bytes > largest_bytes {
            self.shared.counters.count(RelayCounted::TooLarge);
            let text = format!(
                "a message of {bytes} bytes is larger than the {largest_bytes} bytes that its relay declares"
            );
            Unnumbered::error(name, &Failure::Refused(Refused::new("too_large", text)), largest_bytes, times)
        } else {
            Unnumbered::relayed(name, payload, start, self.options.encoding, times)
        };
        // A stream that has ended is looked at next.
        let _ = stream.publish(sample, Some(&mut self.sink));
    }

    /// The stream of a topic, which is made where topics are discovered. A message that has none is counted.
    pub(super) fn find_topic(&mut self, first: &Frame, topic_bytes: Option<usize>) -> Option<u64> {
        let topic = topic_bytes.map(|bytes| &first[..bytes]);
        let Some(topic) = topic.filter(|topic| self.options.discovers() || self.topics.contains_key(*topic))
        else {
            self.shared.counters.count(RelayCounted::ForeignTopic);
            return None;
        };
        match self.topics.get(topic) {
            Some(Topic::Stream(incarnation)) => return Some(*incarnation),
            Some(Topic::None) => {
                self.shared.counters.count(RelayCounted::RefusedTopic);
                return None;
            }
            None => {}
        }
        let prefix = self.options.each_topic.as_deref().unwrap_or_default();
        let legal = std::str::from_utf8(topic).ok().filter(|topic| router_wire::name::check(topic).is_ok());
        let Some(topic) = legal.filter(|_| self.topics.len() < self.options.most_topics) else {
            self.shared.counters.count(RelayCounted::RefusedTopic);
            return None;
        };
        let topic = topic.to_owned();
        match self
            .roster
            .serve_relayed(&below(prefix, &topic), self.stream_options(), |stream| self.watch(stream))
        {
            Ok(stream) => {
                let incarnation = stream.incarnation;
                self.add(stream, Some(&topic));
                Some(incarnation)
            }
            Err(ServeError::NotNow) => {
                self.shared.counters.count(RelayCounted::Unserved);
                None
            }
            Err(ServeError::Refused(error)) => {
                log::warn!("relay {}: the topic {topic} has no stream: {error}", self.name);
                self.shared.counters.count(RelayCounted::RefusedTopic);
                self.topics.insert(topic.into_bytes(), Topic::None);
                None
            }
        }
    }
}

/// What a source says of a value that it could not make.
fn source_failure(encoding: Encoding, payload: &[u8]) -> Failure {
    const SHOWN_BYTES: usize = 500;
    let text = match encoding {
        Encoding::Json | Encoding::None => std::str::from_utf8(payload).ok(),
        _ => python_packet::pickled_text(payload),
    };
    let text = match text {
        Some(text) => text.chars().take(SHOWN_BYTES).collect(),
        None => format!("the source could not make the value; it tells why in {} bytes", payload.len()),
    };
    Failure::Refused(Refused::new("source", text))
}
