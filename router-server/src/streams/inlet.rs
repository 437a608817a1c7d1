//! `Inlet`: one relayed stream as the thread has it that brings it here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use router_socket::Frame;
use router_wire::sample::SAMPLE_HEADER_BYTES;
use router_wire::{SampleHeader, SampleStatus};

use super::packet::{Life, Packet};
use super::source::Source;
use super::stream::Stream;

/// How long a relay stays subscribed after the last listener has left: whoever comes back at once finds it as it was.
const LINGER: Duration = Duration::from_secs(1);
/// How long it stays away then. What its source sent before it knew is read and dropped meanwhile; it would be taken
/// for new otherwise, and what was missed behind it for a loss.
const STAY_AWAY: Duration = Duration::from_millis(200);

/// A stream, and whether it is subscribed to at its source.
pub(super) struct Inlet {
    pub(super) stream: Arc<Stream>,
    /// Subscribed to though nobody listens.
    keep: bool,
    phase: Phase,
    /// The newest number that came or was declared since it was subscribed to, and of which life.
    newest: Option<(Life, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Not subscribed to; since when, if it ever was.
    Off {
        since: Option<Instant>,
    },
    On,
    /// Subscribed to, and nobody listens.
    Leaving {
        until: Instant,
    },
}

/// What is to be done at the source now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Subscribe,
    Unsubscribe,
    /// Nothing before that time.
    WaitUntil(Instant),
    Nothing,
}

/// What became of a packet of another server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passed {
    /// It went on, or was counted by its stream.
    On,
    /// It is larger than the stream was declared here.
    TooLarge,
    /// It says that the stream is served on the other socket.
    Elsewhere,
}

impl Inlet {
    pub(super) fn new(stream: Arc<Stream>, keep: bool) -> Inlet {
        Inlet { stream, keep, phase: Phase::Off { since: None }, newest: None }
    }

    /// Whether it is subscribed to at its source.
    pub(super) fn is_on(&self) -> bool {
        !matches!(self.phase, Phase::Off { .. })
    }

    /// Looks whether somebody listens. `drained`: nothing of what the source has sent waits to be read.
    pub(super) fn step(&mut self, now: Instant, drained: bool) -> Step {
        let wanted = self.stream.wants_source(self.keep);
        match self.phase {
            Phase::Off { since } if wanted => {
                let at = since.map_or(now, |since| since + STAY_AWAY);
                if now < at || (since.is_some() && !drained) {
                    return Step::WaitUntil(at.max(now));
                }
                self.stream.join_source();
                (self.phase, self.newest) = (Phase::On, None);
                Step::Subscribe
            }
            Phase::Off { .. } => Step::Nothing,
            Phase::On if wanted => Step::Nothing,
            Phase::On => {
                let until = now + LINGER;
                self.phase = Phase::Leaving { until };
                Step::WaitUntil(until)
            }
            Phase::Leaving { .. } if wanted => {
                self.phase = Phase::On;
                Step::Nothing
            }
            Phase::Leaving { until } if now < until => Step::WaitUntil(until),
            Phase::Leaving { .. } if self.stream.leave_source(self.keep) => {
                self.phase = Phase::Off { since: Some(now) };
                Step::Unsubscribe
            }
            Phase::Leaving { .. } => {
                self.phase = Phase::On; // somebody came in between
                Step::Nothing
            }
        }
    }

    /// Could not be subscribed to after all.
    pub(super) fn could_not(&mut self) {
        self.phase = Phase::Off { since: None };
    }

