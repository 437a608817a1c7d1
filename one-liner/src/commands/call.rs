//! `one-liner call NAME [ARGS]`: runs a method and waits for its outcome.

use std::time::{Duration, Instant};

use clap::Args;
use crossbeam_channel::Receiver;
use rmpv::Value;
use router_client::{CallError, CallId, GoneCause, PendingCall, RouterClient};
use serde_json::json;

use crate::commands::outcome;
use crate::exit::{CommandError, Exit};
use crate::not_found::NotFound;
use crate::progress_bar::ProgressBar;
use crate::target::Target;
use crate::value::{self, Bytes};
use crate::{ctrl_c, duration, name, output};

/// Call a method and wait for its outcome
///
/// The first Ctrl-C cancels the call on the server and waits for how it ends; the second leaves it running and
/// prints its id.
#[derive(Debug, Args)]
pub(crate) struct Call {
    /// The call's name, such as stage.move_to
    name: String,
    /// Its arguments, one by one: JSON where it is JSON, else text
    #[arg(allow_negative_numbers = true)]
    pub(crate) arguments: Vec<String>,
    /// An argument by name, as NAME=VALUE; may be given several times
    #[arg(long = "kw", value_name = "NAME=VALUE", value_parser = keyword)]
    keywords: Vec<(String, String)>,
    /// The longest it may take, such as 2s or 500ms; whatever it is, a server that is not there is waited for 3 s
    /// at most
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    deadline: Option<Duration>,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// How long a server that was lost has to come back, unless the deadline is later.
const BACK_WITHIN: Duration = Duration::from_secs(3);
/// How often Ctrl-C is looked for while the call runs; its outcome wakes us at once.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const DESCRIBE_WITHIN: Duration = Duration::from_secs(1);
/// The connect timeout of a client that is told no other.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

impl Call {
    /// Runs the method and prints what it returned.
    ///
    /// # Errors
    /// When it did not end with a value.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        name::check(&self.name)?;
        let presses = ctrl_c::listen()?;
        let client = self.target.client()?;
        let arguments: Vec<Value> = self.arguments.iter().map(|text| value::from_text(text)).collect();
        let mut request = client.call::<Value>(&self.name, Value::Array(arguments));
        for (name, text) in &self.keywords {
            request = request.kw(name, value::from_text(text));
        }
        if let Some(deadline) = self.deadline {
            request = request.deadline(deadline);
        }
        let started = Instant::now();
        let pending = request.start();
        let mut id = pending.id();
        match wait(pending, &mut id, &presses, &self.name) {
            Some(Err(unknown @ CallError::Unknown { .. })) => {
                let until = started + self.deadline.unwrap_or_default();
                let until = until.max(Instant::now() + BACK_WITHIN);
                outcome::became_unknown(&client, unknown, until, &presses, self.target.output())
            }
            Some(outcome) => {
                // One that ended before it was looked at again went to the server that answers now.
                if id.epoch == 0 {
                    id.epoch = client.epoch();
                }
                let value = outcome.map_err(|error| self.explain(error, &client))?;
                let output = self.target.output();
                output.line(value::for_people(&value))?;
                output.json(&json!({
                    "outcome": "done",
                    "value": value::to_json(&value, Bytes::Base64),
                    "call_id": id.to_string(),
                    "elapsed_ms": started.elapsed().as_secs_f64() * 1e3,
                }))?;
                Ok(Exit::Done)
            }
            None => {
                output::tell(format_args!(
                    "left `{}` behind (call id {id}): it was asked to cancel and may run on all the same; if it is still \
                     queued, it ends `client lost` and is never started",
                    self.name
                ));
                self.target.output().json(&json!({ "outcome": "left", "call_id": id.to_string() }))?;
                Ok(Exit::LeftRunning)
            }
        }
    }
}

impl Call {
    /// The error, with what the name is where there is no call of it.
    fn explain(&self, error: CallError, client: &RouterClient) -> CommandError {
        match error {
            CallError::NotFound { name, nearest } if name == self.name => {
                // The outcome is known without it: a server that has no time for this question is not waited for.
                match client.describe().deadline(DESCRIBE_WITHIN).wait() {
                    Ok(description) => NotFound::call(&description, name, nearest).into(),
                    Err(_) => CallError::NotFound { name, nearest }.into(),
                }
            }
            CallError::ServerGone { cause: GoneCause::NothingListens | GoneCause::NoAnswer, .. } => {
                if let Some(longer) = self.deadline.filter(|deadline| *deadline > CONNECT_WITHIN) {
                    let (longer, within) =
                        (duration::for_people(longer), duration::for_people(CONNECT_WITHIN));
                    output::tell(format_args!(
                        "a call waits {within} for its server at most; --deadline ({longer}) makes it no longer"
                    ));
                }
                error.into()
            }
            error => error.into(),
        }
    }
}

/// Waits for the outcome and shows progress; `id` learns where the request went. `None` when the second Ctrl-C came first.
fn wait(
    mut pending: PendingCall<Value>,
    id: &mut CallId,
    presses: &Receiver<()>,
    name: &str,
) -> Option<Result<Value, CallError>> {
    let mut bar = ProgressBar::new();
    let mut cancelled = false;
    loop {
        pending = match pending.wait_timeout(LOOK_EVERY) {
            Ok(outcome) => return Some(outcome),
            Err(running) => running,
        };
        *id = pending.id();
        if let Some(progress) = pending.progress() {
            bar.show(&progress);
        }
        if presses.try_recv().is_ok() {
            bar.clear();
            if cancelled {
                return None;
            }
            cancelled = true;
            output::tell(format_args!("cancelling `{name}`; Ctrl-C again leaves it behind"));
            pending.cancel();
        }
    }
}

fn keyword(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is no NAME=VALUE")),
    }
}
