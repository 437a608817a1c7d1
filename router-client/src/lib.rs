//! router-client

mod answer;
mod budget;
mod call;
mod call_control;
mod call_error;
mod call_id;
mod call_slot;
mod calls_loop;
mod client;
mod command;
mod connection;
mod counters;
mod dealer;
mod details;
mod ending;
mod greeting;
mod identity;
mod in_flight;
mod instrument;
mod interrupted;
mod link;
mod options;
mod outgoing;
mod parameters;
mod pending_call;
mod pulse;
mod remote_error;
mod request;
mod returned;
mod returned_serializer;
mod router_calls;
mod schema;
mod shared;
mod state_listener;
mod streams;
mod subscribe;

pub use call::Call;
pub use call_control::{CallControl, CallInfo, OnProgress};
pub use call_error::CallError;
pub use call_id::{CallId, CallIdError};
pub use client::RouterClient;
pub use connection::{ConnectionState, NotConnected};
pub use counters::ClientCounters;
pub use identity::{host_name, program_name, user_name};
pub use instrument::{
    Access, Beside, BuiltOnLane, Exclusive, Given, Instrument, Invoke, LaneOnly, Method, MethodSpec, Placed,
    SharedInstrument,
};
pub use interrupted::Interrupted;
pub use options::{ConnectError, ConnectOptions};
pub use parameters::{CallFunction, Parameters};
pub use pending_call::PendingCall;
pub use remote_error::RemoteError;
pub use request::Request;
pub use returned::{ReplyBody, Returned, write_returned};
pub use router_calls::PingReport;
pub use router_macros::{RemoteError, interface};
pub use router_wire::{Arguments, Failure, Refused, describe, status};
pub use schema::described_by_name;
pub use state_listener::StateListener;
pub use streams::{
    Cache, FromPayload, LISTED_SEGMENTS, OnSample, Payload, Queue, QueueIter, RawSample, Sample, SampleError,
    SegmentStats, SettleError, Subscribe, SubscribeError, SubscriptionStats,
};

/// What the code that the macros write needs; not for use by hand, and free to change.
#[doc(hidden)]
pub mod __private {
    pub use crate::details::{Details, DetailsWriter};
    pub use crate::instrument::InterfaceOf;
    pub use crate::remote_error::serialize_error;
    pub use crate::returned::write_result;
    pub use crate::schema::{DescribeByName, DescribeBySchema, Probe, describe_argument, describe_returned};
    pub use router_wire;
    pub use schemars;
    pub use serde;
    pub use serde_bytes;
    pub use serde_json;
}
