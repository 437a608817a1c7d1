//! 100,000 hostile messages at all three ports. See the role for what they are.

use router_client::{ConnectOptions, RouterClient};

use crate::child::Child;
use crate::descriptors;
use crate::failed::{Outcome, PATIENCE, until};
use crate::memory::SLACK;
use crate::roles::{HOSTILE_CONNECTIONS, HOSTILE_MESSAGES};
use crate::row::Row;
use crate::watched::Watched;

/// Bodies that the server takes; small, so that the oversized are cheap.
const MAX_BODY: &str = "1048576";

/// Outcomes that a server keeps for whoever asks later: its bound, in number.
const KEPT: usize = 10_000;

/// Has the server keep as many outcomes as it ever does, of the largest kind that hostile clients get: what it keeps by
/// its bound is not what hostile connections leave behind.
fn keep_outcomes(address: &str) -> Outcome {
    let client = RouterClient::connect_with(address, ConnectOptions::default().name("before"))?;
    client.wait_connected(PATIENCE)?;
    for _ in 0..KEPT {
        client.describe().deadline(PATIENCE).wait()?;
    }
    Ok(())
}

pub(crate) fn run() -> Outcome<Row> {
    descriptors::allow(4 * HOSTILE_CONNECTIONS as u64)?;
    let mut watched = Watched::start(&[("max_body_bytes", MAX_BODY)], "")?;
    let server = &mut watched.server;
    keep_outcomes(server.address())?;
    watched.resident = server.resident()?;
    let with = [("endpoints", server.endpoints.as_str()), ("max_body_bytes", MAX_BODY)];
    let mut hostile = Child::start("hostile", &with)?;
    hostile.hears_within("sent", std::time::Duration::from_secs(180))?;
    let open = server.resident()?;
    hostile.tell("close")?;
    hostile.hears("closed")?;
    drop(hostile);
    let refused = ["bad_messages", "bad_frame_count", "refused_subscriptions", "foreign_messages_to_streams"];
    let (counters, handshakes) = until("everything that was refused is counted", || {
        let counters = server.stats()?.counters;
        let handshakes = counters["failed_handshakes"] + counters["failed_stream_handshakes"];
        let is_counted = handshakes > 0 && refused.iter().all(|name| counters[*name] > 0);
        Ok(is_counted.then_some((counters, handshakes)))
    })?;
    let done = format!(
        "{HOSTILE_MESSAGES} hostile messages over {HOSTILE_CONNECTIONS} connections at the three ports; {} MiB while they are open",
        open >> 20
    );
    let counted: Vec<String> = refused.iter().map(|name| format!("{} {name}", counters[*name])).collect();
    let losses = format!(
        "{}, {handshakes} failed handshakes; every message to the calls port answered or counted",
        counted.join(", ")
    );
    // libzmq looks through all subscriptions of a socket for each connection that ends, so that streams pause when many
    // who subscribed to much leave at once. What is lost by it is counted.
    let (row, _) = watched.end(done, losses, SLACK)?;
    Ok(row)
}
