//! The clients that are gateways, and those that are behind them.

use std::sync::Arc;
use std::time::Instant;

use router_wire::ClientIdentity;
use router_wire::hello::GatewayHop;

use crate::client::{ClientKey, Via};
use crate::client_table::ClientTable;

impl ClientTable {
    /// A gateway says for which servers it speaks. `true`: that is news.
    pub(crate) fn set_gateways(&mut self, key: ClientKey, gateways: Vec<GatewayHop>) -> bool {
        let Some(client) = self.clients.get_mut(&key) else { return false };
        let news = client.gateways != gateways;
        client.gateways = gateways;
        news
    }

    /// Every server that is a client here, and those that are clients of them.
    pub(crate) fn gateways(&self) -> impl Iterator<Item = &GatewayHop> {
        self.clients.values().filter(|client| !client.lost).flat_map(|client| &client.gateways)
    }

    pub(crate) fn is_gateway(&self, key: ClientKey) -> bool {
        self.clients.get(&key).is_some_and(|client| !client.gateways.is_empty())
    }

    /// A gateway says who one of its clients is.
    pub(crate) fn introduce(
        &mut self,
        via: Via,
        identity: ClientIdentity,
        now: Instant,
    ) -> Option<ClientKey> {
        let key = self.heard_via(via, now)?;
        if let Some(client) = self.clients.get_mut(&key) {
            client.label = Arc::from(identity.to_string());
            client.identity = Some(identity);
        }
        Some(key)
    }

    /// The client behind a gateway that has sent something; one that was not introduced has no name. `None` when there
    /// is no room for it.
    pub(crate) fn heard_via(&mut self, via: Via, now: Instant) -> Option<ClientKey> {
        if let Some(&key) = self.by_via.get(&via) {
            if let Some(client) = self.clients.get_mut(&key) {
                client.is_here(now);
            }
            return Some(key);
        }
        let gateway = self.clients.get(&via.gateway).map_or("a gateway", |gateway| &gateway.label);
        let label = Arc::from(format!("unnamed client of {gateway}"));
        self.add(label, None, Some(via), now)
    }

    /// The client of this id behind a gateway.
    pub(crate) fn by_via(&self, via: Via) -> Option<ClientKey> {
        self.by_via.get(&via).copied()
    }

    /// How the client is reached, if it is behind a gateway.
    pub(crate) fn via(&self, key: ClientKey) -> Option<Via> {
        self.clients.get(&key)?.via
    }

    /// The clients behind a gateway.
    pub(crate) fn behind(&self, gateway: ClientKey) -> Vec<ClientKey> {
        self.by_via.iter().filter(|(via, _)| via.gateway == gateway).map(|(_, key)| *key).collect()
    }
}
