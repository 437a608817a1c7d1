//! The two times of a sample.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Tells both times; copies of one clock agree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
}

/// When a sample was acquired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    /// UTC [ns since 1970-01-01].
    pub(crate) utc_ns: i64,
    /// By the monotonic clock of this server [ns since its start].
    pub(crate) monotonic_ns: u64,
}

impl Clock {
    /// A clock whose monotonic time counts from `start`.
    pub(crate) fn since(start: Instant) -> Clock {
        Clock { start }
    }

    /// Both times now.
    pub(crate) fn now(&self) -> Times {
        Times { utc_ns: utc_ns(SystemTime::now()), monotonic_ns: self.monotonic_ns() }
    }

    /// Both times at a moment that the application names; the monotonic one follows from how long ago that is.
    pub(crate) fn at(&self, moment: SystemTime) -> Times {
        let now = self.now();
        let utc_ns = utc_ns(moment);
        let monotonic_ns = now.monotonic_ns.saturating_add_signed(utc_ns.saturating_sub(now.utc_ns));
        Times { utc_ns, monotonic_ns }
    }

    /// The monotonic time now [ns since the server's start].
    pub(crate) fn monotonic_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

fn utc_ns(moment: SystemTime) -> i64 {
    match moment.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_given_moment_has_both_times() {
        let clock = Clock::since(Instant::now());
        let early = clock.at(UNIX_EPOCH + Duration::from_secs(1));
        assert_eq!(early, Times { utc_ns: 1_000_000_000, monotonic_ns: 0 });
        assert_eq!(clock.at(UNIX_EPOCH - Duration::from_secs(1)).utc_ns, -1_000_000_000);
        let ahead = clock.at(SystemTime::now() + Duration::from_secs(3600));
        assert!(ahead.monotonic_ns > 3_500_000_000_000, "{ahead:?}");
    }
}
