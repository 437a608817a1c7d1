//! `StopSchedule`: until when each part of a server's stop may take, fixed when the stop begins.

use std::time::{Duration, Instant};

/// User code on lanes, in pools and in streams has this long to return, while everything else ends beside it.
const USER_CODE_TAKES: Duration = Duration::from_millis(600);
/// The loops have this long to answer, to close their listeners and to let the last answers leave.
const LOOPS_TAKE: Duration = Duration::from_millis(700);
/// Nobody is waited for any longer. The promise is 1 s: the rest is for this thread to be scheduled.
const STOP_TAKES: Duration = Duration::from_millis(750);

/// Moments, not spans: whoever waits waits until one of them, so that no two waits add up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StopSchedule {
    /// A thread in user code that has not ended is set apart.
    pub(crate) user_code_by: Instant,
    /// A loop closes what it has left and ends.
    pub(crate) loops_by: Instant,
    /// A thread of ours that has not ended is set apart too, whatever keeps it.
    pub(crate) end_by: Instant,
}

impl StopSchedule {
    /// The schedule of a stop that begins at `start`.
    pub(crate) fn from(start: Instant) -> StopSchedule {
        StopSchedule {
            user_code_by: start + USER_CODE_TAKES,
            loops_by: start + LOOPS_TAKE,
            end_by: start + STOP_TAKES,
        }
    }

    /// How long it is until `moment`; nothing when it has passed.
    pub(crate) fn until(moment: Instant) -> Duration {
        moment.saturating_duration_since(Instant::now())
    }

    /// The same, `pause` later.
    pub(crate) fn later(self, pause: Duration) -> StopSchedule {
        StopSchedule {
            user_code_by: self.user_code_by + pause,
            loops_by: self.loops_by + pause,
            end_by: self.end_by + pause,
        }
    }
}
