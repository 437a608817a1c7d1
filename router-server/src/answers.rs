//! Answers on their way from the router loop to clients.

use std::time::{Duration, Instant};

use router_client::ReplyBody;
use router_socket::{Frame, SendRefusal};
use router_wire::hello::ClientSocket;
use router_wire::reply::{REPLY_HEADER_BYTES, encode_progress_header};
use router_wire::{Encoding, Failure, ServerMessage, body};
use serde::Serialize;

use crate::client_table::{ClientKey, Sender};
use crate::job::{JobKey, encode_outcome};
use crate::json_answer::in_json;
use crate::outgoing_answer::OutgoingAnswer;
use crate::router_loop::RouterLoop;
use crate::timers::Due;

/// At most twenty reports a second leave for one call.
const PROGRESS_EVERY: Duration = Duration::from_millis(50);

impl RouterLoop {
    /// A job has ended: its last progress report and its outcome leave.
    pub(super) fn finished(&mut self, key: JobKey, reply: Vec<u8>) {
        if self.in_flight.get(&key).is_some_and(|call| !call.answered) {
            self.send_progress(key);
        }
        let Some(call) = self.in_flight.remove(&key) else { return };
        if let Some(client) = self.clients.get_mut(key.client) {
            client.in_flight.remove(&key.number);
        }
        let bytes = reply.capacity();
        let reply = Frame::from_vec(reply);
        let owner = call.owner.map(|owner| (owner, key.number));
        self.keep_outcome(owner, call.entry.name.shared(), &reply, bytes, Instant::now());
        if call.answered {
            self.dispatcher.counters.late_outcomes.add(1);
        } else {
            self.send_answer(key.client, call.reply_to, reply.into());
        }
    }

    /// Answers a call whose method has not returned; what it returns later is counted and dropped.
    pub(super) fn answer_before_return(&mut self, key: JobKey, failure: &Failure) {
        self.send_progress(key);
        let Some(call) = self.in_flight.get_mut(&key).filter(|call| !call.answered) else { return };
        call.answered = true;
        let to = Sender { client: key.client, socket: call.reply_to, json: call.json };
        self.refuse(to, key.number, failure.clone());
    }

    /// Answers a request that is not run, or not waited for any more.
    pub(super) fn refuse(&mut self, to: Sender, number: u64, failure: Failure) {
        let reply = encode_outcome(Err(failure), self.dispatcher.epoch, number, usize::MAX);
        let reply = if to.json { in_json(reply, usize::MAX) } else { reply };
        self.send_answer(to.client, to.socket, reply.into());
    }

    /// Answers a hello or a ping, on the connection that it came by.
    pub(super) fn answer_value<T: Serialize>(&mut self, to: Sender, number: u64, value: &T) {
        let mut reply = ReplyBody::new(REPLY_HEADER_BYTES);
        let outcome = reply.value(value).map(|()| reply);
        let reply = encode_outcome(outcome, self.dispatcher.epoch, number, usize::MAX);
        let reply = if to.json { in_json(reply, usize::MAX) } else { reply };
        match to.socket {
            ClientSocket::Calls => self.send_answer(to.client, to.socket, reply.into()),
            ClientSocket::Control => {
                let (client, reply) = self.by_connection(to.client, reply.into());
                self.send_now(client, to.socket, reply);
            }
        }
    }

    /// A running call has reported: the newest report leaves now, or when the last one is 50 ms old.
    pub(super) fn progress(&mut self, key: JobKey, now: Instant) {
        let Some(call) = self.in_flight.get_mut(&key) else { return };
        if call.answered || call.progress_timer {
            return;
        }
        match call.last_progress {
            Some(last) if now < last + PROGRESS_EVERY => {
                call.progress_timer = true;
                self.timers.add(last + PROGRESS_EVERY, Due::Progress(key));
            }
            _ => self.send_progress(key),
        }
    }

    pub(super) fn progress_due(&mut self, key: JobKey, now: Instant) {
        if let Some(call) = self.in_flight.get_mut(&key) {
            call.progress_timer = false;
            self.progress(key, now);
        }
    }

    fn send_progress(&mut self, key: JobKey) {
        let Some(call) = self.in_flight.get_mut(&key) else { return };
        let Some(progress) = call.control.take_progress() else { return };
        call.last_progress = Some(Instant::now());
        let (socket, json) = (call.reply_to, call.json);
        let mut report = encode_progress_header(self.dispatcher.epoch, key.number).to_vec();
        body::encode_into(&progress, &mut report).expect("a progress report is plain data");
        call.reported = Some(progress);
        let report = if json { in_json(report, usize::MAX) } else { report };
        self.send_answer(key.client, socket, report.into());
    }

