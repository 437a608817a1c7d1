//! What the router loop answers who asks for the outcome of a call, and whose call number was used before.
//!
//! It answers by itself, as it answers a ping: a lane that hangs is no reason not to say that a call runs.

use std::sync::Arc;
use std::time::Instant;

use router_socket::Frame;
use router_wire::reply::REPLY_HEADER_BYTES;
use router_wire::{
    Arguments, CallId, Encoding, Failure, KeptOutcome, OutcomeReport, OutcomeRequest, RequestHeader,
    ServerMessage, Status, json,
};

use crate::client_table::{ClientKey, Sender};
use crate::job::{Body, JobKey};
use crate::kept_outcomes::{CallKey, Kept};
use crate::router_loop::RouterLoop;
use crate::stop_all::STOP_ALL;

/// The body of a question is never longer [bytes].
const MOST_QUESTION_BYTES: usize = 4 << 10;

impl RouterLoop {
    /// Says what became of a call.
    pub(super) fn outcome_asked(
        &mut self,
        sender: Sender,
        header: &RequestHeader,
        body: &Body,
        now: Instant,
    ) {
        self.dispatcher.counters.outcome_questions.add(1);
        let request = match read(header.encoding, body.bytes()) {
            Ok(request) => request,
            Err(failure) => return self.refuse(sender, header.call, failure),
        };
        let CallId { client, number, .. } = request.call_id;
        let epoch = self.dispatcher.epoch;
        if request.epoch() != 0 && request.epoch() != epoch {
            return self.answer_value(sender, header.call, &OutcomeReport::OtherEpoch { epoch });
        }
        if let Some((prefix, there)) = self.passed_call(client, number) {
            return self.ask_behind(sender, header, prefix.as_str(), there, now);
        }
        let report = self.report((client, number), request.epoch() == epoch);
        self.answer_value(sender, header.call, &report);
    }

    /// What is known here of a call that was not passed on. Only who knows the epoch is told that a call never ran.
    fn report(&mut self, call: CallKey, knows_epoch: bool) -> OutcomeReport {
        let (client, number) = call;
        // By the client's id, not by its place in the table: that may have been given to another meanwhile.
        let is_it = |key: &JobKey, owner| key.number == number && owner == Some(client);
        if let Some((_, running)) = self.in_flight.iter().find(|(key, call)| is_it(key, call.owner)) {
            let progress = running.reported.clone();
            return OutcomeReport::Running { call: running.entry.name.to_string(), progress };
        }
        let Some(kept) = self.outcomes.find(call) else {
            // Without the epoch it may be a call of an earlier life, or one that another server was given.
            let never_ran = knows_epoch && (self.outcomes.is_closed(call) || self.outcomes.close(call));
            return if never_ran { OutcomeReport::NeverRan } else { OutcomeReport::Forgotten };
        };
        match kept {
            Kept::Outcome { name, message } => finished(name, message),
            Kept::TooLong { name, header, bytes } => OutcomeReport::Finished(KeptOutcome {
                call: name.to_string(),
                status: header.status,
                encoding: header.encoding,
                bytes: *bytes as u64,
                body: None,
            }),
            Kept::Passed { .. } | Kept::Again => OutcomeReport::Forgotten,
        }
    }

    /// Keeps how a call ended; not where it ended without having begun because its client was lost, which a client
    /// that is back does not want to hear.
    pub(super) fn keep_outcome(
        &mut self,
        call: Option<CallKey>,
        name: Arc<str>,
        message: &Frame,
        bytes: usize,
        now: Instant,
    ) {
        let Some(call) = call.filter(|_| message.get(3) != Some(&(Status::ClientLost as u8))) else { return };
        self.outcomes.keep(call, name, message, bytes, now);
    }

    /// The call as it is kept, if its client has said who it is.
    pub(super) fn call_key(&self, client: ClientKey, number: u64) -> Option<CallKey> {
        Some((self.clients.owner(client)?, number))
    }

