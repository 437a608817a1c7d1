//! `Feed`: a SUB of a relay, and where it is connected to.

use std::time::Duration;

use router_socket::{Context, Endpoint, Frame, Socket, SocketError, SocketKind};

/// Messages up to this size are received whatever was declared [bytes]: what is too large is told by an error then.
const LEAST_MOST_BYTES: u64 = 1 << 20;
/// Room for a name, a header and metadata beside a payload [bytes].
const HEADER_ROOM_BYTES: u64 = 4 << 10;
/// Most messages that wait, whatever the budget.
const MOST_WAITING: usize = 1_000;
/// The longest pause between two attempts to connect: a source comes back within seconds.
const RECONNECT_MOST: Duration = Duration::from_secs(1);

/// Receives from one endpoint at a time; libzmq reconnects it.
pub(super) struct Feed {
    pub(super) socket: Socket,
    dialled: Option<Endpoint>,
}

impl Feed {
    /// A feed for payloads of at most `largest_bytes`, of which `budget_bytes` wait here at most, or two.
    ///
    /// # Errors
    /// [`SocketError`].
    pub(super) fn open(
        context: &Context,
        largest_bytes: usize,
        budget_bytes: usize,
    ) -> Result<Feed, SocketError> {
        let socket = context.socket(SocketKind::Sub)?;
        let waiting = (budget_bytes / largest_bytes.max(1)).clamp(2, MOST_WAITING);
        socket.set_recv_hwm(waiting as i32)?;
        let most_bytes = (2 * largest_bytes as u64 + HEADER_ROOM_BYTES).max(LEAST_MOST_BYTES);
        socket.set_max_message_bytes(most_bytes)?;
        socket.set_reconnect_interval(Duration::from_millis(100), RECONNECT_MOST)?;
        Ok(Feed { socket, dialled: None })
    }

    /// Connects to `endpoint` and to nothing else; does nothing when that is so already.
    ///
    /// # Errors
    /// [`SocketError`], for a host name that does not resolve: it is not connected then.
    pub(super) fn dial(&mut self, endpoint: &Endpoint) -> Result<(), SocketError> {
        if self.dialled.as_ref() == Some(endpoint) {
            return Ok(());
        }
        self.hang_up();
        self.socket.connect(endpoint)?;
        self.dialled = Some(endpoint.clone());
        Ok(())
    }

    /// Is connected to nothing.
    pub(super) fn hang_up(&mut self) {
        if let Some(former) = self.dialled.take() {
            let _ = self.socket.disconnect(&former); // it was connected, or the context is gone
        }
    }

    /// Takes a message that waits; whether there was one, and whether it is whole.
    ///
    /// # Errors
    /// [`SocketError::ContextTerminated`].
    pub(super) fn receive(&mut self, frames: &mut Vec<Frame>) -> Result<Option<bool>, SocketError> {
        let received = self.socket.try_recv_message(frames)?;
        Ok(received.then(|| self.socket.discarded_frames() == 0))
    }
}
