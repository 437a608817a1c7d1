//! `Client`: one client of a server, and the names by which it is known.

use std::sync::Arc;
use std::time::{Duration, Instant};

use router_wire::hello::{ClientSocket, GatewayHop};
use router_wire::{ClientId, ClientIdentity};

use crate::barriers::Barriers;
use crate::flow::Flow;
use crate::table::Set;

/// A client that pings and then does not for this long is lost.
pub(crate) const LOST_AFTER: Duration = Duration::from_secs(3);

/// A client in this life of the server. 0 is the server itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ClientKey(pub(crate) u64);

impl ClientKey {
    /// The server's own calls: ticks of streams, `stop_all`.
    pub(crate) const SERVER: ClientKey = ClientKey(0);
}

/// The routing id that libzmq gave a connection.
pub(crate) type Peer = Box<[u8]>;

/// One client.
pub(crate) struct Client {
    /// As people read it: `alice@scope-3 napari pid 4411`.
    pub(crate) label: Arc<str>,
    pub(crate) in_flight: Set<u64>,
    pub(crate) flow: Flow,
    pub(crate) barriers: Barriers,
    /// Who it says it is; nobody, until it has greeted or was introduced.
    pub(crate) identity: Option<ClientIdentity>,
    /// The gateway that it is behind.
    pub(super) via: Option<Via>,
    /// Of a gateway: for which servers it speaks.
    pub(super) gateways: Vec<GatewayHop>,
    /// Whether it speaks this server's protocol version.
    pub(crate) speaks_our_version: bool,
    pub(super) calls: Option<Peer>,
    pub(super) control: Option<Peer>,
    pub(super) since: Instant,
    pub(super) last_heard: Instant,
    pub(super) last_ping: Option<Instant>,
    pub(crate) lost: bool,
}

/// How a client behind a gateway is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Via {
    pub(crate) gateway: ClientKey,
    /// By which the gateway knows it.
    pub(crate) id: ClientId,
}

/// Who sent a message, and by which of its sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) client: ClientKey,
    pub(crate) socket: ClientSocket,
    /// It asks in JSON, and is answered in JSON.
    pub(crate) json: bool,
}

impl Client {
    /// It was heard. One that was given up gets the time of a ping to go on pinging.
    pub(super) fn is_here(&mut self, now: Instant) {
        self.last_heard = now;
        if std::mem::take(&mut self.lost) {
            self.last_ping = self.last_ping.map(|_| now);
        }
    }

    /// Whether it pings these days.
    pub(super) fn pings(&self, now: Instant) -> bool {
        self.last_ping.is_some_and(|ping| now.saturating_duration_since(ping) <= LOST_AFTER)
    }

    /// The id by which its calls are known, if it has said who it is.
    pub(crate) fn owner(&self) -> Option<ClientId> {
        self.via.map(|via| via.id).or_else(|| self.id())
    }

    pub(super) fn id(&self) -> Option<ClientId> {
        self.identity.as_ref().map(|identity| identity.id)
    }

    /// Where answers to requests from `socket` go.
    pub(crate) fn peer(&self, socket: ClientSocket) -> Option<&Peer> {
        match socket {
            ClientSocket::Calls => self.calls.as_ref(),
            ClientSocket::Control => self.control.as_ref(),
        }
    }
}
