//! `SharedContext`: what a server and a client of one process share to reach each other over `inproc`.

use crate::context::Context;
use crate::error::SocketError;

/// The name space of `inproc` for the servers and clients of one process that are given it; clones mean the same one.
///
/// Whoever has it may be dropped in any order: the context ends with the last of them.
#[derive(Clone, Debug)]
pub struct SharedContext(Context);

impl SharedContext {
    /// Makes one whose TCP and `ipc` connections, if there are any, are served by one I/O thread.
    ///
    /// # Errors
    /// [`SocketError::Zmq`] if the system has no resources left.
    pub fn new() -> Result<SharedContext, SocketError> {
        SharedContext::with_io_threads(1)
    }

    /// Makes one with `io_threads` I/O threads; [`Context::new`] says what they are worth.
    ///
    /// # Errors
    /// [`SocketError::Zmq`] if libzmq refuses the number.
    pub fn with_io_threads(io_threads: usize) -> Result<SharedContext, SocketError> {
        Context::new(io_threads).map(SharedContext)
    }

    /// The context itself, for the crates of the router.
    #[doc(hidden)]
    pub fn context(&self) -> &Context {
        &self.0
    }
}
