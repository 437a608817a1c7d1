//! Every outcome but "done", as it travels.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::reply::Status;

/// A method's own refusal: its error, taken apart so that any client can read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Which error: the variant's name in `#[derive(RemoteError)]`.
    pub kind: String,
    /// The error's text for a person.
    pub message: String,
    /// The error's fields: a MessagePack map, empty when there are none.
    #[serde(default, skip_serializing_if = "no_bytes")]
    pub details: ByteBuf,
}

fn no_bytes(bytes: &ByteBuf) -> bool {
    bytes.as_slice().is_empty()
}

impl Refused {
    /// A refusal without fields.
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> Refused {
        Refused { kind: kind.into(), message: message.into(), details: ByteBuf::new() }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.message.is_empty() { f.write_str(&self.kind) } else { f.write_str(&self.message) }
    }
}

impl std::error::Error for Refused {}

/// How a call ended when it did not end with a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Failure {
    /// The method returned an error.
    Refused(Refused),
    /// The method panicked; its instrument goes on.
    Panicked {
        /// The panic's message and place.
        message: String,
    },
    /// The call was cancelled.
    Cancelled {
        /// By what: `by stage.stop, by alice@scope-3 napari pid 4411`, `by its caller`, `the server stopped`.
        by: String,
        /// Whether the method was started and had not returned when this was answered.
        may_still_be_running: bool,
    },
    /// The deadline passed.
    DeadlineExceeded {
        /// Whether the method was started and had not returned when this was answered.
        may_still_be_running: bool,
    },
    /// A bound was reached; nothing ran.
    Busy {
        /// Which bound, with its limit.
        what: String,
    },
    /// There is no such call; nothing ran.
    NotFound {
        /// The name as asked for.
        name: String,
        /// The most similar names there are, best first.
        nearest: Vec<String>,
    },
    /// The arguments do not fit; nothing ran.
    BadArguments {
        /// The argument's name, when it is one.
        argument: Option<String>,
        /// What is wrong and what was expected.
        message: String,
    },
    /// The client was lost while the call was queued; nothing ran.
    ClientLost,
    /// The request was meant for another life of the server; nothing ran.
    OtherEpoch {
        /// The epoch of the server that refuses.
        epoch: u64,
    },
    /// The method has returned, but its answer was dropped: too many bytes of earlier answers were unconfirmed.
    Undelivered {
        /// The size of the answer [bytes].
        bytes: u64,
        /// The bound, and what to do.
        message: String,
    },
    /// A gateway had sent the request on, and lost the server behind it before an answer came: it may have run.
    Unknown {
        /// Which server was lost.
        server: String,
    },
    /// A gateway has no connection to the server behind it; nothing ran.
    Unreachable {
        /// Which server.
        server: String,
        /// Why there is no connection.
        reason: String,
    },
    /// The message is no request of this protocol; nothing ran.
    BadRequest {
        /// What is wrong with it.
        message: String,
    },
}

impl Failure {
    /// [`Failure::BadArguments`] for the argument `name`.
    pub fn bad_argument(name: &str, message: &str) -> Failure {
        Failure::BadArguments { argument: Some(name.to_owned()), message: message.to_owned() }
    }

    /// The status byte of an outcome with this failure.
    pub fn status(&self) -> Status {
        match self {
            Failure::Refused(_) => Status::Refused,
            Failure::Panicked { .. } => Status::Panicked,
            Failure::Cancelled { .. } => Status::Cancelled,
            Failure::DeadlineExceeded { .. } => Status::DeadlineExceeded,
            Failure::Busy { .. } => Status::Busy,
            Failure::NotFound { .. } => Status::NotFound,
            Failure::BadArguments { .. } => Status::BadArguments,
            Failure::ClientLost => Status::ClientLost,
            Failure::OtherEpoch { .. } => Status::OtherEpoch,
            Failure::Undelivered { .. } => Status::Undelivered,
            Failure::Unknown { .. } => Status::Unknown,
            Failure::Unreachable { .. } => Status::Unreachable,
            Failure::BadRequest { .. } => Status::BadRequest,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(refused) => refused.fmt(f),
            Failure::Panicked { message } => write!(f, "the method panicked: {message}"),
            Failure::Cancelled { by, may_still_be_running: false } => write!(f, "cancelled ({by})"),
            Failure::Cancelled { by, may_still_be_running: true } => {
                write!(f, "cancelled ({by}); the method has not returned and may still be running")
            }
            Failure::DeadlineExceeded { may_still_be_running: false } => {
                f.write_str("the deadline passed; the method is not running")
            }
            Failure::DeadlineExceeded { may_still_be_running: true } => {
                f.write_str("the deadline passed; the method may still be running")
            }
            Failure::Busy { what } => write!(f, "busy: {what}"),
            Failure::NotFound { name, nearest } if nearest.is_empty() => {
                write!(f, "there is no `{name}` here; `one-liner list` shows what there is")
            }
            Failure::NotFound { name, nearest } => {
                write!(f, "there is no `{name}` here; did you mean `{}`?", nearest.join("` or `"))
            }
            Failure::BadArguments { argument: Some(argument), message } => {
                write!(f, "argument `{argument}`: {message}")
            }
            Failure::BadArguments { argument: None, message } => write!(f, "bad arguments: {message}"),
            Failure::ClientLost => {
                f.write_str("the client was lost while the call was queued; it was not started")
            }
            Failure::OtherEpoch { .. } => f.write_str(
                "the server was restarted since this client was greeted; the call was not started",
            ),
            Failure::Undelivered { bytes, message } => {
                write!(f, "the method has returned, but its answer of {bytes} bytes was dropped: {message}")
            }
            Failure::Unknown { server } => {
                write!(f, "{server} was lost before it answered; the method may have run")
            }
            Failure::Unreachable { server, reason } => {
                write!(f, "{server} cannot be reached: {reason}; the call was not started")
            }
            Failure::BadRequest { message } => write!(f, "the server could not read the request: {message}"),
        }
    }
}

impl std::error::Error for Failure {}
