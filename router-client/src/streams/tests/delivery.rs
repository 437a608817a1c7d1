//! Which samples arrive, and what becomes of the others.

use router_wire::sample::mark_payload_in_slot;
use router_wire::{Failure, SampleHeader, SampleStatus, body};

use super::super::packet::Place::{self, Samples};
use super::super::{Payload, SampleError};
use super::fake_server::{FakeServer, SOON, packet};

const NAME: &str = "stage.position_um";

/// What `check` ends its streams with, to know that everything before has passed.
const END: u64 = 1_000_000;

#[test]
fn the_last_value_and_live_samples_come_without_duplicates() {
    let mut server = FakeServer::start();
    let client = server.client();
    let queue = client.subscribe::<u64>(NAME).queue(100).unwrap();
    assert_eq!(server.next_subscription(Samples), format!("+{NAME}"));
    server.last_value(Samples, NAME, 5);
    [5, 6, 7].into_iter().for_each(|sequence| server.sample(Samples, NAME, sequence));
    server.last_value(Samples, NAME, 7);
    server.sample(Samples, NAME, 8);
    let received: Vec<_> = (0..4).map(|_| queue.recv_timeout(SOON).unwrap()).collect();
    assert_eq!(received.iter().map(|sample| sample.value).collect::<Vec<_>>(), [5, 6, 7, 8]);
    assert!(received.iter().all(|sample| sample.sequence == sample.value && sample.name.as_str() == NAME));
    let stats = queue.stats();
    assert_eq!((stats.received, stats.duplicates, stats.lost, stats.breaks), (4, 2, 0, 0));
    assert!(stats.balances());
}

#[test]
fn the_last_value_is_left_out_where_it_is_not_wanted() {
    let mut server = FakeServer::start();
    let client = server.client();
    let live = client.subscribe::<u64>(NAME).without_last_value().queue(100).unwrap();
    server.next_subscription(Samples);
    server.last_value(Samples, NAME, 5);
    server.sample(Samples, NAME, 6);
    assert_eq!(live.recv_timeout(SOON).unwrap().value, 6);
    // A further subscription gets the hub's newest sample, or not.
    let with = client.subscribe::<u64>(NAME).cache().unwrap();
    let without = client.subscribe::<u64>(NAME).without_last_value().cache().unwrap();
    assert_eq!(with.wait_newer(SOON).unwrap().value, 6);
    server.sample(Samples, NAME, 7);
    assert_eq!(without.wait_newer(SOON).unwrap().value, 7);
    assert_eq!(without.stats().expected(), 1);
    // Once something was delivered, a last value closes the gap that a lost connection left.
    server.last_value(Samples, NAME, 9);
    assert_eq!([live.recv_timeout(SOON).unwrap().value, live.recv_timeout(SOON).unwrap().value], [7, 9]);
    assert_eq!(live.stats().lost, 1);
}

#[test]
fn subscriptions_to_a_stream_share_one() {
    let mut server = FakeServer::start();
    let client = server.client();
    let queue = client.subscribe::<u64>(NAME).queue(100).unwrap();
    let other = client.subscribe::<u64>(NAME).queue(100).unwrap();
    let cache = client.subscribe::<u64>(NAME).cache().unwrap();
    assert_eq!(server.next_subscription(Samples), format!("+{NAME}"));
    server.sample(Samples, NAME, 1);
    assert_eq!(queue.recv_timeout(SOON).unwrap().value, 1);
    assert_eq!(other.recv_timeout(SOON).unwrap().value, 1);
    assert_eq!(cache.wait_newer(SOON).unwrap().value, 1);
    drop((queue, cache));
    server.sample(Samples, NAME, 2);
    assert_eq!(other.recv_timeout(SOON).unwrap().value, 2);
    assert!(!server.has_subscription(Samples), "the stream is subscribed to once");
    drop(other);
    assert_eq!(server.next_subscription(Samples), format!("-{NAME}"));
}

