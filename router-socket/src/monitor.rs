//! `Monitor`: what happens to a socket's connections, as libzmq's I/O threads see it.

use crate::context::{Context, SocketKind};
use crate::endpoint::Endpoint;
use crate::error::SocketError;
use crate::frame::Frame;
use crate::poll::PollEntry;
use crate::socket::Socket;
use std::ffi::{CString, c_int, c_void};
use std::sync::{Arc, Mutex, MutexGuard};

/// Receives the events of one socket, from [`Socket::monitor`].
///
/// libzmq's I/O thread waits, with every connection it serves, when a monitor's queue is full or its reader is gone.
/// So the queue has no limit (about 200 bytes an event: drain it in every turn), and dropping a monitor stops the
/// reports first.
pub struct Monitor {
    monitored: Arc<MonitoredSocket>,
    /// Which of the socket's monitors this is: only the newest one reports.
    number: u64,
    receiver: Socket,
    /// Kept for its capacity.
    frames: Vec<Frame>,
}

/// Something that happened to a connection. Descriptors name the connection while it is open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocketEvent {
    /// A connection to a peer is there; the handshake follows.
    Connected,
    /// A connection attempt has not succeeded at once.
    ConnectDelayed,
    /// A connection is tried again after this pause.
    ConnectRetried {
        /// The pause, in milliseconds.
        interval_ms: u32,
    },
    /// The socket listens.
    Listening {
        /// The listening descriptor.
        fd: i32,
    },
    /// The socket could not listen.
    BindFailed {
        /// Where, as libzmq writes it.
        endpoint: String,
        /// The error number.
        errno: i32,
    },
    /// A peer has connected; the handshake follows.
    Accepted {
        /// The connection's descriptor.
        fd: i32,
    },
    /// A peer could not be accepted.
    AcceptFailed {
        /// The error number.
        errno: i32,
    },
    /// A connection or a listener was closed here.
    Closed {
        /// The descriptor it had.
        fd: i32,
    },
    /// A connection ended.
    Disconnected {
        /// The descriptor it had.
        fd: i32,
    },
    /// Both sides know each other; messages can flow.
    HandshakeSucceeded,
    /// The connection is given up before any message.
    HandshakeFailed {
        /// Why.
        reason: HandshakeFailure,
    },
}

/// Why a handshake failed. The text is for a log; what the peer is, it does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeFailure {
    /// The connection broke, or the peer said nothing in time.
    #[error("the connection ended during the handshake (error number {errno})")]
    NoDetail {
        /// The error number.
        errno: i32,
    },
    /// The peer does not speak the protocol, or not with this mechanism or key.
    #[error("the peer broke the protocol (code {code:#010x})")]
    Protocol {
        /// One of ZMQ_PROTOCOL_ERROR_ in zmq.h.
        code: u32,
    },
    /// The peer was refused.
    #[error("the peer was refused (status {status})")]
    Refused {
        /// The status of the authentication: 300, 400 or 500.
        status: u32,
    },
}

impl Monitor {
    pub(crate) fn start(context: &Context, monitored: Arc<MonitoredSocket>) -> Result<Monitor, SocketError> {
        let endpoint = Endpoint::unique_inproc("monitor");
        let receiver = context.socket(SocketKind::Pair)?;
        receiver.set_recv_hwm(0)?;
        let number = monitored.start(&endpoint)?;
        receiver.connect(&endpoint)?;
        Ok(Monitor { monitored, number, receiver, frames: Vec::new() })
    }

    /// Takes the oldest event that waits, if there is one. Never waits.
    pub fn try_next(&mut self) -> Option<SocketEvent> {
        while let Ok(true) = self.receiver.try_recv_message(&mut self.frames) {
            if let Some(event) = decode(&self.frames) {
                return Some(event);
            }
        }
        None
    }

    /// Tells whether no event waited when it was asked last; a poll tells when one comes.
    pub fn is_quiet(&self) -> bool {
        self.receiver.is_quiet()
    }

    /// Makes the entry for a loop's poll; it becomes readable when an event waits.
    pub fn poll_entry(&self) -> PollEntry<'_> {
        PollEntry::readable(&self.receiver)
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.monitored.stop(self.number);
    }
}

impl std::fmt::Debug for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Monitor").finish_non_exhaustive()
    }
}

/// The socket that is monitored, until it is closed. Socket and monitor may be dropped by different threads.
pub(crate) struct MonitoredSocket {
    state: Mutex<State>,
}

struct State {
    /// Null once the socket is closed.
    socket: *mut c_void,
    /// How many monitors there were.
    monitors: u64,
}

// SAFETY: zmq_socket_monitor, which has a lock of its own inside of libzmq, is all that is called with the pointer.
unsafe impl Send for State {}

impl MonitoredSocket {
    pub(crate) fn open(socket: *mut c_void) -> MonitoredSocket {
        MonitoredSocket { state: Mutex::new(State { socket, monitors: 0 }) }
    }

