//! `one-liner outcome ID`: what became of a call, and what `one-liner call` does when it does not know.

use std::time::{Duration, Instant};

use clap::Args;
use crossbeam_channel::Receiver;
use rmpv::Value;
use router_client::{CallError, CallId, FinishedCall, OutcomeReport, Refused, RouterClient};
use router_wire::Status;
use serde_json::json;

use crate::exit::{CommandError, Exit};
use crate::output::{self, Output};
use crate::target::Target;
use crate::value::{self, Bytes, tame};

/// Ask what became of a call whose outcome did not arrive
///
/// Exits with 0 when it is done, 1 when it failed or never ran, and 3 when it still runs or the server does not know.
#[derive(Debug, Args)]
pub(crate) struct Outcome {
    /// The call's id, as `call` prints it: CLIENT-NUMBER@EPOCH
    id: CallId,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// How long the server has to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// How soon a server that could not tell is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(200);
/// How often Ctrl-C is looked for while the server is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Outcome {
    /// Prints what the server knows of the call.
    ///
    /// # Errors
    /// When there is no server, or stdout is closed.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        let client = self.target.client()?;
        let report = client.outcome(&self.id).wait()?;
        show(report, self.id, self.target.output())
    }
}

/// The outcome of a call is unknown: waits until `until` for its server, or for a Ctrl-C, asks it, and prints what it
/// says.
///
/// # Errors
/// `unknown` itself, when the server does not come back, or does not answer.
///
/// # Blocking
/// Until `until`, and 2 s for the answer.
pub(crate) fn became_unknown(
    client: &RouterClient,
    unknown: CallError,
    until: Instant,
    presses: &Receiver<()>,
    output: Output,
) -> Result<Exit, CommandError> {
    let CallError::Unknown { call_id, .. } = unknown else { return Err(unknown.into()) };
    output::tell(format_args!("{}; asking what became of it", tame(&unknown.to_string())));
    loop {
        if client.wait_connected(LOOK_EVERY).is_ok()
            && let Ok(report) = client.outcome(&call_id).deadline(ANSWER_WITHIN).wait()
        {
            return show(report, call_id, output);
        }
        // Where a gateway answers that it cannot know, the next answer would be the same at once.
        if Instant::now() >= until || presses.recv_timeout(ASK_AGAIN).is_ok() {
            output::tell(format_args!("`one-liner outcome {call_id}` asks again"));
            return Err(unknown.into());
        }
    }
}

/// Prints a report.
fn show(report: OutcomeReport, id: CallId, output: Output) -> Result<Exit, CommandError> {
    let id = id.to_string();
    match report {
        OutcomeReport::Finished(finished) => show_finished(finished, &id, output),
        OutcomeReport::Running { call, progress } => {
            let call = tame(&call);
            let how_far = progress.as_ref().map(|told| {
                format!(": {:.0} % {}", 100.0 * told.fraction.clamp(0.0, 1.0), tame(&told.message))
            });
            output.line(format_args!("`{call}` is running or queued{}", how_far.unwrap_or_default()))?;
            output.json(&json!({
                "outcome": "running",
                "call": call,
                "progress": progress.map(|told| json!({ "fraction": told.fraction, "message": told.message })),
                "call_id": id,
            }))?;
            output::tell(format_args!("`one-liner outcome {id}` asks again"));
            Ok(Exit::NoAnswer)
        }
        OutcomeReport::NeverRan => {
            output.line("it never ran, and will not: a request of this id that still comes is refused")?;
            output.json(&json!({ "outcome": "never_ran", "call_id": id }))?;
            Ok(Exit::Failed)
        }
        OutcomeReport::OtherEpoch { .. } => {
            output.line(
                "the server was restarted, its outcome is lost; or the call went to another server than this one. It may have \
                 run. Where it had been passed on to a server behind, that one may know: ask it for the id without what \
                 stands from the @ on",
            )?;
            output.json(&json!({ "outcome": "other_epoch", "call_id": id }))?;
            Ok(Exit::NoAnswer)
        }
        _ => {
            output.line("the server does not know, or not any more; it may have run")?;
            output.json(&json!({ "outcome": "forgotten", "call_id": id }))?;
            Ok(Exit::NoAnswer)
        }
    }
}

fn show_finished(finished: FinishedCall, id: &str, output: Output) -> Result<Exit, CommandError> {
    let call = tame(finished.call());
    let (is_done, is_kept, bytes) = (finished.status() == Status::Done, finished.is_kept(), finished.bytes());
    if is_done && !is_kept {
        output.line(format_args!("`{call}` is done; its value of {bytes} bytes was too long to be kept"))?;
        output.json(&json!({ "outcome": "done", "call": call, "bytes": bytes, "call_id": id }))?;
        return Ok(Exit::Done);
    }
    match finished.into_result::<Value, Refused>() {
        Ok(value) => {
            output.line(value::for_people(&value))?;
            let value = value::to_json(&value, Bytes::Base64);
            output.json(&json!({ "outcome": "done", "call": call, "value": value, "call_id": id }))?;
            Ok(Exit::Done)
        }
        Err(error) => {
            output.line(format_args!("`{call}` ended: {}", tame(&error.to_string())))?;
            let mut object = CommandError::from(error).to_json();
            object["call"] = json!(call);
            object["call_id"] = json!(id);
            output.json(&object)?;
            Ok(if is_done { Exit::Done } else { Exit::Failed })
        }
    }
}
