//! Parts of a stream: what a subscription does not want costs no line and is counted as skipped, never as lost.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use router_client::{Payload, RouterClient, SubscribeError, SubscriptionStats};
use router_server::{Publisher, RouterServer};
use support::{Chain, Ends, PATIENCE, client, eventually, server, server_again, server_with, until};

const FRAME_BYTES: usize = 100_000;

fn wait_for_subscribers(server: &RouterServer, stream: &str, count: u64) {
    eventually("the server knows the subscribers", || {
        server.stats().streams.iter().any(|stats| stats.name == stream && stats.subscribers == count)
    });
}

/// A frame that begins with its number.
fn frame(number: u64) -> Vec<u8> {
    let mut frame = number.to_le_bytes().to_vec();
    frame.resize(FRAME_BYTES, 7);
    frame
}

fn publish(publisher: &mut Publisher<Vec<u8>>, numbers: std::ops::Range<u64>) {
    for number in numbers {
        assert_eq!(publisher.publish_bytes(frame(number)).unwrap().sequence(), Some(number));
    }
}

/// A server whose frames take the network, also on this machine.
fn far() -> RouterServer {
    server_with(|options| options.shared_memory = false)
}

fn frames(server: &RouterServer) -> Publisher<Vec<u8>> {
    server.add_publisher("frame", FRAME_BYTES).unwrap()
}

/// How many packets the server's proxy has let out to subscribers of `frame`, as far as a client can see: what came.
fn came(stats: &SubscriptionStats) -> u64 {
    stats.received + stats.replaced + stats.waiting
}

#[test]
fn one_of_ten_is_one_of_ten_and_all_others_are_skipped() {
    let server = server();
    let mut numbers = server.add_publisher::<u64>("number", 100).unwrap();
    let client = client(&server);
    let tenth = client.subscribe::<u64>("number").decimate(10).queue(1_000).unwrap();
    let all = client.subscribe::<u64>("number").decimate(1).queue(1_000).unwrap();
    wait_for_subscribers(&server, "number", 2);
    for number in 0..=234_u64 {
        numbers.publish(&number).unwrap();
    }
    let stats = tenth.settle(PATIENCE).unwrap();
    assert_eq!((stats.waiting, stats.skipped, stats.lost), (24, 211, 0), "{stats:?}");
    assert!(stats.balances() && stats.expected() == 235);
    let received: Vec<u64> =
        std::iter::from_fn(|| tenth.try_recv().ok()).map(|sample| sample.value).collect();
    assert_eq!(received, (0..24).map(|tens| tens * 10).collect::<Vec<_>>());
    let stats = all.settle(PATIENCE).unwrap();
    assert_eq!((stats.waiting, stats.skipped, stats.lost), (235, 0, 0), "{stats:?}");
    // A second one of this client begins with what is here, another client with the newest.
    let second = client.subscribe::<u64>("number").decimate(10).cache().unwrap();
    assert_eq!(second.wait_newer(PATIENCE).unwrap().value, 230);
    let other = support::client(&server).subscribe::<u64>("number").decimate(10).cache().unwrap();
    assert_eq!(other.wait_newer(PATIENCE).unwrap().value, 234);
    for number in 235..=240_u64 {
        numbers.publish(&number).unwrap();
    }
    for stats in [tenth.settle(PATIENCE), second.settle(PATIENCE), other.settle(PATIENCE)] {
        let stats = stats.unwrap();
        assert!(stats.balances() && stats.lost == 0, "{stats:?}");
    }
    assert_eq!(other.latest().unwrap().value, 240);
}

#[test]
fn a_slow_viewer_gets_the_newest_at_its_pace_and_the_last_one_of_a_burst() {
    let server = far();
    let mut publisher = frames(&server);
    let client = client(&server);
    let paced = client.subscribe::<Payload>("frame").max_hz(20.0).queue(100).unwrap();
    wait_for_subscribers(&server, "frame", 1);
    publish(&mut publisher, 0..40);
    let mut last = until("the last frame of the burst", || {
        let sample = paced.recv_timeout(PATIENCE).unwrap();
        (sample.sequence == 39).then_some(sample)
    });
    assert_eq!(last.value[..8], 39_u64.to_le_bytes());
    let stats = paced.settle(PATIENCE).unwrap();
    assert_eq!((stats.lost, stats.skipped + stats.received), (0, 40), "{stats:?}");
    // It does not say when the burst was over: as many as its length allows came, and no more.
    assert!(stats.balances() && stats.received <= 2 + 40 && stats.dropped == 0, "{stats:?}");
    publish(&mut publisher, 40..41);
    last = paced.recv_timeout(PATIENCE).unwrap();
    assert_eq!(last.sequence, 40);
}

