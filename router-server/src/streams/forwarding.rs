//! What the proxy keeps of a stream.

use std::sync::Arc;
use std::time::{Duration, Instant};

use router_wire::{SampleHeader, SampleStatus, Topic};

use super::declarations::Waiting;
use super::outlet::Outlet;
use super::packet::{Life, Packet, Stamp};
use super::served_view::{Due, ServedView};
use super::stream::Stream;

/// Last values of a stream are sent again at most this often ...
const LEAST_PAUSE: Duration = Duration::from_millis(20);
/// ... and large ones with at most so many bytes a second: everyone who listens gets them, and a client that
/// subscribes again and again is not to fill other clients' lines.
const MOST_BYTES_PER_S: f64 = 16e6;

/// Most views of a stream that are served at once: each sample is offered to each of them.
const MOST_VIEWS: usize = 256;

/// How long a last value is not sent again.
pub(crate) fn last_value_pause(sample: &Packet) -> Duration {
    let bytes = sample.head.len() + sample.payload.as_ref().map_or(0, |payload| payload.len());
    LEAST_PAUSE + Duration::from_secs_f64(bytes as f64 / MOST_BYTES_PER_S)
}

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
    /// Somebody listens to all of it.
    whole_heard: bool,
    /// What else is listened to.
    pub(crate) views: Vec<ServedView>,
    /// How many samples of this life passed, modulo 2^32, and those before the first.
    pub(crate) seen: u32,
    /// Samples may have been made that did not pass, since nobody listened.
    counts_afresh: bool,
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
            whole_heard: false,
            views: Vec::new(),
            seen: 0,
            counts_afresh: true,
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
        self.owes &= !self.whole_heard;
        true
    }

    /// Has each view take its part of a sample that passes.
    pub(crate) fn offer_to_views(&mut self, sample: &Packet, due: &mut Vec<(Topic, Due)>) {
        for view in &mut self.views {
            match view.offer(sample, self.seen) {
                Due::Nothing => {}
                what => due.push((view.topic().clone(), what)),
            }
        }
    }

    /// Has the view `topic` act on the newest sample; whether there is nothing to do about it.
    pub(crate) fn with_view(
        &mut self,
        topic: &Topic,
        due: &mut Vec<(Topic, Due)>,
        act: impl FnOnce(&mut ServedView, Option<&Packet>, u32) -> Due,
    ) -> bool {
        let Some(view) = self.views.iter_mut().find(|view| view.topic() == topic) else { return false };
        match act(view, self.last.as_ref(), self.seen) {
            Due::Nothing => true,
            what => {
                due.push((topic.clone(), what));
                false
            }
        }
    }

    /// Tells one view how far the stream has come.
    pub(crate) fn control_view(
        &mut self,
        topic: &Topic,
        (status, stamp): (SampleStatus, Stamp),
        payload: &[u8],
        due: &mut Vec<(Topic, Due)>,
    ) {
        let (last, seen, now) = (self.last.as_ref(), self.seen, self.stream.clock.now());
        if let Some(view) = self.views.iter_mut().find(|view| view.topic() == topic) {
            view.control(status, stamp, payload, (last, seen), now, due);
        }
    }

    /// Hands on to the views what a source behind this server declares.
    pub(crate) fn tell_views(&mut self, header: &SampleHeader, packet: &Packet, due: &mut Vec<(Topic, Due)>) {
        if self.views.is_empty() {
            return;
        }
        let stamp = Stamp { epoch: header.epoch, incarnation: header.incarnation, sequence: packet.sequence };
        let payload = packet.payload_in_head(self.stream.name.as_str()).to_vec();
        self.control_views(header.status, stamp, &payload, due);
    }

    /// Declares to the views how far the stream has come, or that it is gone.
    pub(crate) fn control_views(
        &mut self,
        status: SampleStatus,
        stamp: Stamp,
        payload: &[u8],
        due: &mut Vec<(Topic, Due)>,
    ) {
        let (last, seen, now) = (self.last.as_ref(), self.seen, self.stream.clock.now());
        for view in &mut self.views {
            view.control(status, stamp, payload, (last, seen), now, due);
        }
    }

    /// Notes that the source says the stream is gone: nothing of it is a last value any more.
    pub(crate) fn removed_at_source(&mut self) {
        (self.last, self.marked) = (None, None);
        self.views.iter_mut().for_each(ServedView::forget);
    }

    /// How far the source had come with what passed.
    pub(crate) fn passed_on(&self) -> Option<(Life, u64)> {
        self.life.zip(self.passed)
    }

    /// Whether somebody listens to all of it.
    pub(crate) fn is_whole_heard(&self) -> bool {
        self.whole_heard
    }

    /// Looks who listens to everything. Whoever asks for views is many: of one change see
    /// [`refresh_view`](Forwarding::refresh_view).
    pub(crate) fn refresh(&mut self, outlet: &Outlet) {
        self.views.clear();
        let name = self.stream.name.clone();
        for topic in outlet.views_of(name.as_str()).take(MOST_VIEWS) {
            self.views.extend(ServedView::new(topic.clone()));
        }
        self.look_who_listens(outlet);
    }

    /// Looks whether somebody listens to the view `topic`, after a change; `false`: it is one too many.
    pub(crate) fn refresh_view(&mut self, topic: &Topic, outlet: &Outlet) -> bool {
        let is_heard = outlet.count(topic.as_str()) > 0;
        let served = self.views.iter().position(|view| view.topic() == topic);
        match served {
            Some(at) if !is_heard => drop(self.views.swap_remove(at)),
            None if is_heard && self.views.len() >= MOST_VIEWS => return false,
            None if is_heard => self.views.extend(ServedView::new(topic.clone())),
            _ => {}
        }
        self.look_who_listens(outlet);
        true
    }

    /// Looks who listens to the whole stream and to the views that are served.
    pub(crate) fn look_who_listens(&mut self, outlet: &Outlet) {
        let name = self.stream.name.as_str();
        let of_views = self.views.iter().map(|view| outlet.count(view.topic().as_str())).sum::<u64>();
        let (whole, subscribers) = (outlet.is_heard(name), outlet.count(name) + of_views);
        if let Some(ring) = self.stream.ring() {
            ring.set_heard(self.views.iter().any(ServedView::wants_slots));
        }
        self.set_heard(whole, subscribers);
    }

    /// Says who listens: to the whole stream, and how many to it and its views. The sample that waited for a listener
    /// becomes the last value. Where the relay had left its source, what passed before would look like a loss to whoever listens from now on: it is forgotten.
    fn set_heard(&mut self, whole: bool, subscribers: u64) {
        self.whole_heard = whole;
        let heard = whole || !self.views.is_empty();
        self.counts_afresh |= !heard;
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
        self.may_send_at = Some(now + last_value_pause(marked));
        LastValue::Send(marked.shared())
    }

    fn is_newer(&self, sample: &Packet) -> bool {
        self.life != Some(sample.life) || Some(sample.sequence) > self.passed
    }

    fn keep(&mut self, (life, sequence): (Life, u64), packet: impl FnOnce() -> Packet) {
        if self.counts_afresh || self.life != Some(life) {
            // As if all before had been left out: whoever remembers another count sees that this is a new one.
            self.seen = sequence as u32;
        }
        if self.life != Some(life) {
            self.views.iter_mut().for_each(ServedView::forget);
        }
        self.counts_afresh = false;
        self.seen = self.seen.wrapping_add(1);
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
