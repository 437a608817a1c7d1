//! The hello: its bytes, and what the server's answer to it says.

use std::collections::HashSet;

use foldhash::fast::RandomState;
use router_socket::Endpoint;
use router_wire::hello::{ClientSocket, GatewayHop, HelloReply};
use router_wire::request::RequestFlags;
use router_wire::{
    ClientIdentity, Encoding, Failure, OutcomeHeader, PROTOCOL_VERSION, RequestHeader, Status, arguments,
    body,
};
use serde::Deserialize;

use crate::streams::ServerView;

/// A longer answer to a hello is not read: it is read in the loop. It names the urgent calls, and these are few.
const MOST_HELLO_BYTES: usize = HelloReply::MOST_BYTES;

/// What a server said to a hello.
#[derive(Debug)]
pub(crate) enum Greeting {
    /// It serves this client.
    Welcome(Box<Session>),
    /// It speaks another version.
    OtherVersion { theirs: u32 },
    /// It refuses, or its answer is none.
    Refused { reason: String },
}

/// What holds until the next hello.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// This life of the server; 0 before the first hello.
    pub(crate) epoch: u64,
    /// Where its streams are.
    pub(crate) server: Option<ServerView>,
    /// Calls that go through the control socket.
    pub(crate) urgent: HashSet<String, RandomState>,
    /// Calls that may run again.
    pub(crate) idempotent: HashSet<String, RandomState>,
    /// When a ping tells another one, the names are old.
    pub(crate) registry_version: u64,
    /// Longest body the server takes.
    pub(crate) max_body_bytes: usize,
}

/// Makes the hello of one of a client's sockets; `gateways` is empty unless the client is a gateway.
pub(crate) fn hello(
    client: &ClientIdentity,
    socket: ClientSocket,
    dialled: &Endpoint,
    gateways: &[GatewayHop],
    call: u64,
) -> Vec<u8> {
    let mut message = small_request("router.hello", 0, call);
    let mut fields = vec![
        keyword("protocol_version", &PROTOCOL_VERSION),
        keyword("client", client),
        keyword("socket", &socket),
        keyword("dialled", &dialled.to_string()),
    ];
    if !gateways.is_empty() {
        fields.push(keyword("gateways", &gateways));
    }
    append_keywords(&fields, &mut message);
    message
}

/// Makes a ping that confirms what was received.
pub(crate) fn ping(epoch: u64, call: u64, received_bytes: u64) -> Vec<u8> {
    let mut message = small_request("router.ping", epoch, call);
    append_keywords(&[keyword("received_bytes", &received_bytes)], &mut message);
    message
}

fn small_request(target: &str, epoch: u64, call: u64) -> Vec<u8> {
    let flags = RequestFlags::default();
    let header =
        RequestHeader { flags, encoding: Encoding::MessagePack, lease: 0, epoch, call, deadline_us: 0 };
    let mut message = Vec::with_capacity(128);
    header.encode(target, &mut message);
    message
}

const PLAIN: &str = "plain values are written";

fn keyword<T: serde::Serialize + ?Sized>(name: &str, value: &T) -> (String, Vec<u8>) {
    (name.to_owned(), body::encode(value).expect(PLAIN))
}

fn append_keywords(keywords: &[(String, Vec<u8>)], message: &mut Vec<u8>) {
    arguments::encode_positional_into(&(), message).expect(PLAIN);
    arguments::encode_keyword_into(keywords, message).expect(PLAIN);
}