#[test]
fn names_are_whole() {
    let mut server = FakeServer::start();
    let client = server.client();
    let short = client.subscribe::<u64>("stage").queue(100).unwrap();
    let long = client.subscribe::<u64>("stage.x").queue(100).unwrap();
    let topics = [server.next_subscription(Samples), server.next_subscription(Samples)];
    assert!(topics.contains(&"+stage".to_owned()) && topics.contains(&"+stage.x".to_owned()), "{topics:?}");
    server.sample(Samples, "stage.x", 1);
    server.sample(Samples, "stage", 2);
    assert_eq!(long.recv_timeout(SOON).unwrap().value, 1);
    assert_eq!(short.recv_timeout(SOON).unwrap().value, 2);
}

#[test]
fn a_payload_in_its_own_frame_is_handed_on_by_reference() {
    let mut server = FakeServer::start();
    let client = server.client();
    let first = client.subscribe::<Payload>(NAME).cache().unwrap();
    let second = client.subscribe::<Payload>(NAME).queue(10).unwrap();
    server.next_subscription(Samples);
    for (sequence, bytes) in [(0, 100_000), (1, 10)] {
        let header = SampleHeader { payload_in_own_frame: true, ..server.header(sequence) };
        server.raw(Samples, vec![packet(NAME, &header, &[]), vec![sequence as u8; bytes]]);
        let (a, b) = (first.wait_newer(SOON).unwrap(), second.recv_timeout(SOON).unwrap());
        assert_eq!(a.value.as_slice(), vec![sequence as u8; bytes]);
        assert_eq!(a.value.as_ptr(), b.value.as_ptr());
    }
    let header = server.header(2);
    server.packet(Samples, NAME, header, &[9; 50_000]);
    let (a, b) = (first.wait_newer(SOON).unwrap(), second.recv_timeout(SOON).unwrap());
    assert_eq!(a.value.as_slice(), [9; 50_000]);
    assert_eq!(a.value.as_ptr(), b.value.as_ptr());
}

/// What leads to memory that this client has not is as good as lost, and seen by the next number.
#[test]
fn a_sample_in_memory_that_is_not_here_is_lost() {
    let mut server = FakeServer::start();
    let client = server.client();
    let queue = client.subscribe::<u64>(NAME).queue(100).unwrap();
    server.next_subscription(Samples);
    server.sample(Samples, NAME, 0);
    let mut in_slot = packet(NAME, &server.header(1), &[3; 20]);
    mark_payload_in_slot(&mut in_slot);
    server.raw(Samples, vec![in_slot]);
    server.sample(Samples, NAME, 2);
    assert_eq!([0, 2].map(|_| queue.recv_timeout(SOON).unwrap().value), [0, 2]);
    let stats = queue.stats();
    assert_eq!((stats.received, stats.lost, stats.through_memory), (2, 1, 0));
    assert!(stats.balances());
    assert_eq!(client.samples().counters().late_in_memory(), 1);
    // Neither more nor less than what leads to a slot, and values alone.
    let short = packet(NAME, &server.header(3), &[3; 19]);
    let error = packet(NAME, &SampleHeader { status: SampleStatus::Error, ..server.header(3) }, &[3; 20]);
    for mut malformed in [short, error] {
        mark_payload_in_slot(&mut malformed);
        server.raw(Samples, vec![malformed]);
    }
    server.sample(Samples, NAME, 4);
    assert_eq!(queue.recv_timeout(SOON).unwrap().value, 4);
    assert_eq!(client.samples().counters().malformed_samples(), 2);
}

