//! The clients of a server: who they are, by which sockets they are reached, and whether they are still there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use router_wire::hello::ClientSocket;
use router_wire::status::ClientStats;
use router_wire::{ClientId, ClientIdentity};

use crate::barriers::Barriers;
use crate::client::{Client, LOST_AFTER, Peer};
use crate::flow::Flow;
use crate::table::{Set, Table};

pub(crate) use crate::client::{ClientKey, Sender, Via};

/// Most clients that are remembered; beyond it the one that was heard longest ago and has nothing in flight goes.
const MAX_CLIENTS: usize = 4096;
/// A lost client is remembered this long, so that it is known again when it was only stalled.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// Why a hello is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum GreetRefusal {
    /// The connection has greeted with another id: one connection is one client, so that bounds for a client hold.
    OtherIdentity(Sender),
    /// Every place is taken by a client that is there.
    TooManyClients,
}

/// All clients.
#[derive(Default)]
pub(crate) struct ClientTable {
    by_peer: Table<Peer, (ClientKey, ClientSocket)>,
    by_id: HashMap<ClientId, ClientKey>,
    pub(super) by_via: HashMap<Via, ClientKey>,
    pub(super) clients: Table<ClientKey, Client>,
    /// Keys that were removed since they were asked for last.
    forgotten: Vec<ClientKey>,
    last_key: u64,
}

impl ClientTable {
    pub(crate) fn get(&self, key: ClientKey) -> Option<&Client> {
        self.clients.get(&key)
    }

    pub(crate) fn get_mut(&mut self, key: ClientKey) -> Option<&mut Client> {
        self.clients.get_mut(&key)
    }

