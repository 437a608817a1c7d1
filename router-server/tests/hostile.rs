//! 10,000 hostile messages over a few hundred connections: the server serves on, its memory comes back, and what
//! reached the application is answered or counted.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod support;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use router_client::{ConnectOptions, RouterClient};
use router_server::{RouterServer, ServerEndpoints, ServerOptions};
use router_socket::{Context, Frame, SocketKind};
use router_wire::hello::{ClientSocket, HelloRequest};
use router_wire::request::{encode_cancel, encode_goodbye};
use router_wire::{ClientId, ClientIdentity, ClientMessage, PROTOCOL_VERSION, arguments};
use support::child::{self, play, resident_bytes, say};
use support::random::Random;
use support::raw_client::{Answer, keywords, message};
use support::{ANYWHERE, BusyCores, Child, Ends, PATIENCE, RawClient, client_at, eventually, zmtp};

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
        half_open(&endpoints, || {
            calls_messages(&good, &endpoints);
            subscriptions(&endpoints);
            raw_connections(&endpoints);
            oversized(&endpoints);
        });
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

/// What must have become of the messages that were sent.
#[derive(Default, Debug, PartialEq)]
struct Expected {
    counters: BTreeMap<&'static str, u64>,
    /// Outcomes that must come back.
    answers: u64,
}

impl Expected {
    fn count(&mut self, counter: &'static str) {
        *self.counters.entry(counter).or_default() += 1;
    }

    /// Decides as the server must.
    fn sent(&mut self, frames: &[Vec<u8>]) {
        if !(1..=2).contains(&frames.len()) {
            return self.count("bad_frame_count");
        }
        match ClientMessage::decode(&frames[0]) {
            Ok(ClientMessage::Request { header, .. })
                if header.flags.body_in_own_frame != (frames.len() == 2) =>
            {
                self.count("bad_frame_count");
            }
            Ok(ClientMessage::Request { .. }) => {
                self.count("requests");
                self.answers += 1;
            }
            // A goodbye is neither answered nor counted: it is what it is. A cancel may find its call or not.
            Ok(_) => {}
            Err(_) => {
                self.count("bad_messages");
                self.answers += u64::from(ClientMessage::call_number(&frames[0]).is_some());
            }
        }
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
            let frames = hostile_message(&mut random, client.epoch, number, id);
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

/// One message that may be anything.
fn hostile_message(random: &mut Random, epoch: u64, number: u64, id: u64) -> Vec<Vec<u8>> {
    let mut valid = valid_message(random, epoch, number, id);
    match random.below(6) {
        0 => {
            let length = random.below(200);
            vec![random.bytes(length)]
        }
        1 => {
            valid.truncate(random.below(valid.len() + 1));
            vec![valid]
        }
        2 | 3 => {
            for _ in 0..=random.below(4) {
                let at = random.below(valid.len());
                valid[at] = random.next() as u8;
            }
            vec![valid]
        }
        4 => {
            // 0 to 40 frames behind it; the server keeps 16.
            let mut frames = vec![valid];
            for _ in 0..random.below(40) {
                let length = random.below(20);
                frames.push(random.bytes(length));
            }
            frames
        }
        _ => {
            let length = random.below(100);
            valid.extend(random.bytes(length));
            vec![valid]
        }
    }
}

fn valid_message(random: &mut Random, epoch: u64, number: u64, id: u64) -> Vec<u8> {
    let identity = ClientIdentity {
        id: ClientId(id, id),
        name: "hostile".into(),
        user: "mallory".into(),
        host: "elsewhere".into(),
        pid: 1,
    };
    let (protocol_version, socket) = (PROTOCOL_VERSION, ClientSocket::Calls);
    let hello = HelloRequest {
        protocol_version,
        client: identity,
        socket,
        dialled: String::new(),
        gateways: Vec::new(),
    };
    match random.below(8) {
        0 => message("router.hello", number, 0, &keywords(&hello)),
        1 => encode_cancel(epoch, number / 2).to_vec(),
        2 => encode_goodbye(epoch).to_vec(),
        3 => message("router.ping", number, epoch, &[]),
        4 => message("no.such.call", number, epoch, &[]),
        5 => message("router.describe", number, epoch, &[]),
        _ => message("echo", number, epoch, &arguments::encode(&("hostile",), &[]).unwrap()),
    }
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
            // Longer ones end the connection, which then says everything again: see `oversized`.
            let length = random.below(200);
            let mut bytes = random.bytes(length);
            match random.below(4) {
                0 => bytes.insert(0, 1),
                1 => bytes.insert(0, 0),
                2 => bytes = [&[*random.one_of(&[0, 1])][..], b"count\0"].concat(),
                _ => {}
            }
            let more = random.below(8) == 0;
            eventually("a subscriber can send", || socket.try_send(Frame::copy_from(&bytes), more).is_ok());
            if more {
                socket.try_send(Frame::copy_from(b"more"), false).unwrap();
            }
        }
    }
}

