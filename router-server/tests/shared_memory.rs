//! Large samples between processes of one user on one machine: they are read where the server wrote them, nothing else
//! changes, and whoever cannot have it so has it over the network and notices nothing.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

mod support;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use router_client::{Cache, ConnectOptions, Payload, Queue, RouterClient, Sample, SubscriptionStats};
use router_server::{Publisher, RouterServer, ServerOptions};
use router_wire::status::StreamMemory;
use support::{
    Child, PATIENCE, address, child, client, client_at, eventually, server, server_again, server_with, until,
};

const FRAME_BYTES: usize = 100_000;
const NAME: &str = "camera.frame";

/// A frame of which every 8 bytes say whose they are.
fn frame(number: u64) -> Vec<u8> {
    number.to_le_bytes().repeat(FRAME_BYTES / 8)
}

#[track_caller]
fn check(frame: &[u8], number: u64) {
    assert_eq!(frame.len(), FRAME_BYTES);
    assert!(frame == self::frame(number), "frame {number} is torn");
}

#[track_caller]
fn check_sample(sample: &Sample<Payload>) {
    check(&sample.value, sample.sequence);
}

/// A camera whose frames say their own numbers.
struct Camera {
    publisher: Publisher<Vec<u8>>,
    next: u64,
}

impl Camera {
    fn of(server: &RouterServer) -> Camera {
        Camera { publisher: server.add_publisher(NAME, FRAME_BYTES).unwrap(), next: 0 }
    }

    fn publish(&mut self) -> u64 {
        let number = self.next;
        assert_eq!(self.publisher.publish_bytes(frame(number)).unwrap().sequence(), Some(number));
        self.next += 1;
        number
    }

    /// Publishes until `queue` gets its samples through memory; it then has taken all.
    #[track_caller]
    fn share_with(&mut self, queue: &Queue<Payload>) {
        let mut shared = queue.stats().through_memory;
        let before = shared;
        until("samples come through memory", || {
            let number = self.publish();
            while recv(queue).sequence < number {}
            shared = queue.stats().through_memory;
            (shared > before).then_some(())
        });
    }
}

#[track_caller]
fn recv(queue: &Queue<Payload>) -> Sample<Payload> {
    let sample = queue.recv_timeout(PATIENCE).unwrap();
    check_sample(&sample);
    sample
}

fn memory(server: &RouterServer) -> Option<StreamMemory> {
    server.stats().streams.into_iter().find(|stats| stats.name == NAME).unwrap().memory
}

#[track_caller]
fn settle(stats: Result<SubscriptionStats, router_client::SettleError>) -> SubscriptionStats {
    let stats = stats.unwrap();
    assert!(stats.balances(), "{stats:?}");
    stats
}

fn frames(client: &RouterClient, samples: usize) -> Queue<Payload> {
    client.subscribe::<Payload>(NAME).queue(samples).unwrap()
}

fn cache(client: &RouterClient) -> Cache<Payload> {
    client.subscribe::<Payload>(NAME).cache().unwrap()
}

/// From the first sample on nothing is missed when they begin to come another way, and nobody copies.
fn are_read_where_they_are(server: &RouterServer) {
    let mut camera = Camera::of(server);
    assert_eq!(memory(server), None, "nobody wants it");
    let client = client(server);
    let (queue, cache) = (frames(&client, 1_000), cache(&client));
    camera.share_with(&queue);
    for _ in 0..200 {
        let number = camera.publish();
        let sample = recv(&queue);
        assert_eq!(sample.sequence, number);
        let seen = until("it comes", || cache.latest().ok().filter(|seen| seen.sequence == number));
        assert_eq!(seen.value.as_ptr(), sample.value.as_ptr());
        assert_eq!(seen.value.as_ptr() as usize % 4096, 0, "a slot begins at a page");
        assert_eq!(cache.latest().unwrap().value.as_ptr(), sample.value.as_ptr());
    }
    for stats in [settle(queue.settle(PATIENCE)), settle(cache.settle(PATIENCE))] {
        assert!(stats.through_memory >= 200 && stats.copied_from_memory == 0, "{stats:?}");
        assert_eq!((stats.lost, stats.dropped, stats.waiting), (0, 0, 0), "{stats:?}");
    }
    assert_eq!(queue.stats().skipped, 0, "{:?}", queue.stats());
    let memory = memory(server).unwrap();
    assert_eq!((memory.readers, memory.no_slot), (1, 0), "{memory:?}");
    assert!(memory.samples >= 200 && memory.used <= memory.slots);
    // Whoever leaves gives everything back.
    drop((queue, cache, client));
    eventually("nobody is attached", || self::memory(server).unwrap().readers == 0);
}

