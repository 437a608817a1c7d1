//! Servers behind this one: their names appear under a prefix, and calls go through the router loop to them.
//!
//! A gateway runs nothing for them. Its router loop drives each connection in its own poll, puts an envelope with the
//! client's id before what it passes on, and changes three things in a message: the name loses its prefix, the epoch
//! is that of the server it goes to, and the deadline is the time that is left.
//!
//! | file | holds |
//! |---|---|
//! | `upstream` | `Upstream`: one connection, and the calls that are on their way through it |
//! | `ways` | which requests go to which of them |
//! | `passing_on` | what the router loop does with these, and with cancels |
//! | `answered` | and with what comes back |
//! | `passed_call` | a request's frames, and a call that was passed on |
//! | `told` | what a server behind tells that it serves, within bounds |
//! | `view` | what other threads see of an upstream |
//! | `prefixing` | names with their prefix: in descriptions, failures and outcomes |

mod answered;
mod passed_call;
mod passing_on;
mod prefixing;
mod stop_all;
mod told;
mod upstream;
mod view;
mod ways;

pub(crate) use prefixing::prefixed;
pub(crate) use stop_all::{UpstreamStop, collect_upstreams};
pub(crate) use told::MOST_BYTES_OF_ALL;
pub(crate) use upstream::{AddUpstream, Upstream};
pub(crate) use view::UpstreamViews;
