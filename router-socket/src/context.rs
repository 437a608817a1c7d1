//! `Context`: libzmq's I/O threads and the name space of `inproc`.

use crate::error::SocketError;
use crate::socket::Socket;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A handle to libzmq's I/O threads; all clones mean the same context.
///
/// Sockets keep their context: it ends when the last clone and the last socket are gone.
#[derive(Clone)]
pub struct Context {
    shared: Arc<Shared>,
}

struct Shared {
    zmq: zmq::Context,
    id: u64,
}

impl Context {
    /// Makes a context with `io_threads` threads that move bytes (at least 1).
    ///
    /// One thread carries about 1 GB/s; two help when several subscribers take large frames.
    ///
    /// # Errors
    /// [`SocketError::Zmq`] if libzmq refuses the number.
    pub fn new(io_threads: usize) -> Result<Context, SocketError> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let count = i32::try_from(io_threads.max(1)).unwrap_or(i32::MAX);
        let zmq = zmq::Context::new();
        zmq.set_io_threads(count)
            .map_err(|reason| SocketError::from_zmq("set the number of I/O threads", reason))?;
        Ok(Context { shared: Arc::new(Shared { zmq, id: NEXT_ID.fetch_add(1, Ordering::Relaxed) }) })
    }

    /// Makes a socket with the options that every socket of the router has; see [`Socket`].
    ///
    /// # Errors
    /// [`SocketError::TooManySockets`] at 1023 sockets or when the process has no file descriptor left.
    pub fn socket(&self, kind: SocketKind) -> Result<Socket, SocketError> {
        Socket::new(self, kind)
    }

    /// Tells contexts apart: `inproc` names mean nothing in another context. Unique in this process.
    pub fn id(&self) -> u64 {
        self.shared.id
    }

    pub(crate) fn zmq(&self) -> &zmq::Context {
        &self.shared.zmq
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("id", &self.id()).finish()
    }
}

/// The kinds of socket that the router uses; the words are those of the ZeroMQ Guide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SocketKind {
    /// Many peers, each addressed by the first frame.
    Router,
    /// The peer of a ROUTER.
    Dealer,
    /// Sends to whoever subscribed.
    Pub,
    /// Receives what it subscribed to.
    Sub,
    /// A PUB that shows the subscriptions to its owner.
    XPub,
    /// A SUB whose subscriptions are messages.
    XSub,
    /// One peer, in the same process.
    Pair,
}

impl SocketKind {
    pub(crate) fn to_zmq(self) -> zmq::SocketType {
        match self {
            SocketKind::Router => zmq::ROUTER,
            SocketKind::Dealer => zmq::DEALER,
            SocketKind::Pub => zmq::PUB,
            SocketKind::Sub => zmq::SUB,
            SocketKind::XPub => zmq::XPUB,
            SocketKind::XSub => zmq::XSUB,
            SocketKind::Pair => zmq::PAIR,
        }
    }
}

/// Returns libzmq's version: major, minor, patch.
pub fn version() -> (i32, i32, i32) {
    zmq::version()
}

/// Tells whether libzmq was built with a capability: `curve`, `ipc`, ...
pub fn has(capability: &str) -> bool {
    zmq::has(capability) == Some(true)
}