    /// Sends a message to a client; holds it back while too much of what was sent is unconfirmed.
    ///
    /// Only what leaves on the calls connection is confirmed. So an answer that is not small leaves there whatever its
    /// request came by.
    pub(super) fn send_answer(&mut self, client: ClientKey, socket: ClientSocket, message: OutgoingAnswer) {
        let (client, message) = self.by_connection(client, message);
        let most = self.settings.stalled_client_bytes;
        let strangers_have = match message.bytes() {
            bytes if bytes <= MOST_TO_STRANGERS_UNCOUNTED => 0,
            _ => self.clients.unconfirmed_by_strangers(client, Instant::now()),
        };
        let Some(to) = self.clients.get_mut(client) else {
            self.dispatcher.counters.unroutable_answers.add(1);
            return;
        };
        let goes =
            message.bytes() <= MOST_TO_STRANGERS_UNCOUNTED || strangers_have < STRANGERS_SHARE * most as u64;
        if socket == ClientSocket::Control && message.bytes() <= MOST_CONTROL_BYTES {
            self.send_now(client, ClientSocket::Control, message);
        } else if goes && to.flow.held.is_empty() && to.flow.may_send(message.bytes(), most) {
            self.send_now(client, ClientSocket::Calls, message);
        } else {
            self.hold(client, message);
        }
    }

    /// Whose connection an answer takes: a client behind a gateway is reached by the gateway's.
    fn by_connection(&self, client: ClientKey, mut answer: OutgoingAnswer) -> (ClientKey, OutgoingAnswer) {
        match self.clients.via(client) {
            Some(via) => {
                answer.enclosed_for = Some(via.id);
                (via.gateway, answer)
            }
            None => (client, answer),
        }
    }

    /// Sends what was held back, as far as the client has confirmed earlier answers.
    pub(super) fn send_held_answers(&mut self, client: ClientKey) {
        let most = self.settings.stalled_client_bytes;
        // Once each: what the connection refuses is held again.
        let held = self.clients.get(client).map_or(0, |to| to.flow.held.len());
        for _ in 0..held {
            let Some(to) = self.clients.get_mut(client) else { return };
            let Some(message) = to.flow.held.pop_front() else { return };
            if !to.flow.may_send(message.bytes(), most) {
                to.flow.held.push_front(message);
                return;
            }
            to.flow.held_bytes -= message.bytes();
            to.flow.held_since = None;
            self.send_now(client, ClientSocket::Calls, message);
        }
    }

    /// What is held for a client that is lost becomes as small as it can be; if the client comes back, it learns at
    /// least how its calls ended.
    pub(super) fn shrink_held_answers(&mut self, client: ClientKey) {
        let most = self.settings.stalled_client_bytes;
        let Some(to) = self.clients.get_mut(client) else { return };
        let (small, large): (Vec<_>, Vec<_>) = std::mem::take(&mut to.flow.held)
            .into_iter()
            .enumerate()
            .partition(|(_, answer)| answer.bytes() <= SMALL_ANSWER_BYTES);
        self.dispatcher.counters.unconfirmed_answers_dropped.add(large.len() as u64);
        let shrunk = large.iter().filter_map(|(at, answer)| Some((*at, undelivered(answer, most)?)));
        let mut held: Vec<_> = small.into_iter().chain(shrunk).collect();
        held.sort_by_key(|(at, _)| *at);
        to.flow.held = held.into_iter().map(|(_, answer)| answer).collect();
        to.flow.held_bytes = to.flow.held.iter().map(OutgoingAnswer::bytes).sum();
    }

    /// Keeps an answer until the client has confirmed earlier ones; of one too many or too large only that it was
    /// dropped.
    fn hold(&mut self, client: ClientKey, message: OutgoingAnswer) {
        let most = self.settings.stalled_client_bytes;
        let held_for_all = self.clients.held_bytes();
        let counters = &self.dispatcher.counters;
        let Some(to) = self.clients.get_mut(client) else { return };
        if to.flow.held.len() >= MOST_HELD {
            // More than a client can have in flight: these are refusals to one that does not read them.
            counters.unconfirmed_answers_dropped.add(1);
            return;
        }
        to.flow.held_since.get_or_insert_with(Instant::now);
        let fits = to.flow.held_bytes == 0 || to.flow.held_bytes + message.bytes() <= most;
        let fits_beside_others = held_for_all + message.bytes() <= 4 * most;
        let kept = if fits && fits_beside_others {
            Some(message)
        } else {
            counters.unconfirmed_answers_dropped.add(1);
            undelivered(&message, most)
        };
        if let Some(kept) = kept {
            to.flow.held_bytes += kept.bytes();
            to.flow.held.push_back(kept);
        }
    }

