//! A million samples through cache and queue with a fast, a slow and a frozen subscriber: every sample is accounted
//! for, and the frozen one costs the server what it may cost and no more.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use router_client::{Cache, ConnectOptions, Queue, RouterClient, SampleError};
use router_server::{Publisher, RouterServer, ServerOptions};
use support::child::{self, give_memory_back, play, resident_bytes, say};
use support::{ANYWHERE, Child, Ends, PATIENCE, client_at, eventually};

const SAMPLES: u64 = 1_000_000;
/// What one stalled subscriber connection may cost.
const STALLED_BYTES: usize = 8 << 20;
/// What a process takes and gives back as it likes, threads' stacks and allocators included.
const SLACK: u64 = 16 << 20;
const MEDIUM_BYTES: usize = 60_000;
const MEDIUM_SAMPLES: u64 = 4_000;
const LARGE_BYTES: usize = 1 << 20;
const LARGE_SAMPLES: u64 = 300;

#[test]
fn child_process() {
    play(|role| match role {
        "server" => serve(),
        "subscriber" => subscribe(),
        other => panic!("no role {other}"),
    });
}

/// Publishes what it is told to, as fast as it can.
fn serve() {
    let options = ServerOptions { stalled_subscriber_bytes: STALLED_BYTES, ..ServerOptions::default() };
    let server = RouterServer::bind_with(ANYWHERE, options).unwrap();
    let mut small = server.add_publisher::<u64>("small", 100).unwrap();
    let mut medium = server.add_publisher::<String>("medium", 64_000).unwrap();
    let mut large = server.add_publisher::<String>("large", LARGE_BYTES + 100).unwrap();
    say("address", &server.endpoints().calls);
    for order in child::orders() {
        match order.as_str() {
            "small" => (0..SAMPLES).for_each(|number| publish(&mut small, &number)),
            "medium" => publish_many(&mut medium, MEDIUM_SAMPLES, &"x".repeat(MEDIUM_BYTES)),
            "large" => publish_many(&mut large, LARGE_SAMPLES, &"x".repeat(LARGE_BYTES)),
            _ => give_memory_back(),
        }
        say("done", order);
    }
}

fn publish_many(publisher: &mut Publisher<String>, samples: u64, value: &String) {
    (0..samples).for_each(|_| publish(publisher, value));
}

fn publish<T: serde::Serialize>(publisher: &mut Publisher<T>, value: &T) {
    publisher.publish(value).unwrap();
}

/// Subscribes to everything and is frozen then.
fn subscribe() {
    let client = RouterClient::connect(&child::argument("server").unwrap()).unwrap();
    let _small: Queue<u64> = client.subscribe("small").queue(1000).unwrap();
    let _medium: Queue<String> = client.subscribe("medium").queue(1000).unwrap();
    let _large: Queue<String> = client.subscribe("large").queue(1000).unwrap();
    client.wait_connected(PATIENCE).unwrap();
    say("subscribed", "");
    child::orders().for_each(drop);
}

fn resident(server: &mut Child) -> u64 {
    server.tell("trim");
    while server.hears("done") != "trim" {}
    resident_bytes(server.pid())
}

fn wait_for_subscribers(client: &RouterClient, name: &str, count: u64) {
    eventually("everyone listens", || {
        let stats = client.stats().ends().unwrap();
        stats.streams.iter().any(|stream| stream.name == name && stream.subscribers == count)
    });
}

#[test]
fn a_million_samples_are_accounted_for() {
    let mut server = Child::start("server", &[]);
    let address = server.hears("address");
    let frozen = Child::start("subscriber", &[("server", &address)]);
    frozen.hears("subscribed");
    let [fast_client, slow_client] =
        ["fast", "slow"].map(|name| client_at(&address, ConnectOptions::default().name(name)));
    let fast = fast_client.subscribe::<u64>("small").queue(1 << 20).unwrap();
    let cache = fast_client.subscribe::<u64>("small").cache().unwrap();
    let slow = slow_client.subscribe::<u64>("small").queue(1000).unwrap();
    let oldest = slow_client.subscribe::<u64>("small").keep_oldest().queue(1000).unwrap();
    let untouched = slow_client.subscribe::<u64>("small").cache().unwrap();
    wait_for_subscribers(&fast_client, "small", 3);
    frozen.freeze();

    let end = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let fast_taken = scope.spawn(|| drain(&fast, &end, Duration::ZERO));
        let slow_taken = scope.spawn(|| drain(&slow, &end, Duration::from_micros(100)));
        let cache_taken = scope.spawn(|| look(&cache, &end));
        server.tell("small");
        server.hears("done");
        for settled in [
            fast.settle(PATIENCE),
            slow.settle(PATIENCE),
            oldest.settle(PATIENCE),
            cache.settle(PATIENCE),
            untouched.settle(PATIENCE),
        ] {
            let stats = settled.unwrap();
            assert!(stats.balances(), "{stats:?}");
            let [segment] = stats.segments[..] else { panic!("one life, one segment: {stats:?}") };
            // Everybody listened from the first one on, or saw that it was missing.
            assert_eq!(segment.last, SAMPLES - 1, "{stats:?}");
            assert_eq!((stats.breaks, stats.duplicates, stats.undecodable), (0, 0, 0));
        }
        end.store(true, Ordering::Relaxed);
        // What the programs saw is what was counted.
        assert_eq!(fast.stats().received, fast_taken.join().unwrap());
        assert_eq!(slow.stats().received, slow_taken.join().unwrap());
        assert_eq!(cache.stats().received, cache_taken.join().unwrap());
    });
    let (fast, slow, oldest) = (fast.stats(), slow.stats(), oldest.stats());
    let source = fast_client
        .stats()
        .ends()
        .unwrap()
        .streams
        .into_iter()
        .find(|stream| stream.name == "small")
        .unwrap();
    assert_eq!(
        (source.produced, source.published + source.dropped_at_source),
        (SAMPLES, SAMPLES),
        "{source:?}"
    );
    for lost in [fast.lost, slow.lost] {
        assert!(lost >= source.dropped_at_source, "{lost} lost, {source:?}");
    }
    assert_eq!((fast.waiting, fast.dropped), (0, 0), "a fast subscriber drops nothing: {fast:?}");
    assert!(fast.received > 0 && slow.received > 0);
    assert_eq!(oldest.received + oldest.lost + oldest.waiting + oldest.dropped, oldest.expected());
    assert_eq!(oldest.waiting, 1000, "it keeps the oldest until somebody takes them");
    assert_eq!(untouched.stats().waiting, 1);
    let newest = untouched.latest().unwrap();
    assert_eq!(newest.value, newest.sequence);
    // Two clients of one stream lose alike or differently, but each knows how much.
    for stats in [&fast, &slow] {
        assert_eq!(stats.received + stats.dropped + stats.lost + stats.waiting, stats.expected());
    }
}

