//! One client's call is blocked for ever: nobody else notices. Both cores are busy with something else meanwhile.

mod support;

use std::time::{Duration, Instant};

use router_client::RouterClient;
use support::{BusyCores, Ends, PATIENCE, TestStage, client_named, eventually, server};

/// What the slowest of everything may take.
const LIMIT: Duration = Duration::from_secs(1);
const ROUNDS: u32 = 20;

#[test]
fn a_call_that_never_returns_delays_nobody() {
    let server = server();
    let (rig, other) = (TestStage::rig(), TestStage::rig());
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    server.add_instrument("laser", other.stage.clone()).unwrap();
    server.add_stream("closure", 50.0, || 1.0).unwrap();
    server.add_instrument_stream("method", 50.0, "laser.thread", ()).unwrap();
    let mut publisher = server.add_publisher::<f64>("pushed", 100).unwrap();
    let mut frames = server.add_publisher::<String>("frames", 1 << 20).unwrap();
    let (alice, bob) = (client_named(&server, "alice"), client_named(&server, "bob"));
    let blocked = alice.call::<()>("stage.hang", ()).start();
    rig.hanging.arrived();
    let closure = bob.subscribe::<f64>("closure").queue(1000).unwrap();
    let method = bob.subscribe::<String>("method").queue(1000).unwrap();
    let pushed = bob.subscribe::<f64>("pushed").queue(1000).unwrap();
    let framed = bob.subscribe::<String>("frames").queue(1000).unwrap();
    eventually("all streams are heard", || {
        server.stats().streams.iter().all(|stream| stream.subscribers > 0)
    });

    let _busy = BusyCores::start();
    let calls = |client: &RouterClient, who: &str| {
        within(&format!("{who}: another instrument"), || {
            client.call::<f64>("laser.move_to", (0.0,)).ends().unwrap()
        });
        within(&format!("{who}: urgent"), || {
            client.call::<String>("stage.urgent_thread", ()).ends().unwrap()
        });
        within(&format!("{who}: ping"), || client.ping().unwrap());
        within(&format!("{who}: stats"), || client.stats().ends().unwrap());
    };
    for _ in 0..ROUNDS {
        calls(&bob, "another client");
        calls(&alice, "the same client");
        within("a closure's stream", || closure.recv_timeout(PATIENCE).unwrap());
        within("a method's stream", || method.recv_timeout(PATIENCE).unwrap());
        within("a pushed stream", || {
            publisher.publish(&1.0).unwrap();
            pushed.recv_timeout(PATIENCE).unwrap()
        });
        within("a stream of frames", || {
            frames.publish(&"x".repeat(500_000)).unwrap();
            framed.recv_timeout(PATIENCE).unwrap()
        });
        within("a new client", || client_named(&server, "carol"));
    }
    assert!(!blocked.is_finished());
    let report = within("stop", || server.stop());
    assert_eq!(report.set_apart, ["stage (in stage.hang)"]);
}

/// Does it and says what it was when it took too long.
#[track_caller]
fn within<T>(what: &str, act: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let done = act();
    let took = started.elapsed();
    assert!(took < LIMIT, "{what} took {took:?}");
    done
}
