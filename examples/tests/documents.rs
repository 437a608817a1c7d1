//! What the documents list is what there is.

use router_server::{RouterServer, ServerOptions};

#[test]
fn every_counter_of_a_server_is_in_the_protocol_document() {
    let document = include_str!("../../docs/protocol.md");
    let server = RouterServer::bind("tcp://127.0.0.1:*").unwrap();
    for counter in server.stats().counters.keys() {
        assert!(document.contains(&format!("`{counter}`")), "docs/protocol.md does not list {counter}");
    }
}

#[test]
fn the_default_bounds_are_those_of_the_protocol_document() {
    let (_, document) = include_str!("../../docs/protocol.md").split_once("## Bounds").unwrap();
    let options = ServerOptions::default();
    let mib = |bytes: usize| format!("{} MiB", bytes >> 20);
    let thousands = |count: usize| format!("{},{:03}", count / 1000, count % 1000);
    for (option, bound) in [
        ("max_body_bytes", mib(options.max_body_bytes)),
        ("lane_calls", thousands(options.lane_calls)),
        ("lane_calls_per_client", options.lane_calls_per_client.to_string()),
        ("lane_bytes", mib(options.lane_bytes)),
        ("in_flight_calls", thousands(options.in_flight_calls)),
        ("in_flight_bytes", format!("{} GiB", options.in_flight_bytes >> 30)),
        ("in_flight_bytes_per_client", mib(options.in_flight_bytes_per_client)),
        ("stalled_client_bytes", mib(options.stalled_client_bytes)),
        ("stalled_subscriber_bytes", mib(options.stalled_subscriber_bytes)),
    ] {
        let row = document.lines().find(|line| line.contains(&format!("`{option}`"))).unwrap_or_default();
        assert!(row.contains(&bound), "docs/protocol.md does not say {bound} for {option}: {row}");
    }
}
