//! What the router loop does with what comes from the servers behind it: answers, descriptions, the end of a connection.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use router_client::ConnectionState;
use router_client::gateway::{UpstreamAnswer, UpstreamEvent};
use router_socket::Frame;
use router_wire::describe::Description;
use router_wire::reply::{REPLY_HEADER_BYTES, body_goes_into_own_frame, overwrite_epoch};
use router_wire::{Encoding, Failure, Status, body as bodies};

use super::passed_call::{PassedCall, ReplyTo};
use super::prefixing::prefix_failure;
use super::told::{MOST_BYTES_READ, Told};
use super::upstream::Reading;
use crate::client_table::Sender;
use crate::job::{JobKey, encode_outcome};
use crate::json_answer::in_json;
use crate::outgoing_answer::OutgoingAnswer;
use crate::router_loop::RouterLoop;

/// An answer up to this length is copied behind its new header; a reference costs more.
const COPIED_BYTES: usize = 4 << 10;

impl RouterLoop {
    pub(super) fn take_upstream_event(&mut self, index: usize, event: UpstreamEvent) {
        let upstream = &mut self.upstreams[index];
        if matches!(event, UpstreamEvent::State { .. } | UpstreamEvent::Greeted) {
            self.changes_behind += 1;
        }
        match event {
            UpstreamEvent::State { before, now } => {
                upstream.view.set_state(now, upstream.link.reason());
                if now.is_up() && !before.is_up() {
                    let clients = &self.clients;
                    upstream.is_back(|client| clients.get(client).is_some_and(|client| !client.lost));
                }
                // Servers before this one tell of it too.
                self.dispatcher.registry.write().something_behind_changed();
                if now == ConnectionState::Lost {
                    upstream.streams.lost(&upstream.link.reason());
                    self.lose_upstream(index);
                }
            }
            UpstreamEvent::Greeted => {
                upstream.wants_description = true;
            }
            UpstreamEvent::Answer(answer) if answer.client.is_none() => self.take_own_answer(index, answer),
            UpstreamEvent::Answer(answer) => self.take_passed_answer(index, answer),
            UpstreamEvent::Malformed => self.dispatcher.counters.bad_messages.add(1),
        }
    }

    /// The connection is lost: what had left has an unknown outcome.
    fn lose_upstream(&mut self, index: usize) {
        let reason = self.upstreams[index].link.reason();
        self.end_all_passed(index, |server| Failure::Unreachable { server, reason: reason.clone() });
    }

    /// Ends everything that was passed on: what had left with an unknown outcome, the rest as `unsent` says.
    pub(super) fn end_all_passed(&mut self, index: usize, unsent: impl Fn(String) -> Failure) {
        let upstream = &mut self.upstreams[index];
        let label = upstream.label();
        for (key, call) in upstream.lose() {
            let failure = if call.sent {
                self.upstreams[index].view.unknown.fetch_add(1, Ordering::Relaxed);
                Failure::Unknown { server: label.clone() }
            } else {
                unsent(label.clone())
            };
            self.answer_passed(index, key, call, failure);
        }
    }

    pub(super) fn end_passed(&mut self, index: usize, key: JobKey, failure: Failure) {
        if let Some(call) = self.upstreams[index].calls.remove(&key) {
            self.answer_passed(index, key, call, failure);
        }
    }

    fn answer_passed(&mut self, index: usize, key: JobKey, call: PassedCall, failure: Failure) {
        self.keep_passed(index, key, &call);
        match call.reply_to {
            ReplyTo::Client(socket) => {
                if let Some(client) = self.clients.get_mut(key.client) {
                    client.in_flight.remove(&key.number);
                }
                self.refuse(Sender { client: key.client, socket, json: call.json }, key.number, failure);
            }
            ReplyTo::StopAll(waiting) => {
                let _ = waiting.send(Err(failure)); // it may have given up
            }
        }
    }

    /// Remembers where to ask what became of a call that has ended here. One that has not left never ran.
    fn keep_passed(&mut self, index: usize, key: JobKey, call: &PassedCall) {
        if let Some(owner) = call.owner.filter(|_| call.sent) {
            let prefix = self.upstreams[index].prefix.clone();
            self.outcomes.keep_passed((owner, key.number), prefix, call.there, Instant::now());
        }
    }

