//! `NamedThread`: a thread that debuggers and logs can name, and that is waited for within a time.

use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::io;
use std::thread::{JoinHandle, ThreadId};
use std::time::Duration;

/// Starts a thread that carries `name`.
///
/// Linux shows 15 bytes of it in `top -H` and the like: the last ones, since names begin with what they have in common.
///
/// # Errors
/// The system's, when it has no thread left; `InvalidInput` for a name with NUL.
pub fn spawn(name: impl Into<String>, f: impl FnOnce() + Send + 'static) -> io::Result<NamedThread> {
    let name = name.into();
    if name.contains('\0') {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the name of a thread contains NUL"));
    }
    // Disconnected when the closure is done, however it ends.
    let (running, done) = crossbeam_channel::bounded::<()>(0);
    let visible = name.clone();
    let handle = std::thread::Builder::new().name(name.clone()).spawn(move || {
        let _running = running;
        show_name(&visible);
        f();
    })?;
    Ok(NamedThread { name, handle, done })
}

/// A thread with a name. Dropped without [`NamedThread::join_within`], it runs on by itself.
#[derive(Debug)]
#[must_use = "a thread is joined by its owner"]
pub struct NamedThread {
    name: String,
    handle: JoinHandle<()>,
    done: Receiver<()>,
}

/// A thread that did not end in time. It is set apart: it runs on, and nobody waits for it any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("thread `{name}` still runs after {} ms", waited.as_millis())]
pub struct StillRunning {
    /// The thread's name.
    pub name: String,
    /// How long it was waited for.
    pub waited: Duration,
}

impl NamedThread {
    /// Returns the whole name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells whether the thread has ended.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// Returns the identity of the thread.
    pub fn thread_id(&self) -> ThreadId {
        self.handle.thread().id()
    }

    /// Waits until the thread has ended, at most for `timeout`; one that panicked has ended.
    ///
    /// # Errors
    /// [`StillRunning`] names a thread that did not end; it is left to itself.
    ///
    /// # Blocking
    /// For `timeout`. Called by the thread itself it returns [`StillRunning`] at once.
    pub fn join_within(self, timeout: Duration) -> Result<(), StillRunning> {
        let itself = self.thread_id() == std::thread::current().id();
        let waited = if itself { Duration::ZERO } else { timeout };
        match self.done.recv_timeout(waited) {
            Err(RecvTimeoutError::Disconnected) => {
                let _ = self.handle.join(); // a panic was printed when it happened
                Ok(())
            }
            _ => Err(StillRunning { name: self.name, waited }),
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn show_name(name: &str) {
    const VISIBLE_BYTES: usize = 15;
    if let Ok(end) = std::ffi::CString::new(telling_end(name, VISIBLE_BYTES)) {
        // SAFETY: the calling thread, and a string of at most 15 bytes that ends with NUL.
        unsafe { libc::pthread_setname_np(libc::pthread_self(), end.as_ptr()) };
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn show_name(_name: &str) {} // std has set the name; these systems show 63 bytes and more

/// Returns the last bytes of a name, at most `bytes`, whole characters, without a leading separator.
#[cfg(any(test, target_os = "linux", target_os = "android"))]
fn telling_end(name: &str, bytes: usize) -> &str {
    if name.len() <= bytes {
        return name;
    }
    let mut start = name.len() - bytes;
    while !name.is_char_boundary(start) {
        start += 1;
    }
    name[start..].trim_start_matches([' ', '.', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_is_shown() {
        for (name, expect) in [
            ("router", "router"),
            ("fifteen bytes..", "fifteen bytes.."),
            ("lane stage.camera.left", "age.camera.left"),
            ("streamer 30 Hz", "streamer 30 Hz"),
            ("samples rig2.stage", "ples rig2.stage"),
            ("relay für die Küvette", "r die Küvette"),
        ] {
            assert_eq!(telling_end(name, 15), expect);
        }
    }
}