#[test]
fn frames_are_read_where_they_are_over_tcp() {
    are_read_where_they_are(&server());
}

#[test]
fn frames_are_read_where_they_are_over_ipc() {
    let folder = tempfile::tempdir().unwrap();
    let at = format!("ipc://{}", folder.path().join("rig").display());
    are_read_where_they_are(&RouterServer::bind(&at).unwrap());
}

#[test]
fn what_is_serialised_goes_through_memory_too_and_what_is_small_does_not() {
    let server = server();
    let mut publisher = server.add_publisher::<Vec<f64>>("trace", 1 << 20).unwrap();
    let client = client(&server);
    let queue = client.subscribe::<Vec<f64>>("trace").queue(100).unwrap();
    let long: Vec<f64> = (0..20_000).map(f64::from).collect();
    until("samples come through memory", || {
        publisher.publish(&long).unwrap();
        assert_eq!(queue.recv_timeout(PATIENCE).unwrap().value, long);
        (queue.stats().through_memory > 0).then_some(())
    });
    let before = queue.stats().through_memory;
    publisher.publish(&vec![1.0]).unwrap();
    publisher.publish(&long).unwrap();
    publisher.publish_error("no light").unwrap();
    assert_eq!(queue.recv_timeout(PATIENCE).unwrap().value, [1.0]);
    assert_eq!(queue.recv_timeout(PATIENCE).unwrap().value, long);
    assert!(queue.recv_timeout(PATIENCE).unwrap_err().to_string().contains("no light"));
    let stats = settle(queue.settle(PATIENCE));
    assert_eq!((stats.through_memory - before, stats.lost), (1, 0), "{stats:?}");
}

/// Whoever keeps more than the server lets it keep in place has copies of the rest, and delays nobody.
#[test]
fn more_than_may_be_kept_in_place_is_copied() {
    let server = server_with(|options| options.shared_memory_held = 4);
    let mut camera = Camera::of(&server);
    let client = client(&server);
    let queue = frames(&client, 1_000);
    camera.share_with(&queue);
    let before = queue.stats();
    let first = camera.next;
    for _ in 0..50 {
        camera.publish();
    }
    let stats = settle(queue.settle(PATIENCE));
    assert_eq!((stats.waiting, stats.lost), (50, 0), "{stats:?}");
    assert_eq!(stats.through_memory - before.through_memory, 50);
    let copied = stats.copied_from_memory - before.copied_from_memory;
    assert!((46..50).contains(&copied), "{copied} of 50");
    // Slots are used again and again meanwhile; what was kept is as it was.
    let kept: Vec<_> = (0..50).map(|_| recv(&queue)).collect();
    for _ in 0..2_000 {
        camera.publish();
        recv(&queue);
    }
    for (sample, number) in kept.iter().zip(first..) {
        assert_eq!(sample.sequence, number);
        check_sample(sample);
    }
    assert_eq!(memory(&server).unwrap().no_slot, 0);
    assert!(settle(queue.settle(PATIENCE)).lost == 0);
}

