//! A frame that was not sent comes back, with the reason.

use crate::frame::Frame;

/// A frame that was not sent, and why.
#[derive(Debug, thiserror::Error)]
#[error("failed to send a frame of {} bytes: {reason}", frame.len())]
pub struct TrySendError {
    /// The frame, unchanged.
    pub frame: Frame,
    /// Why it is back.
    pub reason: SendRefusal,
}

/// Why a frame was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendRefusal {
    /// The high-water mark is reached, or there is no connection yet.
    #[error("the queue is full or there is no connection")]
    Full,
    /// A ROUTER knows no peer of that routing id (any more).
    #[error("the peer is not connected any more")]
    Unroutable,
    /// The context is terminated.
    #[error("the socket is closed")]
    Closed,
    /// Anything else that libzmq reports.
    #[error("libzmq refused it: {0}")]
    Other(zmq::Error),
}

impl SendRefusal {
    pub(crate) fn from_zmq(error: zmq::Error) -> SendRefusal {
        match error {
            zmq::Error::EAGAIN => SendRefusal::Full,
            zmq::Error::EHOSTUNREACH => SendRefusal::Unroutable,
            zmq::Error::ETERM | zmq::Error::ENOTSOCK => SendRefusal::Closed,
            other => SendRefusal::Other(other),
        }
    }
}