/// A program that looks rarely: each look gets what was published before it, or newer, and nothing else comes.
#[test]
fn a_cache_of_frames_costs_what_is_looked_at_and_each_look_is_fresh() {
    let server = far();
    let mut publisher = frames(&server);
    let client = client(&server);
    let cache = client.subscribe::<Payload>("frame").cache().unwrap();
    let newest = Arc::new(AtomicU64::new(0));
    publish(&mut publisher, 0..1);
    // The first is found out to be a large stream.
    assert_eq!(cache.wait_newer(PATIENCE).unwrap().sequence, 0);
    let stop = Arc::new(AtomicU64::new(0));
    let publishing = std::thread::spawn({
        let (newest, stop) = (Arc::clone(&newest), Arc::clone(&stop));
        move || {
            for number in 1.. {
                publish(&mut publisher, number..number + 1);
                newest.store(number, Ordering::SeqCst);
                if stop.load(Ordering::SeqCst) == 1 {
                    return publisher;
                }
                std::thread::sleep(Duration::from_millis(1)); // a camera's pace
            }
            unreachable!()
        }
    });
    const LOOKS: u64 = 20;
    for look in 0..LOOKS {
        // Between two looks the camera makes some frames, which nobody wants.
        let before = newest.load(Ordering::SeqCst);
        eventually("frames are made", || newest.load(Ordering::SeqCst) >= before + 10);
        let published = newest.load(Ordering::SeqCst);
        let seen = match look % 3 {
            0 => cache.latest(),
            1 => cache.take(),
            _ => cache.wait_newer(PATIENCE),
        };
        let seen = seen.unwrap();
        assert!(seen.sequence >= published, "{} and {published} had been published", seen.sequence);
        assert_eq!(seen.value[..8], seen.sequence.to_le_bytes());
    }
    stop.store(1, Ordering::SeqCst);
    let mut publisher = publishing.join().unwrap();
    let stats = cache.settle(PATIENCE).unwrap();
    assert!(stats.balances() && stats.lost == 0, "{stats:?}");
    // Each look brings one frame, or the one that follows an answer that there is none yet; settling one more.
    assert!(came(&stats) <= 2 * LOOKS + 3 && stats.skipped >= 6 * LOOKS, "{stats:?}");
    // A queue on the same stream makes all of them come, to both; without it the cache asks again.
    let queue = client.subscribe::<Payload>("frame").queue(1_000).unwrap();
    let first = queue.recv_timeout(PATIENCE).unwrap().sequence;
    eventually("every frame comes", || {
        let number = newest.fetch_add(1, Ordering::SeqCst) + 1;
        publish(&mut publisher, number..number + 1);
        let stats = queue.settle(PATIENCE).unwrap();
        stats.waiting >= 5 && stats.segments[0].first == first
    });
    let stats = cache.settle(PATIENCE).unwrap();
    assert!(stats.balances() && stats.lost == 0, "{stats:?}");
    drop(queue);
    let number = newest.load(Ordering::SeqCst) + 1;
    publish(&mut publisher, number..number + 1);
    assert_eq!(
        until("it comes", || cache.latest().ok().filter(|seen| seen.sequence == number)).sequence,
        number
    );
    let stats = cache.settle(PATIENCE).unwrap();
    assert!(stats.balances(), "{stats:?}");
}

#[test]
fn a_look_at_a_server_that_is_gone_waits_once_and_is_served_by_the_next() {
    let first = far();
    let calls = support::address(&first);
    let mut publisher = frames(&first);
    publish(&mut publisher, 0..3);
    let client = client(&first);
    let cache = client.subscribe::<Payload>("frame").cache().unwrap();
    assert_eq!(cache.wait_newer(PATIENCE).unwrap().sequence, 2);
    drop((publisher, first));
    eventually("the client notices", || !client.state().is_up());
    for _ in 0..1_000 {
        assert_eq!(cache.latest().unwrap().sequence, 2); // what is here stays
    }
    let second = server_again(&calls);
    let mut publisher = frames(&second);
    publish(&mut publisher, 0..2);
    let seen = until("the new server's frame", || {
        cache.latest().ok().filter(|seen| seen.epoch == second.epoch()).map(|seen| seen.sequence)
    });
    assert_eq!(seen, 1);
    let stats = cache.stats();
    assert!(stats.balances() && stats.breaks == 1, "{stats:?}");
}

#[test]
fn views_work_through_gateways() {
    let chain = Chain::of(3);
    let mut publisher = frames(chain.last());
    let mut numbers = chain.last().add_publisher::<u64>("number", 100).unwrap();
    let far: RouterClient = client(chain.first());
    let there = |name: &str| far.describe().ends().unwrap().streams.iter().any(|stream| stream.name == name);
    eventually("the streams are told of", || there(&chain.name("frame")) && there(&chain.name("number")));
    let cache = far.subscribe::<Payload>(&chain.name("frame")).cache().unwrap();
    let third = far.subscribe::<u64>(&chain.name("number")).decimate(3).queue(1_000).unwrap();
    wait_for_subscribers(chain.last(), "frame", 1);
    wait_for_subscribers(chain.last(), "number", 1);
    publish(&mut publisher, 0..5);
    for number in 0..=10_u64 {
        numbers.publish(&number).unwrap();
    }
    let newest = until("the newest frame", || cache.latest().ok().filter(|frame| frame.sequence == 4));
    assert_eq!((newest.epoch, &newest.value[..8]), (chain.last().epoch(), &4_u64.to_le_bytes()[..]));
    let stats = third.settle(PATIENCE).unwrap();
    assert_eq!((stats.waiting, stats.skipped, stats.lost), (4, 7, 0), "{stats:?}");
    assert!(cache.settle(PATIENCE).unwrap().balances());
}

#[test]
fn what_is_no_view_is_refused_with_what_to_write() {
    let server = server();
    let client = client(&server);
    let number = || client.subscribe::<u64>("number");
    for (wrong, expect) in [
        (number().max_hz(0.0).cache().unwrap_err(), "write a number above 0"),
        (number().max_hz(f64::NAN).cache().unwrap_err(), "NaN"),
        (number().decimate(0).cache().unwrap_err(), "write 1 for all"),
        (number().decimate(2).max_hz(1.0).cache().unwrap_err(), "write one of them"),
    ] {
        assert!(wrong.to_string().contains(expect), "{wrong}");
        assert!(!matches!(wrong, SubscribeError::Closed { .. }));
    }
}
