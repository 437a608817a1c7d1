//! Clients that are connected and do nothing.

use std::time::Duration;

use router_client::RouterClient;

use crate::{Outcome, child};

const PATIENCE: Duration = Duration::from_secs(60);

/// Connects `count` of them. No orders.
pub(crate) fn run(address: &str, count: usize) -> Outcome {
    let clients: Vec<RouterClient> =
        (0..count).map(|_| RouterClient::connect(address)).collect::<Result<_, _>>()?;
    for client in &clients {
        client.wait_connected(PATIENCE)?;
    }
    child::obey("-", |words| Err(format!("no order: {words:?}").into()))
}
