//! How a call ended, for its caller, when it did not end with a value.

use router_wire::{CallId, Failure, Refused};
use thiserror::Error;

use crate::remote_error::RemoteError;

/// How a call ended when it did not end with a value. `E` is the method's own error.
///
/// Three questions decide what to do next. Did the method say no ([`Refused`](CallError::Refused))? Did it
/// never run (`Busy`, `NotFound`, `BadArguments`, `ServerGone`, `TooLarge`, ...)? Or is that not known
/// ([`Unknown`](CallError::Unknown), and `may_still_be_running`)?
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum CallError<E = Refused> {
    /// The method returned an error of its own type.
    #[error("{0}")]
    Refused(E),
    /// The method returned an error that is not of the type that was asked for: the server has another version
    /// of the interface.
    #[error("{0} (error of kind `{kind}`)", kind = .0.kind)]
    RefusedOtherwise(Refused),
    /// The method panicked. Its instrument goes on.
    #[error("`{call}` panicked: {message}")]
    Panicked {
        /// The call's name.
        call: String,
        /// The panic's message and place.
        message: String,
    },
    /// The call was cancelled.
    #[error("`{call}` was cancelled ({by}){}", still_running(.may_still_be_running))]
    Cancelled {
        /// The call's name.
        call: String,
        /// By what and by whom.
        by: String,
        /// Whether the method was started and had not returned.
        may_still_be_running: bool,
    },
    /// The deadline passed.
    #[error("the deadline of `{call}` passed{}", still_running(.may_still_be_running))]
    DeadlineExceeded {
        /// The call's name.
        call: String,
        /// Whether the method was started and had not returned.
        may_still_be_running: bool,
    },
    /// A bound was reached. The method did not run.
    #[error("`{call}` was not started, the server is busy: {what}")]
    Busy {
        /// The call's name.
        call: String,
        /// Which bound, with its limit.
        what: String,
    },
    /// There is no such call. Nothing ran.
    #[error("{}", not_found(.name, .nearest))]
    NotFound {
        /// The name as asked for.
        name: String,
        /// The most similar names there are, best first.
        nearest: Vec<String>,
    },
    /// The arguments do not fit. The method did not run.
    #[error("`{call}`: {}", bad_arguments(.argument, .message))]
    BadArguments {
        /// The call's name.
        call: String,
        /// The argument's name, when it is one.
        argument: Option<String>,
        /// What is wrong and what was expected.
        message: String,
    },
    /// The server lost this client while the call was queued. The method did not run.
    #[error("`{call}` was not started: the server lost this client while the call was queued")]
    ClientLost {
        /// The call's name.
        call: String,
    },
    /// The request did not leave, or a server of another life refused it. The method did not run.
    #[error("`{call}` was not started, no server takes it at {endpoint}: {reason}")]
    ServerGone {
        /// The call's name.
        call: String,
        /// The endpoint of the server.
        endpoint: String,
        /// Why the request did not leave.
        cause: GoneCause,
        /// The same for people, with more.
        reason: String,
    },
    /// The request left and no answer came: the method may have run, may run now, or never.
    #[error(
        "`{call}` was sent to {endpoint}, which was lost before it answered: it may have run (call id {call_id})"
    )]
    Unknown {
        /// The call's name.
        call: String,
        /// What [`RouterClient::outcome`](crate::RouterClient::outcome) asks the server about.
        call_id: CallId,
        /// The endpoint of the server.
        endpoint: String,
    },
    /// The arguments are larger than the server takes. Nothing was sent.
    #[error("the arguments of `{call}` take {bytes} bytes; the limit is {limit}")]
    TooLarge {
        /// The call's name.
        call: String,
        /// Their size [bytes].
        bytes: usize,
        /// The most there may be [bytes].
        limit: usize,
    },
    /// The arguments cannot be written as MessagePack. Nothing was sent.
    #[error("the arguments of `{call}` cannot be sent: {reason}")]
    Encode {
        /// The call's name.
        call: String,
        /// What the encoder says.
        reason: String,
    },
    /// The method ran, and what it returned is not of the type that was asked for.
    #[error("`{call}` ran, but its answer cannot be read: {reason}")]
    Decode {
        /// The call's name.
        call: String,
        /// What was expected and what came.
        reason: String,
    },
    /// The method has returned, but the server dropped its answer: this client had confirmed too little of the
    /// earlier ones.
    #[error("`{call}` has ended, but its answer was dropped by the server: {message}")]
    Undelivered {
        /// The call's name.
        call: String,
        /// The bound, and what to do.
        message: String,
    },
    /// The server could not read the request. The method did not run.
    #[error("the server could not read the request for `{call}`: {message}")]
    BadRequest {
        /// The call's name.
        call: String,
        /// What is wrong with it.
        message: String,
    },
    /// Client and server speak different versions. Nothing was sent.
    #[error(
        "this client speaks protocol version {ours}, the server at {endpoint} version {theirs}; update the older one"
    )]
    VersionMismatch {
        /// The client's version.
        ours: u32,
        /// The server's version.
        theirs: u32,
        /// The endpoint of the server.
        endpoint: String,
    },
    /// The client was closed. Nothing was sent.
    #[error("the client is closed")]
    Closed,
}

