//! Why a running method is asked to end.

use router_wire::Failure;
use thiserror::Error;

/// Why a running method is asked to end: what [`Call::check`](crate::Call::check) and the other cancellation
/// points return.
///
/// A method that returns it (or an error that holds it, see [`RemoteError`](crate::RemoteError)) ends its call
/// as cancelled, or as past its deadline. A method may also finish first: a cancel is a request, and the
/// outcome of the call is what the method returned.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Interrupted {
    /// Somebody cancelled the call.
    #[error("cancelled ({by})")]
    Cancelled {
        /// By what: `by stage.stop, by alice@scope-3 napari pid 4411`, `by its caller`.
        by: String,
    },
    /// The deadline that the caller set has passed.
    #[error("the deadline passed")]
    DeadlineExceeded,
    /// The caller was lost, and the method is marked `cancel_on_client_lost`.
    #[error("cancelled (its client was lost)")]
    ClientLost,
    /// The server stops.
    #[error("cancelled (the server stops)")]
    ServerStopping,
}

impl From<Interrupted> for Failure {
    /// The outcome of a call whose method has returned because of this.
    fn from(interrupted: Interrupted) -> Failure {
        let by = match interrupted {
            Interrupted::DeadlineExceeded => {
                return Failure::DeadlineExceeded { may_still_be_running: false };
            }
            Interrupted::Cancelled { by } => by,
            Interrupted::ClientLost => "its client was lost".to_owned(),
            Interrupted::ServerStopping => "the server stops".to_owned(),
        };
        Failure::Cancelled { by, may_still_be_running: false }
    }
}
