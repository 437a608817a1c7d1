//! `ServerClock`: the server's clock as this PC sees it, from pings.
//!
//! A ping is sent at `t0` and answered at `t1` on this PC's monotonic clock, and brings the server's monotonic time
//! `m`, read somewhere in between. So the server's clock is ahead by `m - (t0 + t1) / 2`, wrong by at most half the
//! round trip (Cristian, "Probabilistic clock synchronization", 1989). Of several pings the one with the shortest
//! round trip says most, until the two clocks have drifted apart by more than it gained. Nobody's UTC enters: when
//! somebody sets the time on either PC, what is known of samples stays right.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use router_wire::hello::PingReply;

use crate::streams::Sample;

/// How far two quartz clocks may drift apart [ns per s]: 100 ppm, twice what a PC's may be off.
const DRIFT_NS_PER_S: f64 = 100_000.0;

/// Pings that are remembered; the best of them is used.
const KEPT: usize = 64;

/// A server's UTC that moves against its monotonic clock by more than this between two pings was set, not steered:
/// steering changes its speed by 500 ppm at most.
const LEAST_STEP_NS: i64 = 2_000_000;

/// The server's clock, at the moment when it was asked for; from
/// [`RouterClient::server_clock`](crate::RouterClient::server_clock).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ServerClock {
    /// The life of the server whose clock this is.
    pub epoch: u64,
    /// By how much the server's UTC is ahead of this PC's [ns].
    pub utc_offset_ns: i64,
    /// By how much times on this PC's clock may be wrong.
    pub uncertainty: Duration,
    /// The round trip of the ping that says most.
    pub round_trip: Duration,
    /// How often somebody set the server's UTC since it was greeted, beyond the steering of NTP.
    pub steps: u64,
    /// By how much it was set last [ns].
    pub last_step_ns: i64,
    /// The server's monotonic time at `at` [ns].
    monotonic_ns: f64,
    at: Instant,
    utc_at: SystemTime,
}

/// A moment on this PC's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    /// The moment.
    pub utc: SystemTime,
    /// How long ago it is; zero for what lies ahead.
    pub age: Duration,
    /// By how much both may be wrong.
    pub uncertainty: Duration,
}

impl ServerClock {
    /// When `sample` was acquired, on this PC's clock; its own times stay as the server gave them. `None` for a sample
    /// of another server or another life of this one, whose clock is not known.
    pub fn local_time<T>(&self, sample: &Sample<T>) -> Option<LocalTime> {
        (sample.epoch == self.epoch).then(|| self.local_time_of(sample.monotonic_ns))
    }

    /// The moment at which the server's monotonic clock showed `monotonic_ns`, on this PC's clock.
    pub fn local_time_of(&self, monotonic_ns: u64) -> LocalTime {
        let ago_ns = self.monotonic_ns - monotonic_ns as f64;
        let distance = Duration::from_nanos(ago_ns.abs() as u64);
        let moved =
            if ago_ns >= 0.0 { self.utc_at.checked_sub(distance) } else { self.utc_at.checked_add(distance) };
        LocalTime {
            utc: moved.unwrap_or(self.utc_at),
            age: if ago_ns >= 0.0 { distance } else { Duration::ZERO },
            uncertainty: self.uncertainty,
        }
    }
}

/// What pings told of the server's clock; written by the calls loop.
#[derive(Debug, Default)]
pub(crate) struct ClockEstimate {
    epoch: u64,
    readings: VecDeque<Reading>,
    /// The server's UTC minus its monotonic time, as the last ping told it [ns].
    utc_minus_monotonic_ns: Option<i64>,
    steps: u64,
    last_step_ns: i64,
}

/// What one ping told.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// Half-way between question and answer.
    at: Instant,
    monotonic_ns: u64,
    round_trip: Duration,
}

