//! A SUB and where it is connected to.

use router_socket::{Context, Endpoint, Socket, SocketError, SocketKind};

/// A SUB that follows its server: connected to one endpoint at a time, reconnected by libzmq.
pub(crate) struct StreamSocket {
    pub(crate) socket: Socket,
    /// Where it is connected to; subscriptions made before that are sent on connecting.
    dialled: Option<Endpoint>,
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

    /// Connects to `endpoint` and to nothing else; does nothing when that is so already.
    pub(crate) fn dial(&mut self, endpoint: &Endpoint) -> Result<(), SocketError> {
        if self.dialled.as_ref() == Some(endpoint) {
            return Ok(());
        }
        if let Some(old) = self.dialled.take() {
            self.socket.disconnect(&old)?;
        }
        self.socket.connect(endpoint)?;
        self.dialled = Some(endpoint.clone());
        Ok(())
    }
}
