//! 100,000 hostile messages over at most 2,000 connections, at all three ports of a server. What reached the application
//! behind the calls port is answered or counted, exactly; at a gateway also what it passes on.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use router_client::{ConnectOptions, RouterClient};
use router_server::ServerEndpoints;
use router_socket::{Context, Frame, SocketKind};
use router_wire::hello::{ClientSocket, HelloRequest};
use router_wire::request::{encode_cancel, encode_goodbye};
use router_wire::{ClientId, ClientIdentity, ClientMessage, PROTOCOL_VERSION, arguments};

use crate::child::{argument, number, orders, say};
use crate::descriptors;
use crate::failed::{Outcome, PATIENCE, check, until};
use crate::support::random::Random;
use crate::support::raw_client::{Answer, RawClient, keywords, message};
use crate::support::zmtp;

const DEALERS: u64 = 400;
const MESSAGES_PER_DEALER: u64 = 150;
const SUBSCRIBERS: usize = 240;
const MESSAGES_PER_SUBSCRIBER: usize = 125;
const RAW_CONNECTIONS: usize = 250;
const FRAMES_PER_RAW_CONNECTION: usize = 40;
const OVERSIZED: usize = 60;
const HALF_OPEN: usize = 300;
pub(crate) const CONNECTIONS: usize =
    DEALERS as usize + SUBSCRIBERS + RAW_CONNECTIONS * 2 + OVERSIZED * 2 + HALF_OPEN;
pub(crate) const MESSAGES: usize = DEALERS as usize * MESSAGES_PER_DEALER as usize
    + SUBSCRIBERS * MESSAGES_PER_SUBSCRIBER
    + RAW_CONNECTIONS * FRAMES_PER_RAW_CONNECTION
    + RAW_CONNECTIONS
    + OVERSIZED * 2;
const _: () = assert!(MESSAGES >= 100_000 && CONNECTIONS <= 2_000);

pub(crate) fn play() -> Outcome {
    // A DEALER with a context of its own takes a few beside its connection.
    descriptors::allow(12 * DEALERS + 2 * CONNECTIONS as u64)?;
    let endpoints = argument("endpoints")?;
    let [calls, samples, frames] = endpoints
        .split(' ')
        .map(str::parse)
        .collect::<Result<Vec<_>, _>>()?
        .try_into()
        .map_err(|_| "3 endpoints")?;
    let endpoints = ServerEndpoints { calls, samples, frames };
    let (max_body, prefix) = (number("max_body_bytes", 0), argument("prefix")?);
    let good =
        RouterClient::connect_with(&endpoints.calls.to_string(), ConnectOptions::default().name("good"))?;
    good.wait_connected(PATIENCE)?;
    let half_open = half_open(&endpoints)?;
    let dealers = calls_messages(&good, &endpoints, &prefix)?;
    let subscribers = subscriptions(&endpoints, &prefix)?;
    let raw = raw_connections(&endpoints);
    oversized(&endpoints, max_body)?;
    for mut stream in half_open {
        check(zmtp::is_ended_by_server(&mut stream), || {
            "a connection without a handshake stays open".into()
        })?;
    }
    say("sent", MESSAGES);
    for order in orders() {
        if order == "close" {
            break;
        }
    }
    drop((dealers, subscribers, raw, good));
    say("closed", CONNECTIONS);
    orders().for_each(drop);
    Ok(())
}

/// What must have become of the messages that were sent.
#[derive(Default)]
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

