//! Streams of one server in another: server A, a relay in server B, a client of B.
#![cfg(unix)]

mod relay_support;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use relay_support::{Publishing, relay_counter};
use router_client::{Payload, SampleError, SubscriptionStats};
use router_server::{Publisher, RelayOptions, RouterServer, ServerOptions};
use router_wire::describe::StreamKind;
use support::{ANYWHERE, PATIENCE, client, eventually, server, until};

/// Everything that was given is accounted for, between the first that came and the last that is known.
#[track_caller]
fn balanced(stats: &SubscriptionStats) {
    assert!(stats.balances(), "{stats:?}");
}

fn stream(server: &RouterServer, name: &str) -> router_wire::status::StreamStats {
    server.stats().streams.into_iter().find(|stream| stream.name == name).unwrap()
}

fn wait_heard<T: serde::Serialize>(publisher: &Publisher<T>, heard: bool) {
    eventually(&format!("heard: {heard}"), || publisher.is_heard() == heard);
}

#[test]
fn numbers_times_and_status_pass_unchanged_from_each_of_its_endpoints() {
    let (a, b) = (server(), server());
    let mut small = a.add_publisher::<u64>("stage.position", 100).unwrap();
    let mut large = a.add_publisher::<String>("camera", 1 << 20).unwrap();
    let endpoints = a.endpoints().clone();
    let direct = client(&a);
    let through = client(&b);
    let by = |relay: &str, endpoint: &router_server::Endpoint, topic: &str| {
        let options = RelayOptions::new().topic(topic).largest_sample_bytes(1 << 20);
        b.add_relay_with(relay, &endpoint.to_string(), options).unwrap();
    };
    by("by.samples", &endpoints.samples, "stage.position");
    by("by.frames", &endpoints.frames, "camera");
    by("by.calls.small", &endpoints.calls, "stage.position");
    by("by.calls.large", &endpoints.calls, "camera");
    for (of, relays) in
        [("stage.position", ["by.samples", "by.calls.small"]), ("camera", ["by.frames", "by.calls.large"])]
    {
        let direct = direct.subscribe::<Payload>(of).queue(1000).unwrap();
        let queues = relays.map(|relay| through.subscribe::<Payload>(relay).queue(1000).unwrap());
        eventually("all three listen", || stream(&a, of).subscribers == 3);
        for number in 0..20_u64 {
            let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(number);
            match of {
                "camera" => large.publish_at(&"x".repeat(100_000 + number as usize), moment).unwrap(),
                _ => small.publish_at(&number, moment).unwrap(),
            };
        }
        match of {
            "camera" => large.publish_error("no light").unwrap(),
            _ => small.publish_error("no light").unwrap(),
        };
        for _ in 0..20 {
            let expect = direct.recv_timeout(PATIENCE).unwrap();
            for queue in &queues {
                let sample = queue.recv_timeout(PATIENCE).unwrap();
                assert_eq!((sample.epoch, sample.incarnation), (a.epoch(), expect.incarnation));
                assert_eq!(
                    (sample.sequence, sample.utc, sample.monotonic_ns),
                    (expect.sequence, expect.utc, expect.monotonic_ns)
                );
                assert_eq!((sample.encoding, &sample.value), (expect.encoding, &expect.value));
            }
        }
        for queue in &queues {
            let error = queue.recv_timeout(PATIENCE).unwrap_err();
            assert!(matches!(error, SampleError::Failed { sequence: 20, .. }), "{error}");
            balanced(&queue.stats());
        }
    }
    let description = b.describe().streams.into_iter().find(|stream| stream.name == "by.samples").unwrap();
    assert_eq!(description.kind, StreamKind::Relayed);
    let source = description.source.unwrap();
    assert_eq!((source.numbered, source.endpoint), (true, endpoints.samples.to_string()));
    // Only its source can declare its numbers.
    let refused = through.call::<()>("router.settle", ("by.samples", 1_u64)).wait().unwrap_err();
    assert!(refused.to_string().contains("settle it there"), "{refused}");
}

