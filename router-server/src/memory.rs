//! Giving memory back to the system after a storm of connections.
//!
//! The allocator keeps what was freed, in pieces between what is in use, and the process stays as large as it once
//! was. After many connections have ended, and none has for a second, it is told to give back what it can.

use std::time::{Duration, Instant};

use router_socket::named_thread;

/// Fewer ended connections than this leave nothing worth giving back.
const STORM: u64 = 64;
/// For so long no connection has ended.
const CALM: Duration = Duration::from_secs(1);

/// Watches how many connections have ended.
pub(crate) struct Storms {
    /// Connections that had ended when memory was given back last.
    settled: u64,
    /// And when they were counted last, which was when.
    seen: u64,
    seen_at: Instant,
}

impl Storms {
    pub(crate) fn new() -> Storms {
        Storms { settled: 0, seen: 0, seen_at: Instant::now() }
    }

    /// Takes the number of connections that have ended until now. `true`: a storm is over.
    pub(crate) fn is_over(&mut self, ended: u64, now: Instant) -> bool {
        if ended != self.seen {
            (self.seen, self.seen_at) = (ended, now);
            return false;
        }
        let over = ended - self.settled >= STORM && now.saturating_duration_since(self.seen_at) >= CALM;
        if over {
            self.settled = ended;
        }
        over
    }
}

/// Gives free memory back on a thread of its own: it takes milliseconds.
pub(crate) fn give_back() {
    // Nobody waits for it, and where the system has no thread left it is done after the next storm.
    drop(named_thread::spawn("memory", trim));
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn trim() {
    // SAFETY: takes no pointer, and may be called at any time.
    unsafe { libc::malloc_trim(0) };
}

/// Other systems' allocators give back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_once_after_each_storm() {
        let mut storms = Storms::new();
        let start = Instant::now();
        let second = |number: u64| start + Duration::from_secs(number);
        assert!(!storms.is_over(10, second(0)) && !storms.is_over(10, second(5)), "that was none");
        assert!(!storms.is_over(100, second(6)) && !storms.is_over(100, second(6)), "it is not calm yet");
        assert!(storms.is_over(100, second(7)));
        assert!(!storms.is_over(100, second(60)), "once");
        assert!(!storms.is_over(200, second(61)) && storms.is_over(200, second(62)));
    }
}
