//! What the application wants done when the server stops: laser off, shutter closed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};
use parking_lot::Mutex;
use router_socket::named_thread;

use crate::panic_text::panic_text;
use crate::stop_report::StopReport;

type Hook = Box<dyn FnOnce() + Send>;

/// Hooks in the order in which they were added.
#[derive(Default)]
pub(crate) struct StopHooks {
    hooks: Mutex<Vec<(String, Duration, Hook)>>,
}

impl StopHooks {
    pub(crate) fn add(&self, name: String, time_limit: Duration, hook: Hook) {
        self.hooks.lock().push((name, time_limit, hook));
    }

    /// Runs the hooks in reverse order, each on a thread of its own; the next begins when one has returned or
    /// overrun its limit.
    ///
    /// # Blocking
    /// For the sum of the time limits at most.
    pub(crate) fn run(&self, report: &mut StopReport) {
        let hooks = std::mem::take(&mut *self.hooks.lock());
        for (name, time_limit, hook) in hooks.into_iter().rev() {
            let (done, returned) = bounded(1);
            let run = move || {
                let outcome = catch_unwind(AssertUnwindSafe(hook));
                let _ = done.send(outcome.map_err(|payload| panic_text(payload.as_ref())));
            };
            let thread = named_thread::spawn(format!("stop {name}"), run);
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
    }
}