#[test]
fn its_own_name_is_what_it_asks_a_server_for() {
    let (a, b) = (server(), server());
    let mut publisher = a.add_publisher::<u64>("stage", 100).unwrap();
    let mut other = a.add_publisher::<u64>("stage_two", 100).unwrap();
    b.add_relay("stage", &support::address(&a)).unwrap();
    let _listens_there = client(&a).subscribe::<u64>("stage_two").queue(10).unwrap();
    let queue = client(&b).subscribe::<u64>("stage").queue(10).unwrap();
    wait_heard(&publisher, true);
    other.publish(&1).unwrap();
    publisher.publish(&2).unwrap();
    assert_eq!(queue.recv_timeout(PATIENCE).unwrap().value, 2);
}

/// Whoever begins to listen after nobody did gets the source's last value and then the live samples: what was published
/// meanwhile is no loss.
#[test]
fn nobody_then_somebody_shows_no_false_loss() {
    let (a, b) = (server(), server());
    let mut publisher = a.add_publisher::<u64>("count", 100).unwrap();
    b.add_relay("count", &a.endpoints().samples.to_string()).unwrap();
    let ended = Arc::new(AtomicBool::new(false));
    let pusher = std::thread::spawn({
        let ended = Arc::clone(&ended);
        move || {
            for number in 0.. {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                publisher.publish(&number).unwrap();
                std::thread::sleep(Duration::from_micros(200));
            }
        }
    });
    let client = client(&b);
    for round in 0..8 {
        let queue = client.subscribe::<u64>("count").queue(100_000).unwrap();
        let first = queue.recv_timeout(PATIENCE).unwrap();
        for expect in first.sequence + 1..first.sequence + 200 {
            let sample = queue.recv_timeout(PATIENCE).unwrap();
            assert_eq!((sample.sequence, sample.value), (expect, expect), "in round {round}");
        }
        let stats = queue.stats();
        balanced(&stats);
        assert_eq!((stats.lost, stats.breaks), (0, 0), "in round {round}: {stats:?}");
        drop(queue);
        match round % 4 {
            // Long enough that the relay leaves its source, or back before or just when it does.
            0 => eventually("nobody listens at the source", || stream(&a, "count").subscribers == 0),
            1 => eventually("nobody listens here", || stream(&b, "count").subscribers == 0),
            2 => std::thread::sleep(Duration::from_millis(1_000)),
            _ => {}
        }
    }
    ended.store(true, Ordering::SeqCst);
    pusher.join().unwrap();
    assert_eq!(b.stats().counters["lost_before.count"], 0);
}

#[test]
fn a_restart_of_the_source_is_a_break_and_removal_and_declarations_pass() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("ipc://{}/a", folder.path().display());
    let bind =
        || until("the path is free", || RouterServer::bind_with(&address, ServerOptions::default()).ok());
    let b = server();
    b.add_relay("count", &address).unwrap();
    let client = client(&b);
    let queue = client.subscribe::<u64>("count").queue(1000).unwrap();
    let mut breaks = 0;
    for round in 0..3_u64 {
        let a = bind();
        let mut publisher = a.add_publisher::<u64>("count", 100).unwrap();
        wait_heard(&publisher, true);
        for number in 0..10 {
            publisher.publish(&number).unwrap();
        }
        for number in 0..10 {
            let sample = queue.recv_timeout(PATIENCE).unwrap();
            assert_eq!((sample.epoch, sample.sequence, sample.value), (a.epoch(), number, number), "{round}");
        }
        balanced(&queue.stats());
        assert_eq!(queue.stats().breaks, breaks);
        // Removed and added again it is another life, without a restart.
        a.remove_stream("count").unwrap();
        eventually("the removal passes", || queue.stats().removed);
        let mut publisher = a.add_publisher::<u64>("count", 100).unwrap();
        wait_heard(&publisher, true);
        publisher.publish(&7).unwrap();
        assert_eq!(queue.recv_timeout(PATIENCE).unwrap().sequence, 0);
        assert_eq!(queue.stats().breaks, breaks + 1);
        breaks += 2;
    }
    let stats = queue.stats();
    assert_eq!((stats.lost, stats.received), (0, 33), "{stats:?}");
}

