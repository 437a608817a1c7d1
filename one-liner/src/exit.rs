//! How a command ends: what it failed with, and the exit code that scripts read.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use router_client::{CallError, ConnectError, GoneCause, Refused, SampleError, SubscribeError};
use serde_json::{Value as Json, json};
use thiserror::Error;

use crate::not_found::NotFound;
use crate::value::{self, Bytes};
use crate::{duration, hint};

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything was done.
    Done,
    /// The call was refused, failed or cancelled.
    Failed,
    /// The command line is wrong.
    WrongUsage,
    /// There is no server, its outcome is unknown, or the deadline passed.
    NoAnswer,
    /// The second Ctrl-C left a call running.
    LeftRunning,
}

impl Exit {
    /// What the shell sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::WrongUsage => 2,
            Exit::NoAnswer => 3,
            Exit::LeftRunning => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// Why a command ended early.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    /// A call did not end with a value.
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is no call or stream of the name that was given.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// The server that was waited for did not come.
    #[error("no server answered at {endpoint} within {}: {reason}", duration::for_people(*.waited))]
    NoServer {
        /// What was dialled.
        endpoint: String,
        /// For how long.
        waited: Duration,
        /// What is known of the connection.
        reason: String,
    },
    /// The server accepts the connection and is silent.
    #[error("the server at {endpoint} did not answer within {}", duration::for_people(*.waited))]
    Silent {
        /// What was dialled.
        endpoint: String,
        /// For how long.
        waited: Duration,
    },
    /// A server behind the one that was asked is not connected.
    #[error("there is no stream `{name}` now: {reason}")]
    Unreachable {
        /// What was looked for.
        name: String,
        /// Which server is not connected, and why.
        reason: String,
    },
    /// No client could be made.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A stream could not be subscribed to.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
    /// A stream gives nothing any more.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// A stream of something else than frames.
    #[error("`{name}` sends no frames: {reason}; `one-liner watch {name}` prints what it sends")]
    NotAFrame {
        /// The stream.
        name: String,
        /// What came instead.
        reason: String,
    },
    /// No frame came.
    #[error("no frame of `{name}` came within {}: {reason}", duration::for_people(*.waited))]
    NoFrame {
        /// The stream.
        name: String,
        /// For how long.
        waited: Duration,
        /// Why, as far as the server tells.
        reason: String,
    },
    /// A file could not be written.
    #[error("failed to write {}: {reason}", value::tame(.path))]
    File {
        /// Where.
        path: String,
        /// Why.
        reason: String,
    },
    /// The arguments are no arguments.
    #[error("{0}")]
    Usage(String),
    /// The demo could not be served.
    #[error("{0}")]
    Serve(String),
    /// The operating system refused something.
    #[error("failed to {action}: {reason}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What it said.
        reason: String,
    },
    /// Nobody reads what is printed.
    #[error("failed to print: {0}")]
    Output(#[from] io::Error),
}

impl CommandError {
    /// Whether stdout was closed by who read it, as `head` does when it has enough: no error of anybody.
    pub(crate) fn is_closed_output(&self) -> bool {
        matches!(self, CommandError::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// How a command that ends with this exits.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            CommandError::Call(error) => outcome(error).1,
            CommandError::Connect(ConnectError::Address(_)) | CommandError::Usage(_) => Exit::WrongUsage,
            CommandError::Sample(SampleError::NothingInTime { .. })
            | CommandError::NoServer { .. }
            | CommandError::NoFrame { .. }
            | CommandError::Silent { .. }
            | CommandError::Unreachable { .. } => Exit::NoAnswer,
            CommandError::NotFound(_)
            | CommandError::Connect(_)
            | CommandError::Subscribe(_)
            | CommandError::Sample(_)
            | CommandError::NotAFrame { .. }
            | CommandError::File { .. }
            | CommandError::Serve(_)
            | CommandError::System { .. }
            | CommandError::Output(_) => Exit::Failed,
        }
    }

    /// The same with the cause that is found here, where another one is told: a host name that cannot be resolved.
    ///
    /// # Blocking
    /// For as long as the system takes to look a host name up, where nothing listens.
    pub(crate) fn examined(mut self) -> CommandError {
        if let CommandError::Call(CallError::ServerGone { endpoint, cause, reason, .. }) = &mut self
            && *cause == GoneCause::NothingListens
            && let Some(unresolved) = hint::unresolved(endpoint)
        {
            *reason = unresolved;
        }
        self
    }

    /// What to do about it, where the text does not say it.
    ///
    /// # Blocking
    /// For as long as the system takes to look a host name up, where no server was found.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            CommandError::Call(CallError::ServerGone { endpoint, cause, reason, .. }) => {
                let is_unresolved = Some(reason) == hint::unresolved(endpoint).as_ref();
                if is_unresolved { None } else { hint::no_server(*cause) }
            }
            CommandError::Silent { .. } => Some(hint::STUCK.to_owned()),
            _ => None,
        }
    }

    /// What a script reads of it with `--json`.
    pub(crate) fn to_json(&self) -> Json {
        let word = match self {
            CommandError::Call(error) => outcome(error).0,
            CommandError::NotFound(_) => "not_found",
            CommandError::NoServer { .. }
            | CommandError::Silent { .. }
            | CommandError::Unreachable { .. } => "server_gone",
            CommandError::NoFrame { .. } => "no_frame",
            _ => "failed",
        };
        let mut object = json!({ "outcome": word, "message": self.to_string() });
        if let CommandError::NotFound(missing) = self {
            object["nearest"] = json!(missing.nearest);
            if let Some(hint) = &missing.hint {
                object["hint"] = json!(hint);
            }
        }
        let CommandError::Call(error) = self else { return object };
        match error {
            CallError::Refused(refused) | CallError::RefusedOtherwise(refused) => {
                object["kind"] = json!(refused.kind);
                object["details"] = details(refused);
            }
            CallError::NotFound { nearest, .. } => object["nearest"] = json!(nearest),
            CallError::BadArguments { argument: Some(argument), .. } => object["argument"] = json!(argument),
            CallError::Cancelled { may_still_be_running, .. }
            | CallError::DeadlineExceeded { may_still_be_running, .. } => {
                object["may_still_be_running"] = json!(may_still_be_running);
            }
            CallError::Unknown { call_id, .. } => object["call_id"] = json!(call_id.to_string()),
            _ => {}
        }
        object
    }
}

