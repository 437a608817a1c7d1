//! Buffers that are used again, as an acquisition program's are.

use std::ops::{Deref, DerefMut};

use crossbeam_channel::{Receiver, Sender, unbounded};

/// Buffers of one size. It has as many as were in use at once.
pub(crate) struct Pool {
    bytes: usize,
    free: Receiver<Vec<u8>>,
    home: Sender<Vec<u8>>,
}

/// A buffer that goes back to its pool when it is dropped.
pub(crate) struct Pooled {
    bytes: Vec<u8>,
    home: Sender<Vec<u8>>,
}

impl Pool {
    pub(crate) fn new(bytes: usize) -> Pool {
        let (home, free) = unbounded();
        Pool { bytes, free, home }
    }

    /// A buffer that nobody uses; what is in it is left over.
    pub(crate) fn take(&self) -> Pooled {
        let bytes = self.free.try_recv().unwrap_or_else(|_| vec![0; self.bytes]);
        Pooled { bytes, home: self.home.clone() }
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let _ = self.home.send(std::mem::take(&mut self.bytes)); // a pool that is gone needs none
    }
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Deref for Pooled {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}
