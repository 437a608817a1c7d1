//! 100,000 hostile messages at all three ports of every hop of a chain, at all hops at once. See the role for what they
//! are. The bystander calls and listens through the whole chain.

use std::time::Duration;

use router_client::{ConnectOptions, RouterClient};

use crate::bystander::Bystander;
use crate::child::Child;
use crate::descriptors;
use crate::failed::{Outcome, PATIENCE, until};
use crate::memory::SLACK;
use crate::roles::{HOSTILE_CONNECTIONS, HOSTILE_MESSAGES, UPSTREAM};
use crate::row::Row;
use crate::server::Server;
use crate::watched::Watched;

/// A server, a gateway before it, and one before that.
const HOPS: usize = 3;

/// Bodies that the server takes; small, so that the oversized are cheap.
const MAX_BODY: (&str, &str) = ("max_body_bytes", "1048576");

/// Outcomes that a server keeps for whoever asks later: its bound, in number.
const KEPT: usize = 10_000;

/// Longer than all messages take on a busy machine.
const SENT_WITHIN: Duration = Duration::from_secs(240);

/// What refuses hostile messages, as servers count it.
const REFUSED: [&str; 4] =
    ["bad_messages", "bad_frame_count", "refused_subscriptions", "foreign_messages_to_streams"];

/// One process of the chain.
struct Hop {
    server: Server,
    /// What the names of the source begin with here.
    prefix: String,
    /// Memory in use before [bytes].
    before: u64,
}

pub(crate) fn run() -> Outcome<Row> {
    descriptors::allow(4 * HOSTILE_CONNECTIONS as u64)?;
    let mut hops = chain()?;
    let last = hops.last().ok_or("a chain without a hop")?;
    let bystander = Bystander::start_behind(last.server.address(), &last.prefix)?;
    for hop in &mut hops {
        keep_outcomes(hop.server.address())?;
    }
    for hop in &mut hops {
        hop.before = hop.server.resident()?;
    }
    let mut hostile = hops
        .iter()
        .map(|Hop { server, prefix, .. }| {
            Child::start("hostile", &[("endpoints", server.endpoints.as_str()), ("prefix", prefix), MAX_BODY])
        })
        .collect::<Outcome<Vec<_>>>()?;
    for hostile in &hostile {
        hostile.hears_within("sent", SENT_WITHIN)?;
    }
    let open = hops.iter_mut().map(|hop| Ok(mib(hop.server.resident()?))).collect::<Outcome<Vec<_>>>()?;
    for hostile in &mut hostile {
        hostile.tell("close")?;
        hostile.hears("closed")?;
    }
    drop(hostile);
    let refused = hops.iter_mut().map(|hop| counted(&mut hop.server)).collect::<Outcome<Vec<_>>>()?;
    let Some(Hop { server, before: resident, .. }) = hops.pop() else { return Err("no hop".into()) };
    let mut memory = Vec::new();
    for (index, Hop { server, before, .. }) in hops.iter_mut().enumerate() {
        let after = server.memory_is_back(&format!("hop {}", index + 1), *before, SLACK)?;
        memory.push(format!("{}; {}", mib(*before), mib(after)));
    }
    let done = format!(
        "{HOSTILE_MESSAGES} hostile messages over {HOSTILE_CONNECTIONS} connections at the three ports of each of {HOPS} hops; {} MiB while they are open",
        open.join(", ")
    );
    let losses = format!(
        "{}; every message to a calls port answered or counted; memory of the servers behind {}",
        refused.join("; "),
        memory.join(" and ")
    );
    // libzmq looks through all subscriptions of a socket for each connection that ends, so that streams pause when many
    // who subscribed to much leave at once. What is lost by it is counted.
    let (row, _) = Watched { server, bystander, resident }.end(done, losses, SLACK)?;
    Ok(row)
}

fn chain() -> Outcome<Vec<Hop>> {
    let mut hops: Vec<Hop> = Vec::new();
    for index in 0..HOPS {
        let server = match hops.last() {
            None => Server::start(&[MAX_BODY])?,
            Some(behind) => Server::start(&[MAX_BODY, ("upstream", behind.server.address())])?,
        };
        hops.push(Hop { server, prefix: format!("{UPSTREAM}.").repeat(index), before: 0 });
    }
    Ok(hops)
}

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

/// What the server counted, as text, when everything is: nothing is added for a while.
fn counted(server: &mut Server) -> Outcome<String> {
    const WHILE: Duration = Duration::from_millis(500);
    let mut last = String::new();
    until("everything that was refused is counted", || {
        std::thread::sleep(WHILE);
        let counters = server.stats()?.counters;
        let handshakes = counters["failed_handshakes"] + counters["failed_stream_handshakes"];
        let is_counted = handshakes > 0 && REFUSED.iter().all(|name| counters[*name] > 0);
        let refused: Vec<String> = REFUSED.iter().map(|name| format!("{} {name}", counters[*name])).collect();
        let counted = format!("{}, {handshakes} failed handshakes", refused.join(", "));
        let before = std::mem::replace(&mut last, counted);
        Ok((is_counted && before == last).then_some(before))
    })
}

fn mib(bytes: u64) -> String {
    (bytes >> 20).to_string()
}
