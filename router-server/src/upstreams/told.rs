//! `Told`: what a server behind tells that it serves, as much of it as this server tells on.
//!
//! A description is as long as whoever wrote it likes, and every client of this server that asks is sent all of them.

use std::sync::Arc;

use router_wire::body as bodies;
use router_wire::describe::{Description, StreamDescription, ValueDescription};
use serde::Serialize;
use serde_json::Value;

use super::prefixing::prefix_description;

/// What is told on of one server behind, those behind it included.
const LIMITS: TellLimits = TellLimits { entries: 8_192, bytes: 4 << 20 };
/// What is told on of all servers behind together [bytes]: less than a gateway before this one reads at most.
pub(crate) const MOST_BYTES_OF_ALL: usize = 12 << 20;
/// A longer description is not read [bytes].
pub(crate) const MOST_BYTES_READ: usize = 16 << 20;

/// The description of a server behind, under its prefix here.
pub(crate) struct Told {
    pub(crate) description: Arc<Description>,
    /// Its streams, by their names there. This server serves them itself, and tells of them then.
    pub(crate) streams: Vec<StreamDescription>,
    /// The length of what is told on [bytes].
    pub(crate) bytes: usize,
    /// What is left out of it, for people; empty: nothing.
    pub(crate) left_out: String,
}

/// How much is told on.
#[derive(Clone, Copy)]
struct TellLimits {
    /// Instruments, calls and servers.
    entries: usize,
    /// Of these, and as much again of streams.
    bytes: usize,
}

impl Told {
    /// What `description` tells, under `prefix`.
    pub(crate) fn of(prefix: &str, description: Description) -> Told {
        Told::within(LIMITS, prefix, description)
    }

    fn within(limits: TellLimits, prefix: &str, mut description: Description) -> Told {
        let mut streams = std::mem::take(&mut description.streams);
        let bare = strip(&mut streams, limits.bytes);
        prefix_description(prefix, &mut description);
        let mut room = Room { entries: limits.entries, bytes: limits.bytes, refused: 0 };
        // Servers first: people look there for what is wrong.
        description.upstreams.retain(|upstream| room.takes(upstream));
        description.instruments.retain(|instrument| room.takes(instrument));
        description.calls.retain(|call| room.takes(call));
        let mut left_out = Vec::new();
        if room.refused > 0 {
            left_out.push(format!(
                "{} of its calls, instruments and servers are not described here; of a server behind at most {} are, \
                 and {} KiB",
                room.refused,
                limits.entries,
                limits.bytes >> 10,
            ));
        }
        if bare > 0 {
            left_out.push(format!("{bare} of its streams are described without docs and schema"));
        }
        let bytes = limits.bytes - room.bytes;
        Told { description: Arc::new(description), streams, bytes, left_out: left_out.join("; ") }
    }
}

struct Room {
    entries: usize,
    bytes: usize,
    refused: usize,
}

impl Room {
    fn takes(&mut self, entry: &impl Serialize) -> bool {
        let bytes = length(entry);
        let fits = self.entries > 0 && bytes <= self.bytes;
        if fits {
            self.entries -= 1;
            self.bytes -= bytes;
        } else {
            self.refused += 1;
        }
        fits
    }
}

/// Takes docs and schema from the streams that have more than `bytes` with those before them; returns how many. All are
/// served: a name, and where it is, are short.
fn strip(streams: &mut [StreamDescription], bytes: usize) -> usize {
    let mut left = bytes;
    let mut stripped = 0;
    for stream in streams {
        match left.checked_sub(length(stream)) {
            Some(rest) => left = rest,
            None => {
                stream.docs.clear();
                stream.value = ValueDescription { schema: Value::Bool(true), ..ValueDescription::default() };
                stripped += 1;
            }
        }
    }
    stripped
}

/// As it travels [bytes].
fn length(entry: &impl Serialize) -> usize {
    bodies::encode(entry).map_or(usize::MAX, |bytes| bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use router_wire::describe::{
        CallDescription, InstrumentDescription, ServerDescription, StreamKind, StreamSocket,
    };

    fn description(calls: usize, docs_bytes: usize) -> Description {
        let server = ServerDescription {
            name: "rig".into(),
            version: "0".into(),
            protocol_version: 1,
            epoch: 1,
            host: "pc".into(),
            pid: 1,
            started_utc_ns: 0,
        };
        let call = |number| CallDescription {
            name: format!("call_{number}"),
            docs: "x".repeat(docs_bytes),
            ..CallDescription::default()
        };
        let stream = |number| StreamDescription {
            name: format!("stream_{number}"),
            docs: "x".repeat(docs_bytes),
            kind: StreamKind::Pushed,
            enabled: true,
            frequency_hz: None,
            on_demand: false,
            method: None,
            value: ValueDescription::default(),
            socket: StreamSocket::Samples,
            largest_sample_bytes: 8,
            last_value: true,
            incarnation: 1,
            subscribers: 0,
            source: None,
        };
        let instruments = vec![InstrumentDescription { name: "stage".into(), ..Default::default() }];
        Description {
            server,
            instruments,
            calls: (0..calls).map(call).collect(),
            streams: (0..calls).map(stream).collect(),
            upstreams: Vec::new(),
        }
    }

    #[test]
    fn what_is_told_on_is_bounded_and_what_is_left_out_is_said() {
        let limits = |entries, kib: usize| TellLimits { entries, bytes: kib << 10 };
        #[track_caller]
        fn check(limits: TellLimits, given: Description, calls: usize, with_docs: usize) {
            let streams = given.streams.len();
            let left = given.calls.len() - calls;
            let told = Told::within(limits, "rig", given);
            assert_eq!(told.description.calls.len(), calls);
            assert_eq!(told.description.instruments.len(), 1);
            assert_eq!(told.streams.len(), streams, "each is served");
            assert_eq!(told.streams.iter().filter(|stream| !stream.docs.is_empty()).count(), with_docs);
            assert!(told.bytes <= limits.bytes);
            let says = |what: &str| told.left_out.contains(what);
            assert_eq!(says("not described here"), left > 0, "{}", told.left_out);
            assert!(left == 0 || says(&format!("{left} of its calls")), "{}", told.left_out);
            assert_eq!(says("without docs"), with_docs < streams, "{}", told.left_out);
        }
        check(limits(101, 1_000), description(100, 10), 100, 100);
        check(limits(100, 1_000), description(100, 10), 99, 100);
        check(limits(1_000, 20), description(100, 1_000), 17, 17);
    }
}
