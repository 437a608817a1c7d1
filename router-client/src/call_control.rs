//! The server's side of a running call.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use router_wire::reply::Progress;

use crate::interrupted::Interrupted;

/// What a call is and for whom.
#[derive(Clone, Debug)]
pub struct CallInfo {
    /// The full name under which it was called; a named call's own, not its target's.
    pub name: Arc<str>,
    /// Who called, for a person.
    pub client: Arc<str>,
    /// When it is to have ended.
    pub deadline: Option<Instant>,
}

/// Called by the method's thread when a progress report is there to be taken.
pub type OnProgress = Arc<dyn Fn(&CallControl) + Send + Sync>;

/// The server's side of a [`Call`](crate::Call): interrupts it and takes its progress.
///
/// For servers; made by [`Call::with_control`](crate::Call::with_control). Clones are the same call.
#[derive(Clone)]
pub struct CallControl {
    shared: Arc<Shared>,
}

struct Shared {
    info: CallInfo,
    on_progress: Option<OnProgress>,
    /// Set behind `state.interrupted`, so that a cancellation point that finds nothing takes no lock.
    is_interrupted: AtomicBool,
    state: Mutex<State>,
    /// Wakes `sleep`.
    interruption: Condvar,
}

#[derive(Default)]
struct State {
    interrupted: Option<Interrupted>,
    /// Written by the method, taken by the server: a bound of one, the newest wins.
    progress: Option<Progress>,
}

impl CallControl {
    pub(crate) fn new(info: CallInfo, on_progress: Option<OnProgress>) -> CallControl {
        CallControl {
            shared: Arc::new(Shared {
                info,
                on_progress,
                is_interrupted: AtomicBool::new(false),
                state: Mutex::default(),
                interruption: Condvar::new(),
            }),
        }
    }

    /// Asks the method to end. The first reason stays, later ones change nothing.
    pub fn interrupt(&self, reason: Interrupted) {
        self.first_reason(reason);
    }

    /// Why it was asked to end, if it was.
    pub fn interrupted(&self) -> Option<Interrupted> {
        self.shared.state.lock().interrupted.clone()
    }

    /// Takes the newest report that was not taken before. From then on the next report calls `on_progress`.
    pub fn take_progress(&self) -> Option<Progress> {
        self.shared.state.lock().progress.take()
    }

    /// What the call is and for whom.
    pub fn info(&self) -> &CallInfo {
        &self.shared.info
    }

    pub(crate) fn check(&self) -> Result<(), Interrupted> {
        let passed = self.shared.info.deadline.is_some_and(|deadline| deadline <= Instant::now());
        if passed {
            return Err(self.first_reason(Interrupted::DeadlineExceeded));
        }
        if !self.shared.is_interrupted.load(Ordering::Acquire) {
            return Ok(());
        }
        self.interrupted().map_or(Ok(()), Err)
    }

    pub(crate) fn sleep(&self, duration: Duration) -> Result<(), Interrupted> {
        // A duration past the end of the clock is one that only an interruption ends.
        let end = Instant::now().checked_add(duration);
        let wake = end.into_iter().chain(self.shared.info.deadline).min();
        loop {
            self.check()?;
            if end.is_some_and(|end| end <= Instant::now()) {
                return Ok(());
            }
            let mut state = self.shared.state.lock();
            if state.interrupted.is_none() {
                match wake {
                    Some(wake) => drop(self.shared.interruption.wait_until(&mut state, wake)),
                    None => self.shared.interruption.wait(&mut state),
                }
            }
        }
    }

    pub(crate) fn report(&self, progress: Progress) {
        let was_empty = self.shared.state.lock().progress.replace(progress).is_none();
        if let (true, Some(on_progress)) = (was_empty, &self.shared.on_progress) {
            on_progress(self);
        }
    }

    fn first_reason(&self, reason: Interrupted) -> Interrupted {
        let mut state = self.shared.state.lock();
        let reason = state.interrupted.get_or_insert(reason).clone();
        drop(state);
        self.shared.is_interrupted.store(true, Ordering::Release);
        self.shared.interruption.notify_all();
        reason
    }
}

impl fmt::Debug for CallControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallControl")
            .field("info", &self.shared.info)
            .field("interrupted", &self.interrupted())
            .finish_non_exhaustive()
    }
}