#[test]
fn malformed_packets_are_counted_and_ignored() {
    let mut server = FakeServer::start();
    let client = server.client();
    let queue = client.subscribe::<u64>(NAME).queue(100).unwrap();
    server.next_subscription(Samples);
    let value = body::encode(&1).unwrap();
    let (good, own) = (server.header(1), SampleHeader { payload_in_own_frame: true, ..server.header(1) });
    let mut unknown_version = packet(NAME, &good, &value);
    unknown_version[NAME.len() + 1] = 99;
    let status = |status| SampleHeader { status, ..good };
    let malformed: Vec<Vec<Vec<u8>>> = vec![
        vec![packet(NAME, &good, &value)[..NAME.len() + 20].to_vec()],
        vec![packet(NAME, &good, &[])[..NAME.len() + 1].to_vec()],
        vec![unknown_version],
        vec![packet(NAME, &good, &value), value.clone()],
        vec![packet(NAME, &own, &[])],
        vec![packet(NAME, &own, &value), value.clone()],
        vec![packet(NAME, &own, &[]); 40],
        vec![packet(NAME, &SampleHeader { sequence: u64::MAX, ..good }, &value)],
        vec![packet(NAME, &status(SampleStatus::Elsewhere), &[])],
        vec![packet(NAME, &status(SampleStatus::Elsewhere), &[2])],
        vec![packet(NAME, &status(SampleStatus::Declaration), &[1, 2, 3])],
    ];
    let count = malformed.len() as u64;
    malformed.into_iter().for_each(|frames| server.raw(Samples, frames));
    server.sample(Samples, NAME, END);
    assert_eq!(queue.recv_timeout(SOON).unwrap().value, END);
    assert_eq!(client.samples().counters().malformed_samples(), count);
    assert_eq!(queue.stats().expected(), 1);
}

#[test]
fn an_error_sample_replaces_a_cached_value() {
    let mut server = FakeServer::start();
    let client = server.client();
    let cache = client.subscribe::<u64>(NAME).cache().unwrap();
    assert!(matches!(cache.latest(), Err(SampleError::NothingYet { .. })));
    server.next_subscription(Samples);
    server.sample(Samples, NAME, 0);
    assert_eq!(cache.wait_newer(SOON).unwrap().value, 0);
    let failure = Failure::Panicked { message: "no encoder".into() };
    server.status(Samples, NAME, SampleStatus::Error, 1, &body::encode(&failure).unwrap());
    for error in [cache.wait_newer(SOON).unwrap_err(), cache.latest().unwrap_err(), cache.take().unwrap_err()]
    {
        assert!(
            matches!(&error, SampleError::Failed { failure: f, sequence: 1, .. } if *f == failure),
            "{error}"
        );
    }
    assert!(matches!(cache.latest(), Err(SampleError::NothingYet { .. })));
    server.packet(Samples, NAME, server.header(2), &body::encode("far").unwrap());
    assert!(matches!(cache.wait_newer(SOON), Err(SampleError::Decode { sequence: 2, .. })));
    let stats = cache.stats();
    assert_eq!((stats.received, stats.undecodable, stats.balances()), (3, 1, true));
}

#[test]
fn gaps_and_declarations_are_lost_and_removal_shows() {
    let mut server = FakeServer::start();
    let client = server.client();
    let queue = client.subscribe::<u64>(NAME).queue(100).unwrap();
    server.next_subscription(Samples);
    let place: Place = Samples;
    server.status(place, NAME, SampleStatus::Declaration, 3, &[]);
    server.sample(place, NAME, 4);
    server.sample(place, NAME, 7);
    server.status(place, NAME, SampleStatus::Removed, 9, &[]);
    server.incarnation = 2;
    server.sample(place, NAME, 0);
    let received: Vec<_> = (0..3).map(|_| queue.recv_timeout(SOON).unwrap()).collect();
    assert_eq!(received.iter().map(|sample| sample.incarnation).collect::<Vec<_>>(), [1, 1, 2]);
    let stats = queue.stats();
    assert_eq!((stats.received, stats.lost, stats.breaks, stats.removed), (3, 4, 1, false));
    assert_eq!((stats.segments[0].first, stats.segments[0].last, stats.segments[1].expected()), (4, 9, 1));
    assert!(stats.balances());
}
