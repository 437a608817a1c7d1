//! 10,000 hostile messages over a few hundred connections: the server serves on, its memory comes back, and what
//! reached the application is answered or counted.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod support;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use router_client::{ConnectOptions, RouterClient};
use router_server::{RouterServer, ServerEndpoints, ServerOptions};
use router_socket::{Context, Frame, SocketKind};
use router_wire::hello::ClientSocket;
use support::child::{self, play, resident_bytes, say};
use support::hostile_peer::{
    Expected, are_ended, half_open, hostile_message, hostile_subscription, oversized, raw_connections,
};
use support::random::Random;
use support::raw_client::{Answer, message};
use support::{ANYWHERE, BusyCores, Child, Ends, PATIENCE, RawClient, client_at, eventually};

/// Bodies that the server takes; small, so that the oversized are cheap.
const MAX_BODY: usize = 1 << 20;
const DEALERS: u64 = 60;
const MESSAGES_PER_DEALER: u64 = 100;
const SUBSCRIBERS: usize = 40;
const MESSAGES_PER_SUBSCRIBER: usize = 50;
const RAW_CONNECTIONS: usize = 100;
const FRAMES_PER_RAW_CONNECTION: usize = 20;
const OVERSIZED: usize = 40;
const HALF_OPEN: usize = 60;
const CONNECTIONS: usize = DEALERS as usize + SUBSCRIBERS + RAW_CONNECTIONS * 2 + OVERSIZED * 2 + HALF_OPEN;
const MESSAGES: usize = DEALERS as usize * MESSAGES_PER_DEALER as usize
    + SUBSCRIBERS * MESSAGES_PER_SUBSCRIBER
    + RAW_CONNECTIONS * FRAMES_PER_RAW_CONNECTION
    + RAW_CONNECTIONS
    + OVERSIZED * 2;
const _: () = assert!(MESSAGES >= 10_000 && CONNECTIONS <= 500);

/// How much more memory the server may use in the end.
const MEMORY: u64 = 16 << 20;

#[test]
fn child_process() {
    play(|role| {
        assert_eq!(role, "server");
        let options = ServerOptions { max_body_bytes: MAX_BODY, ..ServerOptions::default() };
        let server = RouterServer::bind_with(ANYWHERE, options).unwrap();
        server.add_call("echo", |(text,): (String,)| text).unwrap();
        server.add_stream("count", 100.0, || 1).unwrap();
        let _frames = server.add_publisher::<String>("frames", 1 << 20).unwrap();
        let ServerEndpoints { calls, samples, frames } = server.endpoints();
        say("endpoints", format!("{calls} {samples} {frames}"));
        for _ in child::orders() {
            say("resident", resident_bytes(std::process::id()));
        }
    });
}

#[test]
fn ten_thousand_hostile_messages() {
    let _busy = BusyCores::start();
    let mut server = Child::start("server", &[]);
    let endpoints = server.hears("endpoints");
    let [calls, samples, frames] =
        endpoints.split(' ').map(|e| e.parse().unwrap()).collect::<Vec<_>>().try_into().unwrap();
    let endpoints = ServerEndpoints { calls, samples, frames };
    let good = client_at(&endpoints.calls.to_string(), ConnectOptions::default().name("good"));
    let queue = good.subscribe::<i64>("count").queue(10_000).unwrap();
    for _ in 0..200 {
        good.call::<String>("echo", ("x".repeat(1000),)).ends().unwrap();
    }
    queue.recv_timeout(PATIENCE).unwrap();
    let mut resident = || {
        server.tell("resident");
        server.hears("resident").parse::<u64>().unwrap()
    };
    let before = resident();

    let (end, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| serves_on(&good, &end, &answered));
        let _ends = EndOnDrop(&end);
        let half_open = half_open(&endpoints, HALF_OPEN);
        calls_messages(&good, &endpoints);
        subscriptions(&endpoints);
        drop(raw_connections(&endpoints, RAW_CONNECTIONS, FRAMES_PER_RAW_CONNECTION));
        oversized(&endpoints, OVERSIZED, MAX_BODY);
        are_ended(half_open);
    });
    assert!(answered.load(Ordering::Relaxed) > 0);
    queue.settle(PATIENCE).unwrap();
    assert!(queue.stats().balances() && queue.stats().lost == 0, "{:?}", queue.stats());

    let counters = good.stats().ends().unwrap().counters;
    for counter in
        ["failed_handshakes", "disconnects", "bad_messages", "bad_frame_count", "refused_subscriptions"]
    {
        assert!(counters[counter] > 0, "{counter} is 0 in {counters:?}");
    }
    let mut after = 0;
    eventually("the memory comes back", || {
        after = resident();
        after <= before + MEMORY
    });
    assert_eq!(good.counters().times_lost, 0, "the good client never lost its server");
}