/// A source that loses samples on the way to the relay, told by hand: the numbers go through, the gap is counted here,
/// and what the source declares shows a loss at the end.
#[test]
fn losses_on_the_way_here_are_seen() {
    let (b, mut source) = (server(), Publishing::anywhere());
    let options = RelayOptions::new().topic("s").format(router_server::RelayFormat::RouterServer);
    b.add_relay_with("here", &source.address(), options).unwrap();
    let client = client(&b);
    let queue = client.subscribe::<u64>("here").queue(1000).unwrap();
    source.wait_for(&[b"s\0"]);
    use router_wire::SampleStatus::{Declaration, Value};
    let packet = |status, sequence: u64, last_value: bool| {
        let mut packet = router_wire::sample::start_packet("s");
        if status == Value {
            router_wire::body::encode_into(&sequence, &mut packet).unwrap();
        }
        let header = router_wire::SampleHeader {
            payload_in_own_frame: false,
            status,
            encoding: router_wire::Encoding::MessagePack,
            epoch: 77,
            incarnation: 3,
            sequence,
            utc_ns: 5,
            monotonic_ns: 6,
        };
        router_wire::sample::finish_packet(&mut packet, "s", &header);
        if last_value {
            router_wire::sample::mark_last_value(&mut packet);
        }
        packet
    };
    for (status, sequence, last_value) in [
        (Value, 4, true),
        (Value, 5, false),
        (Value, 9, false),
        (Value, 9, true),
        (Value, 10, false),
        (Declaration, 13, false),
    ] {
        source.publish(&[&packet(status, sequence, last_value)]);
    }
    eventually("the end is declared", || queue.stats().lost == 6);
    let stats = queue.stats();
    balanced(&stats);
    assert_eq!((stats.segments[0].epoch, stats.segments[0].incarnation), (77, 3));
    assert_eq!((stats.segments[0].first, stats.segments[0].last, stats.duplicates), (4, 13, 0));
    assert_eq!(b.stats().counters["lost_before.here"], 6);
    // Foreign messages in between do not mix with its numbers.
    source.publish(&[b"s\0nonsense"]);
    eventually("it is counted", || relay_counter(&b, "here", "unreadable") == 1);
    let sample = queue.recv_timeout(PATIENCE).unwrap();
    assert_eq!((sample.sequence, sample.monotonic_ns), (4, 6));
}

/// Somebody who takes nothing costs nobody else anything, and loses what he loses: counted by the source's numbers.
#[test]
fn a_slow_subscriber_behind_the_relay_loses_by_the_sources_numbers() {
    const SAMPLES: u64 = 3_000;
    let a = server();
    let options = ServerOptions { stalled_subscriber_bytes: 1 << 20, ..ServerOptions::default() };
    let b = RouterServer::bind_with(ANYWHERE, options).unwrap();
    let mut publisher = a.add_publisher::<Vec<u8>>("frames", 200_000).unwrap();
    let relay = RelayOptions::new().largest_sample_bytes(200_000);
    b.add_relay_with("frames", &support::address(&a), relay).unwrap();
    let (slow, fast) = (client(&b), client(&b));
    let slow = slow.subscribe::<Payload>("frames").queue(3).unwrap();
    let fast = fast.subscribe::<Payload>("frames").queue(100_000).unwrap();
    eventually("both listen", || stream(&b, "frames").subscribers == 2);
    wait_heard(&publisher, true);
    let bytes: Arc<[u8]> = vec![7; 100_000].into();
    for _ in 0..SAMPLES {
        publisher.publish_bytes(Arc::clone(&bytes)).unwrap();
    }
    // The source declares its last number every second.
    for queue in [&slow, &fast] {
        eventually("the last number is known", || {
            queue.stats().segments.last().is_some_and(|segment| segment.last == SAMPLES - 1)
        });
        balanced(&queue.stats());
    }
    let stats = slow.stats();
    assert_eq!(stats.waiting, 3);
    assert!(stats.dropped + stats.lost >= SAMPLES - 3 - stats.segments[0].first, "{stats:?}");
}

