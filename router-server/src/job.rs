//! One execution of a method: what to run, with what, for whom, and where its outcome goes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Sender;
use router_client::{Call, CallControl, Interrupted, ReplyBody, Returned};
use router_socket::{Frame, MailSender};
use router_wire::reply::REPLY_HEADER_BYTES;
use router_wire::{Arguments, BodyError, Encoding, Failure, OutcomeHeader, Status, json};
use serde::Serialize;

use crate::bounds::Permit;
use crate::call_entry::CallEntry;
use crate::client_table::ClientKey;
use crate::json_answer::in_json;
use crate::panic_text::panic_text;
use crate::registry::NamedCall;
use crate::router_event::RouterEvent;
use crate::streams::TickDone;
use crate::target::{Run, TargetPlace, Workshop};

/// Names one call in this server: the client and the client's own number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct JobKey {
    pub(crate) client: ClientKey,
    pub(crate) number: u64,
}

/// The arguments of a call, by reference where they came from the network.
pub(crate) enum Body {
    /// What stands behind `start` in a received frame.
    Received { frame: Frame, start: usize },
    /// Made here: merged with the presets of a named call, or by the server itself.
    Made(Vec<u8>),
}

impl Body {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Body::Received { frame, start } => frame.get(*start..).unwrap_or_default(),
            Body::Made(bytes) => bytes,
        }
    }
}

/// Where an outcome goes.
pub(crate) enum Answer {
    /// To the router loop, which sends it to the client.
    Client { mail: MailSender<RouterEvent>, epoch: u64, max_body_bytes: usize, json: bool },
    /// To the streamer whose tick this is.
    Tick(TickDone),
    /// To a thread of this server that waits for it.
    Here(Sender<Result<Vec<u8>, Failure>>),
}

/// One execution of a method.
pub(crate) struct Job {
    pub(crate) entry: Arc<CallEntry>,
    pub(crate) call: Call,
    pub(crate) control: CallControl,
    pub(crate) body: Body,
    /// The named call by which it was made; its presets are merged where the call runs.
    pub(crate) preset: Option<Arc<NamedCall>>,
    pub(crate) key: JobKey,
    pub(crate) answer: Answer,
    /// Room in the queue, given back when the job leaves it.
    pub(crate) permit: Option<Permit>,
}

impl Job {
    /// Runs the method, unless the call was interrupted before it began, and hands the outcome on.
    pub(crate) fn run(mut self, workshop: &mut Workshop) {
        self.permit = None;
        if let Err(interrupted) = self.call.check() {
            self.refuse(not_started(interrupted));
            return;
        }
        let started = Instant::now();
        let outcome = self.execute(workshop);
        self.entry.stats.record(started.elapsed(), outcome.is_ok());
        self.finish(outcome);
    }

    /// Ends the call with what `value` makes instead of its method.
    pub(crate) fn finish_with<T: Serialize>(self, value: impl FnOnce(&Call) -> T) {
        let started = Instant::now();
        let value = value(&self.call);
        let mut body = ReplyBody::new(REPLY_HEADER_BYTES);
        let outcome = body.value(&value).map(|()| body);
        self.entry.stats.record(started.elapsed(), outcome.is_ok());
        self.finish(outcome);
    }

    /// Ends the call without running it.
    pub(crate) fn refuse(self, failure: Failure) {
        self.entry.stats.record_not_run();
        self.finish(Err(failure));
    }

    /// Whether the server makes this call for a stream.
    pub(crate) fn is_tick(&self) -> bool {
        matches!(self.answer, Answer::Tick(_))
    }

    fn execute(&self, workshop: &mut Workshop) -> Result<ReplyBody, Failure> {
        let bad = |error: BodyError| Failure::BadArguments { argument: None, message: error.to_string() };
        let read = match &self.answer {
            Answer::Client { json: true, .. } => Some(json::arguments(self.body.bytes()).map_err(bad)?),
            _ => None,
        };
        let given = read.as_deref().unwrap_or(self.body.bytes());
        let merged = self.preset.as_ref().map(|preset| preset.merged_with(given)).transpose()?;
        let arguments = Arguments::decode(merged.as_deref().unwrap_or(given)).map_err(bad)?;
        let mut body = match &self.answer {
            Answer::Client { .. } => ReplyBody::new(REPLY_HEADER_BYTES),
            Answer::Tick(_) | Answer::Here(_) => ReplyBody::new(0),
        };
        self.run_target(workshop, &arguments, &mut body)?;
        Ok(body)
    }

