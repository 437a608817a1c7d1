//! `one-liner list`: what a server serves.

use clap::Args;
use serde_json::json;

use crate::columns::{Align, columns};
use crate::exit::{CommandError, Exit};
use crate::signature;
use crate::target::Target;

/// List the calls and streams of a server
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) target: Target,
}

impl List {
    /// Prints each call and each stream on a line.
    ///
    /// # Errors
    /// When there is no server, or stdout is closed.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        let output = self.target.output();
        let client = self.target.client()?;
        let description = client.describe().wait()?;

        output.line("calls")?;
        let rows: Vec<_> = description
            .calls
            .iter()
            .map(|call| [format!("  {}", signature::signature(call)), signature::headline(&call.docs)])
            .collect();
        for line in columns(&rows, [Align::Left, Align::Left]) {
            output.line(line)?;
        }
        output.line("streams")?;
        let rows: Vec<_> = description
            .streams
            .iter()
            .map(|stream| {
                let name = crate::value::tame(&stream.name);
                [
                    format!("  {name}"),
                    signature::source(stream),
                    signature::value(&stream.value),
                    signature::headline(&stream.docs),
                ]
            })
            .collect();
        for line in columns(&rows, [Align::Left; 4]) {
            output.line(line)?;
        }
        for call in &description.calls {
            output.json(&json!({
                "type": "call",
                "name": call.name,
                "kind": call.kind,
                "arguments": call.arguments,
                "returns": call.returns,
                "docs": signature::headline(&call.docs),
            }))?;
        }
        for stream in &description.streams {
            output.json(&json!({
                "type": "stream",
                "name": stream.name,
                "kind": stream.kind,
                "enabled": stream.enabled,
                "frequency_hz": stream.frequency_hz,
                "value": stream.value,
                "subscribers": stream.subscribers,
                "docs": signature::headline(&stream.docs),
            }))?;
        }
        Ok(Exit::Done)
    }
}