/// Every frame is accounted for, and one that is frozen for a while costs nobody else a frame.
#[test]
fn the_account_is_exact_beside_slow_and_frozen_readers() {
    const FRAMES: u64 = 12_000;
    let server = server();
    let mut camera = Camera::of(&server);
    let at = address(&server);
    let (first, second) = (client(&server), client(&server));
    let (fast, cache) = (frames(&first, 100_000), cache(&second));
    let slow = frames(&second, 3);
    camera.share_with(&fast);
    camera.share_with(&slow);
    let mut frozen = Child::start("subscriber", &[("server", &at)]);
    frozen.hears("subscribed");
    eventually("the child is attached", || {
        camera.publish();
        recv(&fast);
        memory(&server).unwrap().readers == 3
    });
    frozen.freeze();
    settle(fast.settle(PATIENCE));
    while fast.try_recv().is_ok() {}
    let (done, mut kept) = (AtomicBool::new(false), VecDeque::new());
    std::thread::scope(|scope| {
        let _end = SetOnDrop(&done);
        // It takes some, looks at each twice, and is too slow for most.
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                if let Ok(sample) = slow.recv_timeout(Duration::from_millis(20)) {
                    check_sample(&sample);
                    let seen = cache.latest().unwrap();
                    check_sample(&seen);
                    std::thread::sleep(Duration::from_millis(1)); // its work
                    check_sample(&sample);
                    check_sample(&seen);
                }
            }
        });
        for round in 0..FRAMES {
            let number = camera.publish();
            if round == FRAMES / 2 {
                frozen.thaw();
            }
            // At the pace of the fast one, who keeps some: nothing is lost on the way to it.
            let sample = recv(&fast);
            assert_eq!(sample.sequence, number);
            kept.push_back(sample);
            if kept.len() > 3 {
                check_sample(&kept.pop_front().unwrap());
            }
        }
    });
    let stats = settle(fast.settle(PATIENCE));
    assert_eq!((stats.lost, stats.dropped, stats.skipped), (0, 0, 0), "{stats:?}");
    assert!(stats.expected() >= FRAMES && stats.through_memory >= FRAMES, "{stats:?}");
    for stats in [settle(slow.settle(PATIENCE)), settle(cache.settle(PATIENCE))] {
        assert!(stats.expected() >= FRAMES && stats.through_memory > 0, "{stats:?}");
        assert_eq!(stats.segments.last().unwrap().last, camera.next - 1);
    }
    assert!(slow.stats().dropped > 0, "{:?}", slow.stats());
    // The frozen one says itself that its equation holds, and what it has missed.
    frozen.tell("account");
    let account = frozen.hears("account");
    assert!(account.starts_with(&format!("true last={} ", camera.next - 1)), "{account}");
    assert_eq!(memory(&server).unwrap().no_slot, 0);
}

/// Ends another thread also when this one panics.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn what_is_held_outlives_a_server_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let at = format!("ipc://{}", folder.path().join("rig").display());
    let mut server = Child::start("server", &[("address", &at)]);
    server.hears("serves");
    let client = client_at(&at, ConnectOptions::default());
    let (queue, cache) = (frames(&client, 1_000), cache(&client));
    let mut held = Vec::new();
    eventually("samples come through memory", || {
        held.push(recv(&queue));
        held.len() > 200 && queue.stats().through_memory > queue.stats().copied_from_memory
    });
    let seen = cache.latest().unwrap();
    server.kill();
    eventually("the client notices", || !client.state().is_up());
    held.iter().chain([&seen]).for_each(check_sample);
    let stats = queue.stats();
    assert!(stats.balances(), "{stats:?}");
    // A new one is found, under another epoch and in other memory.
    drop(held);
    let before = queue.stats().through_memory;
    let server = Child::start("server", &[("address", &at)]);
    server.hears("serves");
    eventually("samples come through the new memory", || {
        recv(&queue);
        queue.stats().breaks == 1 && queue.stats().through_memory > before + queue.stats().waiting + 20
    });
    check_sample(&seen);
    check_sample(&cache.latest().unwrap());
    assert!(queue.stats().balances());
}

#[test]
fn what_a_killed_subscriber_held_comes_back() {
    let server = server_with(|options| (options.shared_memory_readers, options.shared_memory_held) = (2, 3));
    let mut camera = Camera::of(&server);
    let client = client(&server);
    let queue = frames(&client, 1_000);
    camera.share_with(&queue);
    for _ in 0..4 {
        let mut victim = Child::start("subscriber", &[("server", &address(&server))]);
        victim.hears("subscribed");
        eventually("it holds frames", || {
            camera.publish();
            recv(&queue);
            memory(&server).unwrap().readers == 2
        });
        victim.kill();
        eventually("its place is free", || memory(&server).unwrap().readers == 1);
    }
    for _ in 0..1_000 {
        camera.publish();
        recv(&queue);
    }
    let memory = memory(&server).unwrap();
    assert_eq!((memory.no_slot, memory.readers), (0, 1), "{memory:?}");
    assert!(settle(queue.settle(PATIENCE)).lost == 0);
}

/// No shared memory here, or no room for one more: the same samples, over the network.
#[test]
fn without_memory_nothing_else_changes() {
    let off = server_with(|options| options.shared_memory = false);
    let full = server_with(|options| options.shared_memory_readers = 0);
    for server in [off, full] {
        let mut camera = Camera::of(&server);
        let client = client(&server);
        let queue = frames(&client, 1_000);
        eventually("it listens", || {
            camera.publish();
            queue.stats().waiting > 0
        });
        for _ in 0..100 {
            camera.publish();
        }
        let stats = settle(queue.settle(PATIENCE));
        assert_eq!((stats.through_memory, stats.lost, stats.skipped), (0, 0, 0), "{stats:?}");
        assert!(stats.waiting >= 100);
        for _ in 0..stats.waiting {
            recv(&queue);
        }
    }
}

