//! Why something could not be done with a stream.

use router_socket::{EndpointError, SocketError};
use router_wire::{BodyError, NameError};
use thiserror::Error;

use super::frequency::Frequency;
use crate::add_error::NotFound;

/// A frequency that a thread cannot keep.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[error("a frequency of {hz} Hz is outside 0..={} Hz (0 excluded)", Frequency::MAX_HZ)]
pub struct FrequencyError {
    /// The frequency as given [Hz].
    pub hz: f64,
}

/// Why a stream could not be added.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AddStreamError {
    /// The name is not legal.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A stream of this name is there already.
    #[error("there is a stream `{name}` already; remove it first or choose another name")]
    StreamExists {
        /// The name.
        name: String,
    },
    /// The frequency cannot be kept.
    #[error("`{name}`: {error}")]
    Frequency {
        /// The name.
        name: String,
        /// What is wrong with it.
        error: FrequencyError,
    },
    /// A largest sample of 0 bytes, or one that no connection could carry.
    #[error("`{name}`: a largest sample of {bytes} bytes is outside 1..={limit} bytes")]
    LargestSample {
        /// The name.
        name: String,
        /// As declared [bytes].
        bytes: usize,
        /// The most that can be declared [bytes].
        limit: usize,
    },
    /// There is no call whose values could be streamed.
    #[error("`{name}` cannot be streamed: {error}")]
    NoSuchCall {
        /// The stream.
        name: String,
        /// The call, and the nearest ones there are.
        error: NotFound,
    },
    /// The arguments of the call cannot be sent.
    #[error("the arguments of `{name}`: {error}")]
    Arguments {
        /// The stream.
        name: String,
        /// What is wrong.
        error: BodyError,
    },
    /// There is no socket left for its samples.
    #[error("`{name}` could not be connected to the server's proxy: {error}")]
    Socket {
        /// The name.
        name: String,
        /// What went wrong.
        error: SocketError,
    },
    /// The proxy did not take the connection in time: the machine is overloaded.
    #[error("`{name}`: the server's proxy did not answer within {waited_ms} ms; add the stream again")]
    ProxyTooSlow {
        /// The name.
        name: String,
        /// How long it was waited for [ms].
        waited_ms: u128,
    },
    /// The address of a relay's source is none.
    #[error("`{name}` cannot be relayed: {error}")]
    Address {
        /// The stream.
        name: String,
        /// What is wrong with it.
        error: EndpointError,
    },
    /// Over `inproc` nothing but the calls of a `RouterServer` is there to be relayed.
    #[error("`{name}` cannot be relayed from {address}: {reason}")]
    InProcess {
        /// The stream.
        name: String,
        /// The address of its source.
        address: String,
        /// What is wrong with it, and what is right.
        reason: &'static str,
    },
    /// The system gives no thread for it.
    #[error("no thread could be started for `{name}`: {error}")]
    Thread {
        /// The name.
        name: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// The server has stopped.
    #[error("the server has stopped; nothing can be added to it")]
    Stopped,
}

/// Why a frequency was not changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SetFrequencyError {
    /// There is no such stream.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// The stream has no frequency: the application publishes when it likes.
    #[error("`{name}` is not periodic: its program decides when it publishes, so it has no frequency to set")]
    NotPeriodic {
        /// The stream.
        name: String,
    },
    /// The frequency cannot be kept.
    #[error(transparent)]
    Frequency(#[from] FrequencyError),
    /// The system gives no thread for the frequency.
    #[error("no thread could be started for {hz} Hz: {error}")]
    Thread {
        /// The frequency [Hz].
        hz: f64,
        /// What the system says.
        error: std::io::Error,
    },
    /// The server has stopped.
    #[error("the server has stopped")]
    Stopped,
}

/// Why a stream does not declare its newest number.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeclareError {
    /// There is no such stream.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// The numbers are those of another server, which alone can declare them: an upstream, or the source of a relay.
    #[error("the numbers of `{name}` are given by the server it is relayed from; settle it there")]
    AskSource {
        /// The stream.
        name: String,
        /// The name under which that server is known here, if it is an upstream.
        upstream: Option<String>,
    },
    /// Too many wait for a declaration of this stream.
    #[error("{waiting} clients wait for a declaration of `{name}` already; ask again")]
    Busy {
        /// The stream.
        name: String,
        /// How many wait.
        waiting: usize,
    },
    /// The server has stopped.
    #[error("the server has stopped")]
    Stopped,
}

/// Why a sample was not published.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The sample is larger than the stream declared. It took no number.
    #[error(
        "a sample of `{name}` has {bytes} bytes; its largest was declared as {limit}: declare a larger one when adding \
         the stream"
    )]
    TooLarge {
        /// The stream.
        name: String,
        /// The sample's payload [bytes].
        bytes: usize,
        /// What was declared [bytes].
        limit: usize,
    },
    /// The value cannot be written as MessagePack. It took no number.
    #[error("a sample of `{name}` cannot be sent: {error}")]
    Encode {
        /// The stream.
        name: String,
        /// What is wrong with it.
        error: BodyError,
    },
    /// The stream was removed.
    #[error("the stream `{name}` was removed; add it again and publish with its new publisher")]
    Removed {
        /// The stream.
        name: String,
    },
    /// The server has stopped.
    #[error("the server of `{name}` has stopped")]
    Stopped {
        /// The stream.
        name: String,
    },
}
