//! What can be chosen when a server is bound.

use std::time::Duration;

/// A server's choices and limits. [`Default`] is right for most.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// What the server calls itself. Default: the executable's name.
    pub name: String,
    /// The largest body of a request or an answer [bytes]. Default: 64 MiB.
    pub max_body_bytes: usize,
    /// Most bytes of stream data that one stalled subscriber connection costs this server; two of the largest
    /// samples where that is more [bytes]. Default: 64 MiB.
    pub stalled_subscriber_bytes: usize,
    /// Most bytes of answers under way to one client that does not confirm them, and as many again held back for
    /// it; one answer each where that is more [bytes]. Default: 64 MiB.
    pub stalled_client_bytes: usize,
    /// For so long after its bind a request for a name that is not there waits for it to be added: clients may be
    /// faster than the program that adds its instruments. Default: 1 s.
    pub names_may_come_for: Duration,
    /// Whether large samples are shared with clients of the same user on this machine through memory that both see,
    /// where the platform has it: they are not copied then, and cost no line. Others notice nothing. Default: yes.
    pub shared_memory: bool,
    /// Most clients on this machine that share the memory of one stream; further ones take the network. Default: 8.
    pub shared_memory_readers: usize,
    /// Most samples of a stream that each of them keeps in that memory; of more it makes copies. What it takes when all
    /// keep so many is their product with the largest sample, beside what waits for subscribers. Default: 8.
    pub shared_memory_held: usize,
    /// libzmq's I/O threads. Default: 1; 2 pay where large frames go to several subscribers.
    pub io_threads: usize,
    /// Most calls that wait on one lane and its pool. Default: 1,024.
    pub lane_calls: usize,
    /// Most of them from one client. Default: 256.
    pub lane_calls_per_client: usize,
    /// Most bytes of arguments that wait on one lane. Default: 256 MiB.
    pub lane_bytes: usize,
    /// Most calls in flight on the whole server. Default: 16,384.
    pub in_flight_calls: usize,
    /// Most bytes of arguments in flight on the whole server. Default: 1 GiB.
    pub in_flight_bytes: usize,
    /// Most bytes of arguments in flight for one client. Default: 256 MiB.
    pub in_flight_bytes_per_client: usize,
    /// Most outcomes that are kept for `router.outcome`. Default: 10,000.
    pub outcomes_kept: usize,
    /// Most bytes of them; of one that takes more than a sixteenth only how it ended is kept. Default: 64 MiB.
    pub outcomes_kept_bytes: usize,
    /// How long they are kept. Default: 10 minutes.
    pub outcomes_kept_for: Duration,
    /// Threads of an instrument's pool for its `concurrent` methods. Default: 4.
    pub pool_threads: usize,
    /// How long an `on_stop` hook may take unless it says otherwise. Default: 200 ms.
    pub hook_time_limit: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        ServerOptions {
            name: router_client::program_name(),
            max_body_bytes: router_wire::DEFAULT_MAX_BODY_BYTES,
            stalled_subscriber_bytes: 64 << 20,
            stalled_client_bytes: 64 << 20,
            names_may_come_for: Duration::from_secs(1),
            shared_memory: true,
            shared_memory_readers: 8,
            shared_memory_held: 8,
            io_threads: 1,
            lane_calls: 1024,
            lane_calls_per_client: 256,
            lane_bytes: 256 << 20,
            in_flight_calls: 16_384,
            in_flight_bytes: 1 << 30,
            in_flight_bytes_per_client: 256 << 20,
            outcomes_kept: 10_000,
            outcomes_kept_bytes: 64 << 20,
            outcomes_kept_for: Duration::from_secs(600),
            pool_threads: 4,
            hook_time_limit: Duration::from_millis(200),
        }
    }
}
