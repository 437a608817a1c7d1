//! Makes an instrument's functions callable and its data watchable from other processes and PCs.
//!
//! ```
//! use router_server::RouterServer;
//! use router_client::{RouterClient, interface};
//!
//! struct Stage { position_um: f64 }
//!
//! #[interface]
//! impl Stage {
//!     /// Moves to `target_um` [um]; returns the position reached [um].
//!     pub fn move_to(&mut self, target_um: f64) -> f64 {
//!         self.position_um = target_um;
//!         self.position_um
//!     }
//!     /// Position now [um].
//!     pub fn position_um(&self) -> f64 {
//!         self.position_um
//!     }
//! }
//!
//! let server = RouterServer::bind("tcp://127.0.0.1:*")?;
//! server.add_instrument("stage", Stage { position_um: 0.0 })?;
//! server.add_instrument_stream("stage.position_um", 30.0, "stage.position_um", ())?;
//!
//! let client = RouterClient::connect(&server.endpoints().calls.to_string())?;
//! assert_eq!(StageClient::new(&client, "stage").move_to(1500.0).wait()?, 1500.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layout
//! - `server.rs`, `adding.rs`, `serving_streams.rs`: [`RouterServer`], what is added to it and removed from it, its stop
//! - `bind_error.rs`, `socket_file.rs`: why it cannot listen; what an `ipc` endpoint leaves in the file system
//! - `listening.rs`: where it listens, and what of it a client is told
//! - `placing.rs`: how an instrument gets its lane, pool and urgent lane
//! - `router_loop.rs`: the loop that owns the ROUTER; `requests.rs` comes in, `answers.rs` goes out,
//!   `json_answer.rs` in JSON to whom asks in JSON; `greetings.rs`, `greeting_names.rs`: hellos and pings; `inline_calls.rs`: methods that
//!   run in the loop
//! - `parked.rs`: requests for names that may still come
//! - `registry.rs`, `call_entry.rs`: what is served by name; `registry_views.rs`: what is told of it
//! - `dispatcher.rs`, `job.rs`, `job_queue.rs`, `bounds.rs`, `executor.rs`: a call on its way to and on its lane
//! - `client_table.rs`, `client.rs`, `clients_behind.rs`: who calls, and whether they are still there; `flow.rs`: answers on their way to one;
//!   `barriers.rs`: what one has cleared
//! - `kept_outcomes.rs`, `outcome_questions.rs`: how calls ended, for who asks later; call numbers that come twice
//! - `router_instrument.rs`: the server as the instrument `router`
//! - `cascading.rs`, `upstreams/`: servers behind this one
//! - `streams/`: sources, proxy, subscribers
//! - `stop_schedule.rs`, `stopping.rs`, `stop_hooks.rs`, `stop_report.rs`: what happens at the end
//!
//! ARCHITECTURE.md draws the threads and names the invariants and the tests that keep them.

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod add_error;
mod adding;
mod answers;
mod barriers;
mod bind_error;
mod bounds;
mod call_entry;
mod call_stats;
mod cascading;
mod client;
mod client_table;
mod clients_behind;
mod closure;
mod counters;
mod dispatcher;
mod executor;
mod flow;
mod greeting_names;
mod greetings;
mod inline_calls;
mod job;
mod job_queue;
mod json_answer;
mod kept_outcomes;
mod listening;
mod memory;
mod options;
mod outcome_questions;
mod outgoing_answer;
mod panic_text;
mod parked;
mod placing;
mod preset;
mod registry;
mod registry_views;
mod requests;
mod router_event;
mod router_instrument;
mod router_loop;
mod server;
mod serving_streams;
mod socket_file;
mod stop_all;
mod stop_hooks;
mod stop_report;
mod stop_schedule;
mod stopping;
mod table;
mod target;
mod timers;

mod streams;
mod upstreams;

pub use add_error::{AddError, NotFound};
pub use adding::InstrumentOptions;
pub use bind_error::BindError;
pub use cascading::AddUpstreamError;
pub use closure::CallOptions;
pub use options::ServerOptions;
pub use preset::Preset;
pub use router_socket::{Endpoint, Reach, ServerEndpoints, SharedContext, SocketError};
pub use router_wire::Encoding;
pub use server::RouterServer;
pub use stop_report::StopReport;
pub use streams::{
    AddStreamError, DeclareError, FrequencyError, PublishError, Published, Publisher, RelayFormat,
    RelayOptions, SetFrequencyError, StreamOptions, TappedMessage,
};
