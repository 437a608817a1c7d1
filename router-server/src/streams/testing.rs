//! What unit tests of streams share.

use std::sync::Arc;
use std::time::Instant;

use router_wire::Name;
use router_wire::describe::{StreamKind, StreamSocket, ValueDescription};

use super::clock::Clock;
use super::stream::{Stream, StreamSpec};

/// A small stream `stage` of epoch 1 and incarnation 1 that nobody serves.
pub(super) fn stream() -> Arc<Stream> {
    let spec = StreamSpec {
        kind: StreamKind::Pushed,
        on_demand: false,
        keeps_last_value: true,
        largest_sample_bytes: 100,
        socket: StreamSocket::Samples,
        docs: String::new(),
        method: None,
        value: ValueDescription::default(),
        source: None,
    };
    let name = Name::parse("stage").expect("a legal name");
    Arc::new(Stream::new(name, (1, 1), Clock::since(Instant::now()), spec, true, None))
}
