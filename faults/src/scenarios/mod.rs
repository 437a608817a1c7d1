//! One scenario a file: what is done to whom, and what must come of it.

mod client_frozen;
mod client_killed;
mod frames;
mod gateway_killed;
mod hostile;
mod hosts;
mod liar;
mod link_frozen;
mod network;
mod server_killed;
mod stalled;
mod storms;

use crate::failed::Outcome;
use crate::row::Row;

/// Something that fails, and what everyone else notices.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// What is done, for `--list`.
    pub(crate) does: &'static str,
    /// Why it cannot run on this machine, if so.
    pub(crate) unavailable: fn() -> Option<String>,
    pub(crate) run: fn() -> Outcome<Row>,
}

fn everywhere() -> Option<String> {
    None
}

/// All of them, in the order in which they run.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "client_killed",
        does: "clients are killed while their calls wait",
        unavailable: everywhere,
        run: client_killed::run,
    },
    Scenario {
        name: "client_frozen",
        does: "a client is stopped and goes on",
        unavailable: everywhere,
        run: client_frozen::run,
    },
    Scenario {
        name: "link_frozen",
        does: "each process between source and clients is stopped and goes on",
        unavailable: everywhere,
        run: link_frozen::run,
    },
    Scenario {
        name: "gateway_killed",
        does: "the middle one of three servers in a chain is killed and restarted",
        unavailable: everywhere,
        run: gateway_killed::run,
    },
    Scenario {
        name: "frames",
        does: "a subscriber is frozen while frames of 12 MB flow",
        unavailable: everywhere,
        run: frames::run,
    },
    Scenario {
        name: "stalled",
        does: "100 subscribers of small streams stall, each within 1 MiB",
        unavailable: everywhere,
        run: stalled::run,
    },
    Scenario {
        name: "storms",
        does: "connections come and go as fast as they can",
        unavailable: everywhere,
        run: storms::run,
    },
    Scenario {
        name: "hostile",
        does: "100,000 hostile messages at all three ports of each hop of a chain",
        unavailable: everywhere,
        run: hostile::run,
    },
    Scenario {
        name: "liar",
        does: "a server behind a gateway swallows, doubles and changes what it answers and publishes",
        unavailable: everywhere,
        run: liar::run,
    },
    Scenario {
        name: "network",
        does: "a relay between client and server delays, stalls and cuts",
        unavailable: everywhere,
        run: network::run,
    },
    Scenario {
        name: "hosts",
        does: "links go down and up, a host vanishes, an address changes",
        unavailable: crate::hosts::unavailable,
        run: hosts::run,
    },
    Scenario {
        name: "server_killed",
        does: "a server is killed and restarted 200 times while clients call and listen",
        unavailable: everywhere,
        run: server_killed::run,
    },
];
