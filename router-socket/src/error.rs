//! What can go wrong with a socket, in variants that the caller can act on.

use crate::endpoint::Endpoint;

/// Why an operation on a context or a socket failed.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another socket, of this or another process, listens there.
    #[error("{endpoint} is in use by another program; stop it or choose another address")]
    AddressInUse {
        /// The endpoint that was to be bound.
        endpoint: Endpoint,
    },
    /// This machine has no such address or interface, or nobody bound the `inproc` name.
    #[error("{endpoint} is not an address of this machine; bind to one of its own addresses or to `*`")]
    AddressNotAvailable {
        /// The endpoint that was to be bound or connected.
        endpoint: Endpoint,
    },
    /// The endpoint is an IPv6 address and this machine has no IPv6.
    #[error("{endpoint} is an IPv6 address and this machine has no IPv6; use an IPv4 address")]
    NoIpv6 {
        /// The endpoint that was to be bound or connected.
        endpoint: Endpoint,
    },
    /// The operating system does not let this user listen there.
    #[error("no permission to listen on {endpoint}; ports below 1024 and foreign folders need more rights")]
    NoPermission {
        /// The endpoint that was to be bound.
        endpoint: Endpoint,
    },
    /// The endpoint is not bound or connected by this socket.
    #[error("{endpoint} is not bound or connected by this socket")]
    NotConnected {
        /// The endpoint that was to be unbound or disconnected.
        endpoint: Endpoint,
    },
    /// libzmq refused the endpoint for another reason.
    #[error("failed to {action} {endpoint}: {reason}")]
    Endpoint {
        /// `bind to`, `connect to`, `unbind` or `disconnect`.
        action: &'static str,
        /// The endpoint.
        endpoint: Endpoint,
        /// What libzmq said.
        reason: zmq::Error,
    },
    /// The process has reached libzmq's or the system's limit of sockets and file descriptors.
    #[error("no more sockets: the limit of this process (1023 sockets, or its file descriptors) is reached")]
    TooManySockets,
    /// The context is gone, and with it every socket made from it.
    #[error("the ZeroMQ context was terminated")]
    ContextTerminated,
    /// An option has a value that libzmq does not take, or that the kind of socket does not know.
    #[error("failed to set {option}: {reason}")]
    Option {
        /// The name in zmq.h, without `ZMQ_`.
        option: &'static str,
        /// What libzmq said.
        reason: zmq::Error,
    },
    /// Anything else that libzmq reports.
    #[error("failed to {action}: {reason}")]
    Zmq {
        /// What was tried.
        action: &'static str,
        /// What libzmq said.
        reason: zmq::Error,
    },
    /// The operating system refused a wake-up for a mailbox.
    #[error("failed to {action}: {reason}")]
    WakeUp {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        reason: std::io::Error,
    },
}

impl SocketError {
    /// Reads libzmq's error number of the call that just failed on this thread.
    pub(crate) fn last(action: &'static str) -> SocketError {
        SocketError::from_zmq(action, last_zmq_error())
    }

    pub(crate) fn from_zmq(action: &'static str, reason: zmq::Error) -> SocketError {
        match reason {
            zmq::Error::ETERM => SocketError::ContextTerminated,
            zmq::Error::EMFILE => SocketError::TooManySockets,
            reason => SocketError::Zmq { action, reason },
        }
    }

    /// Turns the error of a bind, connect, unbind or disconnect into what it means for `endpoint`.
    pub(crate) fn last_at(action: &'static str, endpoint: &Endpoint) -> SocketError {
        let endpoint = endpoint.clone();
        match last_zmq_error() {
            zmq::Error::EADDRINUSE => SocketError::AddressInUse { endpoint },
            zmq::Error::EADDRNOTAVAIL | zmq::Error::ENODEV => SocketError::AddressNotAvailable { endpoint },
            zmq::Error::EACCES => SocketError::NoPermission { endpoint },
            zmq::Error::ENOENT if matches!(action, "unbind" | "disconnect") => {
                SocketError::NotConnected { endpoint }
            }
            zmq::Error::ETERM => SocketError::ContextTerminated,
            zmq::Error::EMFILE => SocketError::TooManySockets,
            reason => SocketError::Endpoint { action, endpoint, reason },
        }
    }
}

/// Returns the error number that libzmq left for this thread.
pub(crate) fn last_zmq_error() -> zmq::Error {
    // SAFETY: reads a number of the calling thread.
    zmq::Error::from_raw(unsafe { zmq_sys::zmq_errno() })
}
