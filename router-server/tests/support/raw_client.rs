//! A client that is nothing but a DEALER: it sends whatever a test likes, in whatever order.

use std::time::{Duration, Instant};

use router_server::RouterServer;
use router_socket::{Context, Endpoint, Frame, PollEntry, Socket, SocketKind, poll};
use router_wire::hello::{ClientSocket, HelloRequest};
use router_wire::request::{RequestFlags, encode_cancel, encode_goodbye};
use router_wire::{
    ClientId, ClientIdentity, Encoding, Failure, GatewayHop, HelloReply, OutcomeHeader, PROTOCOL_VERSION,
    RequestHeader, ServerMessage, Status, arguments, body,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::PATIENCE;

/// One DEALER with the identity it greets with.
pub(crate) struct RawClient {
    socket: Socket,
    identity: ClientIdentity,
    role: ClientSocket,
    pub(crate) epoch: u64,
    /// The names of calls that may run again, as the server told.
    pub(crate) idempotent: Vec<String>,
}

/// A message of the server.
#[derive(Debug)]
pub(crate) enum Answer {
    Outcome { header: OutcomeHeader, body: Vec<u8> },
    Progress { call: u64, fraction: f64, message: String },
}

impl RawClient {
    /// A DEALER that has greeted as `id` on the calls socket.
    #[track_caller]
    pub(crate) fn greeted(server: &RouterServer, id: u64) -> RawClient {
        let mut client = RawClient::connect(&server.endpoints().calls, id, ClientSocket::Calls);
        client.greet();
        client
    }

    /// A DEALER that has greeted as `id` on the control socket.
    #[track_caller]
    pub(crate) fn greeted_control(server: &RouterServer, id: u64) -> RawClient {
        let mut client = RawClient::connect(&server.endpoints().calls, id, ClientSocket::Control);
        client.greet();
        client
    }

    /// A DEALER that has sent nothing.
    pub(crate) fn connect(calls: &Endpoint, id: u64, role: ClientSocket) -> RawClient {
        let socket = Context::new(1).unwrap().socket(SocketKind::Dealer).unwrap();
        socket.set_max_message_bytes(256 << 20).unwrap();
        socket.connect(calls).unwrap();
        let identity = ClientIdentity {
            id: ClientId(0, id),
            name: "raw".into(),
            user: "alice".into(),
            host: "scope-3".into(),
            pid: id as u32,
        };
        RawClient { socket, identity, role, idempotent: Vec::new(), epoch: 0 }
    }

    /// How the server names this client.
    pub(crate) fn label(&self) -> String {
        self.identity.to_string()
    }

    /// Says who it is, with call number `u64::MAX`, and takes the server's epoch.
    #[track_caller]
    pub(crate) fn greet(&mut self) {
        let hello = HelloRequest {
            protocol_version: PROTOCOL_VERSION,
            client: self.identity.clone(),
            socket: self.role,
            dialled: String::new(),
            gateways: Vec::new(),
        };
        self.send(&[&message("router.hello", u64::MAX, 0, &keywords(&hello))]);
        let reply: HelloReply = self.value(u64::MAX);
        self.epoch = reply.epoch;
        self.idempotent = reply.idempotent;
    }

    /// Says that it is a gateway; returns why it is refused, nothing when it is welcome.
    #[track_caller]
    pub(crate) fn greet_as_gateway(&mut self, gateways: Vec<GatewayHop>) -> String {
        let hello = HelloRequest {
            protocol_version: PROTOCOL_VERSION,
            client: self.identity.clone(),
            socket: self.role,
            dialled: String::new(),
            gateways,
        };
        self.send(&[&message("router.hello", u64::MAX, 0, &keywords(&hello))]);
        match self.outcome(u64::MAX) {
            (Status::Done, _) => String::new(),
            (_, body) => body::decode::<Failure>(&body).unwrap().to_string(),
        }
    }

    /// Sends a request.
    pub(crate) fn request(&mut self, number: u64, target: &str, arguments: &impl Serialize) {
        let message = message(target, number, self.epoch, &arguments::encode(arguments, &[]).unwrap());
        self.send(&[&message]);
    }

    /// Sends a request with a deadline.
    pub(crate) fn request_within(
        &mut self,
        number: u64,
        target: &str,
        arguments: &impl Serialize,
        deadline: Duration,
    ) {
        let mut header = header(number, self.epoch);
        header.deadline_us = deadline.as_micros() as u64;
        let mut message = Vec::new();
        header.encode(target, &mut message);
        message.extend(arguments::encode(arguments, &[]).unwrap());
        self.send(&[&message]);
    }

    /// Sends a request that runs although its client is lost.
    pub(crate) fn request_detached(&mut self, number: u64, target: &str, arguments: &impl Serialize) {
        let mut header = header(number, self.epoch);
        header.flags.detached = true;
        let mut message = Vec::new();
        header.encode(target, &mut message);
        message.extend(arguments::encode(arguments, &[]).unwrap());
        self.send(&[&message]);
    }

    pub(crate) fn cancel(&mut self, number: u64) {
        self.send(&[&encode_cancel(self.epoch, number)]);
    }

    /// Says that it leaves, and stays.
    pub(crate) fn goodbye(&mut self) {
        self.send(&[&encode_goodbye(self.epoch)]);
    }

    /// Sends frames, waiting for room.
    #[track_caller]
    pub(crate) fn send(&mut self, frames: &[&[u8]]) {
        for (index, frame) in frames.iter().enumerate() {
            let more = index + 1 < frames.len();
            let mut sent = self.socket.try_send(Frame::copy_from(frame), more);
            let deadline = Instant::now() + PATIENCE;
            while let Err(refused) = sent {
                assert!(Instant::now() < deadline, "{refused}");
                poll(&mut [PollEntry::writable(&self.socket)], Some(Duration::from_millis(100))).unwrap();
                sent = self.socket.try_send(refused.frame, more);
            }
        }
    }

    /// The next message of the server.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        self.answer_within(PATIENCE).expect("the server answers")
    }

    /// The next message of the server, if there is one in time.
    pub(crate) fn answer_within(&mut self, timeout: Duration) -> Option<Answer> {
        let deadline = Instant::now() + timeout;
        let mut frames = Vec::new();
        while !self.socket.try_recv_message(&mut frames).unwrap() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            poll(&mut [PollEntry::readable(&self.socket)], Some(left)).unwrap();
        }
        let own = frames.get(1).map(|frame| frame.to_vec());
        Some(match ServerMessage::decode(&frames[0]).unwrap() {
            ServerMessage::Outcome { header, body } => {
                Answer::Outcome { header, body: own.unwrap_or_else(|| body.to_vec()) }
            }
            ServerMessage::Progress { call, body: bytes, .. } => {
                let progress: router_wire::reply::Progress = body::decode(bytes).unwrap();
                Answer::Progress { call, fraction: progress.fraction, message: progress.message }
            }
        })
    }

    /// The outcome of the call `number`, which must come next but for progress.
    #[track_caller]
    pub(crate) fn outcome(&mut self, number: u64) -> (Status, Vec<u8>) {
        loop {
            if let Answer::Outcome { header, body } = self.answer() {
                assert_eq!(header.call, number, "the outcome of another call: {:?} {body:?}", header.status);
                return (header.status, body);
            }
        }
    }

    /// The value with which the call `number` ended.
    #[track_caller]
    pub(crate) fn value<T: DeserializeOwned>(&mut self, number: u64) -> T {
        let (status, bytes) = self.outcome(number);
        assert_eq!(status, Status::Done, "{:?}", body::decode::<Failure>(&bytes));
        body::decode_as(if bytes.is_empty() { Encoding::None } else { Encoding::MessagePack }, &bytes)
            .unwrap()
    }

    /// The failure with which the call `number` ended.
    #[track_caller]
    pub(crate) fn failure(&mut self, number: u64) -> Failure {
        let (status, bytes) = self.outcome(number);
        let failure: Failure = body::decode(&bytes).unwrap();
        assert_eq!(status, failure.status());
        failure
    }
}

/// The header of an ordinary request.
pub(crate) fn header(number: u64, epoch: u64) -> RequestHeader {
    RequestHeader {
        flags: RequestFlags::default(),
        encoding: Encoding::MessagePack,
        lease: 0,
        epoch,
        call: number,
        deadline_us: 0,
    }
}

/// A whole request.
pub(crate) fn message(target: &str, number: u64, epoch: u64, body: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    header(number, epoch).encode(target, &mut message);
    message.extend_from_slice(body);
    message
}

/// A hello's body: the fields as keyword arguments.
pub(crate) fn keywords(hello: &HelloRequest) -> Vec<u8> {
    let keyword = [
        ("protocol_version".to_owned(), body::encode(&hello.protocol_version).unwrap()),
        ("client".to_owned(), body::encode(&hello.client).unwrap()),
        ("socket".to_owned(), body::encode(&hello.socket).unwrap()),
        ("gateways".to_owned(), body::encode(&hello.gateways).unwrap()),
    ];
    arguments::encode(&(), &keyword).unwrap()
}
