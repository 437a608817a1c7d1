//! How a call ended, as the calls loop leaves it for the caller's thread, which reads it.

use router_socket::{Endpoint, Frame};
use router_wire::{CallId, Failure, OutcomeHeader, PROTOCOL_VERSION, ServerMessage, Status, body};
use serde::de::DeserializeOwned;

use crate::call_error::{CallError, GoneCause};
use crate::remote_error::RemoteError;

/// How a call ended. Answers are kept by reference and decoded by who waits.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The server answered.
    Answered {
        header: OutcomeHeader,
        /// Header and, unless it has a frame of its own, body.
        message: Frame,
        body: Option<Frame>,
    },
    /// Ended here, in the way that a server would say as well.
    Failed(Failure),
    /// The request never left, or was refused without being run.
    ServerGone { cause: GoneCause, reason: String },
    /// The request left, and the connection or the server's life ended before an answer.
    Unknown,
    /// The server speaks another version.
    VersionMismatch { theirs: u32 },
    /// The body is longer than this client or its server takes.
    TooLarge { bytes: usize, limit: usize },
    /// The request could not be written.
    NotWritten { reason: String },
    /// The answer was no message of this protocol.
    Malformed { reason: String },
    /// The client ended.
    Closed,
}

/// What an outcome says of its call in messages.
pub(crate) struct Called<'a> {
    pub(crate) name: &'a str,
    pub(crate) id: CallId,
    pub(crate) endpoint: &'a Endpoint,
}

impl Ending {
    /// Reads the outcome as the types that the caller asked for.
    pub(crate) fn into_result<T, E>(self, called: &Called<'_>) -> Result<T, CallError<E>>
    where
        T: DeserializeOwned,
        E: RemoteError,
    {
        let call = || called.name.to_owned();
        let endpoint = || called.endpoint.to_string();
        Err(match self {
            Ending::Answered { header, message, body } => {
                return answered(called, &header, &message, body.as_ref());
            }
            Ending::Failed(failure) => CallError::from_failure(called.name, failure),
            Ending::ServerGone { cause, reason } => {
                CallError::ServerGone { call: call(), endpoint: endpoint(), cause, reason }
            }
            Ending::Unknown => CallError::Unknown { call: call(), call_id: called.id, endpoint: endpoint() },
            Ending::VersionMismatch { theirs } => {
                CallError::VersionMismatch { ours: PROTOCOL_VERSION, theirs, endpoint: endpoint() }
            }
            Ending::TooLarge { bytes, limit } => CallError::TooLarge { call: call(), bytes, limit },
            Ending::NotWritten { reason } => CallError::Encode { call: call(), reason },
            Ending::Malformed { reason } => CallError::Decode { call: call(), reason },
            Ending::Closed => CallError::Closed,
        })
    }
}

fn answered<T, E>(
    called: &Called<'_>,
    header: &OutcomeHeader,
    message: &Frame,
    own_frame: Option<&Frame>,
) -> Result<T, CallError<E>>
where
    T: DeserializeOwned,
    E: RemoteError,
{
    let unreadable = |reason: String| CallError::Decode { call: called.name.to_owned(), reason };
    let bytes = outcome_body(message, own_frame);
    if header.status == Status::Done {
        return body::decode_as(header.encoding, bytes).map_err(|error| unreadable(error.to_string()));
    }
    let failure =
        body::decode_as::<Failure>(header.encoding, bytes).map_err(|error| unreadable(error.to_string()))?;
    match failure {
        Failure::OtherEpoch { .. } => Err(CallError::ServerGone {
            call: called.name.to_owned(),
            endpoint: called.endpoint.to_string(),
            cause: GoneCause::Restarted,
            reason: "it was restarted since this client was greeted".to_owned(),
        }),
        // A gateway's words for what this client would say of the server behind it.
        Failure::Unknown { server } => {
            Err(CallError::Unknown { call: called.name.to_owned(), call_id: called.id, endpoint: server })
        }
        failure => Err(CallError::from_failure(called.name, failure)),
    }
}

/// The body of an outcome, wherever it is.
pub(crate) fn outcome_body<'a>(message: &'a Frame, own_frame: Option<&'a Frame>) -> &'a [u8] {
    match (own_frame, ServerMessage::decode(message)) {
        (Some(frame), _) => frame,
        (None, Ok(ServerMessage::Outcome { body, .. })) => body,
        (None, _) => &[],
    }
}
