//! Clients that lie.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::super::StreamOptions;
use super::super::counters::Counted;
use super::raw_peer::RawPeer;
use super::{DEADLINE, Served, serve_tcp, wait_until};

fn count(served: &Served, what: Counted) -> u64 {
    served.streams.proxy_counters().get(what)
}

#[test]
fn only_whole_names_can_be_subscribed_to() {
    let served = serve_tcp(Default::default());
    let mut publisher = served.streams.add_publisher::<u32>("stage", 100, StreamOptions::new()).unwrap();
    let mut peer = RawPeer::connect(&served.samples);
    let long = [b'x'; 200];
    let illegal: [&[u8]; 8] = [b"", b"s", b"stage", b"\0", b"stage\0more", b"a..b\0", b"\xff\xfe\0", &long];
    for topic in illegal {
        peer.subscribe(topic);
    }
    wait_until("all are refused", || count(&served, Counted::RefusedSubscription) == illegal.len() as u64);
    assert!(!publisher.is_heard());
    publisher.publish(&1).unwrap();
    // The first thing it ever gets is what it subscribed to rightly.
    peer.subscribe(b"other\0");
    let mut other = served.streams.add_publisher::<u32>("other", 100, StreamOptions::new()).unwrap();
    served.wait_for_subscribers("other", 1);
    let mut listener = served.listen("stage");
    listener.next_sample();
    publisher.publish(&2).unwrap();
    listener.next_sample();
    other.publish(&3).unwrap();
    assert!(peer.first_message().starts_with(b"other\0"));
    for topic in illegal {
        peer.unsubscribe(topic);
    }
    wait_until("all are refused", || {
        count(&served, Counted::RefusedSubscription) == 2 * illegal.len() as u64
    });
    drop(peer);
    served.wait_for_subscribers("other", 0);
    assert_eq!(served.stats("stage").subscribers, 1);
}

#[test]
fn nobody_silences_another_subscriber() {
    let served = serve_tcp(Default::default());
    let mut publisher = served.streams.add_publisher::<u32>("stage", 100, StreamOptions::new()).unwrap();
    let mut victim = served.listen("stage");
    served.wait_for_subscribers("stage", 1);

    let mut liar = RawPeer::connect(&served.samples);
    for _ in 0..10 {
        liar.unsubscribe(b"stage\0");
    }
    wait_until("they are unknown", || count(&served, Counted::UnknownUnsubscription) == 10);
    for _ in 0..10 {
        liar.subscribe(b"stage\0");
    }
    wait_until("they are repeated", || count(&served, Counted::RepeatedSubscription) == 9);
    assert_eq!(served.stats("stage").subscribers, 2);
    for _ in 0..10 {
        liar.unsubscribe(b"stage\0");
    }
    wait_until("they are unknown", || count(&served, Counted::UnknownUnsubscription) == 19);
    assert_eq!(served.stats("stage").subscribers, 1);
    for _ in 0..5 {
        liar.subscribe(b"stage\0");
    }
    wait_until("they are repeated", || count(&served, Counted::RepeatedSubscription) == 13);
    assert_eq!(served.stats("stage").subscribers, 2);
    drop(liar); // libzmq reports one end for five subscriptions
    served.wait_for_subscribers("stage", 1);
    assert!(publisher.is_heard());
    publisher.publish(&1).unwrap();
    assert_eq!(victim.next_sample().value::<u32>(), 1);
    drop(victim);
    served.wait_for_subscribers("stage", 0);
    assert!(!publisher.is_heard());
}

/// Messages that are no subscriptions bring libzmq's queues out of step (see `outlet.rs`): whoever listens is
/// not silenced by them.
#[test]
fn nobody_silences_another_with_foreign_messages() {
    let served = serve_tcp(Default::default());
    let mut publisher = served.streams.add_publisher::<u32>("stage", 100, StreamOptions::new()).unwrap();
    let mut victim = served.listen("stage");
    served.wait_for_subscribers("stage", 1);
    let mut liar = RawPeer::connect(&served.samples);
    for round in 0..200 {
        liar.send(b"hello");
        liar.send(b"");
        liar.unsubscribe(b"stage\0");
        if round % 10 == 0 {
            drop(served.listen("stage"));
        }
    }
    wait_until("they are seen", || count(&served, Counted::ForeignMessage) == 400);
    drop(liar);
    assert!(publisher.is_heard());
    publisher.publish(&1).unwrap();
    while victim.next_sample().value::<u32>() != 1 {}
}

/// Many connections that come and go while others listen: the account is exact afterwards.
#[test]
fn a_storm_of_connections_is_counted_exactly() {
    let served = serve_tcp(Default::default());
    let publisher = served.streams.add_publisher::<u32>("stage", 100, StreamOptions::new()).unwrap();
    let victims: Vec<_> = (0..3).map(|_| served.listen("stage")).collect();
    served.wait_for_subscribers("stage", 3);
    for round in 0..100_u32 {
        let mut peer = RawPeer::connect(&served.samples);
        for act in 0..round % 7 {
            match (round + act) % 3 {
                0 => peer.unsubscribe(b"stage\0"),
                1 => peer.subscribe(b"stage\0"),
                _ => peer.subscribe(b"nothing.of.that.name\0"),
            }
        }
    }
    // A connection that comes after all of these were read shows that they were.
    served.wait_for_subscribers("stage", 3);
    let last = served.listen("stage");
    served.wait_for_subscribers("stage", 4);
    drop(last);
    served.wait_for_subscribers("stage", 3);
    drop(victims);
    served.wait_for_subscribers("stage", 0);
    assert!(!publisher.is_heard());
}

/// Out of step, libzmq may subscribe another peer in somebody's place. Who then hears nothing, not even the
/// declaration of each second, subscribes again, and is served however long the flood lasts.
#[test]
fn who_is_left_out_because_of_foreign_messages_is_served_when_subscribing_again() {
    let served = serve_tcp(Default::default());
    let mut publisher = served.streams.add_publisher::<u32>("stage", 100, StreamOptions::new()).unwrap();
    publisher.publish(&1).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let flood = std::thread::spawn({
        let stop = Arc::clone(&stop);
        let mut liar = RawPeer::connect(&served.samples);
        move || {
            while !stop.load(Ordering::SeqCst) {
                (0..20).for_each(|_| liar.send(b"hello"));
                std::thread::sleep(Duration::from_micros(500));
            }
        }
    });
    let mut listeners: Vec<_> = (0..60).map(|_| served.listen("stage")).collect();
    for listener in &mut listeners {
        let deadline = Instant::now() + DEADLINE;
        while listener.within(Duration::from_millis(100)).is_none() {
            assert!(Instant::now() < deadline, "it is never served");
            listener.unsubscribe("stage");
            listener.subscribe("stage");
        }
    }
    assert_eq!(served.stats("stage").subscribers, 60);
    stop.store(true, Ordering::SeqCst);
    flood.join().unwrap();
    drop(listeners);
    served.wait_for_subscribers("stage", 0);
}
