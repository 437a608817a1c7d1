//! `one-liner describe NAME`: everything a server tells of one call, stream or instrument.

use clap::Args;
use router_client::CallError;
use router_wire::describe::{CallDescription, Description, StreamDescription, UpstreamDescription};
use serde::Serialize;

use crate::counted::counted;
use crate::exit::{CommandError, Exit};
use crate::output::{self, Output};
use crate::target::Target;
use crate::value::{one_line, tame};
use crate::{name, signature, upstreams};

/// Describe a call, a stream, all of an instrument, or how a server behind this one is
#[derive(Debug, Args)]
pub(crate) struct Describe {
    /// Its name, such as stage.move_to, or stage for the whole instrument, or rig2 for a server behind this one
    name: String,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// One JSON line: what it is stands first, so that a call and a stream of one name can be told apart.
#[derive(Serialize)]
pub(crate) struct Described<'a, T> {
    #[serde(rename = "type")]
    pub(crate) what: &'static str,
    #[serde(flatten)]
    pub(crate) description: &'a T,
}

impl Describe {
    /// Prints what is known.
    ///
    /// # Errors
    /// When there is no server or no such name, or stdout is closed.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        name::check(&self.name)?;
        let output = self.target.output();
        let client = self.target.client()?;
        let description = client.describe().wait()?;

        let upstreams = upstreams::ask(&client, &description.upstreams)?;
        if let Some(upstream) = upstreams.iter().find(|upstream| upstream.prefix == self.name) {
            output.json(&Described { what: "upstream", description: upstream })?;
            describe_upstream(output, upstream, &upstreams, &description)?;
            return Ok(Exit::Done);
        }
        let away = upstreams::away(&upstreams, &self.name);
        let prefix = format!("{}.", self.name);
        let is_meant = |name: &str| name == self.name || name.starts_with(&prefix);
        let calls: Vec<_> = description.calls.iter().filter(|call| is_meant(&call.name)).collect();
        let streams: Vec<_> = description.streams.iter().filter(|stream| is_meant(&stream.name)).collect();
        if calls.is_empty() && streams.is_empty() {
            let missing = || self.not_found(&description).into();
            return Err(away.map_or_else(missing, |away| CommandError::Unreachable {
                name: self.name.clone(),
                reason: upstreams::not_connected(away),
            }));
        }
        if let Some(away) = away {
            output::tell(format_args!("{}; this is what it served before", upstreams::not_connected(away)));
        }
        for call in calls {
            output.json(&Described { what: "call", description: call })?;
            describe_call(output, call)?;
        }
        for stream in streams {
            output.json(&Described { what: "stream", description: stream })?;
            describe_stream(output, stream)?;
        }
        Ok(Exit::Done)
    }

    fn not_found(&self, description: &Description) -> CallError {
        let calls = description.calls.iter().map(|call| call.name.as_str());
        let streams = description.streams.iter().map(|stream| stream.name.as_str());
        let nearest = router_wire::nearest(&self.name, calls.chain(streams));
        CallError::NotFound { name: self.name.clone(), nearest }
    }
}

fn describe_upstream(
    output: Output,
    upstream: &UpstreamDescription,
    upstreams: &[UpstreamDescription],
    description: &Description,
) -> Result<(), CommandError> {
    let prefix = &upstream.prefix;
    output.line(one_line(&format!("server {prefix}")))?;
    let line = |label: &str, text: String| output.line(format_args!("  {label:<11}  {}", one_line(&text)));
    let who = upstreams::who(upstream);
    line("is", if who.is_empty() { "not known: it has not told yet".to_owned() } else { who })?;
    line("at", upstream.endpoint.clone())?;
    line("state", upstreams::state(upstream))?;
    let UpstreamDescription { in_flight, queued, passed_on, unknown, dropped, .. } = upstream;
    line(
        "calls",
        format!("{passed_on} passed on, {in_flight} in flight, {unknown} with an unknown outcome"),
    )?;
    line("messages", format!("{queued} waiting, {dropped} answers dropped that nobody waited for any more"))?;
    let is_here = |name: &str| upstreams::owner(upstreams, name).is_some_and(|owner| owner.prefix == *prefix);
    let instruments = description.instruments.iter().map(|instrument| instrument.name.as_str());
    let instruments: Vec<_> = instruments.filter(|name| is_here(name)).collect();
    line("instruments", instruments.join(", "))?;
    let behind: Vec<_> =
        { upstreams.iter().map(|other| other.prefix.as_str()) }.filter(|name| is_here(name)).collect();
    if !behind.is_empty() {
        line("behind it", behind.join(", "))?;
    }
    output.line("")?;
    Ok(())
}

fn describe_call(output: Output, call: &CallDescription) -> Result<(), CommandError> {
    output.line(format_args!("call {}", signature::signature(call)))?;
    docs(output, &call.docs)?;
    output.line(format_args!("  runs       {}", signature::runs(call)))?;
    for (index, argument) in call.arguments.iter().enumerate() {
        let label = if index == 0 { "arguments" } else { "" };
        output.line(format_args!("  {label:<9}  {}", signature::argument(argument)))?;
    }
    if call.returns.type_name != "()" {
        output.line(format_args!("  returns    {}", signature::value(&call.returns)))?;
    }
    for (index, error) in call.errors.iter().enumerate() {
        let label = if index == 0 { "errors" } else { "" };
        output.line(format_args!(
            "  {label:<9}  {}: {}",
            tame(&error.kind),
            signature::headline(&error.docs)
        ))?;
    }
    if let Some(target) = &call.target {
        output.line(format_args!("  a name for {}", tame(target)))?;
    }
    output.line("")?;
    Ok(())
}

fn describe_stream(output: Output, stream: &StreamDescription) -> Result<(), CommandError> {
    output.line(format_args!("stream {}", tame(&stream.name)))?;
    docs(output, &stream.docs)?;
    output.line(format_args!("  comes      {}", signature::source(stream)))?;
    output.line(format_args!("  values     {}", signature::value(&stream.value)))?;
    if let Some(method) = &stream.method {
        output.line(format_args!("  from       {}", tame(method)))?;
    }
    output.line(format_args!("  largest    {}", counted(stream.largest_sample_bytes, "byte")))?;
    output.line(format_args!("  listeners  {}", stream.subscribers))?;
    output.line("")?;
    Ok(())
}

fn docs(output: Output, docs: &str) -> Result<(), CommandError> {
    for line in docs.lines() {
        output.line(tame(format!("  {line}").trim_end()))?;
    }
    Ok(())
}
