//! Answers on their way from the router loop to clients.

use std::time::{Duration, Instant};

use router_client::ReplyBody;
use router_socket::{Frame, SendRefusal};
use router_wire::hello::ClientSocket;
use router_wire::reply::{REPLY_HEADER_BYTES, encode_progress_header};
use router_wire::{Failure, ServerMessage, body};
use serde::Serialize;

use crate::client_table::ClientKey;
use crate::job::{JobKey, encode_outcome};
use crate::requests::Sender;
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
        if call.answered {
            self.dispatcher.counters.late_outcomes.add(1);
        } else {
            self.send_answer(key.client, call.reply_to, reply);
        }
    }

    /// Answers a call whose method has not returned; what it returns later is counted and dropped.
    pub(super) fn answer_before_return(&mut self, key: JobKey, failure: &Failure) {
        self.send_progress(key);
        let Some(call) = self.in_flight.get_mut(&key).filter(|call| !call.answered) else { return };
        call.answered = true;
        let socket = call.reply_to;
        self.refuse(Sender { client: key.client, socket }, key.number, failure.clone());
    }

    /// Answers a request that is not run, or not waited for any more.
    pub(super) fn refuse(&mut self, to: Sender, number: u64, failure: Failure) {
        let reply = encode_outcome(Err(failure), self.dispatcher.epoch, number, usize::MAX);
        self.send_answer(to.client, to.socket, reply);
    }

    /// Answers a request that the loop has carried out itself.
    pub(super) fn answer_value<T: Serialize>(&mut self, to: Sender, number: u64, value: &T) {
        let mut reply = ReplyBody::new(REPLY_HEADER_BYTES);
        let outcome = reply.value(value).map(|()| reply);
        let reply = encode_outcome(outcome, self.dispatcher.epoch, number, usize::MAX);
        self.send_answer(to.client, to.socket, reply);
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
        let socket = call.reply_to;
        let mut report = encode_progress_header(self.dispatcher.epoch, key.number).to_vec();
        body::encode_into(&progress, &mut report).expect("a progress report is plain data");
        self.send_answer(key.client, socket, report);
    }

    /// Sends a message to a client; holds it back while too much of what was sent is unconfirmed.
    pub(super) fn send_answer(&mut self, client: ClientKey, socket: ClientSocket, message: Vec<u8>) {
        let most = self.settings.stalled_client_bytes;
        let counters = &self.dispatcher.counters;
        let Some(to) = self.clients.get_mut(client) else {
            counters.unroutable_answers.add(1);
            return;
        };
        let counts = socket == ClientSocket::Calls;
        if counts && (!to.flow.held.is_empty() || !to.flow.may_send(message.len(), most)) {
            let mut message = message;
            if to.flow.held_bytes > 0 && to.flow.held_bytes + message.len() > most {
                counters.unconfirmed_answers_dropped.add(1);
                match undelivered(&message, most) {
                    // As small as a header and a sentence; there are at most as many as calls in flight.
                    Some(outcome) => message = outcome,
                    None => return,
                }
            }
            to.flow.held_bytes += message.len();
            to.flow.held.push_back(message);
            return;
        }
        self.send_now(client, socket, message);
    }

    /// Sends what was held back, as far as the client has confirmed earlier answers.
    pub(super) fn send_held_answers(&mut self, client: ClientKey) {
        let most = self.settings.stalled_client_bytes;
        while let Some(to) = self.clients.get_mut(client)
            && let Some(message) = to.flow.held.pop_front()
        {
            if !to.flow.may_send(message.len(), most) {
                to.flow.held.push_front(message);
                return;
            }
            to.flow.held_bytes -= message.len();
            self.send_now(client, ClientSocket::Calls, message);
        }
    }

    fn send_now(&mut self, client: ClientKey, socket: ClientSocket, message: Vec<u8>) {
        let counters = &self.dispatcher.counters;
        let Some(to) = self.clients.get_mut(client) else { return };
        let Some(peer) = to.peer(socket) else {
            counters.unroutable_answers.add(1);
            return;
        };
        let bytes = message.len();
        let peer = Frame::copy_from(peer);
        let sent = self
            .socket
            .try_send(peer, true)
            .and_then(|()| self.socket.try_send(Frame::from_vec(message), false));
        match sent.map_err(|refused| refused.reason) {
            Ok(()) if socket == ClientSocket::Calls => to.flow.sent(bytes),
            Ok(()) => {}
            Err(SendRefusal::Full) => counters.refused_answers.add(1),
            Err(SendRefusal::Unroutable) => {
                counters.unroutable_answers.add(1);
                if self.clients.mark_lost(client) {
                    self.client_is_lost(client);
                }
            }
            Err(other) => log::error!("an answer could not be sent: {other}"),
        }
    }
}

/// What a client is told in place of an answer that there is no room for; nothing for a progress report.
fn undelivered(answer: &[u8], most: usize) -> Option<Vec<u8>> {
    let ServerMessage::Outcome { header, body } = ServerMessage::decode(answer).ok()? else { return None };
    let message = format!(
        "more than {most} bytes of answers to this client are unconfirmed; confirm them with \
         `router.ping(received_bytes)`, or ask for less at a time"
    );
    let failure = Failure::Undelivered { bytes: body.len() as u64, message };
    Some(encode_outcome(Err(failure), header.epoch, header.call, usize::MAX))
}
