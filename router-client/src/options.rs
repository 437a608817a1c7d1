//! What a client may be told when it connects, and why connecting may fail.

use std::time::Duration;

use router_socket::{EndpointError, SocketError};
use router_wire::DEFAULT_MAX_BODY_BYTES;
use thiserror::Error;

/// How a [`RouterClient`](crate::RouterClient) behaves; for
/// [`connect_with`](crate::RouterClient::connect_with).
///
/// ```
/// use router_client::ConnectOptions;
/// use std::time::Duration;
/// let options = ConnectOptions::default().name("napari").connect_timeout(Duration::from_secs(10));
/// ```
#[derive(Debug, Clone)]
#[must_use = "options do nothing by themselves; give them to `RouterClient::connect_with`"]
pub struct ConnectOptions {
    pub(crate) name: Option<String>,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_body_bytes: usize,
    pub(crate) max_calls_in_flight: usize,
    pub(crate) max_queued_requests: usize,
    pub(crate) max_unsent_bytes: usize,
    pub(crate) max_retries: u32,
    pub(crate) subscription_bytes: usize,
    pub(crate) io_threads: usize,
    pub(crate) ping_interval: Duration,
    pub(crate) stale_after: Duration,
    pub(crate) lost_after: Duration,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        ConnectOptions {
            name: None,
            connect_timeout: Duration::from_secs(3),
            max_body_bytes: DEFAULT_MAX_BODY_BYTES,
            max_calls_in_flight: 8192,
            max_queued_requests: 1024,
            max_unsent_bytes: 256 << 20,
            max_retries: 3,
            subscription_bytes: 256 << 20,
            io_threads: 1,
            ping_interval: Duration::from_millis(500),
            stale_after: Duration::from_millis(1500),
            lost_after: Duration::from_secs(3),
        }
    }
}

impl ConnectOptions {
    /// Sets what the program calls itself to the server and in its messages; the executable's name unless set.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets how long a call made while there is no connection waits for one; 3 s unless set.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the longest body that is sent or taken [bytes]; 64 MiB unless set. A server that sends a longer answer is
    /// disconnected, so that it agrees with the server's own bound or is larger.
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = bytes;
        self
    }

    /// Sets how many calls may be started and not ended; 8,192 unless set. One more ends `busy` at once.
    pub fn max_calls_in_flight(mut self, calls: usize) -> Self {
        self.max_calls_in_flight = calls;
        self
    }

    /// Sets how many requests wait in the client while the connection is not there or takes no more; 1,024 unless
    /// set. One more ends `busy`.
    pub fn max_queued_requests(mut self, requests: usize) -> Self {
        self.max_queued_requests = requests;
        self
    }

    /// Sets how many bytes of requests this process holds until they are with the system's network buffers; 256 MiB
    /// unless set. A request that goes beyond ends `busy`.
    pub fn max_unsent_bytes(mut self, bytes: usize) -> Self {
        self.max_unsent_bytes = bytes;
        self
    }

    /// Sets how often an idempotent call whose outcome became unknown is sent again, before its deadline; 3 unless
    /// set, 0 for never. Other calls never are.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self
    }

    /// Sets how many bytes of samples a subscription queue holds unless it is told otherwise; 256 MiB unless set.
    pub fn subscription_bytes(mut self, bytes: usize) -> Self {
        self.subscription_bytes = bytes;
        self
    }

    /// Sets how many threads move bytes; 1 unless set. One carries about 1 GB/s.
    pub fn io_threads(mut self, threads: usize) -> Self {
        self.io_threads = threads;
        self
    }

    /// Sets how often the server is asked whether it is alive; 500 ms unless set. A server takes a client that was
    /// silent for 3 s for lost.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.ping_interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Sets after how much silence of the server the state is `Stale`, and after how much it is `Lost`; 1.5 s and 3 s
    /// unless set.
    pub fn silence(mut self, stale_after: Duration, lost_after: Duration) -> Self {
        self.stale_after = stale_after;
        self.lost_after = lost_after.max(stale_after);
        self
    }
}

/// Why a client could not be made. That no server answers is none of the reasons: it may start later.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address is none that a client can connect to.
    #[error(transparent)]
    Address(#[from] EndpointError),
    /// libzmq refused.
    #[error("failed to connect: {0}")]
    Socket(#[from] SocketError),
    /// The system has no thread or no random numbers left.
    #[error("failed to connect: {action}: {reason}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        reason: std::io::Error,
    },
}
