//! `Greeter`: asks a server, at its calls endpoint, where its streams are.

use std::time::Duration;

use router_client::{host_name, user_name};
use router_socket::{
    Context, Endpoint, Frame, Monitor, PollEntry, Socket, SocketError, SocketEvent, SocketKind,
};
use router_wire::hello::ClientSocket;
use router_wire::request::RequestFlags;
use router_wire::{
    ClientId, ClientIdentity, Encoding, HelloReply, PROTOCOL_VERSION, RequestHeader, ServerMessage, Status,
    arguments, body,
};
use serde::Deserialize;

/// The longest answer that is taken, with its header [bytes].
const MOST_BYTES: u64 = HelloReply::MOST_BYTES as u64 + 1_024;
/// How long a hello waits that could not leave.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(20);
/// How soon the end of a connection over `inproc` is seen.
const LOOK_IN_PROCESS_EVERY: Duration = Duration::from_millis(100);

/// A DEALER that greets on every connection, so that a server that comes back elsewhere is found.
pub(super) struct Greeter {
    socket: Socket,
    monitor: Monitor,
    calls: Endpoint,
    client: ClientIdentity,
    call: u64,
    /// A connection is there that was not greeted on.
    owes: bool,
    /// Over `inproc`.
    is_in_process: bool,
    /// A connection is there, and the other side has not said what it is.
    is_strange: bool,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Greeted {
    /// The server serves its streams there.
    Serves { epoch: u64, samples: Endpoint, frames: Endpoint },
    /// It is no server of ours, or refuses.
    Refused,
}

impl Greeter {
    /// Begins to connect, as a client that is called `name`.
    ///
    /// # Errors
    /// [`SocketError`].
    pub(super) fn connect(context: &Context, calls: &Endpoint, name: &str) -> Result<Greeter, SocketError> {
        let mut socket = context.socket(SocketKind::Dealer)?;
        socket.set_immediate(true)?;
        socket.set_max_message_bytes(MOST_BYTES)?;
        socket.set_recv_hwm(4)?;
        let monitor = socket.monitor()?;
        let is_in_process = calls.inproc_name().is_some();
        if is_in_process {
            socket.set_send_hwm(0)?; // never full: one that takes nothing has no server
        }
        socket.connect(calls)?;
        let id = random_id();
        let (user, host) = (user_name(), host_name());
        let client = ClientIdentity { id, name: name.to_owned(), user, host, pid: std::process::id() };
        let calls = calls.clone();
        // Over inproc the first hello waits where the server will find it.
        let owes = is_in_process;
        Ok(Greeter { socket, monitor, calls, client, call: 0, owes, is_in_process, is_strange: false })
    }

    /// Takes what has come; `None` when nothing has.
    ///
    /// # Errors
    /// [`SocketError::ContextTerminated`].
    pub(super) fn turn(&mut self) -> Result<Option<Greeted>, SocketError> {
        while let Some(event) = self.monitor.try_next() {
            match event {
                SocketEvent::Connected => self.is_strange = true,
                SocketEvent::HandshakeSucceeded => (self.is_strange, self.owes) = (false, true),
                SocketEvent::HandshakeFailed { .. } => return Ok(Some(Greeted::Refused)),
                SocketEvent::Disconnected { .. } if self.is_strange => return Ok(Some(Greeted::Refused)),
                _ => {}
            }
        }
        if self.is_in_process && self.has_ended_in_process() {
            let _ = self.socket.disconnect(&self.calls); // it has ended already
            self.socket.connect(&self.calls)?;
            self.owes = true;
        }
        if self.owes {
            self.call += 1;
            let hello = hello(&self.client, self.call);
            self.owes = self.socket.try_send(Frame::from_vec(hello), false).is_err();
        }
        let mut frames = Vec::new();
        while self.socket.try_recv_message(&mut frames)? {
            if let Some(greeted) = self.read(&frames) {
                return Ok(Some(greeted));
            }
        }
        Ok(None)
    }

    /// When it has something to do though nothing comes.
    pub(super) fn looks_after(&self) -> Option<Duration> {
        match (self.owes, self.is_in_process) {
            (true, _) => Some(TRY_AGAIN_AFTER),
            (false, true) => Some(LOOK_IN_PROCESS_EVERY),
            (false, false) => None,
        }
    }

    /// libzmq tells nothing of a connection over `inproc`. A socket that takes nothing has lost its server.
    fn has_ended_in_process(&self) -> bool {
        let stands =
            self.socket.events_writable().unwrap_or(true) || self.socket.events_readable().unwrap_or(true);
        !stands
    }

    /// What a loop waits for.
    pub(super) fn poll_entries(&self) -> [PollEntry<'_>; 2] {
        [PollEntry::readable(&self.socket), self.monitor.poll_entry()]
    }

    fn read(&self, frames: &[Frame]) -> Option<Greeted> {
        let ServerMessage::Outcome { header, body: inside } = ServerMessage::decode(frames.first()?).ok()?
        else {
            return None;
        };
        if header.call != self.call {
            return None;
        }
        let bytes = if header.body_in_own_frame { frames.get(1)? } else { inside };
        if header.status != Status::Done {
            return Some(Greeted::Refused);
        }
        let Ok(told) = body::decode_as::<Told>(header.encoding, bytes) else { return Some(Greeted::Refused) };
        let reachable = |endpoint: &str| reachable(&self.calls, endpoint);
        match (reachable(&told.samples), reachable(&told.frames)) {
            (Some(samples), Some(frames)) => Some(Greeted::Serves { epoch: header.epoch, samples, frames }),
            _ => Some(Greeted::Refused),
        }
    }
}

/// What of the answer matters here.
#[derive(Deserialize)]
struct Told {
    samples: String,
    frames: String,
}

fn hello(client: &ClientIdentity, call: u64) -> Vec<u8> {
    const PLAIN: &str = "plain values are written";
    let flags = RequestFlags::default();
    let header =
        RequestHeader { flags, encoding: Encoding::MessagePack, lease: 0, epoch: 0, call, deadline_us: 0 };
    let mut message = Vec::with_capacity(256);
    header.encode("router.hello", &mut message);
    let keywords = [
        ("protocol_version".to_owned(), body::encode(&PROTOCOL_VERSION).expect(PLAIN)),
        ("client".to_owned(), body::encode(client).expect(PLAIN)),
        ("socket".to_owned(), body::encode(&ClientSocket::Control).expect(PLAIN)),
    ];
    message.extend_from_slice(&arguments::encode(&(), &keywords).expect(PLAIN));
    message
}

/// A wildcard host means the host that was dialled.
fn reachable(dialled: &Endpoint, served: &str) -> Option<Endpoint> {
    let endpoint: Endpoint = served.parse().ok()?;
    match (endpoint.host(), endpoint.port()) {
        (Some("*" | "0.0.0.0" | "::"), Some(port)) => Some(dialled.with_port(port)),
        _ => Some(endpoint),
    }
}

/// Tells this client from others. Without a random number from the system the process and the time do.
fn random_id() -> ClientId {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        bytes = (since.as_nanos() ^ u128::from(std::process::id())).to_le_bytes();
    }
    let number = u128::from_le_bytes(bytes);
    ClientId((number >> 64) as u64, number as u64)
}
