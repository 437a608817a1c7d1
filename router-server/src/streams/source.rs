//! Where samples enter: a socket connected to the proxy, owned by a streamer or a publisher.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use router_socket::{Context, Endpoint, Frame, PollEntry, SendRefusal, Socket, SocketError, SocketKind};

use super::options::SMALL_SAMPLE_BYTES;
use super::packet::Packet;
use super::stream_error::AddStreamError;

/// How long the proxy may take to answer a new source. It does so in its next turn; only a machine without a
/// free core for this long makes it late.
const CONNECT_WAIT: Duration = Duration::from_secs(5);

/// How often a source that waits for the proxy looks whether the server has stopped meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Most samples that wait in one source for the proxy.
const MOST_WAITING: usize = 1_000;

/// A connected source. It never waits to send.
pub(crate) struct Source {
    socket: Arc<SourceSocket>,
    /// The proxy's subscription is here: nothing is lost unseen from now on.
    is_connected: bool,
}

/// A source's socket: the source's own, until the stop of the server takes it away and closes it. Locked for a send,
/// which never waits.
type SourceSocket = Mutex<Option<Socket>>;

/// What every source needs.
#[derive(Clone)]
pub(crate) struct Ingress {
    sockets: Arc<Mutex<Sockets>>,
    /// Where the proxy receives, within this process.
    pub(crate) endpoint: Endpoint,
    /// Most bytes of large samples that wait in one source.
    pub(crate) budget_bytes: usize,
    /// Set by the server's stop: there is no proxy to wait for.
    pub(crate) stopped: Arc<AtomicBool>,
}

/// What keeps libzmq's threads.
struct Sockets {
    /// `None` after the stop.
    context: Option<Context>,
    /// Of all sources: an application may keep a publisher, and a hung function its streamer, after the stop.
    sources: Vec<Weak<SourceSocket>>,
}

impl Ingress {
    pub(crate) fn new(context: Context, endpoint: Endpoint, budget_bytes: usize) -> Ingress {
        let sockets = Sockets { context: Some(context), sources: Vec::new() };
        Ingress { sockets: Arc::new(Mutex::new(sockets)), endpoint, budget_bytes, stopped: Arc::default() }
    }

    /// Closes the sockets of all sources and lets the context go: with it libzmq's threads end.
    ///
    /// # Blocking
    /// When this is the last owner of the context, until what its other sockets sent has left, for their linger at
    /// most.
    pub(crate) fn close(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        let mut sockets = self.sockets.lock();
        let context = sockets.context.take();
        let sources = std::mem::take(&mut sockets.sources);
        drop(sockets);
        for source in sources.iter().filter_map(Weak::upgrade) {
            drop(source.lock().take());
        }
        drop(context);
    }

    pub(crate) fn context(&self) -> Result<Context, SourceError> {
        self.sockets.lock().context.clone().ok_or(SourceError::Stopped)
    }

    /// Has the stop close `socket`, unless it has come already.
    fn register(&self, socket: Socket) -> Result<Arc<SourceSocket>, SourceError> {
        let mut sockets = self.sockets.lock();
        if sockets.context.is_none() {
            return Err(SourceError::Stopped);
        }
        let socket = Arc::new(Mutex::new(Some(socket)));
        sockets.sources.retain(|source| source.strong_count() > 0);
        sockets.sources.push(Arc::downgrade(&socket));
        Ok(socket)
    }
}

/// Why there is no source.
#[derive(Debug)]
pub(crate) enum SourceError {
    Socket(SocketError),
    ProxyTooSlow,
    Stopped,
}

/// Why a sample was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourceRefusal {
    /// The proxy is behind.
    Full,
    /// The context is gone.
    Closed,
}

