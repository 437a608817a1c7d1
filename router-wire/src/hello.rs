//! Who a client is and what a server tells it: the body and the answer of `router.hello`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The version of everything in this crate. Two sides of different versions refuse each other and name both.
pub const PROTOCOL_VERSION: u32 = 1;

/// 128 random bits, one set for each `RouterClient`; both of its sockets greet with the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClientId(pub u64, pub u64);

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.0, self.1)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Who a client is; displayed as `alice@scope-3 napari pid 4411`.
///
/// It tells people apart, it proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientIdentity {
    /// The client's id.
    pub id: ClientId,
    /// What the program calls itself.
    pub name: String,
    /// The user who runs it.
    pub user: String,
    /// The host it runs on.
    pub host: String,
    /// Its process id.
    pub pid: u32,
}

impl ClientIdentity {
    /// Longest text in an identity [bytes]; a server cuts longer ones.
    pub const MAX_TEXT_BYTES: usize = 64;

    /// The identity with every text cut to [`MAX_TEXT_BYTES`](Self::MAX_TEXT_BYTES) and control characters
    /// replaced: what may be kept and shown of a stranger's words.
    pub fn tamed(mut self) -> ClientIdentity {
        for text in [&mut self.name, &mut self.user, &mut self.host] {
            *text = tame(text, Self::MAX_TEXT_BYTES);
        }
        self
    }
}

/// `text` cut to `most` bytes, without control characters.
fn tame(text: &str, most: usize) -> String {
    let mut tame = String::with_capacity(text.len().min(most));
    for character in text.chars() {
        if tame.len() + character.len_utf8() > most {
            break;
        }
        tame.push(if character.is_control() { '?' } else { character });
    }
    tame
}

impl fmt::Display for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{} {} pid {}", self.user, self.host, self.name, self.pid)
    }
}

/// A server that is a client of another one, told in the greeting of a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayHop {
    /// The epoch of that server, which tells it from every other.
    pub server: u64,
    /// Its name.
    pub name: String,
    /// The epoch of the server that it is a client of; 0 is the one that is greeted.
    pub next: u64,
}

impl GatewayHop {
    /// Most hops in a greeting.
    pub const MOST: usize = 32;
    /// Longest name in a hop [bytes]; a longer one is cut.
    pub const MAX_NAME_BYTES: usize = 32;

    /// At most [`MOST`](GatewayHop::MOST) of the hops that a stranger told, with names cut to what may be kept and shown.
    pub fn tamed(mut hops: Vec<GatewayHop>) -> Vec<GatewayHop> {
        hops.truncate(GatewayHop::MOST);
        for hop in &mut hops {
            hop.name = tame(&hop.name, GatewayHop::MAX_NAME_BYTES);
        }
        hops
    }

    /// The way from `server` to whom `hops` greet, as names; `None` when it is not among them.
    pub fn path(hops: &[GatewayHop], server: u64) -> Option<Vec<String>> {
        let mut path = Vec::new();
        let mut at = server;
        while path.len() <= hops.len() {
            let hop = hops.iter().find(|hop| hop.server == at)?;
            path.push(hop.name.clone());
            if hop.next == 0 {
                return Some(path);
            }
            at = hop.next;
        }
        None
    }
}

/// Which of a client's two sockets greets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientSocket {
    /// Ordinary calls and their cancels.
    Calls,
    /// Urgent calls and pings.
    Control,
}

/// The keyword arguments of `router.hello`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelloRequest {
    /// The client's [`PROTOCOL_VERSION`].
    pub protocol_version: u32,
    /// Who it is.
    pub client: ClientIdentity,
    /// Which socket this is.
    pub socket: ClientSocket,
    /// The endpoint that it dialled, so that a server that listens at several tells it the streams of the same one.
    /// May be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dialled: String,
    /// From a gateway: itself and every server behind whose clients it speaks for. Empty from others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<GatewayHop>,
}

/// The answer to `router.hello`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelloReply {
    /// The server's [`PROTOCOL_VERSION`].
    pub protocol_version: u32,
    /// The version of the server's program.
    pub version: String,
    /// This life of the server; never 0.
    pub epoch: u64,
    /// The server's name.
    pub server: String,
    /// Where small streams are served: an endpoint whose host, when it is a wildcard, is the one that was
    /// dialled.
    pub samples: String,
    /// Where large streams are served.
    pub frames: String,
    /// Where processes of the same user on the same machine attach to memory that the server shares with them, in which
    /// large samples need not be copied; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub slots: String,
    /// Longest body the server takes [bytes].
    pub max_body_bytes: u64,
    /// Most bytes of answers that the server keeps for a client that does not confirm them by its pings.
    pub max_unconfirmed_bytes: u64,
    /// The full names of the calls that are urgent, so that the client sends them on its control socket.
    pub urgent: Vec<String>,
    /// The full names of the calls that may run again: those a client sends again, with the same number, when their
    /// outcome became unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub idempotent: Vec<String>,
    /// Counts the changes of what is served; a ping tells the newest, so a client knows that `urgent` and
    /// `idempotent` are old.
    pub registry_version: u64,
}

impl HelloReply {
    /// The longest that is read [bytes].
    pub const MOST_BYTES: usize = 256 << 10;
}

/// The keyword arguments of `router.ping`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PingRequest {
    /// Bytes of answers that the client has taken from its calls socket since its hello.
    #[serde(default)]
    pub received_bytes: u64,
}

/// The answer to `router.ping`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PingReply {
    /// This life of the server.
    pub epoch: u64,
    /// The server's UTC [ns since 1970-01-01].
    pub utc_ns: i64,
    /// The server's monotonic clock [ns].
    pub monotonic_ns: u64,
    /// See [`HelloReply::registry_version`].
    pub registry_version: u64,
}
