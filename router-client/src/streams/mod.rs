//! The receiving side of streams.
//!
//! ```text
//!  samples loop (one thread a client)                        consumers
//!    SUB small ---+                                     +--> Subscription<CacheSlot> --> Cache<T>
//!    SUB large 1 -+--> Hubs: name -> Hub --(by reference)+-> Subscription<QueueSlot> --> Queue<T>
//!    SUB large 2 -+                                     +--> Subscription<QueueSlot> --> thread --> closure
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `subscribe.rs` | the builder |
//! | `cache.rs`, `queue.rs`, `on_sample.rs` | what the program holds; values are decoded there, on its threads |
//! | `attached.rs` | a subscription that lives as long as its handle |
//! | `subscription.rs` | what loop and consumer share: a lock that guards look-ups only |
//! | `cache_slot.rs`, `queue_slot.rs` | what is kept, and what becomes of the rest |
//! | `segment.rs`, `stats.rs` | the account: every loss is counted |
//! | `settle.rs`, `asking.rs`, `token.rs` | waiting until everything published has passed; asking for the newest |
//! | `sample.rs`, `packet.rs` | a sample, and the message it came in |
//! | `hub.rs`, `hubs.rs` | one stream of this client, and all of them |
//! | `memory.rs`, `shared_stream.rs` | memory that the server shares with this process, and one stream's samples in it |
//! | `samples_loop.rs`, `stream_socket.rs`, `samples_handle.rs` | the loop, its sockets, its owner's handle |

mod asking;
mod attached;
mod cache;
mod cache_slot;
mod hub;
mod hubs;
mod memory;
mod on_sample;
mod packet;
mod queue;
mod queue_slot;
mod sample;
mod samples_handle;
mod samples_loop;
mod segment;
mod settle;
mod shared_stream;
mod stats;
mod stream_socket;
mod subscribe;
mod subscription;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod token;

pub(crate) use attached::StreamClient;
pub use attached::SubscribeError;
pub use cache::Cache;
pub use on_sample::OnSample;
pub use queue::{Queue, QueueIter};
pub use router_wire::{FromPayload, Payload};
pub use sample::{RawSample, Sample, SampleError};
pub(crate) use samples_handle::{SamplesError, SamplesHandle, ServerView};
pub use settle::SettleError;
pub use stats::{LISTED_SEGMENTS, SegmentStats, SubscriptionStats};
pub use subscribe::Subscribe;
