//! A server whose every answer is scripted by the test: a raw ROUTER on a thread.
//!
//! It greets and answers pings by its [`Manners`]; every other message is handed to the test, which answers it.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "a helper of tests fails as a test does")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use parking_lot::Mutex;
use router_client::{ConnectOptions, Failure, RouterClient};
use router_socket::{
    Context, Endpoint, Frame, MailSender, Mailbox, Monitor, NamedThread, PollEntry, Socket, SocketEvent,
    SocketKind,
};
use router_wire::hello::{ClientSocket, HelloReply, HelloRequest, PingReply};
use router_wire::reply::{Progress, encode_progress_header};
use router_wire::{
    Arguments, ClientIdentity, ClientMessage, Encoding, OutcomeHeader, PROTOCOL_VERSION, RequestHeader,
    Status, body,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;

/// Longer than anything takes on a busy machine; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How the server behaves without being told.
#[derive(Debug, Clone)]
pub(crate) struct Manners {
    pub(crate) epoch: u64,
    pub(crate) answers_hello: bool,
    pub(crate) answers_pings: bool,
    pub(crate) protocol_version: u32,
    pub(crate) urgent: Vec<String>,
    pub(crate) idempotent: Vec<String>,
    pub(crate) registry_version: u64,
    pub(crate) max_body_bytes: u64,
}

impl Default for Manners {
    fn default() -> Self {
        Manners {
            epoch: 7,
            answers_hello: true,
            answers_pings: true,
            protocol_version: PROTOCOL_VERSION,
            urgent: Vec::new(),
            idempotent: Vec::new(),
            registry_version: 1,
            max_body_bytes: 64 << 20,
        }
    }
}

/// A message other than hello and ping.
#[derive(Debug)]
pub(crate) enum Seen {
    Request(Asked),
    Cancel { peer: Vec<u8>, epoch: u64, call: u64 },
    Goodbye { peer: Vec<u8>, epoch: u64 },
}

/// A request, and through which socket it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) peer: Vec<u8>,
    pub(crate) socket: Option<ClientSocket>,
    pub(crate) header: RequestHeader,
    pub(crate) target: String,
    pub(crate) body: Vec<u8>,
    pub(crate) frames: usize,
}

/// A hello.
#[derive(Debug)]
pub(crate) struct Greeted {
    pub(crate) client: ClientIdentity,
    pub(crate) socket: ClientSocket,
}

enum Order {
    Send { peer: Vec<u8>, frames: Vec<Vec<u8>> },
    Close,
}

pub(crate) struct FakeServer {
    context: Context,
    pub(crate) endpoint: Endpoint,
    pub(crate) manners: Arc<Mutex<Manners>>,
    pub(crate) hellos: Receiver<Greeted>,
    /// The bytes that each ping confirmed.
    pub(crate) pings: Receiver<u64>,
    seen: Receiver<Seen>,
    reports: Reports,
    running: Option<(MailSender<Order>, NamedThread)>,
    _folder: Option<TempDir>,
}

#[derive(Clone)]
struct Reports {
    hellos: Sender<Greeted>,
    pings: Sender<u64>,
    seen: Sender<Seen>,
}

impl FakeServer {
    pub(crate) fn start() -> FakeServer {
        FakeServer::with(Manners::default())
    }

    pub(crate) fn with(manners: Manners) -> FakeServer {
        FakeServer::at("tcp://127.0.0.1:*", manners, None)
    }

    /// One that may be closed and opened again: nobody else takes its place meanwhile, as somebody may take a port.
    pub(crate) fn reopening() -> FakeServer {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("ipc://{}/calls", folder.path().display());
        FakeServer::at(&address, Manners::default(), Some(folder))
    }

    fn at(address: &str, manners: Manners, folder: Option<TempDir>) -> FakeServer {
        let (hellos_in, hellos) = unbounded();
        let (pings_in, pings) = unbounded();
        let (seen_in, seen) = unbounded();
        let mut server = FakeServer {
            context: Context::new(1).unwrap(),
            endpoint: address.parse().unwrap(),
            manners: Arc::new(Mutex::new(manners)),
            hellos,
            pings,
            seen,
            reports: Reports { hellos: hellos_in, pings: pings_in, seen: seen_in },
            running: None,
            _folder: folder,
        };
        server.open();
        server
    }

