//! Where samples enter: a socket connected to the proxy, owned by a streamer or a publisher.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use router_socket::{Context, Endpoint, PollEntry, SendRefusal, Socket, SocketError, SocketKind};

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
    socket: Socket,
}

/// What every source needs.
#[derive(Debug, Clone)]
pub(crate) struct Ingress {
    pub(crate) context: Context,
    /// Where the proxy receives, within this process.
    pub(crate) endpoint: Endpoint,
    /// Most bytes of large samples that wait in one source.
    pub(crate) budget_bytes: usize,
    /// Set by the server's stop: there is no proxy to wait for.
    pub(crate) stopped: Arc<AtomicBool>,
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
        let mut socket = ingress.context.socket(SocketKind::XPub)?;
        socket.set_send_hwm(send_hwm(ingress.budget_bytes, largest_bytes))?;
        socket.set_xpub_nodrop(true)?;
        socket.connect(&ingress.endpoint)?;
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
        Ok(Source { socket })
    }

    /// Hands a sample to the proxy, or refuses it whole.
    ///
    /// # Errors
    /// [`SourceRefusal`].
    pub(crate) fn try_send(&mut self, packet: Packet) -> Result<(), SourceRefusal> {
        let more = packet.payload.is_some();
        let refusal = |error: router_socket::TrySendError| match error.reason {
            SendRefusal::Full => SourceRefusal::Full,
            _ => SourceRefusal::Closed,
        };
        self.socket.try_send(packet.head, more).map_err(refusal)?;
        match packet.payload {
            Some(payload) => self.socket.try_send(payload, false).map_err(refusal),
            None => Ok(()),
        }
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
