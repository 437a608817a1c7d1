//! Everything between the source of a stream and its clients, one process a link. Today a chain is one server; a gateway
//! is a further link, whose role is added in `roles/mod.rs` and which is started here.

use crate::failed::Outcome;
use crate::outcomes::Outcomes;
use crate::server::Server;

/// Links from the source to what clients dial.
pub(crate) struct Chain {
    links: Vec<Link>,
}

/// One process of a chain.
pub(crate) struct Link {
    /// What it is, for the table.
    pub(crate) what: &'static str,
    pub(crate) server: Server,
}

impl Chain {
    /// Starts all links, the source first.
    pub(crate) fn start(with: &[(&str, &str)]) -> Outcome<Chain> {
        let source = Link { what: "server", server: Server::start(with)? };
        Ok(Chain { links: vec![source] })
    }

    /// What clients are given.
    pub(crate) fn address(&self) -> &str {
        self.links.last().map_or("", |link| link.server.address())
    }

    /// Each link by itself.
    pub(crate) fn links(&mut self) -> impl Iterator<Item = &mut Link> {
        self.links.iter_mut()
    }

    /// Adds to `outcomes` what the links said so far.
    pub(crate) fn tell(&self, outcomes: &mut Outcomes) {
        self.links.iter().for_each(|link| outcomes.hear(&link.server.child.heard()));
    }
}
