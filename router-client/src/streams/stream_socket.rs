//! A SUB and where it is connected to.

use super::samples_handle::ServerView;
use router_socket::{Context, Endpoint, Socket, SocketError, SocketKind};

/// A SUB that follows its server: connected to one endpoint at a time, reconnected by libzmq.
pub(crate) struct StreamSocket {
    pub(crate) socket: Socket,
    /// Where it is connected to, and how; subscriptions made before that are sent on connecting.
    dialled: Option<Dialled>,
}

#[derive(Debug, PartialEq, Eq)]
struct Dialled {
    endpoint: Endpoint,
    by_ipv6: bool,
    /// Which life of the server, where the connection ends with it and is not made again by libzmq: over `inproc`.
    epoch: u64,
}

/// Small samples that may wait in libzmq while the loop is busy, and the longest of them [bytes]. A longer
/// frame ends the connection: nothing honest is longer, the server serves such streams as frames.
const SAMPLES_HWM: i32 = 1000;
const LONGEST_SAMPLE_BYTES: u64 = 1 << 20;

/// Frames that may wait in libzmq, for each stream: as many as keep the connection busy while the loop hands
/// one on. The rest waits in the server, within its budget for this subscriber.
const FRAMES_HWM: i32 = 4;
const LONGEST_FRAME_BYTES: u64 = 1 << 30;

impl StreamSocket {
    /// The SUB of all small streams.
    pub(crate) fn for_samples(context: &Context) -> Result<StreamSocket, SocketError> {
        StreamSocket::open(context, SAMPLES_HWM, LONGEST_SAMPLE_BYTES)
    }

    /// The SUB of one large stream.
    pub(crate) fn for_frames(context: &Context) -> Result<StreamSocket, SocketError> {
        StreamSocket::open(context, FRAMES_HWM, LONGEST_FRAME_BYTES)
    }

    fn open(context: &Context, hwm: i32, longest_bytes: u64) -> Result<StreamSocket, SocketError> {
        let socket = context.socket(SocketKind::Sub)?;
        socket.set_recv_hwm(hwm)?;
        socket.set_max_message_bytes(longest_bytes)?;
        Ok(StreamSocket { socket, dialled: None })
    }

    /// Connects to `endpoint` of `server` and to nothing else; does nothing when that is so already.
    pub(crate) fn dial(&mut self, endpoint: &Endpoint, server: &ServerView) -> Result<(), SocketError> {
        let by_ipv6 = server.by_ipv6 && endpoint.has_host_name();
        let epoch = endpoint.inproc_name().map_or(0, |_| server.epoch);
        let wanted = Dialled { endpoint: endpoint.clone(), by_ipv6, epoch };
        if self.dialled.as_ref() == Some(&wanted) {
            return Ok(());
        }
        if let Some(Dialled { endpoint: old, .. }) = self.dialled.take() {
            match self.socket.disconnect(&old) {
                Err(SocketError::NotConnected { .. }) if old.inproc_name().is_some() => {} // it has ended
                disconnected => disconnected?,
            }
        }
        if by_ipv6 { self.socket.connect_ipv6(endpoint) } else { self.socket.connect(endpoint) }?;
        self.dialled = Some(wanted);
        Ok(())
    }
}
