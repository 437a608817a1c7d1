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
            let mut tame = String::with_capacity(text.len().min(Self::MAX_TEXT_BYTES));
            for character in text.chars() {
                if tame.len() + character.len_utf8() > Self::MAX_TEXT_BYTES {
                    break;
                }
                tame.push(if character.is_control() { '?' } else { character });
            }
            *text = tame;
        }
        self
    }
}

impl fmt::Display for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{} {} pid {}", self.user, self.host, self.name, self.pid)
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
    /// Longest body the server takes [bytes].
    pub max_body_bytes: u64,
    /// Most bytes of answers that the server keeps for a client that does not confirm them by its pings.
    pub max_unconfirmed_bytes: u64,
    /// The full names of the calls that are urgent, so that the client sends them on its control socket.
    pub urgent: Vec<String>,
    /// Counts the changes of what is served; a ping tells the newest, so a client knows that `urgent` is old.
    pub registry_version: u64,
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
