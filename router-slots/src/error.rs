//! Why there is no shared memory: for none of these does a frame fail to travel, it takes the network.

use crate::BadSize;
use crate::SlotAddress;
use std::time::Duration;

/// There is no ring.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// Its size is not possible.
    #[error("no shared memory for the stream: {0}")]
    Size(#[from] BadSize),
    /// The system refuses.
    #[error("no shared memory for the stream: the system refused {what} ({reason})")]
    System {
        /// What it was asked for.
        what: &'static str,
        /// What it says.
        reason: String,
    },
    /// This platform has no slots.
    #[error(
        "no shared memory for the stream: this platform has none that survives what happens to processes"
    )]
    Unsupported,
}

/// There is no offer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("frames go over the network alone: no socket for shared memory ({reason})")]
pub struct ListenError {
    /// What the system says.
    pub reason: String,
}

/// There is no connection. The streams then come over the network alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// Nobody listens there: another machine, another container, or a server that has ended.
    #[error("no shared memory: nobody on this machine listens at {address}")]
    NobodyThere {
        /// Where.
        address: SlotAddress,
    },
    /// Too many wait to be accepted; may be tried again.
    #[error("no shared memory now: too many processes wait at {address}")]
    Busy {
        /// Where.
        address: SlotAddress,
    },
    /// Another user's process listens there.
    #[error("no shared memory: {address} belongs to another user")]
    AnotherUser {
        /// Where.
        address: SlotAddress,
    },
    /// The system refuses.
    #[error("no shared memory: {reason}")]
    System {
        /// What it says.
        reason: String,
    },
    /// This platform has no slots.
    #[error("no shared memory: this platform has none that survives what happens to processes")]
    Unsupported,
}

/// A ring is not attached. Its stream then comes over the network alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttachError {
    /// The server's answer.
    #[error("no shared memory for `{key}`: {reason}")]
    Refused {
        /// The ring.
        key: String,
        /// Why.
        reason: Refusal,
    },
    /// The connection has ended.
    #[error("no shared memory for `{key}`: the server has ended, or reads nothing more of this connection")]
    Closed {
        /// The ring.
        key: String,
    },
    /// The server did not answer in time.
    #[error("no shared memory for `{key}`: no answer in {} ms", waited.as_millis())]
    TimedOut {
        /// The ring.
        key: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The system refuses.
    #[error("no shared memory for `{key}`: {reason}")]
    System {
        /// The ring.
        key: String,
        /// What it says.
        reason: String,
    },
}

/// Why a server did not attach a reader. The stream then comes over the network alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No ring is offered under this key (any more).
    #[error("the server offers no such ring")]
    NotOffered,
    /// The ring has as many readers as it was made for.
    #[error("the ring has as many readers as it was made for")]
    TooManyReaders,
    /// This process is attached to as many rings as a process may.
    #[error("this process is attached to as many rings as a process may")]
    TooManyAttachments,
    /// The server cannot map the reader's table.
    #[error("the server cannot use this reader's table")]
    UnfitTable,
    /// This process cannot map the ring; the server never says so.
    #[error("this process has no room to map the ring")]
    UnfitRing,
    /// A newer server's reason.
    #[error("the server refused for a reason that this version does not know ({0})")]
    Other(u8),
}
