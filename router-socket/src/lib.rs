//! The only crate of the router that names zmq: endpoints, sockets, frames, mailbox, named threads.
//!
//! Everything here is non-blocking except [`poll()`], [`Mailbox::poll`] and [`NamedThread::join_within`], which say
//! how long they wait. A loop is a thread that owns its sockets and a [`Mailbox`], and waits in one place:
//!
//! ```
//! use router_socket::{mailbox, Context, Endpoint, Frame, PollEntry, SocketKind};
//! use std::time::Duration;
//!
//! enum Command { Stop }
//!
//! let context = Context::new(1)?;
//! let server = context.socket(SocketKind::Router)?;
//! let calls: Endpoint = server.bind(&"tcp://127.0.0.1:*".parse()?)?; // the real port
//! let (sender, mut mailbox) = mailbox::<Command>(&context, Some(100))?;
//!
//! let server_loop = router_socket::spawn("router", move || {
//!     let (mut server, mut frames) = (server, Vec::new());
//!     loop {
//!         while server.try_recv_message(&mut frames).expect("the socket is open") {
//!             let count = frames.len();
//!             for (i, frame) in frames.drain(..).enumerate() {
//!                 server.try_send(frame, i + 1 < count).expect("the client is there"); // echoes
//!             }
//!         }
//!         if let Some(Command::Stop) = mailbox.try_take() {
//!             return;
//!         }
//!         mailbox.poll(&mut [PollEntry::readable(&server)], None).expect("poll");
//!     }
//! })?;
//!
//! let mut client = context.socket(SocketKind::Dealer)?;
//! client.connect(&calls)?;
//! client.try_send(Frame::copy_from(b"hello"), false)?;
//! router_socket::poll(&mut [PollEntry::readable(&client)], Some(Duration::from_secs(5)))?;
//! assert_eq!(&*client.try_recv()?.expect("the echo"), b"hello");
//!
//! sender.post(Command::Stop)?;
//! server_loop.join_within(Duration::from_secs(5))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layout
//! - [`endpoint`][]: [`Endpoint`], what a person writes and libzmq understands; [`endpoint_error`][]: what to write
//!   instead; [`server_endpoints`][]: the three of a server
//! - [`context`], [`socket`], [`options`][]: [`Context`] makes [`Socket`]s, which are Send and not Sync;
//!   [`refusal`][]: a frame that was not sent
//! - [`shared_context`][]: [`SharedContext`], for servers and clients of one process
//! - [`frame`][]: [`Frame`], one part of a message, by reference where that pays
//! - [`poll`](mod@poll): [`PollEntry`], the list a loop waits on
//! - [`mailbox`](mod@mailbox): [`Mailbox`], how other threads reach a loop that waits on sockets; its protocol is in
//!   `doorbell.rs`, its wake-up in `wake_up/`
//! - [`monitor`][]: [`Monitor`], what happens to a socket's connections
//! - [`curve`][]: key pairs
//! - [`named_thread`][]: [`NamedThread`], which can be joined within a time
//! - [`error`][]: [`SocketError`]

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod context;
pub mod curve;
mod doorbell;
pub mod endpoint;
pub mod endpoint_error;
pub mod error;
pub mod frame;
pub mod mailbox;
pub mod monitor;
pub mod named_thread;
pub mod options;
pub mod poll;
pub mod refusal;
pub mod server_endpoints;
pub mod shared_context;
pub mod socket;
mod wake_up;

pub use context::{Context, SocketKind, has, version};
pub use endpoint::{Endpoint, Port, Reach};
pub use endpoint_error::EndpointError;
pub use error::SocketError;
pub use frame::{ConnectionToken, Frame};
pub use mailbox::{MailSender, Mailbox, PostError, mailbox};
pub use monitor::{HandshakeFailure, Monitor, SocketEvent};
pub use named_thread::{NamedThread, StillRunning, spawn};
pub use poll::{Interest, PollEntry, Poller, poll};
pub use refusal::{SendRefusal, TrySendError};
pub use server_endpoints::{CALLS_PORT, FRAMES_PORT, SAMPLES_PORT, ServerEndpoints};
pub use shared_context::SharedContext;
pub use socket::{MAX_FRAMES, Socket};
