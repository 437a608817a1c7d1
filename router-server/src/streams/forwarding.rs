//! What the proxy keeps of a stream.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::declarations::Waiting;
use super::packet::{Life, Packet};
use super::stream::Stream;

/// Last values of a stream are sent again at most this often ...
const LEAST_PAUSE: Duration = Duration::from_millis(20);
/// ... and large ones with at most so many bytes a second: everyone who listens gets them, and a client that
/// subscribes again and again is not to fill other clients' lines.
const MOST_BYTES_PER_S: f64 = 16e6;

/// One stream as the proxy sees it; the proxy alone reads and writes it.
pub(crate) struct Forwarding {
    pub(crate) stream: Arc<Stream>,
    /// Which life of its source that was: always the same, unless the samples bring their numbers.
    life: Option<Life>,
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
            life: None,
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
        // Numbers of another server tell nothing of what was given here; what still comes is for nobody.
        self.stream.passes_on()
            || self.stream.incarnation != waiting.stream.incarnation
            || waiting.given.sent <= self.passed
    }

    /// Notes a sample that passes. `false`: whoever listens has already had a newer one as the last value. That
    /// sample was made while somebody listened who is gone, so nobody misses it. Or it is a last value that its source
    /// sent again for somebody else.
    pub(crate) fn pass(&mut self, sample: &Packet) -> bool {
        if !self.is_newer(sample) {
            return false;
        }
        self.keep((sample.life, sample.sequence), || sample.shared());
        // Whoever is subscribed gets this one. Where nobody is, it waits for the next subscriber like any other.
        self.owes &= !self.stream.is_heard();
        true
    }

    /// Notes that the source says the stream is gone: nothing of it is a last value any more.
    pub(crate) fn removed_at_source(&mut self) {
        (self.last, self.marked) = (None, None);
    }

    /// How far the source had come with what passed.
    pub(crate) fn passed_on(&self) -> Option<(Life, u64)> {
        self.life.zip(self.passed)
    }

    /// Says who listens. The sample that waited for a listener becomes the last value. Where the relay had left its
    /// source, what passed before would look like a loss to whoever listens from now on: it is forgotten.
    pub(crate) fn set_heard(&mut self, heard: bool, subscribers: u64) {
        let change = self.stream.set_heard(heard, subscribers);
        if change.afresh {
            (self.life, self.passed, self.last, self.marked) = (None, None, None, None);
        }
        if let Some(unsent) = change.unsent
            && self.is_newer(&unsent)
        {
            self.keep((unsent.life, unsent.sequence), || unsent);
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

    fn is_newer(&self, sample: &Packet) -> bool {
        self.life != Some(sample.life) || Some(sample.sequence) > self.passed
    }

    fn keep(&mut self, (life, sequence): (Life, u64), packet: impl FnOnce() -> Packet) {
        self.life = Some(life);
        self.passed = Some(sequence);
        self.marked = None;
        self.last = self.stream.spec.keeps_last_value.then(packet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::packet::Unnumbered;
    use crate::streams::testing::stream;
    use router_wire::SampleStatus;

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

    fn of_life(stream: &Stream, life: Life, sequence: u64) -> Packet {
        Packet { life, ..sample(stream, sequence) }
    }

    #[test]
    fn where_numbers_pass_another_life_begins_anew() {
        let stream = stream();
        stream.begin_to_pass_on();
        let mut forwarding = Forwarding::new(Arc::clone(&stream));
        forwarding.set_heard(true, 1);
        for (life, sequence, passes) in [
            ((7, 1), 5, true),
            ((7, 1), 5, false),
            ((7, 1), 9, true),
            ((7, 2), 0, true),
            ((8, 1), 3, true),
            ((8, 1), 2, false),
            ((8, 1), 4, true),
        ] {
            assert_eq!(forwarding.pass(&of_life(&stream, life, sequence)), passes, "{life:?} {sequence}");
        }
        assert_eq!(forwarding.passed_on(), Some(((8, 1), 4)));
        forwarding.owe_last_value();
        assert_eq!(sent(&mut forwarding, Instant::now()), Some(4));
        forwarding.removed_at_source();
        forwarding.owe_last_value();
        assert_eq!(sent(&mut forwarding, Instant::now() + LEAST_PAUSE * 2), None);
    }

    /// What passed before the relay left its source would look like a loss to whoever listens next.
    #[test]
    fn what_passed_before_the_relay_left_is_forgotten() {
        let stream = stream();
        stream.begin_to_pass_on();
        let mut forwarding = Forwarding::new(Arc::clone(&stream));
        forwarding.set_heard(true, 1);
        assert!(forwarding.pass(&of_life(&stream, (7, 1), 5)));
        forwarding.set_heard(false, 0);
        // While the relay is still there, what comes is the last value for whoever comes next.
        stream.pass_on(of_life(&stream, (7, 1), 6), SampleStatus::Value, None).unwrap();
        forwarding.set_heard(true, 1);
        forwarding.owe_last_value();
        assert_eq!(sent(&mut forwarding, Instant::now()), Some(6));
        assert!(!stream.leave_source(false), "somebody listens");
        forwarding.set_heard(false, 0);
        stream.pass_on(of_life(&stream, (7, 1), 7), SampleStatus::Value, None).unwrap();
        assert!(stream.leave_source(false));
        forwarding.set_heard(true, 1);
        forwarding.owe_last_value();
        assert_eq!(sent(&mut forwarding, Instant::now() + LEAST_PAUSE * 2), None);
        assert!(forwarding.pass(&of_life(&stream, (7, 1), 20)));
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