/// Reads the answer to a hello of a client that dialled `dialled`.
pub(crate) fn read(dialled: &Endpoint, header: &OutcomeHeader, bytes: &[u8]) -> Greeting {
    let refused = |reason: String| Greeting::Refused { reason };
    if bytes.len() > MOST_HELLO_BYTES {
        let got = bytes.len();
        return refused(format!("the server's greeting has {got} bytes; the limit is {MOST_HELLO_BYTES}"));
    }
    if header.status != Status::Done {
        return match body::decode_as::<Failure>(header.encoding, bytes) {
            Ok(failure) => refused(format!("the server refused the greeting: {failure}")),
            Err(error) => refused(format!("the server's answer to the greeting cannot be read: {error}")),
        };
    }
    // The version first: an answer of another version may look different behind it.
    match body::decode_as::<Version>(header.encoding, bytes) {
        Ok(Version { protocol_version: PROTOCOL_VERSION }) => {}
        Ok(Version { protocol_version: theirs }) => return Greeting::OtherVersion { theirs },
        Err(error) => return refused(format!("the server's answer to the greeting cannot be read: {error}")),
    }
    let reply: HelloReply = match body::decode_as(header.encoding, bytes) {
        Ok(reply) => reply,
        Err(error) => return refused(format!("the server's answer to the greeting cannot be read: {error}")),
    };
    if reply.epoch == 0 || reply.epoch != header.epoch {
        return refused(format!(
            "the server's greeting names no epoch, or two: {} and {}",
            reply.epoch, header.epoch
        ));
    }
    match (served_at(dialled, &reply.samples), served_at(dialled, &reply.frames)) {
        (Ok(samples), Ok(frames)) => Greeting::Welcome(Box::new(Session {
            epoch: reply.epoch,
            server: Some(ServerView {
                epoch: reply.epoch,
                samples,
                frames,
                // What is none is one that nobody can connect to: then samples come over the network.
                slots: reply.slots.parse().ok(),
                by_ipv6: false,
            }),
            urgent: reply.urgent.into_iter().collect(),
            idempotent: reply.idempotent.into_iter().collect(),
            registry_version: reply.registry_version,
            max_body_bytes: usize::try_from(reply.max_body_bytes).unwrap_or(usize::MAX),
        })),
        (Err(reason), _) | (_, Err(reason)) => refused(reason),
    }
}

#[derive(Deserialize)]
struct Version {
    protocol_version: u32,
}

/// Where a client that dialled `dialled` reaches what is served at `served`.
fn served_at(dialled: &Endpoint, served: &str) -> Result<Endpoint, String> {
    let endpoint: Endpoint =
        served.parse().map_err(|error| format!("the server names an endpoint that is none: {error}"))?;
    match (endpoint.host(), endpoint.port()) {
        (Some("*" | "0.0.0.0" | "::"), Some(port)) => Ok(dialled.with_port(port)),
        _ => Ok(endpoint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_becomes_the_host_that_was_dialled() {
        fn check(dialled: &str, served: &str, expect: &str) {
            let found = served_at(&dialled.parse().unwrap(), served).unwrap();
            assert_eq!(found.to_string(), expect);
        }
        check("tcp://scope-3:5555", "tcp://0.0.0.0:5556", "tcp://scope-3:5556");
        check("tcp://scope-3:5555", "tcp://*:5556", "tcp://scope-3:5556");
        check("tcp://[fe80::1]:5555", "tcp://[::]:5556", "tcp://[fe80::1]:5556");
        check("tcp://scope-3:5555", "tcp://10.0.0.7:5556", "tcp://10.0.0.7:5556");
        check("ipc:///tmp/rig", "ipc:///tmp/rig.samples", "ipc:///tmp/rig.samples");
        assert!(served_at(&"tcp://a:1".parse().unwrap(), "nonsense").is_err());
    }

    #[test]
    fn any_answer_is_read_or_refused() {
        let header = OutcomeHeader {
            body_in_own_frame: false,
            encoding: Encoding::MessagePack,
            status: Status::Done,
            epoch: 7,
            call: 1,
        };
        let dialled: Endpoint = "tcp://a:1".parse().unwrap();
        let check = |bytes: &[u8]| matches!(read(&dialled, &header, bytes), Greeting::Refused { .. });
        assert!(check(&[]));
        assert!(check(&[0xc1]));
        assert!(check(&body::encode(&("a", 1)).unwrap()));
        let other = body::encode(&std::collections::BTreeMap::from([("protocol_version", 9)])).unwrap();
        assert!(matches!(read(&dialled, &header, &other), Greeting::OtherVersion { theirs: 9 }));
    }
}