impl Source {
    /// Connects to the proxy, for samples of at most `largest_bytes`.
    ///
    /// An XPUB rather than a PUB: it can read the proxy's subscription, after which no sample is lost unseen.
    ///
    /// # Errors
    /// [`SourceError`].
    ///
    /// # Blocking
    /// Until the proxy's next turn, 5 s at most.
    pub(crate) fn connect(ingress: &Ingress, largest_bytes: usize) -> Result<Source, SourceError> {
        let mut socket = Source::open(&ingress.context()?, ingress, largest_bytes)?;
        let deadline = Instant::now() + CONNECT_WAIT;
        while socket.try_recv()?.is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(SourceError::ProxyTooSlow);
            }
            if ingress.stopped.load(Ordering::SeqCst) {
                return Err(SourceError::Stopped);
            }
            router_socket::poll(&mut [PollEntry::readable(&socket)], Some(left.min(LOOK_EVERY)))?;
        }
        Ok(Source { socket: ingress.register(socket)?, is_connected: true })
    }

    /// As [`connect`](Source::connect), for loops: it returns at once, and refuses samples until the proxy has taken the
    /// connection, in its next turn.
    ///
    /// # Errors
    /// [`SocketError`].
    pub(crate) fn begin(ingress: &Ingress, largest_bytes: usize) -> Result<Source, SocketError> {
        let closed = |error| match error {
            SourceError::Socket(error) => error,
            SourceError::Stopped | SourceError::ProxyTooSlow => SocketError::ContextTerminated,
        };
        let socket = Source::open(&ingress.context().map_err(closed)?, ingress, largest_bytes)?;
        Ok(Source { socket: ingress.register(socket).map_err(closed)?, is_connected: false })
    }

    fn open(context: &Context, ingress: &Ingress, largest_bytes: usize) -> Result<Socket, SocketError> {
        let socket = context.socket(SocketKind::XPub)?;
        socket.set_send_hwm(send_hwm(ingress.budget_bytes, largest_bytes))?;
        socket.set_xpub_nodrop(true)?;
        socket.connect(&ingress.endpoint)?;
        Ok(socket)
    }

    /// Holds what a send holds.
    #[cfg(test)]
    pub(super) fn hold(&self) -> impl Drop + '_ {
        self.socket.lock()
    }

    /// Hands a sample to the proxy, or refuses it whole.
    ///
    /// # Errors
    /// [`SourceRefusal`].
    pub(crate) fn try_send(&mut self, packet: Packet) -> Result<(), SourceRefusal> {
        let slot = packet.slot.map(|slot| Frame::copy_from(&slot.encode()));
        let more = packet.payload.is_some() || slot.is_some();
        let refusal = |error: router_socket::TrySendError| match error.reason {
            SendRefusal::Full => SourceRefusal::Full,
            _ => SourceRefusal::Closed,
        };
        let mut socket = self.socket.lock();
        let socket = socket.as_mut().ok_or(SourceRefusal::Closed)?;
        if !self.is_connected {
            let subscription = socket.try_recv().map_err(|_| SourceRefusal::Closed)?;
            self.is_connected = subscription.is_some();
            if !self.is_connected {
                return Err(SourceRefusal::Full);
            }
        }
        socket.try_send(packet.head, more).map_err(refusal)?;
        if let Some(payload) = packet.payload {
            socket.try_send(payload, slot.is_some()).map_err(refusal)?;
        }
        // For the proxy alone: where the payload is in shared memory.
        slot.map_or(Ok(()), |slot| socket.try_send(slot, false).map_err(refusal))
    }
}

impl SourceError {
    /// The error of adding the stream `name`.
    pub(crate) fn adding(self, name: &str) -> AddStreamError {
        let name = name.to_owned();
        match self {
            SourceError::Stopped | SourceError::Socket(SocketError::ContextTerminated) => {
                AddStreamError::Stopped
            }
            SourceError::Socket(error) => AddStreamError::Socket { name, error },
            SourceError::ProxyTooSlow => {
                AddStreamError::ProxyTooSlow { name, waited_ms: CONNECT_WAIT.as_millis() }
            }
        }
    }
}

impl From<SocketError> for SourceError {
    fn from(error: SocketError) -> SourceError {
        SourceError::Socket(error)
    }
}

fn send_hwm(budget_bytes: usize, largest_bytes: usize) -> i32 {
    if largest_bytes <= SMALL_SAMPLE_BYTES {
        MOST_WAITING as i32
    } else {
        (budget_bytes / largest_bytes).clamp(2, MOST_WAITING) as i32
    }
}
