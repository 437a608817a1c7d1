//! `one-liner graph`: who serves, streams and listens, as a picture's text.

use clap::{Args, ValueEnum};

use crate::exit::{CommandError, Exit};
use crate::graph::{Graph, dot, mermaid};
use crate::output::Output;
use crate::target::Target;
use crate::upstreams;

/// Draw a server with its instruments, streams and clients, as text for Mermaid or Graphviz
///
/// A server counts who listens to a stream and does not know which client that is. This command itself is left out.
#[derive(Debug, Args)]
pub(crate) struct GraphCommand {
    /// For which program; with --json it is json
    #[arg(long, value_enum, default_value = "mermaid")]
    format: Format,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For Markdown on GitHub and mermaid.live
    Mermaid,
    /// For Graphviz: one-liner graph --format dot | dot -Tsvg
    Dot,
    /// Nodes and edges as one object
    Json,
}

/// How many digits of a client's id `router.stats` tells.
const ID_DIGITS: usize = 8;

impl GraphCommand {
    /// Prints the text.
    ///
    /// # Errors
    /// When there is no server, or stdout is closed.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        let client = self.target.client()?;
        let description = client.describe().wait()?;
        let mut clients = client.stats().wait()?.clients;
        let me = client.identity().id.to_string();
        clients.retain(|other| !other.id.is_empty() && other.id != me[..ID_DIGITS.min(me.len())]);
        let mut graph = Graph::default();
        let upstreams = upstreams::ask(&client, &description.upstreams)?;
        graph.add_server(&description, &upstreams, &clients);

        let output = self.output();
        if output.json {
            output.json(&graph)?;
        } else if self.format == Format::Mermaid {
            output.line(mermaid::draw(&graph).trim_end())?;
        } else {
            output.line(dot::draw(&graph).trim_end())?;
        }
        Ok(Exit::Done)
    }

    /// How to print.
    pub(crate) fn output(&self) -> Output {
        let json = self.target.output().json || self.format == Format::Json;
        Output { json }
    }
}
