//! Streams at their source: who produces samples, and the proxy that forwards them to subscribers.
//!
//! ```text
//!  streamer "30 Hz"   your thread        relay, upstream
//!   (closures, ticks)  (Publisher<T>)     (a SUB and more)
//!         |                |                    |      each owns a `Source`: an XPUB, never one that waits
//!         +-------+--------+--------------------+
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
//! - [`sharing`]: the offer of shared memory; [`stream_ring`]: one stream's slots in it
//! - [`publisher`]: [`Publisher`], the application publishes
//! - [`streamers`]: threads by frequency; [`streamer`]: one of them; [`periodic`]: one stream in it; [`punctual`]: its waking up;
//!   [`tick`]: a tick that runs on an instrument's lane; [`route`]: the way to a stream that moves
//! - [`relays`]: threads by relay; [`relay`]: one of them, with [`relay_intake`] for messages and [`relay_source`] for
//!   connections; [`relay_message`]: what a message is; [`greeter`]: where a server's streams are; [`feed`]: a SUB;
//!   [`tap`]; [`relay_options`], [`relay_counters`]
//! - [`upstream_streams`]: the streams of a server behind this one; [`upstream`]: their thread; [`upstream_entry`]
//! - [`inlet`]: a relayed stream, and whether it is subscribed to at its source; [`passing`]: numbers of another server
//! - [`roster`]: which streams there are; [`stream_report`]: what is told of one
//! - [`proxy`]: the loop; [`forwarding`]: what it keeps of a stream; [`served_view`]: a part of one that is asked for; [`subscriptions`]: what a subscription does;
//!   [`declarations`]: what waits for samples to pass; [`outlet`]: an XPUB towards clients, [`local_outlet`]: towards those of this process; [`subscribers`]: who
//!   listens to what; [`counters`]

mod adding;
mod clock;
mod counters;
mod declarations;
mod feed;
mod forwarding;
mod frequency;
mod greeter;
mod handle;
mod inlet;
mod local_outlet;
mod options;
mod outlet;
mod packet;
mod passing;
mod periodic;
mod proxy;
mod publisher;
mod punctual;
mod rate;
mod relay;
mod relay_counters;
mod relay_intake;
mod relay_message;
mod relay_options;
mod relay_source;
mod relays;
mod roster;
mod route;
mod served_view;
mod sharing;
mod source;
mod stream;
mod stream_error;
mod stream_report;
mod stream_ring;
mod streamer;
mod streamers;
mod subscribers;
mod subscriptions;
mod tap;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tick;
mod upstream;
mod upstream_entry;
mod upstream_streams;

pub(crate) use handle::{StreamSettings, Streams};
pub use options::StreamOptions;
pub use publisher::Publisher;
pub use relay_options::{RelayFormat, RelayOptions};
pub use stream::Published;
pub use stream_error::{AddStreamError, DeclareError, FrequencyError, PublishError, SetFrequencyError};
pub(crate) use stream_ring::RingBounds;
pub use tap::TappedMessage;
pub(crate) use tick::{LaneBusyWith, TickDone, TickRunner};
#[allow(unused_imports, reason = "for the cascade in the router loop")]
pub(crate) use upstream_streams::UpstreamStreams;
