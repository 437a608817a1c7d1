//! Clients that lie.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::super::counters::Counted;
use super::super::{Published, StreamOptions};
use super::raw_peer::RawPeer;
use super::{Served, serve_tcp, wait_until};

fn count(served: &Served, what: Counted) -> u64 {
    served.streams.proxy_counters().get(what)
}

/// An empty subscription and a prefix let a peer overhear what others listen to, and nothing more.
#[test]
fn only_whole_names_make_a_subscriber() {
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
    assert_eq!(publisher.publish(&1).unwrap(), Published::Unheard { sequence: 0 });
    let mut listener = served.listen("stage");
    listener.next_sample();
    assert_eq!(served.stats("stage").subscribers, 1);
    for topic in illegal {
        peer.unsubscribe(topic);
    }
    wait_until("all are refused", || {
        count(&served, Counted::RefusedSubscription) == 2 * illegal.len() as u64
    });
    drop(peer);
    publisher.publish(&2).unwrap();
    assert_eq!(listener.next_sample().value::<u32>(), 2);
    drop(listener);
    served.wait_for_subscribers("stage", 0);
    assert_eq!(publisher.publish(&3).unwrap(), Published::Unheard { sequence: 2 });
}

/// Subscribing again and again makes the server send last values to all: not more often than it may.
#[test]
fn a_subscriber_that_comes_and_goes_does_not_fill_the_lines_of_others() {
    let served = serve_tcp(Default::default());
    let mut publisher = served.streams.add_publisher::<u32>("stage", 100, StreamOptions::new()).unwrap();
    publisher.publish(&1).unwrap();
    let mut victim = served.listen("stage");
    victim.next_sample();
    let started = Instant::now();
    let mut pest = RawPeer::connect(&served.samples);
    for _ in 0..2_000 {
        pest.subscribe(b"stage\0");
        pest.unsubscribe(b"stage\0");
    }
    pest.subscribe(b"pest\0");
    let _marker = served.streams.add_publisher::<u32>("pest", 100, StreamOptions::new()).unwrap();
    served.wait_for_subscribers("pest", 1);
    let most = started.elapsed().as_millis() as usize / 20 + 2;
    publisher.publish(&2).unwrap();
    let mut repeated = 0;
    while victim.next_sample().value::<u32>() != 2 {
        repeated += 1;
    }
    assert!(repeated <= most, "{repeated} of at most {most}");
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

/// Also while messages that are no subscriptions pour in.
#[test]
fn whoever_subscribes_is_served_whatever_others_send() {
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
    let mut listeners: Vec<_> = (0..100).map(|_| served.listen("stage")).collect();
    for listener in &mut listeners {
        listener.next_sample();
    }
    assert_eq!(served.stats("stage").subscribers, 100);
    stop.store(true, Ordering::SeqCst);
    flood.join().unwrap();
    drop(listeners);
    served.wait_for_subscribers("stage", 0);
}