    /// Deals with a request whose number its client has used before, or whose call was said to have never run.
    /// `false`: it is none of these, or is to run again.
    pub(super) fn was_asked_before(&mut self, sender: Sender, header: &RequestHeader, target: &str) -> bool {
        let number = header.call;
        let key = JobKey { client: sender.client, number };
        if self.clients.get(sender.client).is_some_and(|client| client.in_flight.contains(&number)) {
            if self.attach(key, sender, target) {
                self.dispatcher.counters.repeated_idempotent_calls.add(1);
            } else {
                let message = format!("the call number {number} is in flight already");
                self.refuse_repeated(sender, number, message);
            }
            return true;
        }
        let Some(call) = self.call_key(sender.client, number) else { return false };
        if self.outcomes.is_closed(call) {
            self.dispatcher.counters.requests_of_closed_calls.add(1);
            let by = "by router.outcome, which had said that it never ran".to_owned();
            self.refuse(sender, number, Failure::Cancelled { by, may_still_be_running: false });
            return true;
        }
        // Through two gateways one `stop_all` may come twice, and stops what began in between.
        let Some(kept) = self.outcomes.find(call).filter(|_| target != STOP_ALL) else { return false };
        let again = match kept {
            Kept::Passed { prefix, .. } => {
                (self.is_idempotent_behind(target) && under(prefix.as_str(), target)).then_some(None)
            }
            Kept::Outcome { name, message } => {
                self.is_idempotent(target, name).then(|| Some(message.shared()))
            }
            Kept::TooLong { name, .. } => self.is_idempotent(target, name).then_some(None),
            Kept::Again => None,
        };
        match again {
            Some(Some(message)) => {
                self.dispatcher.counters.repeated_idempotent_calls.add(1);
                self.send_answer(sender.client, sender.socket, message.into());
                true
            }
            Some(None) => {
                self.dispatcher.counters.repeated_idempotent_calls.add(1);
                false
            }
            None => {
                let message = format!(
                    "the call number {number} was used before; `router.outcome` tells how that call ended"
                );
                self.refuse_repeated(sender, number, message);
                true
            }
        }
    }

    fn refuse_repeated(&mut self, sender: Sender, number: u64, message: String) {
        self.dispatcher.counters.repeated_call_numbers.add(1);
        self.refuse(sender, number, Failure::BadRequest { message });
    }

    /// Whether `target` is a call that may run again, and the one that ended as `name`.
    fn is_idempotent(&self, target: &str, name: &str) -> bool {
        let found = self.dispatcher.registry.read().find(target);
        found.is_ok_and(|found| found.entry.description.idempotent && found.entry.name.as_str() == name)
    }

    /// Has the outcome of a call that runs go to who asks for it again; `false` when it is another call, or may not
    /// run again.
    fn attach(&mut self, key: JobKey, sender: Sender, target: &str) -> bool {
        let name = self.in_flight.get(&key).map(|call| call.entry.name.shared());
        let Some(name) = name else { return self.attach_behind(key, sender.socket, target) };
        let is_it = self.is_idempotent(target, &name);
        if let Some(call) = self.in_flight.get_mut(&key).filter(|_| is_it) {
            call.reply_to = sender.socket;
            call.answered = false;
        }
        is_it
    }
}

fn under(prefix: &str, name: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'))
}

fn finished(name: &str, message: &Frame) -> OutcomeReport {
    let Ok(ServerMessage::Outcome { header, body }) = ServerMessage::decode(message) else {
        return OutcomeReport::Forgotten; // what is kept is an outcome
    };
    debug_assert_eq!(body.len() + REPLY_HEADER_BYTES, message.len());
    OutcomeReport::Finished(KeptOutcome {
        call: name.to_owned(),
        status: header.status,
        encoding: header.encoding,
        bytes: body.len() as u64,
        body: Some(body.to_vec().into()),
    })
}

/// The question, its arguments by name or in order.
fn read(encoding: Encoding, body: &[u8]) -> Result<OutcomeRequest, Failure> {
    let bad = |message: String| Failure::BadArguments { argument: None, message };
    if body.len() > MOST_QUESTION_BYTES {
        return Err(bad(format!("{} bytes; the limit is {MOST_QUESTION_BYTES}", body.len())));
    }
    let read = match encoding {
        Encoding::Json => Some(json::arguments(body).map_err(|error| bad(error.to_string()))?),
        _ => None,
    };
    let given = Arguments::decode(read.as_deref().unwrap_or(body)).map_err(|error| bad(error.to_string()))?;
    let call_id = given.take(0, "call_id")?;
    given.check(&["call_id", "epoch"])?;
    Ok(OutcomeRequest { call_id, epoch: given.take_or(1, "epoch", || 0)? })
}
