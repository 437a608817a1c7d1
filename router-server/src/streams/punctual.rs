//! Threads that are woken when they asked for it, and not some time later.

use std::time::{Duration, Instant};

use super::frequency::Frequency;

/// How long before a tick a thread that spins is woken: longer than most wake-ups take.
const SPUN: Duration = Duration::from_micros(100);

/// Has the system wake the calling thread as soon as its timer ends. Linux otherwise adds up to 50 us, so that timers
/// may be served together; elsewhere this does nothing. Set for a thread of its own, for its life.
pub(super) fn wake_this_thread_punctually() {
    #[cfg(target_os = "linux")]
    {
        const SLACK_NS: libc::c_ulong = 1; // 0 would mean the default
        // SAFETY: a number is set for this thread; no pointer is given. An old kernel refuses, and wakes later.
        unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, SLACK_NS) };
    }
}

/// How often a streamer was to be woken before a tick. Counted by it.
#[cfg(test)]
pub(super) static WOKEN_AHEAD: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// When to wake for a tick that is due at `due`, to spin until then.
pub(super) fn ahead_of(due: Instant, frequency: Frequency) -> Instant {
    due.checked_sub(spun_before(frequency)).unwrap_or(due)
}

/// How long before its ticks a thread of this frequency is woken to spin: half a period at most, so that it sleeps too.
fn spun_before(frequency: Frequency) -> Duration {
    SPUN.min(Duration::from_secs_f64((0.5 / frequency.hz()).min(1.0)))
}

/// Looks at the clock until `due`. Never for longer than [`spun_before`] when woken for it.
pub(super) fn spin_until(due: Instant) {
    while Instant::now() < due {
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_period_is_slept_at_least() {
        for (hz, expect_us) in [(0.001, 100), (1_000.0, 100), (5_000.0, 100), (10_000.0, 50)] {
            let spun = spun_before(Frequency::new(hz).unwrap());
            assert_eq!(spun, Duration::from_micros(expect_us), "{hz} Hz");
            let due = Instant::now();
            assert_eq!(due - ahead_of(due, Frequency::new(hz).unwrap()), spun);
        }
    }

    #[test]
    fn it_spins_until_the_moment_and_not_beyond_a_past_one() {
        let due = Instant::now() + Duration::from_micros(200);
        spin_until(due);
        assert!(Instant::now() >= due);
        spin_until(due);
    }
}
