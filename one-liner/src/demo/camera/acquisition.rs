//! The thread that exposes frame after frame and pushes each.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use router_frame::{Frame, WriteError};

use super::sensor::Sensor;

/// A handle on the acquisition thread; dropping it ends the thread.
pub(super) struct Acquisition {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    /// Written by the handle, read by the thread.
    wish: Mutex<Wish>,
    /// Told of every change of the wish.
    changed: Condvar,
    /// Held while a frame is exposed and pushed, so that `stop` can wait for it.
    pushing: Mutex<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wish {
    state: State,
    /// Counts changes of the settings: the thread begins its wait anew.
    settings: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Stopped,
    Running,
    Ended,
}

impl Acquisition {
    /// Starts the thread, which waits to be started.
    pub(super) fn spawn(
        sensor: Arc<Mutex<Sensor>>,
        push: impl FnMut(Result<&Frame, &WriteError>) -> bool + Send + 'static,
    ) -> std::io::Result<Acquisition> {
        let wish = Mutex::new(Wish { state: State::Stopped, settings: 0 });
        let shared = Arc::new(Shared { wish, changed: Condvar::new(), pushing: Mutex::new(()) });
        let thread = std::thread::Builder::new().name("camera".into()).spawn({
            let shared = shared.clone();
            move || acquire(&shared, &sensor, push)
        })?;
        Ok(Acquisition { shared, thread: Some(thread) })
    }

    /// Lets frames come.
    pub(super) fn start(&self) {
        self.wish(|wish| wish.state = State::Running);
    }

    /// Returns when no frame will be pushed any more.
    pub(super) fn stop(&self) {
        self.wish(|wish| wish.state = State::Stopped);
        drop(self.shared.pushing.lock());
    }

    /// Lets the thread look at its settings again.
    pub(super) fn settings_changed(&self) {
        self.wish(|wish| wish.settings += 1);
    }

    /// Whether frames come.
    pub(super) fn is_running(&self) -> bool {
        self.shared.wish.lock().state == State::Running
    }

    fn wish(&self, change: impl FnOnce(&mut Wish)) {
        change(&mut self.shared.wish.lock());
        self.shared.changed.notify_all();
    }
}

impl Drop for Acquisition {
    fn drop(&mut self) {
        self.wish(|wish| wish.state = State::Ended);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed; there is nothing to add to it here.
            let _ = thread.join();
        }
    }
}

fn acquire(
    shared: &Shared,
    sensor: &Mutex<Sensor>,
    mut push: impl FnMut(Result<&Frame, &WriteError>) -> bool,
) {
    let mut due = Instant::now();
    loop {
        if !wait_until_due(shared, sensor, &mut due) {
            return;
        }
        let pushing = shared.pushing.lock();
        // `stop` may have come between the wait and the lock.
        if shared.wish.lock().state != State::Running {
            continue;
        }
        let frame = sensor.lock().expose();
        if !push(frame.as_ref()) {
            return;
        }
        drop(pushing);
    }
}

/// Waits for the next frame's time; `false` when the thread is to end. A time that has passed already is given
/// up, not caught up with.
fn wait_until_due(shared: &Shared, sensor: &Mutex<Sensor>, due: &mut Instant) -> bool {
    let mut wish = shared.wish.lock();
    *due += period(sensor);
    loop {
        let seen = *wish;
        match wish.state {
            State::Ended => return false,
            State::Stopped => shared.changed.wait(&mut wish),
            State::Running if Instant::now() >= *due => {
                *due = (*due).max(Instant::now().checked_sub(period(sensor)).unwrap_or(*due));
                return true;
            }
            State::Running => {
                shared.changed.wait_until(&mut wish, *due);
            }
        }
        if *wish != seen {
            *due = Instant::now() + period(sensor);
        }
    }
}

fn period(sensor: &Mutex<Sensor>) -> Duration {
    Duration::from_secs_f64(sensor.lock().period_s())
}
