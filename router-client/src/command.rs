//! `Command`: what can reach the calls loop from the client's handles.

use std::time::Instant;

use crate::call_slot::Ticket;
use crate::outgoing::Outgoing;

/// What can reach the loop from the client's handles.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every command is a request; a box would be one allocation a call"
)]
pub(crate) enum Command {
    /// Send a request.
    Start(Start),
    /// Ask the server to end a call, or take its request back.
    Cancel(u64),
    /// Say goodbye and end.
    Close,
}

/// A request to be sent.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) number: u64,
    pub(crate) ticket: Ticket,
    pub(crate) request: Outgoing,
    pub(crate) started: Instant,
    pub(crate) deadline: Option<Instant>,
}
