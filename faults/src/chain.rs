//! Everything between the source of a stream and its clients, one process a link: a server, and a gateway before it.

use crate::failed::Outcome;
use crate::outcomes::Outcomes;
use crate::roles::UPSTREAM;
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
    /// One server, and no gateway.
    pub(crate) fn of_one() -> Outcome<Chain> {
        Ok(Chain { links: vec![Link { what: "server", server: Server::start(&[])? }] })
    }

    /// Starts a gateway before the last link; clients dial it from now on.
    pub(crate) fn add_gateway(&mut self) -> Outcome {
        let gateway = Server::start(&[("upstream", self.address())])?;
        self.links.push(Link { what: "gateway", server: gateway });
        Ok(())
    }

    /// What the names of the source begin with at the last link.
    pub(crate) fn prefix(&self) -> String {
        format!("{UPSTREAM}.").repeat(self.links.len() - 1)
    }

    /// What clients are given.
    pub(crate) fn address(&self) -> &str {
        self.links.last().map_or("", |link| link.server.address())
    }

    /// Each link by itself, the source first, that which clients dial last.
    pub(crate) fn links(&self) -> &[Link] {
        &self.links
    }

    /// Adds to `outcomes` what the links said so far.
    pub(crate) fn tell(&self, outcomes: &mut Outcomes) {
        self.links.iter().for_each(|link| outcomes.hear(&link.server.child.heard()));
    }
}