/// Messages at the calls port over DEALERs, which stay open. Names of what is called begin with `prefix`.
fn calls_messages(good: &RouterClient, endpoints: &ServerEndpoints, prefix: &str) -> Outcome<Vec<RawClient>> {
    let counted = || good.stats().deadline(PATIENCE).wait().map(|stats| stats.counters);
    let before = counted()?;
    let (mut expected, mut answers) = (Expected::default(), 0);
    let mut dealers = Vec::new();
    for dealer in 1..=DEALERS {
        let mut random = Random::seeded(dealer);
        let id = random.next();
        let mut client = RawClient::connect(&endpoints.calls, id, ClientSocket::Calls);
        if dealer % 2 == 0 {
            client.greet();
        }
        for number in 0..MESSAGES_PER_DEALER {
            let frames = hostile_message(&mut random, client.epoch, number, id, prefix);
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
        // Calls that run on lanes may take longer.
        until("every message is answered or counted", || {
            while client.answer_within(Duration::ZERO).is_some() {
                answers += 1;
            }
            if answers >= expected.answers {
                return Ok(Some(()));
            }
            // A connection that greets as somebody else meanwhile is told nothing of what it called before.
            let unroutable = counted()?["unroutable_answers"] - before["unroutable_answers"];
            Ok((answers + unroutable >= expected.answers).then_some(()))
        })?;
        dealers.push(client);
    }
    let after = counted()?;
    for dealer in &mut dealers {
        check(dealer.answer_within(Duration::ZERO).is_none(), || "a message was answered twice".into())?;
    }
    for counter in ["bad_messages", "bad_frame_count"] {
        let (found, sent) = (after[counter] - before[counter], expected.counters[counter]);
        check(found == sent, || format!("the server counts {found} {counter} of {sent}"))?;
    }
    let unroutable = after["unroutable_answers"] - before["unroutable_answers"];
    check(answers + unroutable == expected.answers, || {
        format!("{answers} answers and {unroutable} unroutable ones of {}", expected.answers)
    })?;
    Ok(dealers)
}

/// One message that may be anything.
fn hostile_message(random: &mut Random, epoch: u64, number: u64, id: u64, prefix: &str) -> Vec<Vec<u8>> {
    let mut valid = valid_message(random, epoch, number, id, prefix);
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

fn valid_message(random: &mut Random, epoch: u64, number: u64, id: u64, prefix: &str) -> Vec<u8> {
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
        4 => message(&format!("{prefix}no.such.call"), number, epoch, &[]),
        5 => message("router.describe", number, epoch, &[]),
        _ => {
            let body = arguments::encode(&("hostile",), &[]).unwrap_or_default();
            message(&format!("{prefix}echo"), number, epoch, &body)
        }
    }
}

/// Messages of subscribers that are no subscriptions, or not to whole names. The subscribers stay.
fn subscriptions(endpoints: &ServerEndpoints, prefix: &str) -> Outcome<Vec<router_socket::Socket>> {
    let name = format!("{prefix}count\0");
    let context = Context::new(1)?;
    let mut sockets = Vec::new();
    for subscriber in 0..SUBSCRIBERS {
        let mut random = Random::seeded(1000 + subscriber as u64);
        let mut socket = context.socket(SocketKind::XSub)?;
        // What it sends leaves before it goes.
        socket.set_linger(Duration::from_secs(2))?;
        socket.connect([&endpoints.samples, &endpoints.frames][subscriber % 2])?;
        for _ in 0..MESSAGES_PER_SUBSCRIBER {
            // Longer ones end the connection, which then says everything again: see `oversized`.
            let length = random.below(200);
            let mut bytes = random.bytes(length);
            match random.below(4) {
                0 => bytes.insert(0, 1),
                1 => bytes.insert(0, 0),
                2 => bytes = [&[*random.one_of(&[0, 1])][..], name.as_bytes()].concat(),
                _ => {}
            }
            let more = random.below(8) == 0;
            until("a subscriber can send", || {
                Ok(socket.try_send(Frame::copy_from(&bytes), more).is_ok().then_some(()))
            })?;
            if more {
                until("a subscriber can send", || {
                    Ok(socket.try_send(Frame::copy_from(b"more"), false).is_ok().then_some(()))
                })?;
            }
        }
        sockets.push(socket);
    }
    Ok(sockets)
}

/// Bytes that are no ZeroMQ, and frames written by hand behind a handshake that is. They stay as long as the server
/// wants them.
fn raw_connections(endpoints: &ServerEndpoints) -> Vec<TcpStream> {
    let ports = [(&endpoints.calls, "DEALER"), (&endpoints.samples, "XSUB"), (&endpoints.frames, "SUB")];
    let mut streams = Vec::new();
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
        streams.extend([garbage, stream]);
    }
    streams
}

/// Frames that are larger than a server takes, sent whole or promised only.
fn oversized(endpoints: &ServerEndpoints, max_body: usize) -> Outcome {
    for connection in 0..OVERSIZED {
        let mut stream = zmtp::handshake(&endpoints.calls, "DEALER");
        let bytes = if connection % 2 == 0 { 2 * max_body as u64 } else { 1 << (21 + connection % 40) };
        let _ = stream.write_all(&zmtp::frame_of(bytes));
        if connection % 2 == 0 {
            let _ = stream.write_all(&vec![7; 2 * max_body]);
        }
        check(zmtp::is_ended_by_server(&mut stream), || format!("it takes a frame of {bytes} bytes"))?;
        // Subscribers have nothing large to say.
        let mut stream = zmtp::handshake(&endpoints.samples, "SUB");
        let _ = stream.write_all(&zmtp::frame_of(bytes));
        check(zmtp::is_ended_by_server(&mut stream), || {
            format!("samples: it takes a frame of {bytes} bytes")
        })?;
    }
    Ok(())
}

/// Connections that say nothing, or half of what they should.
fn half_open(endpoints: &ServerEndpoints) -> Outcome<Vec<TcpStream>> {
    let ports = [&endpoints.calls, &endpoints.samples, &endpoints.frames];
    let mut streams = Vec::new();
    for connection in 0..HALF_OPEN {
        let mut stream = zmtp::dial(ports[connection % 3]);
        let greeting = zmtp::greeting(["NULL", "PLAIN", "CURVE", ""][connection % 4]);
        stream.write_all(&greeting[..connection % 64])?;
        streams.push(stream);
    }
    Ok(streams)
}
