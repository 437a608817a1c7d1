//! The options that every command has which talks to a server.

use clap::Args;
use router_client::{CallError, ConnectOptions, RouterClient};
use router_wire::describe::{Description, StreamDescription};

use crate::exit::CommandError;
use crate::output::Output;

/// Which server to talk to, and how to print.
#[derive(Debug, Clone, Args)]
pub(crate) struct Target {
    /// The server: tcp://HOST[:PORT] with its calls port (5555 unless given), or ipc://PATH
    #[arg(long, value_name = "ADDRESS", env = "ONE_LINER_CONNECT", default_value = "tcp://localhost")]
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

    /// How to print.
    pub(crate) fn output(&self) -> Output {
        Output { json: self.json }
    }
}

/// The stream called `name`.
///
/// # Errors
/// [`CallError::NotFound`] with the nearest names of streams.
pub(crate) fn stream<'a>(
    description: &'a Description,
    name: &str,
) -> Result<&'a StreamDescription, CallError> {
    description.streams.iter().find(|stream| stream.name == name).ok_or_else(|| CallError::NotFound {
        name: name.to_owned(),
        nearest: router_wire::nearest(name, description.streams.iter().map(|stream| stream.name.as_str())),
    })
}
