//! Servers that start late, restart and move; clients that close.

use router_wire::SampleStatus;

use super::super::packet::Place::{Frames, Samples};
use super::super::{SampleError, SubscribeError};
use super::fake_server::{FakeServer, SOON};

const NAME: &str = "stage.position_um";

#[test]
fn a_subscription_may_come_before_the_server() {
    let mut server = FakeServer::start();
    let client = server.ungreeted_client(|_, _| Ok(()));
    let queue = client.subscribe::<u64>(NAME).queue(10).unwrap();
    assert!(matches!(queue.try_recv(), Err(SampleError::NothingYet { .. })));
    server.greet(&client);
    assert_eq!(server.next_subscription(Samples), format!("+{NAME}"));
    server.sample(Samples, NAME, 0);
    assert_eq!(queue.recv_timeout(SOON).unwrap().value, 0);
}

#[test]
fn a_restarted_server_is_a_break_and_subscriptions_come_back() {
    let mut server = FakeServer::start();
    let client = server.client();
    let small = client.subscribe::<u64>(NAME).queue(10).unwrap();
    let large = client.subscribe::<u64>("camera.frame").queue(10).unwrap();
    server.next_subscription(Samples);
    server.next_subscription(Samples);
    server.status(Samples, "camera.frame", SampleStatus::Elsewhere, 0, &[1]);
    assert_eq!(server.next_subscription(Frames), "+camera.frame");
    server.sample(Samples, NAME, 41);
    server.sample(Frames, "camera.frame", 3);
    assert_eq!(small.recv_timeout(SOON).unwrap().value, 41);
    assert_eq!(large.recv_timeout(SOON).unwrap().value, 3);

    let mut server = server.restart();
    server.greet(&client);
    assert_eq!(server.next_subscription(Samples), format!("+{NAME}"));
    assert_eq!(server.next_subscription(Frames), "+camera.frame");
    server.sample(Samples, NAME, 0);
    server.sample(Samples, NAME, 2);
    server.sample(Frames, "camera.frame", 0);
    assert_eq!(
        [small.recv_timeout(SOON).unwrap(), small.recv_timeout(SOON).unwrap()].map(|s| s.value),
        [0, 2]
    );
    assert_eq!(large.recv_timeout(SOON).unwrap().epoch, server.epoch);
    let stats = small.stats();
    assert_eq!((stats.received, stats.lost, stats.breaks), (3, 1, 1));
    assert!(stats.balances() && large.stats().balances());
    assert_eq!(large.stats().breaks, 1);
}

#[test]
fn a_server_that_comes_back_at_other_ports_is_followed() {
    let mut server = FakeServer::start();
    let client = server.client();
    let queue = client.subscribe::<u64>(NAME).queue(10).unwrap();
    server.next_subscription(Samples);
    server.sample(Samples, NAME, 41);
    assert_eq!(queue.recv_timeout(SOON).unwrap().value, 41);

    let mut moved = FakeServer::start();
    moved.epoch = server.epoch + 1;
    moved.greet(&client);
    assert_eq!(moved.next_subscription(Samples), format!("+{NAME}"));
    assert_eq!(server.next_subscription(Samples), format!("-{NAME}"));
    // The dead server's sample is nobody's last value.
    let late = client.subscribe::<u64>(NAME).queue(10).unwrap();
    moved.sample(Samples, NAME, 0);
    assert_eq!(late.recv_timeout(SOON).unwrap().value, 0);
    assert_eq!(queue.recv_timeout(SOON).unwrap().value, 0);
    assert_eq!((queue.stats().breaks, late.stats().breaks), (1, 0));
}

#[test]
fn what_arrived_can_be_taken_after_the_client_closed() {
    let mut server = FakeServer::start();
    let client = server.client();
    let queue = client.subscribe::<u64>(NAME).queue(10).unwrap();
    let cache = client.subscribe::<u64>(NAME).cache().unwrap();
    server.next_subscription(Samples);
    server.sample(Samples, NAME, 0);
    assert_eq!(cache.wait_newer(SOON).unwrap().value, 0);
    client.samples().close().unwrap();
    assert_eq!(cache.latest().unwrap().value, 0);
    assert!(matches!(cache.wait_newer(SOON), Err(SampleError::Closed { .. })));
    assert_eq!(queue.iter().map(|sample| sample.unwrap().value).collect::<Vec<_>>(), [0]);
    assert!(matches!(queue.recv(), Err(SampleError::Closed { .. })));
    assert!(matches!(client.subscribe::<u64>(NAME).cache(), Err(SubscribeError::Closed { .. })));
    assert!(client.samples().close().is_ok(), "closing twice is closing once");
}

#[test]
fn wrong_subscriptions_are_refused() {
    let server = FakeServer::start();
    let client = server.client();
    assert!(matches!(client.subscribe::<u64>("stage..x").cache(), Err(SubscribeError::Name(_))));
    assert!(matches!(client.subscribe::<u64>(NAME).queue(0), Err(SubscribeError::EmptyQueue)));
}