    /// Listens, again at the same place after [`close`](FakeServer::close).
    pub(crate) fn open(&mut self) {
        let mut socket = self.context.socket(SocketKind::Router).unwrap();
        socket.set_router_mandatory(true).unwrap();
        let monitor = socket.monitor().unwrap();
        self.endpoint = socket.bind(&self.endpoint).unwrap();
        let (sender, mailbox) = router_socket::mailbox(&self.context, None).unwrap();
        let (manners, reports) = (Arc::clone(&self.manners), self.reports.clone());
        let endpoint = self.endpoint.clone();
        let server = ServerLoop { socket, monitor, endpoint, mailbox, manners, reports, sockets: Vec::new() };
        let thread = router_socket::spawn("fake server", move || server.run()).unwrap();
        self.running = Some((sender, thread));
    }

    /// Closes the socket: every connection ends.
    pub(crate) fn close(&mut self) {
        if let Some((sender, thread)) = self.running.take() {
            sender.post(Order::Close).unwrap();
            thread.join_within(PATIENCE).unwrap();
        }
    }

    pub(crate) fn address(&self) -> String {
        self.endpoint.to_string()
    }

    /// A client that is connected.
    pub(crate) fn client(&self, options: ConnectOptions) -> RouterClient {
        let client = RouterClient::connect_with(&self.address(), options.name("test")).unwrap();
        client.wait_connected(PATIENCE).unwrap();
        client
    }

    pub(crate) fn next(&self) -> Seen {
        match self.seen.recv_timeout(PATIENCE) {
            Ok(seen) => seen,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => panic!("no message came"),
        }
    }

    pub(crate) fn next_request(&self) -> Asked {
        match self.next() {
            Seen::Request(asked) => asked,
            other => panic!("expected a request, got {other:?}"),
        }
    }

    /// The next request, if one comes in time.
    pub(crate) fn next_request_within(&self, timeout: Duration) -> Option<Asked> {
        match self.seen.recv_timeout(timeout).ok()? {
            Seen::Request(asked) => Some(asked),
            other => panic!("expected a request, got {other:?}"),
        }
    }

    pub(crate) fn done<T: Serialize>(&self, asked: &Asked, value: &T) {
        self.outcome(asked, Status::Done, body::encode(value).unwrap());
    }

    pub(crate) fn fail(&self, asked: &Asked, failure: &Failure) {
        self.outcome(asked, failure.status(), body::encode(failure).unwrap());
    }

    pub(crate) fn outcome(&self, asked: &Asked, status: Status, body: Vec<u8>) {
        let mut message = self.header(asked, status, false).encode().to_vec();
        message.extend(body);
        self.send(&asked.peer, vec![message]);
    }

    pub(crate) fn header(&self, asked: &Asked, status: Status, body_in_own_frame: bool) -> OutcomeHeader {
        let (encoding, epoch) = (Encoding::MessagePack, self.manners.lock().epoch);
        OutcomeHeader { body_in_own_frame, encoding, status, epoch, call: asked.header.call }
    }

    pub(crate) fn progress(&self, asked: &Asked, fraction: f64, message: &str) {
        let epoch = self.manners.lock().epoch;
        let mut bytes = encode_progress_header(epoch, asked.header.call).to_vec();
        body::encode_into(&Progress { fraction, message: message.to_owned() }, &mut bytes).unwrap();
        self.send(&asked.peer, vec![bytes]);
    }

    pub(crate) fn send(&self, peer: &[u8], frames: Vec<Vec<u8>>) {
        let (sender, _) = self.running.as_ref().expect("the server is open");
        assert!(sender.post(Order::Send { peer: peer.to_vec(), frames }).is_ok());
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.close();
    }
}

impl Asked {
    pub(crate) fn argument<T: DeserializeOwned>(&self, index: usize) -> T {
        let arguments = Arguments::decode(&self.body).unwrap();
        body::decode(arguments.positional[index]).unwrap()
    }
}

struct ServerLoop {
    socket: Socket,
    monitor: Monitor,
    endpoint: Endpoint,
    mailbox: Mailbox<Order>,
    manners: Arc<Mutex<Manners>>,
    reports: Reports,
    sockets: Vec<(Vec<u8>, ClientSocket)>,
}

impl ServerLoop {
    fn run(mut self) {
        let mut frames = Vec::new();
        loop {
            while self.socket.try_recv_message(&mut frames).unwrap() {
                self.take(&frames);
            }
            while let Some(order) = self.mailbox.try_take() {
                match order {
                    Order::Send { peer, frames } => self.send(&peer, frames),
                    Order::Close => return self.stop_listening(),
                }
            }
            self.mailbox.poll(&mut [PollEntry::readable(&self.socket)], None).unwrap();
        }
    }

