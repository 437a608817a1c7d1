//! Words and bytes of one-liner: names, messages, samples, codecs, descriptions and errors.
//!
//! Nothing here opens a socket, starts a thread or reads a clock, so every byte that travels can be tested
//! by itself. `docs/protocol.md` is the prose of this crate.
//!
//! ```
//! use router_wire::{Name, RequestHeader, request::RequestFlags, Encoding};
//!
//! let target = Name::parse("stage.move_to").unwrap();
//! let header = RequestHeader {
//!     flags: RequestFlags::default(),
//!     encoding: Encoding::MessagePack,
//!     lease: 0,
//!     epoch: 7,
//!     call: 1,
//!     deadline_us: 2_000_000,
//! };
//! let mut message = Vec::new();
//! header.encode(target.as_str(), &mut message);
//! message.extend_from_slice(&router_wire::arguments::encode(&(1500.0,), &[]).unwrap());
//! let router_wire::ClientMessage::Request { header: read, target, .. } =
//!     router_wire::ClientMessage::decode(&message).unwrap() else { panic!() };
//! assert_eq!((read, target), (header, "stage.move_to"));
//! ```
//!
//! # Layout
//!
//! | module | holds |
//! |---|---|
//! | [`name`] | dotted names and the nearest ones to a wrong name |
//! | [`call_id`] | the name of one call among all |
//! | [`request`] | what a client sends: requests, cancels, goodbye |
//! | [`reply`] | what a server answers: outcomes, progress |
//! | [`sample`] | a stream's packet: topic, header, payload |
//! | [`topic`], [`view`] | what a subscription names: a stream, or a view of one |
//! | [`python_packet`] | a stream's packet of the Python one-liner, for relays |
//! | [`envelope`] | whose message it is that a gateway passes on |
//! | [`body`] | MessagePack bodies and their bounds |
//! | [`payload`] | a sample's bytes by reference; how types are read from them and written to them |
//! | [`json`] | the same bodies in JSON |
//! | [`arguments`] | positional and keyword arguments in a request's body |
//! | [`failure`] | every outcome but "done", as it travels |
//! | [`hello`] | who a client is and what a server tells it |
//! | [`describe`] | what a server tells of its calls and streams |
//! | [`outcome`] | what became of a call: the body and the answer of `router.outcome` |
//! | [`status`] | what `router.ping` and `router.stats` answer |

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod arguments;
pub mod body;
pub mod call_id;
pub mod describe;
pub mod envelope;
pub mod failure;
mod field;
pub mod hello;
pub mod json;
pub mod name;
pub mod outcome;
pub mod payload;
pub mod python_packet;
pub mod reply;
pub mod request;
pub mod sample;
pub mod status;
pub mod topic;
pub mod view;

pub use arguments::Arguments;
pub use body::{BodyError, Encoding};
pub use call_id::{CallId, CallIdError};
pub use envelope::{Enclosed, Envelope};
pub use failure::{Failure, Refused};
pub use field::DecodeError;
pub use hello::{ClientId, ClientIdentity, GatewayHop, HelloReply, HelloRequest, PROTOCOL_VERSION};
pub use name::{Name, NameError, nearest};
pub use outcome::{KeptOutcome, OutcomeReport, OutcomeRequest};
pub use payload::{FromPayload, Payload, ToPayload, Written};
pub use python_packet::{PythonPacket, PythonTime};
pub use reply::{OutcomeHeader, ServerMessage, Status};
pub use request::{ClientMessage, RequestHeader};
pub use sample::{SampleHeader, SamplePacket, SampleStatus};
pub use topic::Topic;
pub use view::{View, ViewError};

/// Longest body that a client sends and a server takes unless told otherwise [bytes].
pub const DEFAULT_MAX_BODY_BYTES: usize = 64 << 20;

/// Room for headers and a name beside a body of the largest size [bytes].
pub const MAX_HEADER_BYTES: usize = 1024;
