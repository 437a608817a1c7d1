//! Tells people on stderr when the connection comes and goes.

use router_client::{ConnectionState, RouterClient};

use crate::output;

/// The connection as it was told of last.
pub(crate) struct ConnectionNews<'a> {
    client: &'a RouterClient,
    told: ConnectionState,
}

impl<'a> ConnectionNews<'a> {
    /// Tells of changes from now on.
    pub(crate) fn of(client: &'a RouterClient) -> ConnectionNews<'a> {
        ConnectionNews { client, told: client.state() }
    }

    /// Tells what has changed since it was told last.
    pub(crate) fn tell(&mut self) {
        let state = self.client.state();
        if state == self.told {
            return;
        }
        self.told = state;
        match state {
            ConnectionState::Connected => output::tell("connected again"),
            ConnectionState::Stale => output::tell("the server does not answer; it may be stuck"),
            _ => output::tell("the server is gone; waiting for it to come back (Ctrl-C ends)"),
        }
    }
}
