//! What `router.lanes`, `router.stats` and `router.stop_all` answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::describe::UpstreamDescription;

/// How one of the methods that `router.stop_all` ran ended; its answer is a list of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopOutcome {
    /// The method: `stage.stop`.
    pub name: String,
    /// Whether it ended with a value.
    pub ok: bool,
    /// How it ended when it did not.
    pub message: String,
}

/// What a lane is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaneStatus {
    /// Its name.
    pub name: String,
    /// The instruments whose calls it runs.
    pub instruments: Vec<String>,
    /// The running call, if one runs.
    pub running: Option<RunningCall>,
    /// Calls that wait.
    pub queued: u64,
    /// Bytes of bodies that wait.
    pub queued_bytes: u64,
    /// Whether it was set apart: its instrument was removed while a call hung.
    pub set_apart: bool,
}

/// A call that runs now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunningCall {
    /// The call.
    pub name: String,
    /// For whom, as `alice@scope-3 napari pid 4411`.
    pub client: String,
    /// For how long already [ms].
    pub running_ms: f64,
}

/// Counters of one call.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CallStats {
    /// The call.
    pub name: String,
    /// How many ended.
    pub count: u64,
    /// How many of them did not end with a value.
    pub errors: u64,
    /// Median time from start to return [us].
    pub p50_us: f64,
    /// 99th percentile of it [us].
    pub p99_us: f64,
}

/// Counters of one stream at its source.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StreamStats {
    /// The stream.
    pub name: String,
    /// Whether it is published at present.
    pub enabled: bool,
    /// How often its function is to be called here [Hz]; absent for streams that are pushed, or come from elsewhere.
    pub asked_hz: Option<f64>,
    /// Where it comes from: the prefix of the server behind that serves it, or the endpoint that it is relayed from; absent
    /// for streams of this server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<StreamOrigin>,
    /// Samples produced per second, over the last second or two samples, whichever is longer [Hz].
    pub achieved_hz: f64,
    /// Samples produced: each took a sequence number.
    pub produced: u64,
    /// Samples handed to the proxy because somebody listened.
    pub published: u64,
    /// Error samples among those produced.
    pub errors: u64,
    /// Ticks that were due but skipped.
    pub ticks_missed: u64,
    /// Samples the socket refused at the source.
    pub dropped_at_source: u64,
    /// Subscriber connections that listen.
    pub subscribers: u64,
    /// The stream's ring in memory that is shared with processes of the same user on the same machine; absent while there
    /// is none, which is so until somebody wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<StreamMemory>,
}

/// The ring of slots in which a stream's large samples are shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StreamMemory {
    /// Slots, used or not.
    pub slots: u64,
    /// Slots that have been used, and take memory.
    pub used: u64,
    /// Slots that are kept for readers alone: of frames too old to be read anew.
    pub kept: u64,
    /// Of a slot [bytes].
    pub slot_bytes: u64,
    /// Processes that are attached.
    pub readers: u64,
    /// Samples that were written into slots.
    pub samples: u64,
    /// How often there was no slot for a sample, which then took the network.
    pub no_slot: u64,
}

/// Where a stream comes from that is none of this server's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StreamOrigin {
    /// A server behind, by its prefix.
    Upstream(String),
    /// What a relay receives from, by its endpoint.
    Relay(String),
}

/// A client as its server sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientStats {
    /// Who, as `alice@scope-3 napari pid 4411`.
    pub client: String,
    /// The first eight digits of its id.
    pub id: String,
    /// Since when it is known [s].
    pub connected_s: f64,
    /// Calls queued or running for it.
    pub in_flight: u64,
    /// Bytes of answers sent and not yet confirmed.
    pub unconfirmed_bytes: u64,
}

/// The answer of `router.stats`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ServerStats {
    /// How long the server runs [s].
    pub uptime_s: f64,
    /// Calls by name.
    pub calls: Vec<CallStats>,
    /// Streams by name.
    pub streams: Vec<StreamStats>,
    /// Lanes by name.
    pub lanes: Vec<LaneStatus>,
    /// Clients.
    pub clients: Vec<ClientStats>,
    /// The servers right behind it, by prefix.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upstreams: Vec<UpstreamDescription>,
    /// Everything that is counted and has no better place, by name: what the network sent that was refused,
    /// answers that could not be delivered, and the like. `docs/protocol.md` lists them.
    pub counters: BTreeMap<String, u64>,
}
