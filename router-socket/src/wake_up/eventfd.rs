//! A counter in the kernel: one descriptor, eight bytes to write, eight to read.

use crate::context::Context;
use crate::error::SocketError;
use crate::poll::WakeUpSource;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::Arc;

/// The loop's end.
pub(crate) struct WakeUp {
    eventfd: Arc<File>,
}

/// The end of those who wake it.
pub(crate) struct Waker {
    eventfd: Arc<File>,
}

/// Makes both ends.
pub(crate) fn wake_up(_context: &Context) -> Result<(Waker, WakeUp), SocketError> {
    // SAFETY: makes a new descriptor.
    let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if descriptor == -1 {
        return Err(SocketError::WakeUp { action: "make an eventfd", reason: io::Error::last_os_error() });
    }
    // SAFETY: the descriptor is new and nobody else's.
    let eventfd = Arc::new(unsafe { File::from_raw_fd(descriptor) });
    Ok((Waker { eventfd: Arc::clone(&eventfd) }, WakeUp { eventfd }))
}

impl Waker {
    /// Makes the loop's descriptor readable. A full counter (2^64 - 2 wake-ups) refuses, and is readable already.
    pub(crate) fn wake(&self) {
        let _ = (&*self.eventfd).write(&1_u64.to_ne_bytes());
    }
}

impl WakeUp {
    /// Forgets all wake-ups so far.
    pub(crate) fn empty(&mut self) {
        let mut count = [0; size_of::<u64>()];
        let _ = (&*self.eventfd).read(&mut count); // nothing to read means nothing to forget
    }

    pub(crate) fn source(&self) -> WakeUpSource<'_> {
        WakeUpSource::Descriptor(self.eventfd.as_raw_fd())
    }
}