/// A good client is served all the time.
fn serves_on(good: &RouterClient, end: &AtomicBool, answered: &AtomicU64) {
    while !end.load(Ordering::Relaxed) {
        let text = good.call::<String>("echo", ("served",)).deadline(PATIENCE).ends().unwrap();
        assert_eq!(text, "served");
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

struct EndOnDrop<'a>(&'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Messages at the calls port over DEALERs: each is answered or counted, exactly.
fn calls_messages(good: &RouterClient, endpoints: &ServerEndpoints) {
    let counted = || good.stats().ends().unwrap().counters;
    let before = counted();
    let (mut expected, mut answers) = (Expected::default(), 0);
    for dealer in 1..=DEALERS {
        let mut random = Random::seeded(dealer);
        let id = random.next();
        let mut client = RawClient::connect(&endpoints.calls, id, ClientSocket::Calls);
        if dealer % 2 == 0 {
            client.greet();
        }
        for number in 0..MESSAGES_PER_DEALER {
            let frames = hostile_message(&mut random, client.epoch, number, id, "");
            expected.sent(&frames);
            client.send(&frames.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        // What comes behind everything else is answered behind everything else that the loop answers itself.
        const LAST: u64 = u64::MAX - 1;
        let last = message("router.ping", LAST, client.epoch, &[]);
        expected.sent(std::slice::from_ref(&last));
        client.send(&[&last]);
        while !matches!(client.answer(), Answer::Outcome { header, .. } if header.call == LAST) {
            answers += 1;
        }
        answers += 1;
        // Calls that run on lanes may take longer. A connection that greets as somebody else meanwhile is told nothing
        // of what it called before; that is counted.
        let unroutable = || counted()["unroutable_answers"] - before["unroutable_answers"];
        eventually("every message is answered or counted", || {
            while client.answer_within(Duration::ZERO).is_some() {
                answers += 1;
            }
            answers + unroutable() >= expected.answers
        });
        assert!(client.answer_within(Duration::from_millis(1)).is_none(), "a message was answered twice");
        assert_eq!(answers + unroutable(), expected.answers);
    }
    let after = counted();
    for counter in ["bad_messages", "bad_frame_count"] {
        assert_eq!(after[counter] - before[counter], expected.counters[counter], "{counter}");
    }
    assert!(after["requests"] - before["requests"] >= expected.counters["requests"], "others call as well");
    assert!(answers > expected.answers / 2, "{answers} of {} were answered", expected.answers);
}

/// Messages of subscribers that are no subscriptions, or not to whole names.
fn subscriptions(endpoints: &ServerEndpoints) {
    for subscriber in 0..SUBSCRIBERS {
        let mut random = Random::seeded(1000 + subscriber as u64);
        let mut socket = Context::new(1).unwrap().socket(SocketKind::XSub).unwrap();
        // What it sends leaves before it goes.
        socket.set_linger(Duration::from_secs(2)).unwrap();
        socket.connect([&endpoints.samples, &endpoints.frames][subscriber % 2]).unwrap();
        for _ in 0..MESSAGES_PER_SUBSCRIBER {
            let (bytes, more) = hostile_subscription(&mut random, "count");
            eventually("a subscriber can send", || socket.try_send(Frame::copy_from(&bytes), more).is_ok());
            if more {
                socket.try_send(Frame::copy_from(b"more"), false).unwrap();
            }
        }
    }
}
