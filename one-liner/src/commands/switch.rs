//! What `enable` and `disable` do.

use router_client::CallError;
use serde_json::json;

use crate::commands::stream_arguments::{ASK_AGAIN, Limit, may_still_come};
use crate::exit::{CommandError, Exit};
use crate::not_found::NotFound;
use crate::target::Target;
use crate::{ctrl_c, name};

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    On,
    Off,
}

/// The kind with which a server refuses a stream that it does not have.
const NO_SUCH_STREAM: &str = "NoSuchStream";

/// Enables or disables `stream` for every client, and prints that it is so; one that is so already stays so. A server
/// that was started a moment ago is asked again.
///
/// # Errors
/// When there is no server or no such stream.
pub(crate) fn turn(switch: Switch, stream: &str, target: &Target) -> Result<Exit, CommandError> {
    name::check(stream)?;
    let presses = ctrl_c::listen()?;
    let client = target.client()?;
    let limit = Limit::new(&presses, None);
    loop {
        let asked = match switch {
            Switch::On => client.enable_stream(stream),
            Switch::Off => client.disable_stream(stream),
        };
        match asked.wait() {
            Ok(()) => break,
            Err(CallError::Refused(refused)) if refused.kind == NO_SUCH_STREAM => {
                let description = client.describe().wait()?;
                // Added in between: the next try does it, and finds it again should it be gone by then.
                let is_there = description.streams.iter().any(|other| other.name == stream);
                if !is_there && !may_still_come(&client, &description) || limit.is_over_after(ASK_AGAIN) {
                    return Err(NotFound::stream(&description, stream).into());
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    let word = if switch == Switch::On { "enabled" } else { "disabled" };
    target.output().line(format_args!("{stream} is {word}"))?;
    target.output().json(&json!({ "stream": stream, "enabled": switch == Switch::On }))?;
    Ok(Exit::Done)
}
