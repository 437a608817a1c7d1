//! One stream of an upstream: what its server says of it, and its sockets.

use router_socket::{Context, Endpoint, SocketError};
use router_wire::Name;
use router_wire::describe::StreamDescription;

use super::feed::Feed;
use super::inlet::Inlet;
use super::roster::Roster;
use super::source::Source;

/// One stream.
pub(super) struct Entry {
    pub(super) inlet: Inlet,
    pub(super) told: StreamDescription,
    /// Of a large stream, while it is subscribed to.
    pub(super) large: Option<Large>,
}

/// The sockets of a large stream: a SUB of its own, and its way to the proxy.
pub(super) struct Large {
    pub(super) feed: Feed,
    pub(super) sink: Source,
}

impl Entry {
    /// Has the stream described as its server does, under its name here.
    pub(super) fn tell(&self, prefix: &Name, lost: Option<&str>) {
        let mut told = self.told.clone();
        told.method = told.method.map(|method| format!("{prefix}.{method}"));
        if let Some(reason) = lost {
            told.docs = format!("{}\n\nNot connected: {reason}", told.docs).trim_start().to_owned();
        }
        self.inlet.stream.tell(Some(told));
    }
}

impl Large {
    pub(super) fn open(
        context: &Context,
        roster: &Roster,
        largest_bytes: usize,
        topic: &[u8],
        frames: Option<&Endpoint>,
    ) -> Result<Large, SocketError> {
        let mut feed = Feed::open(context, largest_bytes, roster.ingress.budget_bytes)?;
        feed.socket.subscribe(topic)?;
        if let Some(frames) = frames {
            feed.dial(frames)?;
        }
        let sink = Source::begin(&roster.ingress, largest_bytes)?;
        Ok(Large { feed, sink })
    }
}

/// Whether a stream is served as before, so that it can stay the same stream here.
pub(super) fn same_place(one: &StreamDescription, other: &StreamDescription) -> bool {
    let place = |stream: &StreamDescription| (stream.socket, stream.largest_sample_bytes, stream.last_value);
    place(one) == place(other)
}
