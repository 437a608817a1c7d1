//! `one-liner list`: what a server serves.

use clap::Args;
use router_wire::describe::{Description, UpstreamDescription};
use serde_json::json;

use crate::columns::{Align, columns};
use crate::commands::describe::Described;
use crate::exit::{CommandError, Exit};
use crate::output::Output;
use crate::target::Target;
use crate::value::one_line;
use crate::{signature, upstreams};

/// List the calls and streams of a server, and of those behind it
///
/// With --json each line's `behind` is the prefix of the server that serves it, null for the one that was asked.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) target: Target,
}

impl List {
    /// Prints each call and each stream on a line, those of servers behind it below a line for each server.
    ///
    /// # Errors
    /// When there is no server, or stdout is closed.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        let output = self.target.output();
        let client = self.target.client()?;
        let description = client.describe().wait()?;
        let upstreams = upstreams::ask(&client, &description.upstreams)?;
        if output.json {
            print_json(output, &description, &upstreams)
        } else {
            print(output, &description, &upstreams)
        }
    }
}

/// The names of the server itself, then those of each behind it below how that is.
fn print(
    output: Output,
    description: &Description,
    upstreams: &[UpstreamDescription],
) -> Result<Exit, CommandError> {
    print_names(output, "", description, |name| upstreams::owner(upstreams, name).is_none())?;
    for upstream in upstreams {
        let UpstreamDescription { prefix, endpoint, .. } = upstream;
        let who = Some(upstreams::who(upstream)).filter(|who| !who.is_empty());
        let who = who.map(|who| format!("{who}, ")).unwrap_or_default();
        let state = upstreams::state(upstream);
        output.line(one_line(&format!("behind `{prefix}`: {who}{endpoint}, {state}")))?;
        let is_here =
            |name: &str| upstreams::owner(upstreams, name).is_some_and(|owner| owner.prefix == *prefix);
        print_names(output, "  ", description, is_here)?;
    }
    Ok(Exit::Done)
}

/// The calls and streams of which `is_meant` says yes; a server behind that has told nothing yet has no headings.
fn print_names(
    output: Output,
    indent: &str,
    description: &Description,
    is_meant: impl Fn(&str) -> bool,
) -> Result<(), CommandError> {
    let rows: Vec<_> = { description.calls.iter().filter(|call| is_meant(&call.name)) }
        .map(|call| [format!("{indent}  {}", signature::signature(call)), signature::headline(&call.docs)])
        .collect();
    if indent.is_empty() || !rows.is_empty() {
        output.line(format_args!("{indent}calls"))?;
    }
    for line in columns(&rows, [Align::Left, Align::Left]) {
        output.line(line)?;
    }
    let rows: Vec<_> = { description.streams.iter().filter(|stream| is_meant(&stream.name)) }
        .map(|stream| {
            [
                format!("{indent}  {}", one_line(&stream.name)),
                signature::source(stream),
                signature::value(&stream.value),
                signature::headline(&stream.docs),
            ]
        })
        .collect();
    if indent.is_empty() || !rows.is_empty() {
        output.line(format_args!("{indent}streams"))?;
    }
    for line in columns(&rows, [Align::Left; 4]) {
        output.line(line)?;
    }
    Ok(())
}

fn print_json(
    output: Output,
    description: &Description,
    upstreams: &[UpstreamDescription],
) -> Result<Exit, CommandError> {
    let behind = |name: &str| upstreams::owner(upstreams, name).map(|upstream| upstream.prefix.as_str());
    for call in &description.calls {
        output.json(&json!({
            "type": "call",
            "name": call.name,
            "behind": behind(&call.name),
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
            "behind": behind(&stream.name),
            "kind": stream.kind,
            "enabled": stream.enabled,
            "frequency_hz": stream.frequency_hz,
            "value": stream.value,
            "subscribers": stream.subscribers,
            "docs": signature::headline(&stream.docs),
        }))?;
    }
    for upstream in upstreams {
        output.json(&Described { what: "upstream", description: upstream })?;
    }
    Ok(Exit::Done)
}
