//! `one-liner describe NAME`: everything a server tells of one call, stream or instrument.

use clap::Args;
use router_client::CallError;
use router_wire::describe::{CallDescription, Description, StreamDescription};
use serde::Serialize;

use crate::counted::counted;
use crate::exit::{CommandError, Exit};
use crate::output::Output;
use crate::signature;
use crate::target::Target;
use crate::value::tame;

/// Describe a call, a stream, or all of an instrument
#[derive(Debug, Args)]
pub(crate) struct Describe {
    /// Its name, such as stage.move_to, or stage for the whole instrument
    name: String,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// One JSON line: what it is stands first, so that a call and a stream of one name can be told apart.
#[derive(Serialize)]
struct Described<'a, T> {
    #[serde(rename = "type")]
    what: &'static str,
    #[serde(flatten)]
    description: &'a T,
}

impl Describe {
    /// Prints what is known.
    ///
    /// # Errors
    /// When there is no server or no such name, or stdout is closed.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        let output = self.target.output();
        let client = self.target.client()?;
        let description = client.describe().wait()?;

        let prefix = format!("{}.", self.name);
        let is_meant = |name: &str| name == self.name || name.starts_with(&prefix);
        let calls: Vec<_> = description.calls.iter().filter(|call| is_meant(&call.name)).collect();
        let streams: Vec<_> = description.streams.iter().filter(|stream| is_meant(&stream.name)).collect();
        if calls.is_empty() && streams.is_empty() {
            return Err(self.not_found(&description).into());
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