    /// Called before the socket is closed. Its reports end here: libzmq's I/O thread goes on with its connections for a
    /// while, and would wait for ever with a report for a monitor that has been dropped meanwhile.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        if state.monitors > 0 && !state.socket.is_null() {
            // SAFETY: the socket is open while the lock is held; no endpoint means to stop.
            unsafe { zmq_sys::zmq_socket_monitor(state.socket, std::ptr::null(), 0) };
        }
        state.socket = std::ptr::null_mut();
    }

    /// Returns the number of the new monitor. libzmq ends the one before.
    fn start(&self, endpoint: &Endpoint) -> Result<u64, SocketError> {
        const EVENTS: u32 = zmq_sys::ZMQ_EVENT_ALL & !zmq_sys::ZMQ_EVENT_MONITOR_STOPPED;
        let mut state = self.lock();
        let text = CString::new(endpoint.to_string()).expect("the name was made without NUL");
        // SAFETY: the socket is open, since `&mut Socket` started this, and the string ends with NUL.
        if unsafe { zmq_sys::zmq_socket_monitor(state.socket, text.as_ptr(), EVENTS as c_int) } != 0 {
            return Err(SocketError::last("monitor a socket"));
        }
        state.monitors += 1;
        Ok(state.monitors)
    }

    fn stop(&self, number: u64) {
        let state = self.lock();
        if state.monitors == number && !state.socket.is_null() {
            // SAFETY: the socket is open while the lock is held; no endpoint means to stop.
            unsafe { zmq_sys::zmq_socket_monitor(state.socket, std::ptr::null(), 0) };
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Reads an event of version 1: number (16 bits) and value (32 bits) in one frame, the endpoint in the next.
fn decode(frames: &[Frame]) -> Option<SocketEvent> {
    let (number, value) = frames.first()?.split_first_chunk::<2>()?;
    let value = u32::from_ne_bytes(*value.first_chunk::<4>()?);
    let fd_or_errno = value as i32;
    let event = match u32::from(u16::from_ne_bytes(*number)) {
        zmq_sys::ZMQ_EVENT_CONNECTED => SocketEvent::Connected,
        zmq_sys::ZMQ_EVENT_CONNECT_DELAYED => SocketEvent::ConnectDelayed,
        zmq_sys::ZMQ_EVENT_CONNECT_RETRIED => SocketEvent::ConnectRetried { interval_ms: value },
        zmq_sys::ZMQ_EVENT_LISTENING => SocketEvent::Listening { fd: fd_or_errno },
        zmq_sys::ZMQ_EVENT_BIND_FAILED => {
            let endpoint = frames.get(1).map(|frame| String::from_utf8_lossy(frame).into_owned());
            SocketEvent::BindFailed { endpoint: endpoint.unwrap_or_default(), errno: fd_or_errno }
        }
        zmq_sys::ZMQ_EVENT_ACCEPTED => SocketEvent::Accepted { fd: fd_or_errno },
        zmq_sys::ZMQ_EVENT_ACCEPT_FAILED => SocketEvent::AcceptFailed { errno: fd_or_errno },
        zmq_sys::ZMQ_EVENT_CLOSED => SocketEvent::Closed { fd: fd_or_errno },
        zmq_sys::ZMQ_EVENT_DISCONNECTED => SocketEvent::Disconnected { fd: fd_or_errno },
        zmq_sys::ZMQ_EVENT_HANDSHAKE_SUCCEEDED => SocketEvent::HandshakeSucceeded,
        zmq_sys::ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL => {
            SocketEvent::HandshakeFailed { reason: HandshakeFailure::NoDetail { errno: fd_or_errno } }
        }
        zmq_sys::ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL => {
            SocketEvent::HandshakeFailed { reason: HandshakeFailure::Protocol { code: value } }
        }
        zmq_sys::ZMQ_EVENT_HANDSHAKE_FAILED_AUTH => {
            SocketEvent::HandshakeFailed { reason: HandshakeFailure::Refused { status: value } }
        }
        _ => return None,
    };
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: u32, value: u32) -> Option<SocketEvent> {
        let mut bytes = (number as u16).to_ne_bytes().to_vec();
        bytes.extend(value.to_ne_bytes());
        decode(&[Frame::from_vec(bytes), Frame::copy_from(b"tcp://127.0.0.1:5555")])
    }

    #[test]
    fn events_are_read() {
        assert_eq!(event(zmq_sys::ZMQ_EVENT_ACCEPTED, 7), Some(SocketEvent::Accepted { fd: 7 }));
        assert_eq!(event(zmq_sys::ZMQ_EVENT_DISCONNECTED, 8), Some(SocketEvent::Disconnected { fd: 8 }));
        assert_eq!(
            event(zmq_sys::ZMQ_EVENT_BIND_FAILED, 98),
            Some(SocketEvent::BindFailed { endpoint: "tcp://127.0.0.1:5555".into(), errno: 98 })
        );
        assert_eq!(
            event(zmq_sys::ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, 0x1100_0001),
            Some(SocketEvent::HandshakeFailed { reason: HandshakeFailure::Protocol { code: 0x1100_0001 } })
        );
        assert_eq!(event(0x8000, 0), None, "an event of a later libzmq");
    }

    #[test]
    fn what_is_not_an_event_is_skipped() {
        assert_eq!(decode(&[]), None);
        for length in 0..6 {
            assert_eq!(decode(&[Frame::from_vec(vec![1; length])]), None, "{length} bytes");
        }
    }
}