/// Why a request did not leave, or was refused by a server of another life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GoneCause {
    /// Nothing accepts connections at the endpoint, or none reaches it.
    NothingListens,
    /// Something accepts connections at the endpoint and does not answer: a server that is stuck, or no server.
    NoAnswer,
    /// The server is behind a gateway, which has no connection to it.
    Unreachable,
    /// The call's deadline passed before there was a connection.
    DeadlineFirst,
    /// The server was restarted; what was meant for the one before is not run by the new one.
    Restarted,
}

fn still_running(may_still_be_running: &bool) -> &'static str {
    if *may_still_be_running { "; the method has not returned and may still be running" } else { "" }
}

// The same words as the server's.
fn not_found(name: &str, nearest: &[String]) -> Failure {
    Failure::NotFound { name: name.to_owned(), nearest: nearest.to_vec() }
}

fn bad_arguments(argument: &Option<String>, message: &str) -> Failure {
    Failure::BadArguments { argument: argument.clone(), message: message.to_owned() }
}

impl<E: RemoteError> CallError<E> {
    /// What `failure` of the call named `call` means to its caller.
    pub fn from_failure(call: &str, failure: Failure) -> CallError<E> {
        let call = call.to_owned();
        match failure {
            Failure::Refused(refused) => match E::from_refused(&refused) {
                Some(error) => CallError::Refused(error),
                None => CallError::RefusedOtherwise(refused),
            },
            Failure::Panicked { message } => CallError::Panicked { call, message },
            Failure::Cancelled { by, may_still_be_running } => {
                CallError::Cancelled { call, by, may_still_be_running }
            }
            Failure::DeadlineExceeded { may_still_be_running } => {
                CallError::DeadlineExceeded { call, may_still_be_running }
            }
            Failure::Busy { what } => CallError::Busy { call, what },
            Failure::NotFound { name, nearest } => CallError::NotFound { name, nearest },
            Failure::BadArguments { argument, message } => {
                CallError::BadArguments { call, argument, message }
            }
            Failure::ClientLost => CallError::ClientLost { call },
            Failure::OtherEpoch { .. } => CallError::ServerGone {
                call,
                endpoint: "its endpoint".to_owned(),
                cause: GoneCause::Restarted,
                reason: "the server was restarted since this client was greeted".to_owned(),
            },
            Failure::Unreachable { server, reason } => {
                CallError::ServerGone { call, endpoint: server, cause: GoneCause::Unreachable, reason }
            }
            Failure::Undelivered { message, .. } => CallError::Undelivered { call, message },
            Failure::BadRequest { message } => CallError::BadRequest { call, message },
            other => CallError::BadRequest { call, message: other.to_string() },
        }
    }
}

impl<E> CallError<E> {
    /// The same outcome with another error type for what the method refused.
    pub fn map_refused<F>(self, map: impl FnOnce(E) -> F) -> CallError<F> {
        match self {
            CallError::Refused(error) => CallError::Refused(map(error)),
            CallError::RefusedOtherwise(refused) => CallError::RefusedOtherwise(refused),
            CallError::Panicked { call, message } => CallError::Panicked { call, message },
            CallError::Cancelled { call, by, may_still_be_running } => {
                CallError::Cancelled { call, by, may_still_be_running }
            }
            CallError::DeadlineExceeded { call, may_still_be_running } => {
                CallError::DeadlineExceeded { call, may_still_be_running }
            }
            CallError::Busy { call, what } => CallError::Busy { call, what },
            CallError::NotFound { name, nearest } => CallError::NotFound { name, nearest },
            CallError::BadArguments { call, argument, message } => {
                CallError::BadArguments { call, argument, message }
            }
            CallError::ClientLost { call } => CallError::ClientLost { call },
            CallError::ServerGone { call, endpoint, cause, reason } => {
                CallError::ServerGone { call, endpoint, cause, reason }
            }
            CallError::Unknown { call, call_id, endpoint } => CallError::Unknown { call, call_id, endpoint },
            CallError::TooLarge { call, bytes, limit } => CallError::TooLarge { call, bytes, limit },
            CallError::Encode { call, reason } => CallError::Encode { call, reason },
            CallError::Decode { call, reason } => CallError::Decode { call, reason },
            CallError::Undelivered { call, message } => CallError::Undelivered { call, message },
            CallError::BadRequest { call, message } => CallError::BadRequest { call, message },
            CallError::VersionMismatch { ours, theirs, endpoint } => {
                CallError::VersionMismatch { ours, theirs, endpoint }
            }
            CallError::Closed => CallError::Closed,
        }
    }
}