    fn run_target(
        &self,
        workshop: &mut Workshop,
        arguments: &Arguments<'_>,
        body: &mut ReplyBody,
    ) -> Returned {
        let run = Run { method: self.entry.method, call: &self.call, arguments, body };
        let caught = catch_unwind(AssertUnwindSafe(|| match &self.entry.target {
            TargetPlace::Shared(place) => place.target().run_shared(run),
            TargetPlace::OnLane(id) => match workshop.get_mut(id) {
                Some(target) => target.run(run),
                None => Err(Failure::NotFound { name: self.entry.name.to_string(), nearest: Vec::new() }),
            },
        }));
        caught.unwrap_or_else(|payload| Err(Failure::Panicked { message: panic_text(payload) }))
    }

    fn finish(self, outcome: Result<ReplyBody, Failure>) {
        match self.answer {
            Answer::Client { mail, epoch, max_body_bytes, json } => {
                let reply = encode_outcome(outcome, epoch, self.key.number, max_body_bytes);
                let reply = if json { in_json(reply, max_body_bytes) } else { reply };
                // The router loop ends only after every job was answered or set apart; then nobody waits.
                let _ = mail.post(RouterEvent::Finished { key: self.key, reply });
            }
            Answer::Tick(done) => done.finish(outcome.map(ReplyBody::into_vec)),
            Answer::Here(waiting) => {
                let _ = waiting.send(outcome.map(ReplyBody::into_vec));
            }
        }
    }
}

/// What a call ends with that was interrupted before it began.
pub(crate) fn not_started(interrupted: Interrupted) -> Failure {
    match interrupted {
        Interrupted::Cancelled { by } => Failure::Cancelled { by, may_still_be_running: false },
        Interrupted::DeadlineExceeded => Failure::DeadlineExceeded { may_still_be_running: false },
        Interrupted::ClientLost => Failure::ClientLost,
        // Whatever reasons come, the method was not started.
        _ => server_stopped(false),
    }
}

/// What a call ends with that the server's stop ended.
pub(crate) fn server_stopped(may_still_be_running: bool) -> Failure {
    Failure::Cancelled { by: "the server stopped".into(), may_still_be_running }
}

/// A whole outcome message, header and body in one piece.
pub(crate) fn encode_outcome(
    outcome: Result<ReplyBody, Failure>,
    epoch: u64,
    number: u64,
    max_body_bytes: usize,
) -> Vec<u8> {
    let (status, mut message) = match outcome {
        Ok(body) => (Status::Done, body.into_vec()),
        Err(failure) => (failure.status(), failure_message(&failure)),
    };
    let bytes = message.len() - REPLY_HEADER_BYTES;
    if bytes > max_body_bytes {
        let text = format!("the answer has {bytes} bytes; the limit is {max_body_bytes} (max_body_bytes)");
        let failure = Failure::Refused(router_wire::Refused::new("answer_too_large", text));
        let reply = failure_message(&failure);
        return with_header(reply, failure.status(), epoch, number);
    }
    if message.len() < REPLY_HEADER_BYTES {
        message.resize(REPLY_HEADER_BYTES, 0);
    }
    with_header(message, status, epoch, number)
}

fn failure_message(failure: &Failure) -> Vec<u8> {
    let mut message = vec![0; REPLY_HEADER_BYTES];
    router_wire::body::encode_into(failure, &mut message).expect("a failure is plain data");
    message
}

fn with_header(mut message: Vec<u8>, status: Status, epoch: u64, call: u64) -> Vec<u8> {
    let encoding = if message.len() == REPLY_HEADER_BYTES { Encoding::None } else { Encoding::MessagePack };
    let header = OutcomeHeader { body_in_own_frame: false, encoding, status, epoch, call };
    message[..REPLY_HEADER_BYTES].copy_from_slice(&header.encode());
    message
}