impl ClockEstimate {
    /// Takes the answer to a ping that left at `sent` and was answered at `answered`.
    pub(crate) fn take(&mut self, reply: &PingReply, sent: Instant, answered: Instant) {
        if reply.epoch != self.epoch {
            *self = ClockEstimate { epoch: reply.epoch, ..ClockEstimate::default() };
        }
        let round_trip = answered.saturating_duration_since(sent);
        let monotonic_ns = reply.monotonic_ns;
        let reading = Reading { at: sent + round_trip / 2, monotonic_ns, round_trip };
        if self.best(reading.at).is_some_and(|best| !best.agrees_with(&reading)) {
            // One of the clocks stood still: its PC was suspended. What was known is of no use.
            self.readings.clear();
        }
        if self.readings.len() == KEPT {
            self.readings.pop_front();
        }
        self.readings.push_back(reading);
        let apart = reply.utc_ns.wrapping_sub(i64::try_from(monotonic_ns).unwrap_or(i64::MAX));
        if let Some(before) = self.utc_minus_monotonic_ns.replace(apart) {
            let step = apart.wrapping_sub(before);
            if step.unsigned_abs() > LEAST_STEP_NS.unsigned_abs() {
                self.steps += 1;
                self.last_step_ns = step;
            }
        }
    }

    /// What is known at `now`, which is `utc_now` on this PC's clock; `None` before the first ping.
    pub(crate) fn read(&self, now: Instant, utc_now: SystemTime) -> Option<ServerClock> {
        let best = self.best(now)?;
        let monotonic_ns = best.monotonic_ns_at(now);
        let utc_here_ns = match utc_now.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i128::try_from(since.as_nanos()).unwrap_or(i128::MAX),
            Err(before) => i128::try_from(before.duration().as_nanos()).map_or(i128::MIN, |ns| -ns),
        };
        // Differences first: a UTC in ns has more digits than an f64.
        let apart = i128::from(self.utc_minus_monotonic_ns.unwrap_or(0));
        let utc_offset_ns = apart.saturating_sub(utc_here_ns) as f64 + monotonic_ns;
        Some(ServerClock {
            epoch: self.epoch,
            utc_offset_ns: utc_offset_ns as i64,
            uncertainty: Duration::from_nanos(best.uncertainty_ns_at(now) as u64),
            round_trip: best.round_trip,
            steps: self.steps,
            last_step_ns: self.last_step_ns,
            monotonic_ns,
            at: now,
            utc_at: utc_now,
        })
    }
}

impl ClockEstimate {
    /// The reading that says most at `now`.
    fn best(&self, now: Instant) -> Option<&Reading> {
        let uncertainty = |reading: &&Reading| reading.uncertainty_ns_at(now);
        self.readings.iter().min_by(|a, b| uncertainty(a).total_cmp(&uncertainty(b)))
    }
}

impl Reading {
    /// What the server's monotonic clock shows at `now` by this reading [ns].
    fn monotonic_ns_at(&self, now: Instant) -> f64 {
        self.monotonic_ns as f64 + now.saturating_duration_since(self.at).as_nanos() as f64
    }

    /// By how much that may be wrong [ns].
    fn uncertainty_ns_at(&self, now: Instant) -> f64 {
        let age_s = now.saturating_duration_since(self.at).as_secs_f64();
        self.round_trip.as_nanos() as f64 / 2.0 + age_s * DRIFT_NS_PER_S
    }