    /// The client behind a connection that has sent something; a stranger becomes one without a name, if there is room.
    pub(crate) fn heard<'a>(
        &mut self,
        peer: &[u8],
        address: impl FnOnce() -> Option<&'a str>,
        now: Instant,
    ) -> Option<(ClientKey, ClientSocket)> {
        if let Some(&(key, socket)) = self.by_peer.get(peer) {
            if let Some(client) = self.clients.get_mut(&key) {
                client.is_here(now);
            }
            return Some((key, socket));
        }
        let label = format!("unnamed client at {}", address().unwrap_or("this PC"));
        let key = self.add(Arc::from(label), None, None, now)?;
        self.attach(key, peer, ClientSocket::Calls);
        Some((key, ClientSocket::Calls))
    }

    /// A client says who it is on one of its sockets. Returns its key, by which both sockets are the same client.
    ///
    /// # Errors
    /// [`GreetRefusal`].
    pub(crate) fn greet(
        &mut self,
        peer: &[u8],
        identity: &ClientIdentity,
        socket: ClientSocket,
        speaks_our_version: bool,
        now: Instant,
    ) -> Result<ClientKey, GreetRefusal> {
        if let Some(&(before, greeted_as)) = self.by_peer.get(peer) {
            match self.clients.get(&before).and_then(|client| client.id()) {
                Some(id) if id == identity.id => {}
                Some(_) => {
                    let sender = Sender { client: before, socket: greeted_as, json: false };
                    return Err(GreetRefusal::OtherIdentity(sender));
                }
                None => self.detach(before, peer),
            }
        }
        let key = match self.by_id.get(&identity.id) {
            Some(&key) => key,
            None => self
                .add(Arc::from(identity.to_string()), Some(identity.clone()), None, now)
                .ok_or(GreetRefusal::TooManyClients)?,
        };
        let known_peer =
            self.clients.get(&key).and_then(|client| client.peer(socket)).is_some_and(|old| **old == *peer);
        self.attach(key, peer, socket);
        if let Some(client) = self.clients.get_mut(&key) {
            client.speaks_our_version = speaks_our_version;
            client.is_here(now);
            // The client counts what it received from its hello on; greeting twice on one connection resets nothing.
            if socket == ClientSocket::Calls && !known_peer {
                client.flow = Flow::default();
            }
        }
        Ok(key)
    }

    /// Whether the client has said who it is.
    pub(crate) fn has_greeted(&self, key: ClientKey) -> bool {
        self.clients.get(&key).is_some_and(|client| client.identity.is_some())
    }

    /// The id by which this client's calls are known, if it has said who it is.
    pub(crate) fn owner(&self, key: ClientKey) -> Option<ClientId> {
        self.clients.get(&key)?.owner()
    }

    pub(crate) fn pinged(&mut self, key: ClientKey, now: Instant) {
        if let Some(client) = self.clients.get_mut(&key) {
            client.last_ping = Some(now);
        }
    }

    /// The clients that stopped pinging, now marked as lost; forgets those lost long ago.
    pub(crate) fn find_lost(&mut self, now: Instant) -> Vec<ClientKey> {
        let forgotten: Vec<ClientKey> = self
            .clients
            .iter()
            .filter(|(_, client)| {
                let silent = now.saturating_duration_since(client.last_heard);
                client.lost && client.in_flight.is_empty() && silent > FORGOTTEN_AFTER
            })
            .map(|(&key, _)| key)
            .collect();
        forgotten.into_iter().for_each(|key| self.remove(key));
        let mut lost = Vec::new();
        for (&key, client) in &mut self.clients {
            let silent =
                client.last_ping.is_some_and(|ping| now.saturating_duration_since(ping) > LOST_AFTER);
            if silent && !client.lost {
                client.lost = true;
                lost.push(key);
            }
        }
        lost
    }

    /// Bytes of answers that are held back for all clients.
    pub(crate) fn held_bytes(&self) -> usize {
        self.clients.values().map(|client| client.flow.held_bytes).sum()
    }

    /// Bytes of unconfirmed answers to all clients that do not ping, if `client` is one of them; else 0.
    pub(crate) fn unconfirmed_by_strangers(&self, client: ClientKey, now: Instant) -> u64 {
        if self.clients.get(&client).is_none_or(|client| client.pings(now)) {
            return 0;
        }
        let strangers = self.clients.values().filter(|client| !client.lost && !client.pings(now));
        strangers.map(|client| client.flow.unconfirmed()).sum()
    }

    /// The clients that do not ping, for whom answers have been held for long.
    pub(crate) fn silent_with_held_answers(&self, now: Instant) -> Vec<ClientKey> {
        let held_long = |client: &Client| {
            client.flow.held_since.is_some_and(|since| now.saturating_duration_since(since) > LOST_AFTER)
        };
        let silent = |client: &Client| !client.lost && !client.pings(now);
        let silent = self.clients.iter().filter(|(_, client)| held_long(client) && silent(client));
        silent.map(|(key, _)| *key).collect()
    }

    /// The clients that never pinged, have nothing in flight, and were heard long ago: scripts that may have ended. They
    /// have their place here while their connection may stand; nobody else needs to keep one for them.
    pub(crate) fn silent_scripts(&self, now: Instant) -> Vec<ClientKey> {
        let is_silent = |client: &Client| {
            let silent = now.saturating_duration_since(client.last_heard);
            client.last_ping.is_none() && client.in_flight.is_empty() && silent > FORGOTTEN_AFTER
        };
        let direct = self.clients.iter().filter(|(_, client)| client.via.is_none() && is_silent(client));
        direct.map(|(key, _)| *key).collect()
    }

    /// The clients that were removed since this was asked last.
    pub(crate) fn take_forgotten(&mut self) -> Vec<ClientKey> {
        std::mem::take(&mut self.forgotten)
    }

    /// Marks a client that said goodbye or cannot be reached. `false` when it was lost before or is unknown.
    pub(crate) fn mark_lost(&mut self, key: ClientKey) -> bool {
        self.clients.get_mut(&key).is_some_and(|client| !std::mem::replace(&mut client.lost, true))
    }

    /// The client behind a connection, if it has one.
    pub(crate) fn by_peer(&self, peer: &[u8]) -> Option<ClientKey> {
        self.by_peer.get(peer).map(|&(key, _)| key)
    }

    pub(crate) fn remove(&mut self, key: ClientKey) {
        let Some(client) = self.clients.remove(&key) else { return };
        self.forgotten.push(key);
        for peer in [client.calls, client.control].into_iter().flatten() {
            self.by_peer.remove(&peer);
        }
        match client.via {
            Some(via) => drop(self.by_via.remove(&via)),
            None => {
                if let Some(identity) = client.identity {
                    self.by_id.remove(&identity.id);
                }
            }
        }
        if !client.gateways.is_empty() {
            self.behind(key).into_iter().for_each(|behind| self.remove(behind));
        }
    }

    pub(crate) fn stats(&self, now: Instant) -> Vec<ClientStats> {
        let mut rows: Vec<(ClientKey, ClientStats)> = self
            .clients
            .iter()
            .filter(|(_, client)| {
                let here = client.last_ping.is_some() || client.via.is_some();
                !client.lost && (here || !client.in_flight.is_empty())
            })
            .map(|(&key, client)| {
                let row = ClientStats {
                    client: client.label.to_string(),
                    // Not the whole of it: who knows an id could greet with it.
                    id: client.id().map(|id| format!("{:08x}", id.0 >> 32)).unwrap_or_default(),
                    connected_s: now.saturating_duration_since(client.since).as_secs_f64(),
                    in_flight: client.in_flight.len() as u64,
                    unconfirmed_bytes: client.flow.unconfirmed(),
                };
                (key, row)
            })
            .collect();
        rows.sort_by_key(|(key, _)| *key);
        rows.into_iter().map(|(_, row)| row).collect()
    }

    /// Makes place for a client and adds it; `None` when every place is taken by one that pings or is being served.
    pub(super) fn add(
        &mut self,
        label: Arc<str>,
        identity: Option<ClientIdentity>,
        via: Option<Via>,
        now: Instant,
    ) -> Option<ClientKey> {
        if self.clients.len() >= MAX_CLIENTS {
            // With a gateway go those who are behind it.
            let is_served = |client: &Client| !client.in_flight.is_empty();
            let needed: HashSet<ClientKey> = { self.by_via.iter() }
                .filter(|(_, key)| self.clients.get(key).is_some_and(is_served))
                .map(|(via, _)| via.gateway)
                .collect();
            let goes = self.clients.iter().filter(|(key, client)| {
                client.in_flight.is_empty() && !client.pings(now) && !needed.contains(key)
            });
            let (&oldest, _) = goes.min_by_key(|(_, client)| client.last_heard)?;
            self.remove(oldest);
        }
        self.last_key += 1;
        let key = ClientKey(self.last_key);
        match (via, &identity) {
            (Some(via), _) => drop(self.by_via.insert(via, key)),
            (None, Some(identity)) => drop(self.by_id.insert(identity.id, key)),
            (None, None) => {}
        }
        let client = Client {
            label,
            in_flight: Set::default(),
            flow: Flow::default(),
            barriers: Barriers::default(),
            identity,
            via,
            gateways: Vec::new(),
            speaks_our_version: true,
            calls: None,
            control: None,
            since: now,
            last_heard: now,
            last_ping: None,
            lost: false,
        };
        self.clients.insert(key, client);
        Some(key)
    }

    fn attach(&mut self, key: ClientKey, peer: &[u8], socket: ClientSocket) {
        let Some(client) = self.clients.get_mut(&key) else { return };
        let slot = match socket {
            ClientSocket::Calls => &mut client.calls,
            ClientSocket::Control => &mut client.control,
        };
        if let Some(old) = slot.replace(Peer::from(peer)) {
            self.by_peer.remove(&old);
        }
        self.by_peer.insert(Peer::from(peer), (key, socket));
    }

    /// Takes a connection away from a client that turned out to be another one.
    fn detach(&mut self, key: ClientKey, peer: &[u8]) {
        self.by_peer.remove(peer);
        let Some(client) = self.clients.get_mut(&key) else { return };
        for slot in [&mut client.calls, &mut client.control] {
            if slot.as_deref() == Some(peer) {
                *slot = None;
            }
        }
        if client.calls.is_none() && client.control.is_none() && client.in_flight.is_empty() {
            self.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router_wire::hello::GatewayHop;

    fn identity(id: u64) -> ClientIdentity {
        ClientIdentity {
            id: ClientId(0, id),
            name: "napari".into(),
            user: "alice".into(),
            host: "scope-3".into(),
            pid: 4411,
        }
    }

    #[test]
    fn both_sockets_of_a_client_are_one_client() {
        let mut table = ClientTable::default();
        let now = Instant::now();
        let (stranger, _) = table.heard(b"a", || None, now).unwrap();
        let calls = table.greet(b"a", &identity(7), ClientSocket::Calls, true, now).unwrap();
        let control = table.greet(b"b", &identity(7), ClientSocket::Control, true, now).unwrap();
        assert_eq!(calls, control);
        assert!(table.get(stranger).is_none(), "the nameless client was this one");
        assert_eq!(&*table.get(calls).unwrap().label, "alice@scope-3 napari pid 4411");
        assert_eq!(table.heard(b"b", || None, now), Some((calls, ClientSocket::Control)));
        // It comes back over another connection: answers go there.
        table.greet(b"c", &identity(7), ClientSocket::Calls, true, now).unwrap();
        assert_eq!(table.get(calls).unwrap().peer(ClientSocket::Calls).map(|peer| &**peer), Some(&b"c"[..]));
        assert_eq!(table.by_peer(b"a"), None);
    }

    #[test]
    fn a_client_that_stops_pinging_is_lost_once_and_known_again_when_it_is_heard() {
        let mut table = ClientTable::default();
        let start = Instant::now();
        let key = table.greet(b"a", &identity(7), ClientSocket::Calls, true, start).unwrap();
        let script = table.greet(b"s", &identity(8), ClientSocket::Calls, true, start).unwrap();
        table.pinged(key, start);
        assert!(table.find_lost(start + Duration::from_secs(2)).is_empty());
        assert_eq!(table.find_lost(start + Duration::from_secs(4)), [key]);
        assert!(table.find_lost(start + Duration::from_secs(5)).is_empty());
        assert!(!table.get(script).unwrap().lost, "a script that never pinged is not missed");
        let back = start + Duration::from_secs(6);
        assert_eq!(table.heard(b"a", || None, back).unwrap().0, key);
        assert!(!table.get(key).unwrap().lost);
        assert!(table.find_lost(back).is_empty(), "it gets the time to ping again");
    }

    #[test]
    fn strangers_do_not_fill_the_memory() {
        let mut table = ClientTable::default();
        let now = Instant::now();
        for stranger in 0..3 * MAX_CLIENTS as u64 {
            table.heard(&stranger.to_le_bytes(), || None, now);
        }
        assert!(table.clients.len() <= MAX_CLIENTS && table.by_peer.len() <= MAX_CLIENTS);
    }

    #[test]
    fn a_connection_is_one_client_and_who_pings_keeps_its_place() {
        let mut table = ClientTable::default();
        let now = Instant::now();
        let honest = table.greet(b"honest", &identity(0), ClientSocket::Calls, true, now).unwrap();
        table.pinged(honest, now);
        let first = table.greet(b"liar", &identity(1), ClientSocket::Calls, true, now).unwrap();
        let refusal =
            GreetRefusal::OtherIdentity(Sender { client: first, socket: ClientSocket::Calls, json: false });
        assert_eq!(table.greet(b"liar", &identity(2), ClientSocket::Calls, true, now), Err(refusal));
        for stranger in 0..2 * MAX_CLIENTS as u64 {
            table.heard(&stranger.to_le_bytes(), || None, now + Duration::from_secs(1));
        }
        assert!(table.has_greeted(honest) && !table.has_greeted(first));
    }

    #[test]
    fn a_gateway_keeps_its_place_while_somebody_behind_it_is_served() {
        let mut table = ClientTable::default();
        let now = Instant::now();
        let mut gateway = |peer: &[u8], id: u64| {
            let key = table.greet(peer, &identity(id), ClientSocket::Calls, true, now).unwrap();
            table.set_gateways(key, vec![GatewayHop { server: id, name: "gateway".into(), next: 0 }]);
            let via = Via { gateway: key, id: ClientId(1, id) };
            (key, table.introduce(via, identity(100 + id), now).unwrap())
        };
        let (idle, behind_idle) = gateway(b"idle", 1);
        let (busy, behind_busy) = gateway(b"busy", 2);
        table.get_mut(behind_busy).unwrap().in_flight.insert(7);
        for stranger in 0..2 * MAX_CLIENTS as u64 {
            table.heard(&stranger.to_le_bytes(), || None, now + Duration::from_secs(1));
        }
        assert!(table.get(busy).is_some() && table.get(behind_busy).is_some());
        assert!(table.get(idle).is_none() && table.get(behind_idle).is_none());
    }

    #[test]
    fn who_never_pings_and_is_silent_for_long_is_told_behind_as_gone_and_stays_here() {
        let mut table = ClientTable::default();
        let start = Instant::now();
        let (script, _) = table.heard(b"script", || None, start).unwrap();
        let (busy, _) = table.heard(b"busy", || None, start).unwrap();
        let pinging = table.greet(b"gui", &identity(1), ClientSocket::Calls, true, start).unwrap();
        table.get_mut(busy).unwrap().in_flight.insert(7);
        let late = start + FORGOTTEN_AFTER + Duration::from_secs(1);
        table.pinged(pinging, late);
        assert_eq!(table.silent_scripts(start), []);
        assert_eq!(table.silent_scripts(late), [script]);
        assert!(table.get(script).is_some_and(|client| !client.lost));
    }
}