/// Bytes that are no ZeroMQ, and frames written by hand behind a handshake that is.
fn raw_connections(endpoints: &ServerEndpoints) {
    let ports = [(&endpoints.calls, "DEALER"), (&endpoints.samples, "XSUB"), (&endpoints.frames, "SUB")];
    for connection in 0..RAW_CONNECTIONS {
        let mut random = Random::seeded(2000 + connection as u64);
        let (endpoint, kind) = ports[connection % 3];
        let mut garbage = zmtp::dial(endpoint);
        let length = random.below(2000);
        // The server may have ended the connection before everything is written.
        let _ = garbage.write_all(&random.bytes(length));

        let mut stream = zmtp::handshake(endpoint, kind);
        for _ in 0..FRAMES_PER_RAW_CONNECTION {
            let length = random.below(400);
            let mut bytes = match random.below(4) {
                0 => random.bytes(length),
                _ => zmtp::message_frame(&random.bytes(length), random.below(3) == 0),
            };
            bytes.truncate(bytes.len() - random.below(bytes.len() / 8 + 1));
            if stream.write_all(&bytes).is_err() {
                break;
            }
        }
    }
}

/// Frames that are larger than a server takes, sent whole or promised only.
fn oversized(endpoints: &ServerEndpoints) {
    for connection in 0..OVERSIZED {
        let mut stream = zmtp::handshake(&endpoints.calls, "DEALER");
        let bytes = if connection % 2 == 0 { 2 * MAX_BODY as u64 } else { 1 << (21 + connection) };
        let _ = stream.write_all(&zmtp::frame_of(bytes));
        if connection % 2 == 0 {
            let _ = stream.write_all(&vec![7; 2 * MAX_BODY]);
        }
        assert!(zmtp::is_ended_by_server(&mut stream), "it takes a frame of {bytes} bytes");
        // Subscribers have nothing large to say.
        let mut stream = zmtp::handshake(&endpoints.samples, "SUB");
        let _ = stream.write_all(&zmtp::frame_of(bytes));
        assert!(zmtp::is_ended_by_server(&mut stream), "samples: it takes a frame of {bytes} bytes");
    }
}

/// Connections that say nothing, or half of what they should, while `act` runs: the server ends them.
fn half_open(endpoints: &ServerEndpoints, act: impl FnOnce()) {
    let ports = [&endpoints.calls, &endpoints.samples, &endpoints.frames];
    let mut streams: Vec<_> = (0..HALF_OPEN)
        .map(|connection| {
            let mut stream = zmtp::dial(ports[connection % 3]);
            let greeting = zmtp::greeting(["NULL", "PLAIN", "CURVE", ""][connection % 4]);
            stream.write_all(&greeting[..connection]).unwrap();
            stream
        })
        .collect();
    act();
    for stream in &mut streams {
        assert!(zmtp::is_ended_by_server(stream), "a connection without a handshake stays open");
    }
}