/// Takes samples until the end, then what is left; returns how many. Their numbers only rise.
fn drain(queue: &Queue<u64>, end: &AtomicBool, pause: Duration) -> u64 {
    let (mut taken, mut next) = (0, 0);
    loop {
        match queue.recv_timeout(Duration::from_millis(20)) {
            Ok(sample) => {
                assert!(sample.sequence >= next, "{} after {next}", sample.sequence);
                assert_eq!(sample.value, sample.sequence);
                next = sample.sequence + 1;
                taken += 1;
            }
            Err(SampleError::NothingInTime { .. }) if end.load(Ordering::Relaxed) => return taken,
            Err(SampleError::NothingInTime { .. }) => {}
            Err(other) => panic!("{other}"),
        }
        if !pause.is_zero() && !end.load(Ordering::Relaxed) {
            std::thread::sleep(pause);
        }
    }
}

/// Looks at the newest now and then until the end; returns how many different ones it saw.
fn look(cache: &Cache<u64>, end: &AtomicBool) -> u64 {
    let mut seen = 0;
    while !end.load(Ordering::Relaxed) {
        match cache.wait_newer(Duration::from_millis(1)) {
            Ok(sample) => {
                assert_eq!(sample.value, sample.sequence);
                seen += 1;
            }
            Err(SampleError::NothingInTime { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    seen
}

#[test]
fn nothing_is_lost_when_nobody_is_behind() {
    const WINDOWS: u64 = 100;
    const WINDOW: u64 = 200;
    let server = support::server();
    let mut publisher = server.add_publisher::<u64>("small", 100).unwrap();
    let client = support::client(&server);
    let queue = client.subscribe::<u64>("small").queue(WINDOW as usize).unwrap();
    let cache = client.subscribe::<u64>("small").cache().unwrap();
    wait_for_subscribers(&client, "small", 1);
    for window in 0..WINDOWS {
        for number in window * WINDOW..(window + 1) * WINDOW {
            publish(&mut publisher, &number);
        }
        queue.settle(PATIENCE).unwrap();
        for number in window * WINDOW..(window + 1) * WINDOW {
            assert_eq!(queue.try_recv().unwrap().value, number);
        }
        assert_eq!(cache.take().unwrap().value, (window + 1) * WINDOW - 1);
    }
    let (queue, cache) = (queue.stats(), cache.stats());
    assert_eq!((queue.received, queue.expected()), (WINDOWS * WINDOW, WINDOWS * WINDOW), "{queue:?}");
    assert_eq!((cache.received, cache.replaced), (WINDOWS, WINDOWS * (WINDOW - 1)), "{cache:?}");
}

#[test]
fn a_frozen_subscriber_costs_its_bound_and_nobody_else_anything() {
    let mut server = Child::start("server", &[]);
    let address = server.hears("address");
    let living = client_at(&address, ConnectOptions::default());
    let medium = living.subscribe::<String>("medium").queue(MEDIUM_SAMPLES as usize).unwrap();
    let large = living.subscribe::<String>("large").queue(LARGE_SAMPLES as usize).unwrap();
    for name in ["medium", "large"] {
        wait_for_subscribers(&living, name, 1);
    }
    // Warm: what the living one needs is in place.
    for order in ["medium", "large"] {
        server.tell(order);
        server.hears("done");
    }
    large.settle(PATIENCE).unwrap();
    medium.settle(PATIENCE).unwrap();
    let before = resident(&mut server);

    let mut frozen = Child::start("subscriber", &[("server", &address)]);
    frozen.hears("subscribed");
    for name in ["medium", "large"] {
        wait_for_subscribers(&living, name, 2);
    }
    frozen.freeze();
    // Each socket has a connection of the frozen one, and each connection its bound. Sixty times as much is published.
    for (order, expected) in [("medium", 2 * MEDIUM_SAMPLES), ("large", 2 * LARGE_SAMPLES)] {
        server.tell(order);
        server.hears("done");
        let stats = if order == "medium" { medium.settle(PATIENCE) } else { large.settle(PATIENCE) }.unwrap();
        assert!(stats.balances(), "{stats:?}");
        assert_eq!(stats.segments[0].last + 1, expected);
        let costs = resident(&mut server).saturating_sub(before);
        let bound = 2 * STALLED_BYTES as u64 + SLACK;
        assert!(costs <= bound, "after {order} the frozen one costs {costs} bytes of {bound}");
    }
    frozen.kill();
    eventually("what it held is given back", || resident(&mut server) <= before + SLACK);
    wait_for_subscribers(&living, "medium", 1);
}
