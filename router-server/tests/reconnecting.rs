//! A connection that was cut is back soon after the wire is whole again.

mod support;

use std::time::Duration;

use router_client::{ConnectOptions, ConnectionState};
use support::{PATIENCE, Relay, client_at, server};

#[test]
fn a_cut_connection_is_back_within_2_s() {
    let server = server();
    let relay = Relay::to(&server.endpoints().calls);
    let client = client_at(&relay.address, ConnectOptions::default());
    for _ in 0..30 {
        relay.cut();
        client.wait_state(|state| state == ConnectionState::Lost, PATIENCE).unwrap();
        relay.mend();
        // libzmq tries every 100 ms; a greeting that was lost with the old connection is not waited for.
        client.wait_connected(Duration::from_secs(2)).unwrap();
    }
}
