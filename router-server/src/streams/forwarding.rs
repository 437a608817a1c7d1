//! What the proxy keeps of a stream.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::declarations::Waiting;
use super::packet::Packet;
use super::stream::Stream;

/// Last values of a stream are sent again at most this often ...
const LEAST_PAUSE: Duration = Duration::from_millis(20);
/// ... and large ones with at most so many bytes a second: everyone who listens gets them, and a client that
/// subscribes again and again is not to fill other clients' lines.
const MOST_BYTES_PER_S: f64 = 16e6;

/// One stream as the proxy sees it; the proxy alone reads and writes it.
pub(crate) struct Forwarding {
    pub(crate) stream: Arc<Stream>,
    /// The highest number that passed, or that a last value from before had.
    passed: Option<u64>,
    /// The newest sample that passed, by reference, or the newest one from the time when nobody listened.
    last: Option<Packet>,
    /// `last`, marked as a last value; made when the first subscriber needs it.
    marked: Option<Packet>,
    /// Somebody subscribed and has had nothing yet.
    owes: bool,
    /// The proxy has it in its list of streams that may owe something.
    listed: bool,
    /// When the last value may be sent again.
    may_send_at: Option<Instant>,
}

/// What a stream does about new subscribers.
pub(crate) enum LastValue {
    /// It sends this to everyone who listens: those who have it ignore it by its number.
    Send(Packet),
    /// It sends later.
    At(Instant),
    /// There is none, or all have it.
    Nothing,
}

impl Forwarding {
    pub(crate) fn new(stream: Arc<Stream>) -> Forwarding {
        Forwarding {
            stream,
            passed: None,
            last: None,
            marked: None,
            owes: false,
            listed: false,
            may_send_at: None,
        }
    }

    /// Whether everything that `waiting` waits for has passed.
    pub(crate) fn has_passed(&self, waiting: &Waiting) -> bool {
        self.stream.incarnation != waiting.stream.incarnation || waiting.given.sent <= self.passed
    }

    /// Notes a sample that passes. `false`: whoever listens has already had a newer one as the last value. That
    /// sample was made while somebody listened who is gone, so nobody misses it.
    pub(crate) fn pass(&mut self, sample: &Packet) -> bool {
        if Some(sample.sequence) <= self.passed {
            return false;
        }
        self.keep(sample.sequence, || sample.shared());
        // Whoever is subscribed gets this one. Where nobody is, it waits for the next subscriber like any other.
        self.owes &= !self.stream.is_heard();
        true
    }

    /// Says who listens. The sample that waited for a listener becomes the last value.
    pub(crate) fn set_heard(&mut self, heard: bool, subscribers: u64) {
        if let Some(unsent) = self.stream.set_heard(heard, subscribers)
            && Some(unsent.sequence) > self.passed
        {
            self.keep(unsent.sequence, || unsent);
        }
    }

    /// Somebody subscribed; whether the stream is to be listed now.
    pub(crate) fn owe_last_value(&mut self) -> bool {
        self.owes = true;
        !std::mem::replace(&mut self.listed, true)
    }

    /// What is to be done about new subscribers now. With [`LastValue::At`] it stays listed.
    pub(crate) fn last_value(&mut self, now: Instant) -> LastValue {
        self.listed = false;
        let Some(last) = self.last.as_ref().filter(|_| self.owes) else { return LastValue::Nothing };
        if let Some(at) = self.may_send_at.filter(|&at| now < at) {
            self.listed = true;
            return LastValue::At(at);
        }
        let marked = self.marked.get_or_insert_with(|| last.as_last_value(self.stream.name.as_str()));
        self.owes = false;
        let bytes = marked.head.len() + marked.payload.as_ref().map_or(0, |payload| payload.len());
        self.may_send_at = Some(now + LEAST_PAUSE + Duration::from_secs_f64(bytes as f64 / MOST_BYTES_PER_S));
        LastValue::Send(marked.shared())
    }

    fn keep(&mut self, sequence: u64, packet: impl FnOnce() -> Packet) {
        self.passed = Some(sequence);
        self.marked = None;
        self.last = self.stream.spec.keeps_last_value.then(packet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::clock::Clock;
    use crate::streams::packet::Unnumbered;
    use crate::streams::stream::StreamSpec;
    use router_wire::Name;
    use router_wire::describe::{StreamKind, StreamSocket, ValueDescription};

    fn stream() -> Arc<Stream> {
        let spec = StreamSpec {
            kind: StreamKind::Pushed,
            on_demand: false,
            keeps_last_value: true,
            largest_sample_bytes: 100,
            socket: StreamSocket::Samples,
            docs: String::new(),
            method: None,
            value: ValueDescription::default(),
        };
        let name = Name::parse("stage").unwrap();
        Arc::new(Stream::new(name, (1, 1), Clock::since(Instant::now()), spec, true, None))
    }

    fn sample(stream: &Stream, sequence: u64) -> Packet {
        Unnumbered::value("stage", &sequence, stream.clock.now())
            .unwrap()
            .number("stage", stream.stamp(sequence))
    }

    fn sent(forwarding: &mut Forwarding, now: Instant) -> Option<u64> {
        match forwarding.last_value(now) {
            LastValue::Send(packet) => Some(packet.sequence),
            LastValue::At(at) => panic!("{:?} too early", at - now),
            LastValue::Nothing => None,
        }
    }

    /// Samples 0 and 1 are on their way through the proxy when the last subscriber leaves, and 2 and 3 are made
    /// while nobody listens: the next subscriber begins with 3, and what is late is not for it.
    #[test]
    fn what_was_on_its_way_to_a_former_subscriber_does_not_come_behind_the_last_value() {
        let stream = stream();
        let mut forwarding = Forwarding::new(Arc::clone(&stream));
        for value in 0..4_u64 {
            let unnumbered = Unnumbered::value("stage", &value, stream.clock.now()).unwrap();
            stream.publish(unnumbered, None).unwrap();
        }
        assert!(forwarding.pass(&sample(&stream, 0)));
        forwarding.set_heard(true, 1);
        assert!(forwarding.owe_last_value());
        assert!(!forwarding.pass(&sample(&stream, 1)));
        assert_eq!(sent(&mut forwarding, Instant::now()), Some(3));
        assert!(!forwarding.pass(&sample(&stream, 2)));
        assert!(forwarding.pass(&sample(&stream, 4)));
    }

    #[test]
    fn a_live_sample_is_as_good_as_a_last_value() {
        let stream = stream();
        let mut forwarding = Forwarding::new(Arc::clone(&stream));
        forwarding.set_heard(true, 1);
        assert!(forwarding.owe_last_value());
        assert!(!forwarding.owe_last_value(), "it is listed");
        forwarding.pass(&sample(&stream, 0));
        assert_eq!(sent(&mut forwarding, Instant::now()), None);
    }

    #[test]
    fn last_values_wait_for_their_pause() {
        let stream = stream();
        let mut forwarding = Forwarding::new(Arc::clone(&stream));
        forwarding.set_heard(true, 1);
        forwarding.pass(&sample(&stream, 0));
        let now = Instant::now();
        forwarding.owe_last_value();
        assert_eq!(sent(&mut forwarding, now), Some(0));
        forwarding.owe_last_value();
        assert!(matches!(forwarding.last_value(now), LastValue::At(at) if at >= now + LEAST_PAUSE));
        assert_eq!(sent(&mut forwarding, now + 2 * LEAST_PAUSE), Some(0));
    }
}
