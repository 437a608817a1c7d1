//! What `enable` and `disable` do.

use router_client::{CallError, RouterClient};
use serde_json::json;

use crate::exit::{CommandError, Exit};
use crate::not_found::NotFound;
use crate::target::Target;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    On,
    Off,
}

/// The kind with which a server refuses a stream that it does not have.
const NO_SUCH_STREAM: &str = "NoSuchStream";

/// Enables or disables `stream` for every client, and prints that it is so; one that is so already stays so.
///
/// # Errors
/// When there is no server or no such stream.
pub(crate) fn turn(switch: Switch, stream: &str, target: &Target) -> Result<Exit, CommandError> {
    let client = target.client()?;
    let asked = match switch {
        Switch::On => client.enable_stream(stream),
        Switch::Off => client.disable_stream(stream),
    };
    asked.wait().map_err(|error| explain(error, stream, &client))?;
    let word = if switch == Switch::On { "enabled" } else { "disabled" };
    target.output().line(format_args!("{stream} is {word}"))?;
    target.output().json(&json!({ "stream": stream, "enabled": switch == Switch::On }))?;
    Ok(Exit::Done)
}

/// The error, as that of any other name that is not there where it is one.
fn explain(error: CallError, stream: &str, client: &RouterClient) -> CommandError {
    match &error {
        CallError::Refused(refused) if refused.kind == NO_SUCH_STREAM => match client.describe().wait() {
            // Added in between: the refusal stands, and the next try does it.
            Ok(description) if description.streams.iter().all(|other| other.name != stream) => {
                NotFound::stream(&description, stream).into()
            }
            _ => error.into(),
        },
        _ => error.into(),
    }
}
