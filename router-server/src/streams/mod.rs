//! Streams at their source: who produces samples, and the proxy that forwards them to subscribers.
//!
//! ```text
//!  streamer "30 Hz"   your thread        relay
//!   (closures, ticks)  (Publisher<T>)
//!         |                |               each owns a `Source`: an XPUB, never one that waits
//!         +-------+--------+
//!                 v inproc
//!           ProxyLoop: XSUB              counts subscribers, keeps last values, declares
//!             |       |
//!     `Outlet` samples, `Outlet` frames  an XPUB each
//! ```
//!
//! One stream is one [`Stream`] value, shared by its source, the proxy and the handle. Its short lock orders
//! everything that has to be exact: numbers, enable and disable, heard and unheard.
//!
//! # Layout
//! - [`handle`]: [`Streams`], what the server calls; [`options`], [`stream_error`]: what it takes and refuses; [`adding`]: adding and removing
//! - [`stream`]: [`Stream`], numbers and counts under one lock; [`packet`]: a sample as bytes; [`source`]: where
//!   samples enter; [`rate`], [`clock`], [`frequency`]
//! - [`publisher`]: [`Publisher`], the application publishes
//! - [`streamers`]: threads by frequency; [`streamer`]: one of them; [`periodic`]: one stream in it; [`tick`]: a
//!   tick that runs on an instrument's lane; [`route`]: the way to a stream that moves
//! - [`proxy`]: the loop; [`forwarding`]: what it keeps of a stream; [`subscriptions`]: what a subscription does;
//!   [`declarations`]: what waits for samples to pass; [`outlet`]: an XPUB towards clients, [`local_outlet`]: towards those of this process; [`subscribers`]: who
//!   listens to what; [`counters`]

mod adding;
mod clock;
mod counters;
mod declarations;
mod forwarding;
mod frequency;
mod handle;
mod local_outlet;
mod options;
mod outlet;
mod packet;
mod periodic;
mod proxy;
mod publisher;
mod rate;
mod route;
mod source;
mod stream;
mod stream_error;
mod streamer;
mod streamers;
mod subscribers;
mod subscriptions;
#[cfg(test)]
mod tests;
mod tick;
mod upstream_stub;
pub(crate) use upstream_stub::UpstreamStreams;

pub(crate) use handle::{StreamSettings, Streams};
pub use options::StreamOptions;
pub use publisher::Publisher;
pub use stream::Published;
pub use stream_error::{AddStreamError, DeclareError, FrequencyError, PublishError, SetFrequencyError};
pub(crate) use tick::{LaneBusyWith, TickDone, TickRunner};