    /// Whether a later reading is what two running clocks would give.
    fn agrees_with(&self, later: &Reading) -> bool {
        let apart_ns = (self.monotonic_ns_at(later.at) - later.monotonic_ns as f64).abs();
        apart_ns <= self.uncertainty_ns_at(later.at) + later.uncertainty_ns_at(later.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn reply(epoch: u64, monotonic: Duration, utc_ns: i64) -> PingReply {
        let monotonic_ns = monotonic.as_nanos() as u64;
        PingReply { epoch, utc_ns, monotonic_ns, registry_version: 0 }
    }

    fn at(ns: i64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(ns as u64)
    }

    /// UTC of the server when its monotonic clock showed 0 [ns].
    const BOOT_NS: i64 = 1_700_000_000_000_000_000;

    #[test]
    fn the_shortest_round_trip_says_most() {
        let start = Instant::now();
        let mut estimate = ClockEstimate::default();
        assert!(estimate.read(start, at(BOOT_NS)).is_none());
        // The server's clock showed 1 s at `start`. A slow answer, 30 ms of 40 on the way back, then a fast one.
        estimate.take(&reply(7, 1010 * MS, BOOT_NS + 1_010_000_000), start, start + 40 * MS);
        let wrong = estimate.read(start + 40 * MS, at(BOOT_NS)).unwrap();
        assert_eq!(wrong.uncertainty.as_millis(), 20);
        estimate.take(&reply(7, 1101 * MS, BOOT_NS + 1_101_000_000), start + 100 * MS, start + 102 * MS);
        estimate.take(&reply(7, 1190 * MS, BOOT_NS + 1_190_000_000), start + 150 * MS, start + 210 * MS);
        let now = start + 210 * MS;
        // This PC's UTC is 5 s behind the server's.
        let clock = estimate.read(now, at(BOOT_NS + 1_210_000_000 - 5_000_000_000)).unwrap();
        assert_eq!((clock.epoch, clock.round_trip), (7, 2 * MS));
        assert!(clock.uncertainty >= MS && clock.uncertainty < 2 * MS, "{:?}", clock.uncertainty);
        assert!((clock.utc_offset_ns - 5_000_000_000).abs() < 1_000_000, "{}", clock.utc_offset_ns);
        let acquired = clock.local_time_of(1_110_000_000);
        assert!(acquired.age.abs_diff(100 * MS) < MS, "{acquired:?}");
        let expect = at(BOOT_NS + 1_110_000_000 - 5_000_000_000);
        let wrong = acquired.utc.duration_since(expect).unwrap_or_else(|error| error.duration());
        assert!(wrong < MS, "{wrong:?}");
    }

    #[test]
    fn an_old_reading_gives_way_to_a_worse_one_that_is_new() {
        let start = Instant::now();
        let mut estimate = ClockEstimate::default();
        estimate.take(&reply(7, MS, BOOT_NS), start, start + MS);
        let later = start + Duration::from_secs(1000);
        let alone = estimate.read(later, at(BOOT_NS)).unwrap();
        assert!(alone.uncertainty > 100 * MS, "drift counts: {:?}", alone.uncertainty);
        estimate.take(&reply(7, Duration::from_secs(1000), BOOT_NS), later - 10 * MS, later);
        assert_eq!(estimate.read(later, at(BOOT_NS)).unwrap().round_trip, 10 * MS);
    }

    #[test]
    fn after_a_pc_was_suspended_only_new_readings_count() {
        let start = Instant::now();
        let mut estimate = ClockEstimate::default();
        estimate.take(&reply(7, MS, BOOT_NS), start, start + MS / 10);
        // The server's clock stood still for a minute of this PC's.
        let later = start + Duration::from_secs(61);
        estimate.take(&reply(7, Duration::from_secs(1), BOOT_NS), later, later + 20 * MS);
        let clock = estimate.read(later + 20 * MS, at(BOOT_NS)).unwrap();
        assert_eq!(clock.round_trip, 20 * MS);
        assert!(clock.local_time_of(1_000_000_000).age < 20 * MS);
    }

    #[test]
    fn a_step_of_the_servers_time_is_noticed_and_changes_no_sample() {
        let start = Instant::now();
        let mut estimate = ClockEstimate::default();
        let ping = |estimate: &mut ClockEstimate, second: u64, step_ns: i64| {
            let monotonic = Duration::from_secs(second);
            let utc_ns = BOOT_NS + monotonic.as_nanos() as i64 + step_ns;
            estimate.take(&reply(7, monotonic, utc_ns), start + monotonic, start + monotonic + MS);
        };
        ping(&mut estimate, 1, 0);
        ping(&mut estimate, 2, 400_000); // steered
        let now = start + Duration::from_secs(4);
        let before = estimate.read(now, at(BOOT_NS)).unwrap();
        assert_eq!(before.steps, 0);
        ping(&mut estimate, 3, -3_600_000_000_000); // set back by an hour
        let after = estimate.read(now, at(BOOT_NS)).unwrap();
        assert_eq!(after.steps, 1);
        assert!((after.last_step_ns + 3_600_000_400_000).abs() < 1_000, "{}", after.last_step_ns);
        let moved = before.local_time_of(500).utc.duration_since(after.local_time_of(500).utc);
        assert!(moved.unwrap_or_else(|error| error.duration()) < MS);
        // Another life, another clock.
        estimate.take(&reply(8, MS, BOOT_NS), now, now + MS);
        assert_eq!(estimate.read(now + MS, at(BOOT_NS)).unwrap().steps, 0);
    }
}
