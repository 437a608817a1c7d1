//! What the application wants done when the server stops: laser off, shutter closed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded};
use parking_lot::Mutex;
use router_socket::named_thread;

use crate::panic_text::panic_text;
use crate::stop_report::StopReport;

type Hook = Box<dyn FnOnce() + Send>;

/// Hooks in the order in which they were added.
#[derive(Default)]
pub(crate) struct StopHooks {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    hooks: Vec<(String, Duration, Hook)>,
    /// They have run; one that is added now is too late.
    over: bool,
}

impl StopHooks {
    /// Adds a hook; after the stop it is run at once, by the caller.
    pub(crate) fn add(&self, name: String, time_limit: Duration, hook: Hook) {
        let mut state = self.state.lock();
        if state.over {
            drop(state);
            hook();
        } else {
            state.hooks.push((name, time_limit, hook));
        }
    }

    /// Runs the hooks in reverse order, each on a thread of its own; the next begins when one has returned or
    /// overrun its limit.
    ///
    /// Returns how much later they make the stop: as long as they took, the sum of their limits at most.
    ///
    /// # Blocking
    /// For the sum of the time limits at most.
    pub(crate) fn run(&self, report: &mut StopReport) -> Duration {
        let started = Instant::now();
        let mut limits = Duration::ZERO;
        while let Some((name, time_limit, hook)) = self.newest() {
            let (done, returned) = bounded(1);
            let run = move || {
                let outcome = catch_unwind(AssertUnwindSafe(hook));
                let _ = done.send(outcome.map_err(panic_text));
            };
            let thread = named_thread::spawn(format!("stop {name}"), run);
            limits = limits.saturating_add(time_limit);
            match returned.recv_timeout(time_limit) {
                Ok(Ok(())) => {}
                Ok(Err(panic)) => report.panicked_hooks.push(format!("{name} panicked: {panic}")),
                Err(RecvTimeoutError::Timeout) => report.overrun_hooks.push(name),
                Err(RecvTimeoutError::Disconnected) => {
                    report.panicked_hooks.push(format!("{name} could not be run"))
                }
            }
            drop(thread);
        }
        started.elapsed().min(limits)
    }

    fn newest(&self) -> Option<(String, Duration, Hook)> {
        let mut state = self.state.lock();
        let newest = state.hooks.pop();
        state.over |= newest.is_none();
        newest
    }
}