/// The word for an outcome that is not "done", and how a command that ends with it exits.
pub(crate) fn outcome(error: &CallError) -> (&'static str, Exit) {
    match error {
        CallError::Refused(_) | CallError::RefusedOtherwise(_) => ("refused", Exit::Failed),
        CallError::Panicked { .. } => ("panicked", Exit::Failed),
        CallError::Cancelled { .. } => ("cancelled", Exit::Failed),
        CallError::Busy { .. } => ("busy", Exit::Failed),
        CallError::NotFound { .. } => ("not_found", Exit::Failed),
        CallError::BadArguments { .. } => ("bad_arguments", Exit::Failed),
        CallError::ClientLost { .. } => ("client_lost", Exit::Failed),
        CallError::TooLarge { .. } => ("too_large", Exit::Failed),
        CallError::Encode { .. } => ("not_sent", Exit::Failed),
        CallError::BadRequest { .. } => ("bad_request", Exit::Failed),
        CallError::Decode { .. } => ("unreadable", Exit::Failed),
        CallError::DeadlineExceeded { .. } => ("deadline_exceeded", Exit::NoAnswer),
        CallError::ServerGone { .. } => ("server_gone", Exit::NoAnswer),
        CallError::Unknown { .. } => ("unknown", Exit::NoAnswer),
        CallError::VersionMismatch { .. } => ("version_mismatch", Exit::NoAnswer),
        CallError::Closed => ("closed", Exit::NoAnswer),
        // Outcomes that later versions add.
        _ => ("failed", Exit::Failed),
    }
}

/// The fields of a method's error, `null` when it has none that can be read.
fn details(refused: &Refused) -> Json {
    let fields = rmpv::decode::read_value(&mut refused.details.as_slice());
    fields.map_or(Json::Null, |fields| value::to_json(&fields, Bytes::Base64))
}

#[cfg(test)]
mod tests {
    use router_client::{CallId, Failure};

    use super::*;

    #[test]
    fn every_outcome_has_its_exit_code() {
        fn check(error: CallError, word: &str, code: u8) {
            let (found, exit) = outcome(&error);
            assert_eq!((found, exit.code()), (word, code), "{error}");
        }
        let call = || "stage.move_to".to_owned();
        let call_id: CallId = "00000000000000010000000000000002-7".parse().unwrap();
        let failed = |failure| CallError::<Refused>::from_failure("stage.move_to", failure);
        check(failed(Failure::Refused(Refused::new("Stalled", "stalled"))), "refused", 1);
        check(CallError::RefusedOtherwise(Refused::new("Stalled", "")), "refused", 1);
        check(failed(Failure::Panicked { message: String::new() }), "panicked", 1);
        check(failed(Failure::Cancelled { by: "me".into(), may_still_be_running: false }), "cancelled", 1);
        check(failed(Failure::Busy { what: String::new() }), "busy", 1);
        check(failed(Failure::NotFound { name: call(), nearest: vec![] }), "not_found", 1);
        check(failed(Failure::bad_argument("target_um", "missing")), "bad_arguments", 1);
        check(failed(Failure::ClientLost), "client_lost", 1);
        check(CallError::TooLarge { call: call(), bytes: 2, limit: 1 }, "too_large", 1);
        check(failed(Failure::BadRequest { message: String::new() }), "bad_request", 1);
        check(CallError::Decode { call: call(), reason: String::new() }, "unreadable", 1);
        check(failed(Failure::DeadlineExceeded { may_still_be_running: true }), "deadline_exceeded", 3);
        check(failed(Failure::OtherEpoch { epoch: 1 }), "server_gone", 3);
        let endpoint = String::new();
        check(CallError::Unknown { call: call(), call_id, endpoint: endpoint.clone() }, "unknown", 3);
        check(CallError::VersionMismatch { ours: 1, theirs: 2, endpoint }, "version_mismatch", 3);
        check(CallError::Closed, "closed", 3);
        assert_eq!((Exit::Done.code(), Exit::WrongUsage.code(), Exit::LeftRunning.code()), (0, 2, 130));
    }

    #[test]
    fn a_refusal_tells_scripts_its_kind_and_fields() {
        let mut refused = Refused::new("OutOfRange", "target 12000 um is outside 0..=10000 um");
        refused.details =
            [0x81, 0xa9, b't', b'a', b'r', b'g', b'e', b't', b'_', b'u', b'm', 0xcd, 0x2e, 0xe0]
                .to_vec()
                .into();
        let object = CommandError::from(CallError::Refused(refused)).to_json();
        let expect = json!({
            "outcome": "refused",
            "message": "target 12000 um is outside 0..=10000 um",
            "kind": "OutOfRange",
            "details": { "target_um": 12000 },
        });
        assert_eq!(object, expect);
    }
}