    /// The description that was asked for. It may be long: another thread reads it.
    fn take_own_answer(&mut self, index: usize, answer: UpstreamAnswer) {
        let upstream = &mut self.upstreams[index];
        let Some(header) = answer.outcome.filter(|_| upstream.describing == Some(answer.call)) else {
            return;
        };
        upstream.describing = None;
        if header.status != Status::Done || answer.bytes() > MOST_BYTES_READ {
            let why = match outcome_here(&header, &answer) {
                Err(failure) => format!("it could not tell what it serves: {failure}"),
                Ok(_) => format!(
                    "what it tells that it serves has {} bytes and is not read; the limit is {MOST_BYTES_READ}",
                    answer.bytes()
                ),
            };
            self.dispatcher.counters.cut_descriptions.add(1);
            upstream.view.set_not_told(why);
            upstream.ask_description_later();
            return;
        }
        let reading = Reading::begin(&upstream.reading);
        let (view, streams) = (Arc::clone(&upstream.view), Arc::clone(&upstream.streams));
        let dispatcher = Arc::clone(&self.dispatcher);
        let read = move |_: &mut crate::target::Workshop| {
            let _until_it_is_read = reading;
            match bodies::decode_as::<Description>(header.encoding, answer.body()) {
                Ok(description) => {
                    let mut told = Told::of(view.prefix.as_str(), description);
                    streams.described(std::mem::take(&mut told.streams));
                    dispatcher.counters.cut_descriptions.add(u64::from(!told.left_out.is_empty()));
                    view.set_told(told);
                    dispatcher.registry.write().something_behind_changed();
                }
                Err(error) => {
                    dispatcher.counters.cut_descriptions.add(1);
                    view.set_not_told(format!("what it tells that it serves cannot be read: {error}"));
                }
            }
        };
        if let Ok(found) = self.dispatcher.registry.read().find("router.describe") {
            let _ = found.entry.queue.push_task(Box::new(read)); // refused by a server that has stopped
        }
    }

    fn take_passed_answer(&mut self, index: usize, answer: UpstreamAnswer) {
        let upstream = &mut self.upstreams[index];
        let client = answer.client.and_then(|id| upstream.client(id));
        let key = client.map(|client| JobKey { client, number: answer.call });
        let Some((key, call)) = key.and_then(|key| Some((key, upstream.calls.get(&key)?))) else {
            upstream.view.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        };
        match (&call.reply_to, answer.outcome) {
            (ReplyTo::Client(socket), None) => {
                let socket = *socket;
                let mut report = answer.message.to_vec();
                overwrite_epoch(&mut report, self.dispatcher.epoch);
                self.send_answer(key.client, socket, report.into());
            }
            (ReplyTo::StopAll(_), None) => {}
            (_, Some(header)) => {
                let Some(call) = upstream.finished(key) else { return };
                let prefix = upstream.prefix.clone();
                self.keep_passed(index, key, &call);
                match call.reply_to {
                    ReplyTo::Client(socket) => {
                        if let Some(client) = self.clients.get_mut(key.client) {
                            client.in_flight.remove(&key.number);
                        }
                        let out = passed_outcome(prefix.as_str(), &header, answer, self.dispatcher.epoch);
                        self.send_answer(key.client, socket, out);
                    }
                    ReplyTo::StopAll(waiting) => {
                        let _ = waiting.send(outcome_here(&header, &answer)); // it may have given up
                    }
                }
            }
        }
    }
}

/// An outcome as this server's clients read it.
fn passed_outcome(
    prefix: &str,
    header: &router_wire::OutcomeHeader,
    answer: UpstreamAnswer,
    epoch: u64,
) -> OutgoingAnswer {
    if matches!(header.status, Status::NotFound | Status::Cancelled | Status::Unknown | Status::Unreachable)
        && let Ok(failure) = bodies::decode_as::<Failure>(header.encoding, answer.body())
    {
        let failure = prefix_failure(prefix, failure);
        let message = encode_outcome(Err(failure), epoch, header.call, usize::MAX);
        let is_json = header.encoding == Encoding::Json;
        return if is_json { in_json(message, usize::MAX) } else { message }.into();
    }
    let copied = answer.body.is_some() || answer.message.len() <= COPIED_BYTES;
    let take = if copied { answer.message.len() } else { REPLY_HEADER_BYTES };
    let mut message = answer.message[..take].to_vec();
    overwrite_epoch(&mut message, epoch);
    if copied {
        return OutgoingAnswer { message: Frame::from_vec(message), body: answer.body, enclosed_for: None };
    }
    body_goes_into_own_frame(&mut message);
    let body: Frame = answer.message.without_first(REPLY_HEADER_BYTES);
    OutgoingAnswer { message: Frame::from_vec(message), body: Some(body), enclosed_for: None }
}

/// An outcome that this server itself reads.
fn outcome_here(header: &router_wire::OutcomeHeader, answer: &UpstreamAnswer) -> Result<Vec<u8>, Failure> {
    if header.status == Status::Done {
        return Ok(answer.body().to_vec());
    }
    let unreadable = |error: router_wire::BodyError| Failure::BadRequest { message: error.to_string() };
    Err(bodies::decode_as::<Failure>(header.encoding, answer.body()).map_err(unreadable)?)
}
