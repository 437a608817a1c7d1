//! Calls an instrument's functions and receives its streams, from another process or another PC.
//!
//! ```no_run
//! use router_client::{CallError, RouterClient};
//! use std::time::Duration;
//!
//! let client = RouterClient::connect("tcp://localhost")?; // returns at once; the server may start later
//!
//! // A call by name, with a deadline that travels to the server.
//! let beeps: String = client.call("beep", (3,)).deadline(Duration::from_secs(1)).wait()?;
//!
//! // A long one: started, watched, and cancelled when it takes too long.
//! let moving = client.call::<f64>("stage.move_to", (9000.0,)).start();
//! while let Some(progress) = moving.progress_timeout(Duration::from_secs(2)) {
//!     println!("{:.0} % {}", 100.0 * progress.fraction, progress.message);
//! }
//! if !moving.is_finished() {
//!     moving.cancel();
//! }
//! match moving.wait() {
//!     Ok(reached_um) => println!("at {reached_um} um"),
//!     Err(CallError::Cancelled { by, .. }) => println!("cancelled {by}"),
//!     Err(other) => return Err(other.into()),
//! }
//!
//! // A stream, newest value only.
//! let position = client.subscribe::<f64>("stage.position_um").cache()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A crate that implements an instrument needs this crate and no server: [`interface`] makes the registration of its
//! methods and the typed client, and [`Call`] is what a method is given.
//!
//! # Layout
//!
//! | file | holds |
//! |---|---|
//! | `client.rs`, `options.rs`, `identity.rs` | [`RouterClient`], what it may be told, who it says it is |
//! | `request.rs`, `pending_call.rs`, `call_error.rs`, `outcome_report.rs` | a call before, while and after it is made |
//! | `gather.rs` | the same call on several servers at once |
//! | `router_calls.rs` | what every server can be asked: ping, describe, stats, ... |
//! | `subscribe.rs`, `streams/` | subscriptions, with a map of their own |
//! | `call.rs`, `call_control.rs`, `interrupted.rs` | [`Call`], which a method is given, and the server's end of it |
//! | `instrument.rs`, `parameters.rs`, `returned*.rs`, `remote_error.rs`, `schema.rs` | what `#[interface]` and closures become |
//! | `calls_loop.rs`, `retrying.rs`, `command.rs` | the loop that brings requests out and outcomes back, and what reaches it |
//! | `driving.rs`, `seat.rs`, `onlookers.rs` | who turns that loop: a caller that waits, or its keeper |
//! | `in_flight.rs`, `outgoing.rs`, `budget.rs` | calls that have not ended, requests that have not left, their bounds |
//! | `answer.rs`, `ending.rs`, `call_slot.rs` | what the server says, how a call ended, where its caller waits |
//! | `link.rs`, `dealer.rs`, `greeting.rs`, `pulse.rs` | two sockets, the hello, the pings, and the state that follows |
//! | `connection.rs`, `state_listener.rs`, `counters.rs`, `shared.rs` | what handles read of it |

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod answer;
mod budget;
mod call;
mod call_control;
mod call_error;
mod call_slot;
mod calls_loop;
mod client;
mod command;
mod connection;
mod counters;
mod dealer;
mod details;
mod driving;
mod ending;
mod gather;
mod greeting;
mod identity;
mod in_flight;
mod instrument;
mod interrupted;
mod link;
mod onlookers;
mod options;
mod outcome_report;
mod outgoing;
mod parameters;
mod pending_call;
mod pulse;
mod remote_error;
mod request;
mod retrying;
mod returned;
mod returned_serializer;
mod router_calls;
mod schema;
mod seat;
mod server_clock;
mod shared;
mod state_listener;
mod streams;
mod subscribe;
mod upstream_link;

pub use call::Call;
pub use call_control::{CallControl, CallInfo, OnProgress};
pub use call_error::{CallError, GoneCause};
pub use client::RouterClient;
pub use connection::{ConnectionState, NotConnected};
pub use counters::ClientCounters;
pub use gather::{Gather, gather};
pub use identity::{host_name, program_name, user_name};
pub use instrument::{
    Access, Beside, BuiltOnLane, Exclusive, Given, Instrument, Invoke, LaneOnly, Method, MethodSpec, Placed,
    SharedInstrument,
};
pub use interrupted::Interrupted;
pub use options::{ConnectError, ConnectOptions};
pub use outcome_report::{FinishedCall, OutcomeReport};
pub use parameters::{CallFunction, Parameters};
pub use pending_call::PendingCall;
pub use remote_error::RemoteError;
pub use request::Request;
pub use returned::{ReplyBody, Returned, write_returned};
pub use router_calls::PingReport;
pub use router_macros::{RemoteError, interface};
pub use router_socket::SharedContext;
pub use router_wire::{Arguments, CallId, CallIdError, Failure, Refused, describe, status};
pub use schema::{described_by_name, described_return};
pub use server_clock::{LocalTime, ServerClock};
pub use state_listener::StateListener;
pub use streams::{
    Cache, FromPayload, LISTED_SEGMENTS, OnSample, Payload, Queue, QueueIter, RawSample, Sample, SampleError,
    SegmentStats, SettleError, Subscribe, SubscribeError, SubscriptionStats,
};

/// What a server needs to be a client of another one for its own clients; not for use elsewhere, and free to change.
#[doc(hidden)]
pub mod gateway {
    pub use crate::upstream_link::{OnUpstream, UpstreamAnswer, UpstreamEvent, UpstreamLink};
}

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
