//! What a child process does: one file a role. A further role, such as a gateway, is added to [`play`].

mod bystander;
mod caller;
mod hostile;
mod liar;
mod relay;
mod server;
mod stormer;
mod subscriber;

pub(crate) use hostile::{CONNECTIONS as HOSTILE_CONNECTIONS, MESSAGES as HOSTILE_MESSAGES};
pub(crate) use liar::LIAR;
use router_client::{ConnectOptions, RouterClient};
pub(crate) use server::UPSTREAM;

use crate::child::argument;
use crate::failed::{Outcome, PATIENCE};

/// Plays the role until the suite is gone.
pub(crate) fn play(role: &str) -> Outcome {
    match role {
        "server" => server::play(),
        "bystander" => bystander::play(),
        "caller" => caller::play(),
        "subscriber" => subscriber::play(),
        "stormer" => stormer::play(),
        "hostile" => hostile::play(),
        "relay" => relay::play(),
        "liar" => liar::play(),
        other => Err(format!("no role {other}").into()),
    }
}

/// A client of the server that the suite names, connected.
fn client(name: &str) -> Outcome<RouterClient> {
    let client = RouterClient::connect_with(&argument("address")?, ConnectOptions::default().name(name))?;
    client.wait_connected(PATIENCE)?;
    Ok(client)
}
