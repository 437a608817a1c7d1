//! What a server tells of its calls and streams: the answer of `router.describe`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything a server serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The server itself.
    pub server: ServerDescription,
    /// Its instruments, by name; empty from a server that does not tell.
    #[serde(default)]
    pub instruments: Vec<InstrumentDescription>,
    /// Its calls, by name.
    pub calls: Vec<CallDescription>,
    /// Its streams, by name.
    pub streams: Vec<StreamDescription>,
    /// The servers behind it, by prefix, and those behind them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upstreams: Vec<UpstreamDescription>,
}

/// A server behind another one, whose names appear there under a prefix; also the answer of `router.upstreams`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpstreamDescription {
    /// What stands before its names.
    pub prefix: String,
    /// Where it was dialled.
    pub endpoint: String,
    /// `connecting`, `connected`, `stale` (it does not answer) or `lost`.
    pub state: String,
    /// Why it is not connected; empty when it is.
    pub reason: String,
    /// Since when it is in this state [s].
    pub since_s: f64,
    /// Of the last ping that was answered [ms].
    pub round_trip_ms: Option<f64>,
    /// What it says of itself; absent until it has.
    pub server: Option<ServerDescription>,
    /// What of it is not described here, and why, for people; empty when all is. It is there to be called all the same.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub not_described: String,
    /// Calls that were passed on to it and have not ended.
    pub in_flight: u64,
    /// Messages that wait here for the connection to take them.
    pub queued: u64,
    /// Calls that were passed on since the start.
    pub passed_on: u64,
    /// Calls whose outcome is unknown because it was lost.
    pub unknown: u64,
    /// Answers from it that nobody here waited for any more.
    pub dropped: u64,
}

/// A server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerDescription {
    /// Its name.
    pub name: String,
    /// The version of one-liner it is built with.
    pub version: String,
    /// Its protocol version.
    pub protocol_version: u32,
    /// This life of it.
    pub epoch: u64,
    /// The host it runs on.
    pub host: String,
    /// Its process id.
    pub pid: u32,
    /// When it was started [ns since 1970-01-01].
    pub started_utc_ns: i64,
}

/// A named object whose methods are calls. A bare closure is none: it is told as a call alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InstrumentDescription {
    /// Its name; those of its calls begin with it and a dot.
    pub name: String,
    /// What it is; the doc comment of its interface.
    pub docs: String,
    /// The lane it is on.
    pub lane: String,
}

/// Where and how a call runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallKind {
    /// In arrival order on its instrument's lane.
    #[default]
    Lane,
    /// Beside the lane, on the instrument's pool.
    Concurrent,
    /// On the instrument's urgent lane, which is always ready.
    Urgent,
    /// In the router loop.
    Inline,
}

/// A call.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CallDescription {
    /// Its full name.
    pub name: String,
    /// What it does; its doc comment.
    pub docs: String,
    /// How it runs.
    pub kind: CallKind,
    /// The lane it runs on, when it runs on one.
    pub lane: Option<String>,
    /// Whether it first cancels the running call and ends every queued one of its instrument.
    #[serde(default)]
    pub clears_lane: bool,
    /// Whether it may be sent again when its outcome is unknown.
    #[serde(default)]
    pub idempotent: bool,
    /// Whether it is cancelled when its client is lost.
    #[serde(default)]
    pub cancel_on_client_lost: bool,
    /// Its arguments, in order.
    pub arguments: Vec<ArgumentDescription>,
    /// What it returns.
    pub returns: ValueDescription,
    /// The kinds of error it may refuse with; empty when it does not say.
    #[serde(default)]
    pub errors: Vec<ErrorDescription>,
    /// The call behind a named call.
    #[serde(default)]
    pub target: Option<String>,
}

/// An argument of a call.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ArgumentDescription {
    /// Its name.
    pub name: String,
    /// Its type and unit.
    #[serde(flatten)]
    pub value: ValueDescription,
    /// Its value when it is not given; absent when it must be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
}

/// A value that travels.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ValueDescription {
    /// Its type as the program writes it.
    pub type_name: String,
    /// Its unit: `um`, `ms`, `Hz`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Its JSON Schema; `true` when nothing is known.
    pub schema: Value,
}

/// One kind of error.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ErrorDescription {
    /// As in [`Refused::kind`](crate::Refused::kind).
    pub kind: String,
    /// What it means.
    pub docs: String,
}

/// Where a stream's values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StreamKind {
    /// A function called at a frequency.
    Periodic,
    /// The application publishes.
    Pushed,
    /// Forwarded from another ZeroMQ socket.
    Relayed,
}

/// Which of a server's two sockets serves a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamSocket {
    /// Streams whose largest sample is at most 64 KiB.
    Samples,
    /// All others.
    Frames,
}

/// A stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamDescription {
    /// Its name.
    pub name: String,
    /// What it is.
    pub docs: String,
    /// Where its values come from.
    pub kind: StreamKind,
    /// Whether it is published at present.
    pub enabled: bool,
    /// How often a periodic stream's function is called [Hz].
    pub frequency_hz: Option<f64>,
    /// Whether its function is called only while somebody listens.
    pub on_demand: bool,
    /// The call whose values it streams.
    pub method: Option<String>,
    /// Its values.
    pub value: ValueDescription,
    /// The socket that serves it.
    pub socket: StreamSocket,
    /// The largest sample it may publish [bytes].
    pub largest_sample_bytes: u64,
    /// Whether a new subscriber gets the last value.
    pub last_value: bool,
    /// Its incarnation under its name.
    pub incarnation: u64,
    /// How many subscriber connections listen.
    pub subscribers: u64,
    /// Where a relayed stream comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<StreamSource>,
}

/// Where a relayed stream comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSource {
    /// The socket that publishes it.
    pub endpoint: String,
    /// Whether its samples bring the numbers, epoch and times of their source, so that losses on the way here are
    /// seen. Otherwise they are numbered on receipt, and what was lost before that is invisible.
    pub numbered: bool,
}