    /// Waits for libzmq's own thread to close the listener, so that the place is free when this returns.
    fn stop_listening(&mut self) {
        while self.monitor.try_next().is_some() {}
        self.socket.unbind(&self.endpoint).unwrap();
        let end = Instant::now() + PATIENCE;
        while !std::iter::from_fn(|| self.monitor.try_next())
            .any(|event| matches!(event, SocketEvent::Closed { .. }))
        {
            assert!(Instant::now() < end, "the listener does not close");
            router_socket::poll(&mut [self.monitor.poll_entry()], Some(PATIENCE)).unwrap();
        }
    }

    fn take(&mut self, frames: &[Frame]) {
        let peer = frames[0].to_vec();
        let seen = match ClientMessage::decode(&frames[1]).unwrap() {
            ClientMessage::Cancel { epoch, call } => Seen::Cancel { peer, epoch, call },
            ClientMessage::Goodbye { epoch } => Seen::Goodbye { peer, epoch },
            ClientMessage::Request { header, target, body } => {
                let body = if header.flags.body_in_own_frame { &frames[2] } else { body };
                match target {
                    "router.hello" => return self.greet(peer, &header, body),
                    "router.ping" => return self.pong(&peer, &header, body),
                    _ => {}
                }
                let socket =
                    self.sockets.iter().rev().find(|(known, _)| *known == peer).map(|(_, socket)| *socket);
                let (target, body, frames) = (target.to_owned(), body.to_vec(), frames.len() - 1);
                Seen::Request(Asked { peer, socket, header, target, body, frames })
            }
        };
        self.reports.seen.send(seen).unwrap();
    }

    fn greet(&mut self, peer: Vec<u8>, header: &RequestHeader, body: &[u8]) {
        let arguments = Arguments::decode(body).unwrap();
        let request = HelloRequest {
            protocol_version: arguments.take(0, "protocol_version").unwrap(),
            client: arguments.take(1, "client").unwrap(),
            socket: arguments.take(2, "socket").unwrap(),
            dialled: String::new(),
            gateways: Vec::new(),
        };
        assert_eq!((request.protocol_version, header.epoch), (PROTOCOL_VERSION, 0));
        self.sockets.push((peer.clone(), request.socket));
        let manners = self.manners.lock().clone();
        let reply = HelloReply {
            protocol_version: manners.protocol_version,
            version: "0.0.0".to_owned(),
            epoch: manners.epoch,
            server: "fake".to_owned(),
            samples: "tcp://127.0.0.1:1".to_owned(),
            frames: "tcp://*:2".to_owned(),
            slots: String::new(),
            max_body_bytes: manners.max_body_bytes,
            max_unconfirmed_bytes: 256 << 20,
            idempotent: manners.idempotent.clone(),
            urgent: manners.urgent.clone(),
            registry_version: manners.registry_version,
        };
        if manners.answers_hello {
            self.answer(&peer, header, manners.epoch, &reply);
        }
        self.reports.hellos.send(Greeted { client: request.client, socket: request.socket }).unwrap();
    }

    fn pong(&mut self, peer: &[u8], header: &RequestHeader, body: &[u8]) {
        let received = Arguments::decode(body).unwrap().take_or(0, "received_bytes", || 0).unwrap();
        let Manners { epoch, registry_version, answers_pings, .. } = self.manners.lock().clone();
        if answers_pings {
            self.answer(
                peer,
                header,
                epoch,
                &PingReply { epoch, utc_ns: 1, monotonic_ns: 1, registry_version },
            );
        }
        self.reports.pings.send(received).unwrap();
    }

    fn answer<T: Serialize>(&mut self, peer: &[u8], asked: &RequestHeader, epoch: u64, value: &T) {
        let (encoding, status) = (Encoding::MessagePack, Status::Done);
        let header = OutcomeHeader { body_in_own_frame: false, encoding, status, epoch, call: asked.call };
        let mut message = header.encode().to_vec();
        body::encode_into(value, &mut message).unwrap();
        self.send(peer, vec![message]);
    }

    /// To a peer that has gone it is lost, which is what happens to a real server too.
    fn send(&mut self, peer: &[u8], frames: Vec<Vec<u8>>) {
        if self.socket.try_send(Frame::copy_from(peer), true).is_err() {
            return;
        }
        let count = frames.len();
        for (index, frame) in frames.into_iter().enumerate() {
            let _ = self.socket.try_send(Frame::from_vec(frame), index + 1 < count);
        }
    }
}
