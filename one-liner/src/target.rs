//! The options that every command has which talks to a server.

use std::time::Duration;

use clap::Args;
use router_client::{ConnectOptions, RouterClient};

use crate::exit::CommandError;
use crate::output::Output;

/// Says which server to talk to where the command line does not.
pub(crate) const CONNECT_VARIABLE: &str = "ONE_LINER_CONNECT";

/// Which server to talk to, and how to print.
#[derive(Debug, Clone, Args)]
pub(crate) struct Target {
    /// The server: tcp://HOST[:PORT] with its calls port (5555 unless given), or ipc://PATH
    #[arg(long, value_name = "ADDRESS", env = CONNECT_VARIABLE, default_value = "tcp://localhost")]
    pub(crate) connect: String,
    /// Print one JSON object a line on stdout, everything for people on stderr
    #[arg(long)]
    json: bool,
}

impl Target {
    /// A client of the server. Returns at once: a call waits up to 3 s for the connection.
    ///
    /// # Errors
    /// [`CommandError::Connect`] when the address is none.
    pub(crate) fn client(&self) -> Result<RouterClient, CommandError> {
        let options = ConnectOptions::default().name("one-liner");
        Ok(RouterClient::connect_with(&self.connect, options)?)
    }

    /// As [`client`](Target::client), for a command that waits for its server: what it asks comes back after 1 s
    /// without one, so that people are told and it can ask again.
    ///
    /// # Errors
    /// As [`client`](Target::client).
    pub(crate) fn patient_client(&self) -> Result<RouterClient, CommandError> {
        let options = ConnectOptions::default().name("one-liner").connect_timeout(Duration::from_secs(1));
        Ok(RouterClient::connect_with(&self.connect, options)?)
    }

    /// How to print.
    pub(crate) fn output(&self) -> Output {
        Output { json: self.json }
    }
}
