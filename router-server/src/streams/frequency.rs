//! How often a periodic stream's function is called.

use std::fmt;
use std::time::{Duration, Instant};

use super::stream_error::FrequencyError;

/// A frequency that a thread can keep: finite, above 0, at most [`Frequency::MAX_HZ`].
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Frequency(f64);

impl Frequency {
    /// An operating system wakes a sleeping thread 50 to 150 us late, which is more than a period above this.
    pub(crate) const MAX_HZ: f64 = 10_000.0;

    /// Checks a frequency.
    ///
    /// # Errors
    /// [`FrequencyError`] says what is wrong with it.
    pub(crate) fn new(hz: f64) -> Result<Frequency, FrequencyError> {
        if hz.is_finite() && hz > 0.0 && hz <= Frequency::MAX_HZ {
            Ok(Frequency(hz))
        } else {
            Err(FrequencyError { hz })
        }
    }

    pub(crate) fn hz(self) -> f64 {
        self.0
    }

    /// When tick number `tick` is due, counted from `start`. Computed from the number, so that nothing adds up;
    /// `None` is past the end of the clock.
    pub(crate) fn due(self, start: Instant, tick: u64) -> Option<Instant> {
        let since = Duration::try_from_secs_f64(tick as f64 / self.0).ok()?;
        start.checked_add(since)
    }

    /// The newest tick that was due at `now`.
    pub(crate) fn tick_at(self, start: Instant, now: Instant) -> u64 {
        (now.saturating_duration_since(start).as_secs_f64() * self.0) as u64
    }
}

impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Hz", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_cannot_keep_is_refused() {
        for hz in [0.001, 1.0, 30.0, 10_000.0] {
            assert!(Frequency::new(hz).is_ok(), "{hz}");
        }
        for hz in [0.0, -1.0, f64::NAN, f64::INFINITY, 10_000.1] {
            assert!(Frequency::new(hz).is_err(), "{hz}");
        }
        let error = Frequency::new(20_000.0).unwrap_err();
        assert_eq!(error.to_string(), "a frequency of 20000 Hz is outside 0..=10000 Hz (0 excluded)");
    }

    #[test]
    fn ticks_are_counted_from_the_start_and_do_not_drift() {
        let start = Instant::now();
        let third = Frequency::new(3.0).unwrap();
        assert_eq!(third.due(start, 3_000_000), start.checked_add(Duration::from_secs(1_000_000)));
        assert_eq!(third.tick_at(start, start + Duration::from_millis(999)), 2);
        assert_eq!(third.tick_at(start, start + Duration::from_millis(1_001)), 3);
        assert_eq!(Frequency::new(f64::MIN_POSITIVE).unwrap().due(start, 1), None);
        assert_eq!(Frequency::new(0.5).unwrap().to_string(), "0.5 Hz");
    }
}