    /// What is held for a client that does not ping, and has not confirmed anything for long, becomes as small as it
    /// can be: how its calls ended. One of these is sent: if the client is not there any more, that finds it out.
    pub(super) fn give_up_held_answers(&mut self, client: ClientKey) {
        self.shrink_held_answers(client);
        let Some(to) = self.clients.get_mut(client) else { return };
        to.flow.held_since = None;
        let Some(first) = to.flow.held.pop_front() else { return };
        to.flow.held_bytes -= first.bytes();
        if !to.flow.held.is_empty() {
            to.flow.held_since = Some(Instant::now());
        }
        self.send_now(client, ClientSocket::Calls, first);
        let can_come_back = self.clients.has_greeted(client);
        if let Some(to) = self.clients.get_mut(client).filter(|to| to.lost && !can_come_back) {
            to.flow.held.clear();
            to.flow.held_bytes = 0;
        }
    }

    fn send_now(&mut self, client: ClientKey, socket: ClientSocket, message: OutgoingAnswer) {
        let Some(to) = self.clients.get_mut(client) else { return };
        let Some(peer) = to.peer(socket) else {
            self.dispatcher.counters.unroutable_answers.add(1);
            return;
        };
        let bytes = message.bytes();
        // A message is refused with its first frame or not at all.
        match self.socket.try_send(Frame::copy_from(peer), true).map_err(|refused| refused.reason) {
            Ok(()) => {
                let mut frames = message.into_frames().peekable();
                while let Some(frame) = frames.next() {
                    if let Err(error) = self.socket.try_send(frame, frames.peek().is_some()) {
                        log::error!("an answer could not be sent: {}", error.reason);
                        return;
                    }
                }
                if socket == ClientSocket::Calls {
                    to.flow.sent(bytes);
                }
            }
            Err(SendRefusal::Full) => {
                // Thousands of small answers are unread. They go on with the client's next ping.
                self.dispatcher.counters.refused_answers.add(1);
                self.hold(client, message);
            }
            Err(SendRefusal::Unroutable) => {
                self.dispatcher.counters.unroutable_answers.add(1);
                if self.clients.mark_lost(client) {
                    self.client_is_lost(client);
                }
            }
            Err(other) => log::error!("an answer could not be sent: {other}"),
        }
    }
}

/// All clients that do not ping have this many times the bound of one under way together: how many of them connect is
/// not bounded, and whether they read is not known.
const STRANGERS_SHARE: u64 = 4;
/// Answers up to this length to a client that does not ping are not counted in that [bytes].
const MOST_TO_STRANGERS_UNCOUNTED: usize = 64 << 10;
/// An answer up to this length is no smaller when it becomes the news that it was dropped [bytes].
const SMALL_ANSWER_BYTES: usize = 512;
/// The longest answer that leaves on the control connection, where nothing confirms it [bytes].
const MOST_CONTROL_BYTES: usize = 4 << 10;
/// Most answers that are held back for one client: as many as it may have calls in flight, ordinary and urgent.
const MOST_HELD: usize = 8 << 10;

/// What a client is told in place of an answer that there is no room for; nothing for a progress report.
fn undelivered(answer: &OutgoingAnswer, most: usize) -> Option<OutgoingAnswer> {
    let decoded = ServerMessage::decode(&answer.message).ok()?;
    let ServerMessage::Outcome { header, body } = decoded else { return None };
    let bytes = body.len() + answer.body.as_ref().map_or(0, |body| body.len());
    let message = format!(
        "more than {most} bytes of answers to this client are unconfirmed; confirm them with \
         `router.ping(received_bytes)`, or ask for less at a time"
    );
    let failure = Failure::Undelivered { bytes: bytes as u64, message };
    let message = encode_outcome(Err(failure), header.epoch, header.call, usize::MAX);
    let message = if header.encoding == Encoding::Json { in_json(message, usize::MAX) } else { message };
    Some(OutgoingAnswer { message: Frame::from_vec(message), body: None, enclosed_for: answer.enclosed_for })
}
