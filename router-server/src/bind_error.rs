//! `BindError`: why a server could not be bound.

use router_socket::{Endpoint, EndpointError, SocketError};
use thiserror::Error;

use crate::socket_file::holder;

/// Why a server could not be bound.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BindError {
    /// The address is not one.
    #[error(transparent)]
    Address(#[from] EndpointError),
    /// A socket could not be made or bound; [`SocketError::AddressInUse`] names the port that is taken.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// A live process serves at the path already.
    #[error("{endpoint} is in use: {holder} serves there; stop it or choose another path")]
    PathInUse {
        /// The endpoint that was to be bound.
        endpoint: Endpoint,
        /// Who serves there: `python3 (pid 4711)`, or `another live process` where the system does not tell.
        holder: String,
    },
    /// At the path is something else, which binding would delete.
    #[error("{endpoint}: at this path is a file or folder that is no socket; choose another path")]
    NotASocket {
        /// The endpoint that was to be bound.
        endpoint: Endpoint,
    },
    /// There is no address at all.
    #[error("no address to listen at; name one at least")]
    NoAddress,
    /// The system gives no thread.
    #[error("no thread could be started: {0}")]
    Thread(#[from] std::io::Error),
    /// The system gives no random number for the epoch.
    #[error("no random number could be had from the system: {0}")]
    Random(String),
}

impl BindError {
    /// Says who serves at a path that is in use.
    pub(crate) fn with_holder(self) -> BindError {
        match self {
            BindError::Socket(SocketError::AddressInUse { endpoint }) if endpoint.ipc_path().is_some() => {
                let holder = holder(&endpoint).unwrap_or_else(|| "another live process".to_owned());
                BindError::PathInUse { endpoint, holder }
            }
            other => other,
        }
    }
}
