//! Streams are found on the socket that serves them.

use router_wire::SampleStatus;

use super::super::packet::Place::{Frames, Samples};
use super::fake_server::{FakeServer, SOON};

const NAME: &str = "camera.frame";

#[test]
fn a_large_stream_gets_a_socket_of_its_own() {
    let mut server = FakeServer::start();
    let client = server.client();
    let queue = client.subscribe::<u64>(NAME).queue(10).unwrap();
    assert_eq!(server.next_subscription(Samples), format!("+{NAME}"));
    // The answer to another client's subscription too: the second one means nothing.
    server.status(Samples, NAME, SampleStatus::Elsewhere, 0, &[1]);
    server.status(Samples, NAME, SampleStatus::Elsewhere, 0, &[1]);
    assert_eq!(server.next_subscription(Frames), format!("+{NAME}"));
    assert_eq!(server.next_subscription(Samples), format!("-{NAME}"));
    server.sample(Frames, NAME, 3);
    assert_eq!(queue.recv_timeout(SOON).unwrap().value, 3);
    // Further subscriptions find it there.
    let cache = client.subscribe::<u64>(NAME).cache().unwrap();
    assert_eq!(cache.wait_newer(SOON).unwrap().value, 3);
    drop((queue, cache));
    assert_eq!(server.next_subscription(Frames), format!("-{NAME}"));
    assert!(!server.has_subscription(Samples));
}

#[test]
fn a_stream_that_became_small_is_found_again() {
    let mut server = FakeServer::start();
    let client = server.client();
    let queue = client.subscribe::<u64>(NAME).queue(10).unwrap();
    server.next_subscription(Samples);
    server.status(Samples, NAME, SampleStatus::Elsewhere, 0, &[1]);
    assert_eq!(server.next_subscription(Frames), format!("+{NAME}"));
    assert_eq!(server.next_subscription(Samples), format!("-{NAME}"));
    server.sample(Frames, NAME, 0);
    server.status(Frames, NAME, SampleStatus::Removed, 0, &[]);
    server.incarnation = 2;
    server.status(Frames, NAME, SampleStatus::Elsewhere, 0, &[0]);
    assert_eq!(server.next_subscription(Samples), format!("+{NAME}"));
    server.sample(Samples, NAME, 0);
    assert_eq!(
        [queue.recv_timeout(SOON).unwrap(), queue.recv_timeout(SOON).unwrap()].map(|s| s.incarnation),
        [1, 2]
    );
    assert_eq!(queue.stats().breaks, 1);
}

#[test]
fn a_large_stream_holds_up_no_small_one() {
    let mut server = FakeServer::start();
    let client = server.client();
    let frames = client.subscribe::<u64>(NAME).queue(10).unwrap();
    let small = client.subscribe::<u64>("stage.position_um").queue(10).unwrap();
    server.next_subscription(Samples);
    server.next_subscription(Samples);
    server.status(Samples, NAME, SampleStatus::Elsewhere, 0, &[1]);
    server.next_subscription(Frames);
    for sequence in 0..100 {
        server.sample(Frames, NAME, sequence);
    }
    server.sample(Samples, "stage.position_um", 0);
    assert_eq!(small.recv_timeout(SOON).unwrap().value, 0);
    // All 100 arrived, although the queue holds ten.
    while frames.stats().dropped < 90 {
        assert!(frames.stats().balances());
        std::thread::yield_now();
    }
    assert_eq!(frames.recv_timeout(SOON).unwrap().value, 90);
}
