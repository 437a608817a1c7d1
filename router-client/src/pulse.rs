//! Whether the server lives: when to ask, and what its silence means. Knows times and numbers, no sockets.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::options::ConnectOptions;

/// Received bytes after which the server is told at once, without waiting for the next ping: it bounds what it
/// keeps for a client that does not confirm.
const CONFIRM_BYTES: u64 = 16 << 20;

/// Pings whose answers are recognised; older ones are as good as lost.
const PINGS_KEPT: usize = 32;

/// What a silence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    /// The server answers.
    None,
    /// It should have answered by now.
    Stale,
    /// It has not answered for so long that nobody should count on it.
    Lost,
}

/// The pings of one client.
#[derive(Debug)]
pub(crate) struct Pulse {
    interval: Duration,
    stale_after: Duration,
    lost_after: Duration,
    last_answer: Instant,
    next_ping: Instant,
    /// Number and time of pings without an answer.
    pings: VecDeque<(u64, Instant)>,
    /// The newest ping, while it has no answer.
    newest: Option<u64>,
    /// Taken from the calls socket since its connection was made; the server counts from the same moment.
    received_bytes: u64,
    /// Part of `received_bytes` that a ping has told.
    confirmed_bytes: u64,
}

impl Pulse {
    pub(crate) fn new(options: &ConnectOptions, now: Instant) -> Pulse {
        Pulse {
            interval: options.ping_interval,
            stale_after: options.stale_after,
            lost_after: options.lost_after,
            last_answer: now,
            next_ping: now,
            pings: VecDeque::new(),
            newest: None,
            received_bytes: 0,
            confirmed_bytes: 0,
        }
    }

    /// The server said something.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.last_answer = now;
    }

    /// The connection of the calls socket ended: counting begins anew.
    pub(crate) fn calls_socket_ended(&mut self) {
        self.received_bytes = 0;
        self.confirmed_bytes = 0;
    }

    /// An answer was taken from the calls socket.
    pub(crate) fn received(&mut self, bytes: u64) {
        self.received_bytes += bytes;
    }

    /// This process did not run for `gap` (it was stopped, or the PC slept): the server is not to blame for it.
    pub(crate) fn was_away(&mut self, gap: Duration) {
        self.last_answer += gap;
    }

    /// Tells whether a ping is due, and which number of bytes it confirms.
    pub(crate) fn due(&self, now: Instant) -> Option<u64> {
        let much = self.received_bytes - self.confirmed_bytes >= CONFIRM_BYTES;
        (much || now >= self.next_ping).then_some(self.received_bytes)
    }

    /// A ping left, or could not: the next one is due in an interval.
    pub(crate) fn tried(&mut self, now: Instant, sent: Option<u64>) {
        self.next_ping = now + self.interval;
        if let Some(number) = sent {
            self.confirmed_bytes = self.received_bytes;
            if self.pings.len() == PINGS_KEPT {
                self.pings.pop_front();
            }
            self.pings.push_back((number, now));
            self.newest = Some(number);
        }
    }

    /// Has the next ping leave as soon as it can: the connection is new.
    pub(crate) fn ping_now(&mut self, now: Instant) {
        self.next_ping = now;
    }

    /// Whether the answer to the newest ping is still to come: how long that takes is measured.
    pub(crate) fn awaits_answer(&self) -> bool {
        self.newest.is_some()
    }

    /// An answer to the call `number` came: when that left, if it was a ping.
    pub(crate) fn answered(&mut self, number: u64) -> Option<Instant> {
        if self.newest == Some(number) {
            self.newest = None;
        }
        let index = self.pings.iter().position(|(ping, _)| *ping == number)?;
        self.pings.remove(index).map(|(_, sent)| sent)
    }

    /// What the silence until now means.
    pub(crate) fn silence(&self, now: Instant) -> Silence {
        match now.saturating_duration_since(self.last_answer) {
            silence if silence >= self.lost_after => Silence::Lost,
            silence if silence >= self.stale_after => Silence::Stale,
            _ => Silence::None,
        }
    }

    /// When something changes by the passing of time alone.
    pub(crate) fn next(&self, now: Instant) -> Instant {
        let stale = self.last_answer + self.stale_after;
        let lost = self.last_answer + self.lost_after;
        [stale, lost].into_iter().filter(|at| *at > now).fold(self.next_ping, Instant::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn pulse() -> (Pulse, Instant) {
        let now = Instant::now();
        (Pulse::new(&ConnectOptions::default(), now), now)
    }

    #[test]
    fn silence_is_stale_and_then_lost() {
        let (mut pulse, start) = pulse();
        for (ms, expect) in [
            (0, Silence::None),
            (1499, Silence::None),
            (1500, Silence::Stale),
            (2999, Silence::Stale),
            (3000, Silence::Lost),
        ] {
            assert_eq!(pulse.silence(start + ms * MS), expect, "{ms} ms");
        }
        pulse.heard(start + 3000 * MS);
        assert_eq!(pulse.silence(start + 3100 * MS), Silence::None);
        pulse.was_away(5000 * MS);
        assert_eq!(pulse.silence(start + 8100 * MS), Silence::None);
    }

    #[test]
    fn pings_are_due_each_interval_and_when_much_was_received() {
        let (mut pulse, start) = pulse();
        assert_eq!(pulse.due(start), Some(0));
        pulse.tried(start, Some(1));
        assert_eq!(pulse.due(start + 499 * MS), None);
        pulse.received(16 << 20);
        assert_eq!(pulse.due(start + MS), Some(16 << 20));
        pulse.tried(start + MS, Some(2));
        assert_eq!(pulse.due(start + 500 * MS), None);
        assert_eq!(pulse.due(start + 501 * MS), Some(16 << 20));
        assert!(pulse.awaits_answer());
        assert_eq!(pulse.answered(1), Some(start));
        assert_eq!(pulse.answered(1), None);
        assert!(pulse.awaits_answer(), "1 was not the newest");
        assert_eq!(pulse.answered(2), Some(start + MS));
        assert!(!pulse.awaits_answer());
    }
}