/// A server that comes back with other ports for its streams is found by its calls endpoint.
#[test]
fn it_follows_a_server_to_other_ports() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let any: router_server::Endpoint = "tcp://127.0.0.1:*".parse().unwrap();
    let wanted =
        router_server::ServerEndpoints { calls: any.with_port(port), samples: any.clone(), frames: any };
    let b = server();
    let options = || RelayOptions::new().largest_sample_bytes(1 << 20);
    b.add_relay_with("small", &wanted.calls.to_string(), options()).unwrap();
    b.add_relay_with("large", &wanted.calls.to_string(), options()).unwrap();
    let client = client(&b);
    let queues = ["small", "large"].map(|name| client.subscribe::<u64>(name).queue(100).unwrap());
    for round in 0..3 {
        let a = until("the port is free", || RouterServer::bind_at(&wanted, ServerOptions::default()).ok());
        let largest = [100, 1 << 20];
        for ((queue, name), largest) in queues.iter().zip(["small", "large"]).zip(largest) {
            let mut publisher = a.add_publisher::<u64>(name, largest).unwrap();
            wait_heard(&publisher, true);
            publisher.publish(&round).unwrap();
            let sample = queue.recv_timeout(PATIENCE).unwrap();
            assert_eq!((sample.value, sample.epoch), (round, a.epoch()), "{name}");
        }
    }
}

#[test]
fn kept_subscribed_its_last_value_is_the_newest() {
    let (a, b) = (server(), server());
    let mut publisher = a.add_publisher::<u64>("count", 100).unwrap();
    let options = RelayOptions::new().keep_subscribed();
    b.add_relay_with("count", &a.endpoints().samples.to_string(), options).unwrap();
    wait_heard(&publisher, true);
    let client = client(&b);
    for round in 0..3_u64 {
        for number in 0..10 {
            publisher.publish(&(round * 10 + number)).unwrap();
        }
        eventually("they came", || stream(&b, "count").produced == (round + 1) * 10);
        let queue = client.subscribe::<u64>("count").queue(10).unwrap();
        let last = queue.recv_timeout(PATIENCE).unwrap();
        assert_eq!((last.value, last.epoch), (round * 10 + 9, a.epoch()));
        drop(queue);
        eventually("nobody listens", || stream(&b, "count").subscribers == 0);
    }
    assert_eq!(b.stats().counters["lost_before.count"], 0);
}

#[test]
fn relays_of_relays_pass_what_the_first_one_said() {
    const SAMPLES: u64 = 2_000;
    let (a, b, c) = (server(), server(), server());
    let mut publisher = a.add_publisher::<u64>("count", 100).unwrap();
    b.add_relay_with("a.count", &support::address(&a), RelayOptions::new().topic("count")).unwrap();
    c.add_relay_with("b.a.count", &support::address(&b), RelayOptions::new().topic("a.count")).unwrap();
    let queue = client(&c).subscribe::<u64>("b.a.count").queue(100_000).unwrap();
    wait_heard(&publisher, true);
    for number in 0..SAMPLES {
        publisher.publish(&number).unwrap();
        if number % 100 == 0 {
            std::thread::yield_now();
        }
    }
    let known = || queue.stats().segments.last().map(|segment| segment.last);
    eventually("the last number is known behind two hops", || known() == Some(SAMPLES - 1));
    let stats = queue.stats();
    balanced(&stats);
    let segment = &stats.segments[0];
    assert_eq!((segment.epoch, segment.first, stats.breaks), (a.epoch(), 0, 0));
    // What is missing was lost on the way to one of the two, which count it, or on the way from the last one.
    let lost = |server: &RouterServer, name: &str| server.stats().counters[&format!("lost_before.{name}")];
    assert!(lost(&c, "b.a.count") >= lost(&b, "a.count") && stats.lost >= lost(&c, "b.a.count"), "{stats:?}");
}
