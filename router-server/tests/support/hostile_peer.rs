//! What hostile peers say at the three ports of a server, and what must become of it at the calls port. The fault suite
//! says the same.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpStream;

use router_server::ServerEndpoints;
use router_wire::hello::{ClientSocket, HelloRequest};
use router_wire::request::{encode_cancel, encode_goodbye};
use router_wire::{ClientId, ClientIdentity, ClientMessage, PROTOCOL_VERSION, arguments};

use super::random::Random;
use super::raw_client::{keywords, message};
use super::zmtp;

/// What must have become of the messages that were sent to the calls port.
#[derive(Default, Debug, PartialEq)]
pub(crate) struct Expected {
    pub(crate) counters: BTreeMap<&'static str, u64>,
    /// Outcomes that must come back.
    pub(crate) answers: u64,
}

impl Expected {
    fn count(&mut self, counter: &'static str) {
        *self.counters.entry(counter).or_default() += 1;
    }

    /// Decides as the server must.
    pub(crate) fn sent(&mut self, frames: &[Vec<u8>]) {
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

/// One message to the calls port that may be anything; what it calls begins with `prefix`.
pub(crate) fn hostile_message(
    random: &mut Random,
    epoch: u64,
    number: u64,
    id: u64,
    prefix: &str,
) -> Vec<Vec<u8>> {
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
            let body = arguments::encode(&("hostile",), &[]).unwrap();
            message(&format!("{prefix}echo"), number, epoch, &body)
        }
    }
}

/// What a subscriber says that is no subscription, not one to a whole name, or one to `name`; and whether a second frame
/// follows. Longer ones end the connection, which then says everything again: see [`oversized`].
pub(crate) fn hostile_subscription(random: &mut Random, name: &str) -> (Vec<u8>, bool) {
    let length = random.below(200);
    let mut bytes = random.bytes(length);
    match random.below(4) {
        0 => bytes.insert(0, 1),
        1 => bytes.insert(0, 0),
        2 => bytes = [&[*random.one_of(&[0, 1])][..], name.as_bytes(), b"\0"].concat(),
        _ => {}
    }
    (bytes, random.below(8) == 0)
}

/// Twice as many connections as `count` says: bytes that are no ZeroMQ, and `frames` frames written by hand behind a
/// handshake that is. They stay until they are dropped, or as long as the server wants them.
pub(crate) fn raw_connections(endpoints: &ServerEndpoints, count: usize, frames: usize) -> Vec<TcpStream> {
    let ports = [(&endpoints.calls, "DEALER"), (&endpoints.samples, "XSUB"), (&endpoints.frames, "SUB")];
    let mut streams = Vec::new();
    for connection in 0..count {
        let mut random = Random::seeded(2000 + connection as u64);
        let (endpoint, kind) = ports[connection % 3];
        let mut garbage = zmtp::dial(endpoint);
        let length = random.below(2000);
        // The server may have ended the connection before everything is written.
        let _ = garbage.write_all(&random.bytes(length));

        let mut stream = zmtp::handshake(endpoint, kind);
        for _ in 0..frames {
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

/// Frames that are larger than the server takes, sent whole or promised only; twice as many as `count` says. It ends
/// these connections.
pub(crate) fn oversized(endpoints: &ServerEndpoints, count: usize, max_body: usize) {
    for connection in 0..count {
        let mut stream = zmtp::handshake(&endpoints.calls, "DEALER");
        let bytes = if connection % 2 == 0 { 2 * max_body as u64 } else { 1 << (21 + connection % 40) };
        let _ = stream.write_all(&zmtp::frame_of(bytes));
        if connection % 2 == 0 {
            let _ = stream.write_all(&vec![7; 2 * max_body]);
        }
        assert!(zmtp::is_ended_by_server(&mut stream), "it takes a frame of {bytes} bytes");
        // Subscribers have nothing large to say.
        let mut stream = zmtp::handshake(&endpoints.samples, "SUB");
        let _ = stream.write_all(&zmtp::frame_of(bytes));
        assert!(zmtp::is_ended_by_server(&mut stream), "samples: it takes a frame of {bytes} bytes");
    }
}

/// Connections that say nothing, or half of what they should, until they are given to [`are_ended`].
pub(crate) fn half_open(endpoints: &ServerEndpoints, count: usize) -> Vec<TcpStream> {
    let ports = [&endpoints.calls, &endpoints.samples, &endpoints.frames];
    let mut streams = Vec::new();
    for connection in 0..count {
        let mut stream = zmtp::dial(ports[connection % 3]);
        let greeting = zmtp::greeting(["NULL", "PLAIN", "CURVE", ""][connection % 4]);
        stream.write_all(&greeting[..connection % 64]).unwrap();
        streams.push(stream);
    }
    streams
}

/// The server ends connections that are only half open.
pub(crate) fn are_ended(half_open: Vec<TcpStream>) {
    for mut stream in half_open {
        assert!(zmtp::is_ended_by_server(&mut stream), "a connection without a handshake stays open");
    }
}