/// The second of one is refused, and takes the network; when the first has left, it shares.
#[test]
fn one_reader_too_many_takes_the_network() {
    let server = server_with(|options| options.shared_memory_readers = 1);
    let mut camera = Camera::of(&server);
    let (first, second) = (client(&server), client(&server));
    let shared = frames(&first, 1_000);
    camera.share_with(&shared);
    let other = frames(&second, 1_000);
    eventually("both listen", || {
        camera.publish();
        other.stats().waiting > 0
    });
    for _ in 0..50 {
        camera.publish();
    }
    let stats = settle(other.settle(PATIENCE));
    assert_eq!((stats.through_memory, stats.lost), (0, 0), "{stats:?}");
    assert_eq!(settle(shared.settle(PATIENCE)).lost, 0);
    assert!(support::counter(&server, "memory_refused") >= 1);
    drop((shared, first));
    // It asks again every few seconds.
    while other.try_recv().is_ok() {}
    camera.share_with(&other);
    let stats = settle(other.settle(PATIENCE));
    assert_eq!((stats.lost, stats.skipped), (0, 0), "{stats:?}");
}

#[test]
fn a_stream_that_is_added_again_is_shared_again_without_a_loss() {
    let server = server();
    let mut camera = Camera::of(&server);
    let clients: Vec<RouterClient> = (0..4).map(|_| client(&server)).collect();
    let queues: Vec<Queue<Payload>> = clients.iter().map(|client| frames(client, 10_000)).collect();
    queues.iter().for_each(|queue| camera.share_with(queue));
    for round in 1..=20 {
        server.remove_stream(NAME).unwrap();
        for queue in &queues {
            eventually("it is gone", || queue.stats().removed);
            while queue.try_recv().is_ok() {}
        }
        let shared = || queues.iter().map(|queue| queue.stats().through_memory).min().unwrap();
        let before = queues.iter().map(|queue| queue.stats().through_memory).max().unwrap();
        camera = Camera::of(&server);
        // As fast as frames can be made, though no faster than what may be under way: the first client that asks for the
        // new ring has it made, and the others get what leads to it before they have asked.
        while shared() < before + 50 {
            camera.publish();
            for queue in &queues {
                eventually("it comes", || {
                    let stats = queue.stats();
                    let segment = stats.segments.last().filter(|_| stats.breaks == round);
                    camera.next - segment.map_or(0, |segment| segment.last + 1) < 100
                });
            }
        }
        for queue in &queues {
            let stats = settle(queue.settle(PATIENCE));
            let segment = stats.segments.last().unwrap();
            assert_eq!((stats.breaks, stats.lost, segment.first), (round, 0, 0), "{stats:?}");
            assert_eq!(segment.last, camera.next - 1);
        }
    }
}

/// The first frames of a stream come as fast as they can be made, while the client is still about to attach.
#[test]
fn nothing_is_lost_while_a_client_attaches() {
    for _ in 0..20 {
        let server = server();
        let mut camera = Camera::of(&server);
        let client = client(&server);
        let queue = frames(&client, 10_000);
        eventually("it listens", || {
            camera.publish();
            queue.stats().waiting > 0
        });
        until("samples come through memory", || {
            camera.publish();
            (queue.stats().through_memory > 0).then_some(())
        });
        let stats = settle(queue.settle(PATIENCE));
        assert_eq!((stats.lost, stats.skipped), (0, 0), "{stats:?}");
        assert_eq!(stats.segments[0].last, camera.next - 1);
    }
}

#[test]
fn a_client_may_be_there_first_and_a_server_come_back() {
    let any = server();
    let calls = address(&any);
    drop(any);
    let client = RouterClient::connect(&calls).unwrap();
    let (queue, cache) = (frames(&client, 1_000), cache(&client));
    for life in 0..3 {
        let server = server_again(&calls);
        let mut camera = Camera::of(&server);
        camera.publish();
        camera.share_with(&queue);
        camera.share_with(&queue);
        assert_eq!(cache.wait_newer(PATIENCE).unwrap().epoch, server.epoch());
        let stats = queue.stats();
        assert!(stats.balances() && stats.breaks == life && stats.lost == 0, "{stats:?}");
        drop((camera, server));
        eventually("the client notices", || !client.state().is_up());
        check_sample(&cache.latest().unwrap());
    }
}

