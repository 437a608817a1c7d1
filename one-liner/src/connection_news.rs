//! Tells people on stderr when the connection comes and goes.

use router_client::{ConnectionState, RouterClient};

use crate::output;

/// The connection as it was told of last.
pub(crate) struct ConnectionNews<'a> {
    client: &'a RouterClient,
    how_it_ends: &'static str,
    told: ConnectionState,
    /// Which life of the server it was told of.
    epoch: u64,
}

impl<'a> ConnectionNews<'a> {
    /// Tells of changes from now on; `how_it_ends` stands behind what says that it waits.
    pub(crate) fn of(client: &'a RouterClient, how_it_ends: &'static str) -> ConnectionNews<'a> {
        ConnectionNews { client, how_it_ends, told: client.state(), epoch: client.epoch() }
    }

    /// Tells what has changed since it was told last.
    pub(crate) fn tell(&mut self) {
        let state = self.client.state();
        if state == self.told {
            return;
        }
        let before = std::mem::replace(&mut self.told, state);
        let ends = self.how_it_ends;
        match state {
            ConnectionState::Connected => {
                let epoch = self.client.epoch();
                let restarted = if epoch == self.epoch { "" } else { "; the server was restarted" };
                self.epoch = epoch;
                output::tell(format_args!("connected again{restarted}"));
            }
            ConnectionState::Stale => output::tell("the server does not answer; it may be stuck"),
            _ if before == ConnectionState::Stale => {
                output::tell(format_args!("the server still does not answer; connecting again{ends}"));
            }
            // That the server ended is not known: the network ends connections too, and a server forgets a client
            // that was frozen for long. Whether it was restarted shows when it answers.
            _ => output::tell(format_args!("the connection ended; connecting again{ends}")),
        }
    }
}