    /// Hands on a packet of another server under the name that the stream has here.
    pub(super) fn pass_on(
        &mut self,
        frames: &mut Vec<Frame>,
        (name_bytes, header, is_last_value): (usize, &SampleHeader, bool),
        sink: &mut Source,
    ) -> Passed {
        if header.status == SampleStatus::Elsewhere {
            return Passed::Elsewhere;
        }
        let lost = self.note(header);
        self.stream.count_lost_before(lost);
        let mut frames = frames.drain(..);
        let (Some(head), payload) = (frames.next(), frames.next()) else { return Passed::On };
        let in_place = head.len().saturating_sub(name_bytes + 1 + SAMPLE_HEADER_BYTES);
        let payload_bytes = payload.as_ref().map_or(in_place, |payload| payload.len());
        if payload_bytes > self.stream.spec.largest_sample_bytes {
            return Passed::TooLarge;
        }
        self.stream.begin_to_pass_on();
        let packet =
            Packet::renamed(self.stream.name.as_str(), (name_bytes, header, is_last_value), head, payload);
        let _ = self.stream.pass_on(packet, header.status, Some(sink)); // one that has ended is looked at next
        Passed::On
    }

    /// Notes a numbered packet; returns how many before it are missing.
    fn note(&mut self, header: &SampleHeader) -> u64 {
        let (life, sequence) = ((header.epoch, header.incarnation), header.sequence);
        let is_sample = header.status.is_sample();
        match self.newest {
            Some((same, newest)) if same == life => {
                // A declaration names the last one that was given, a sample itself.
                let expected = newest.saturating_add(u64::from(is_sample));
                let lost = sequence.saturating_sub(expected);
                self.newest = Some((life, newest.max(sequence)));
                lost
            }
            _ if is_sample => {
                self.newest = Some((life, sequence));
                0
            }
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router_wire::Encoding;

    use crate::streams::testing;

    fn header(status: SampleStatus, epoch: u64, sequence: u64) -> SampleHeader {
        SampleHeader {
            payload_in_own_frame: false,
            status,
            encoding: Encoding::None,
            epoch,
            incarnation: 1,
            sequence,
            utc_ns: 0,
            monotonic_ns: 0,
        }
    }

    #[test]
    fn gaps_are_lost_before_and_a_new_life_is_not() {
        let mut inlet = Inlet::new(testing::stream(), false);
        use SampleStatus::{Declaration, Value};
        for (status, epoch, sequence, lost) in [
            (Declaration, 1, 40, 0),
            (Value, 1, 5, 0),
            (Value, 1, 6, 0),
            (Value, 1, 9, 2),
            (Value, 1, 9, 0),
            (Declaration, 1, 9, 0),
            (Declaration, 1, 12, 3),
            (Value, 1, 13, 0),
            (Value, 2, 100, 0),
            (Value, 2, 102, 1),
            (Value, 2, u64::MAX, u64::MAX - 103),
            (Value, 2, u64::MAX, 0),
        ] {
            assert_eq!(inlet.note(&header(status, epoch, sequence)), lost, "{status:?} {epoch} {sequence}");
        }
    }

    #[test]
    fn it_is_subscribed_to_while_somebody_listens() {
        let mut inlet = Inlet::new(testing::stream(), false);
        let start = Instant::now();
        assert_eq!(inlet.step(start, true), Step::Nothing);
        inlet.stream.set_heard(true, 1);
        assert_eq!(inlet.step(start, false), Step::Subscribe);
        assert_eq!(inlet.step(start, true), Step::Nothing);
        inlet.stream.set_heard(false, 0);
        assert_eq!(inlet.step(start, true), Step::WaitUntil(start + LINGER));
        inlet.stream.set_heard(true, 1);
        assert_eq!(inlet.step(start + LINGER, true), Step::Nothing, "somebody came back in time");
        inlet.stream.set_heard(false, 0);
        assert_eq!(inlet.step(start, true), Step::WaitUntil(start + LINGER));
        let left = start + LINGER;
        assert_eq!(inlet.step(left, true), Step::Unsubscribe);
        inlet.stream.set_heard(true, 1);
        assert_eq!(inlet.step(left, true), Step::WaitUntil(left + STAY_AWAY));
        assert_eq!(inlet.step(left + STAY_AWAY, false), Step::WaitUntil(left + STAY_AWAY));
        assert_eq!(inlet.step(left + STAY_AWAY, true), Step::Subscribe);
        inlet.stream.set_enabled(false);
        assert_eq!(inlet.step(left, true), Step::WaitUntil(left + LINGER), "disabled, it needs no source");
    }
}