/// A program that looks at a shared stream asks nobody.
#[test]
fn a_look_at_what_is_shared_costs_no_question() {
    let server = server();
    let mut camera = Camera::of(&server);
    let client = client(&server);
    let cache = cache(&client);
    camera.publish();
    until("the cache is shared", || {
        let number = camera.publish();
        let seen = until("it comes", || cache.latest().ok().filter(|seen| seen.sequence == number));
        check_sample(&seen);
        (cache.stats().through_memory > 2).then_some(())
    });
    let requests = || support::counter(&server, "requests");
    let questions = || {
        let calls = server.stats().calls;
        calls.iter().find(|call| call.name == "router.newest").map_or(0, |call| call.count)
    };
    let (before, asked) = (questions(), requests());
    for _ in 0..1_000 {
        let number = camera.publish();
        let seen = cache.wait_newer(PATIENCE).unwrap();
        assert_eq!(seen.sequence, number);
        check_sample(&cache.latest().unwrap());
    }
    assert_eq!(questions(), before);
    assert!(requests() - asked < 500, "pings alone");
    let stats = settle(cache.settle(PATIENCE));
    assert!(stats.lost == 0 && stats.copied_from_memory == 0, "{stats:?}");
}

/// What comes after one with views: a second subscription, a part of the stream, and leaving again.
#[test]
fn several_subscriptions_of_one_client_share_one_way() {
    let server = server();
    let mut camera = Camera::of(&server);
    let client = client(&server);
    let first = frames(&client, 1_000);
    camera.share_with(&first);
    let (second, tenth) =
        (frames(&client, 1_000), client.subscribe::<Payload>(NAME).decimate(10).queue(1_000).unwrap());
    assert_eq!(recv(&second).sequence, camera.next - 1, "it begins with what is here");
    eventually("the part is subscribed to", || tenth.stats().waiting > 0);
    let before = second.stats().through_memory;
    for _ in 0..100 {
        camera.publish();
    }
    for queue in [&first, &second] {
        let stats = settle(queue.settle(PATIENCE));
        assert_eq!((stats.waiting, stats.lost), (100, 0), "{stats:?}");
    }
    assert_eq!(second.stats().through_memory - before, 100);
    let stats = settle(tenth.settle(PATIENCE));
    assert_eq!((stats.lost, stats.through_memory), (0, 0), "{stats:?}");
    assert_eq!(memory(&server).unwrap().readers, 1);
    drop(first);
    let number = camera.publish();
    until("the other goes on", || (recv(&second).sequence == number).then_some(()));
}

/// Somebody who subscribes later begins with the last value, though it was shared and nobody else got its bytes.
#[test]
fn a_later_subscriber_begins_with_the_last_value() {
    let server = server();
    let mut camera = Camera::of(&server);
    let first = client(&server);
    let queue = frames(&first, 1_000);
    camera.share_with(&queue);
    let number = camera.publish();
    recv(&queue);
    let second = client(&server);
    let (cache, late) = (cache(&second), frames(&second, 10));
    assert_eq!(recv(&late).sequence, number);
    assert_eq!(cache.wait_newer(PATIENCE).unwrap().sequence, number);
    assert_eq!(recv(&queue_of_raw(&server)).sequence, number);
    assert_eq!(queue.stats().lost, 0);
}

/// A subscription on a client of its own that stays with its queue.
fn queue_of_raw(server: &RouterServer) -> Queue<Payload> {
    let client = Box::leak(Box::new(client(server))); // until the process ends
    frames(client, 10)
}

#[test]
fn child_process() {
    child::play(|role| match role {
        "subscriber" => {
            let client = client_at(&child::argument("server").unwrap(), ConnectOptions::default());
            let queue = frames(&client, 100_000);
            child::say("subscribed", "now");
            for order in child::orders() {
                assert_eq!(order, "account");
                let stats = queue.settle(PATIENCE).unwrap();
                let last = stats.segments.last().unwrap().last;
                child::say("account", format!("{} last={last} {stats:?}", stats.balances()));
            }
        }
        "server" => {
            let at = child::argument("address").unwrap();
            let server =
                until("the address is free", || RouterServer::bind_with(&at, ServerOptions::default()).ok());
            let mut camera = Camera::of(&server);
            child::say("serves", at);
            loop {
                camera.publish();
                std::thread::sleep(Duration::from_micros(500)); // its exposure
            }
        }
        other => panic!("no role {other}"),
    });
}
