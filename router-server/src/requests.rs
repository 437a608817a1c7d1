//! Requests, cancels and goodbyes as they reach the router loop.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use router_client::{Call, CallInfo, Interrupted};
use router_socket::Frame;
use router_wire::outcome::OUTCOME;
use router_wire::request::RequestHeader;
use router_wire::{
    ClientIdentity, ClientMessage, Enclosed, Encoding, Envelope, Failure, PROTOCOL_VERSION, name,
};

use crate::barriers::Barrier;
use crate::client_table::{ClientKey, Sender, Via};
use crate::greetings::MOST_GREETING_BYTES;
use crate::job::{Answer, Body, Job, JobKey, server_stopped};
use crate::json_answer::asks_for_json;
use crate::registry::Found;
use crate::router_event::RouterEvent;
use crate::router_loop::{InFlight, RouterLoop};
use crate::stop_all::{STOP_ALL, collect};
use crate::target::Workshop;
use crate::timers::Due;

/// Arguments longer than this are not decoded in the router loop [bytes].
const MOST_INLINE_BYTES: usize = 64 << 10;

/// How a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// From the client on its own connection.
    Connection,
    /// In an envelope, from a gateway.
    Behind(Via),
}

const HELLO: &str = "router.hello";
const PING: &str = "router.ping";

impl RouterLoop {
    /// Takes one message: `[routing id, message]`, or `[routing id, header, body]`; from a gateway with an envelope
    /// behind the routing id.
    pub(super) fn receive(&mut self, frames: &mut Vec<Frame>, whole: bool) {
        let envelope = match frames.get(1) {
            Some(second) if Envelope::is_one(second) => Some(frames.remove(1)),
            _ => None,
        };
        let from = match envelope {
            Some(envelope) if whole => match self.opened(&envelope, frames) {
                Some(via) => From::Behind(via),
                None => return,
            },
            _ => From::Connection,
        };
        let counters = &self.dispatcher.counters;
        if !whole || !(2..=3).contains(&frames.len()) {
            counters.bad_frame_count.add(1);
            return;
        }
        let own_body = if frames.len() == 3 { frames.pop() } else { None };
        let (Some(message), Some(peer)) = (frames.pop(), frames.pop()) else { return };
        let now = Instant::now();
        match ClientMessage::decode(&message) {
            Ok(ClientMessage::Request { header, target, body }) => {
                if header.flags.body_in_own_frame != own_body.is_some() {
                    counters.bad_frame_count.add(1);
                    return;
                }
                counters.requests.add(1);
                let start = message.len() - body.len();
                let body = |message: &Frame| match own_body {
                    Some(frame) => Body::Received { frame, start: 0 },
                    None => Body::Received { frame: message.shared(), start },
                };
                if target == HELLO && from == From::Connection {
                    self.hello(&peer, &header, &body(&message), now);
                    return;
                }
                let Some(sender) = self.sender(from, &peer, &message, now) else { return };
                self.request(sender, &header, target, body(&message), now);
            }
            Ok(ClientMessage::Cancel { epoch, call }) => match self.known(from, &peer) {
                Some(client) if epoch == self.dispatcher.epoch => {
                    self.cancel(JobKey { client, number: call })
                }
                _ => counters.late_cancels.add(1),
            },
            Ok(ClientMessage::Goodbye { .. }) => {
                if let Some(client) = self.known(from, &peer)
                    && self.clients.mark_lost(client)
                {
                    self.client_is_lost(client);
                }
            }
            Err(error) => {
                counters.bad_messages.add(1);
                if let Some(number) = ClientMessage::call_number(&message) {
                    let Some(sender) = self.sender(from, &peer, &message, now) else { return };
                    self.refuse(sender, number, Failure::BadRequest { message: error.to_string() });
                }
            }
        }
    }

    /// Whose message follows an envelope; nobody's when the envelope was the message, or is refused.
    fn opened(&mut self, envelope: &Frame, frames: &[Frame]) -> Option<Via> {
        let counters = &self.dispatcher.counters;
        let gateway = frames.first().and_then(|peer| self.clients.by_peer(peer));
        let gateway = gateway.filter(|gateway| self.clients.is_gateway(*gateway));
        let (Ok(envelope), Some(gateway)) = (Envelope::decode(envelope), gateway) else {
            counters.bad_messages.add(1);
            return None;
        };
        let via = Via { gateway, id: envelope.client };
        match (envelope.enclosed, frames) {
            (Enclosed::Message, _) => return Some(via),
            (Enclosed::Identity, [_, text]) if text.len() <= MOST_GREETING_BYTES => {
                match router_wire::body::decode::<ClientIdentity>(text) {
                    Ok(identity) => {
                        if self.clients.introduce(via, identity.tamed(), Instant::now()).is_none() {
                            counters.refused_clients.add(1);
                        }
                    }
                    Err(_) => counters.bad_messages.add(1),
                }
            }
            (Enclosed::Lost, [_]) => {
                if let Some(client) = self.clients.by_via(via)
                    && self.clients.mark_lost(client)
                {
                    self.client_is_lost(client);
                }
            }
            _ => counters.bad_frame_count.add(1),
        }
        None
    }

    /// The client that a message is from, if it is known.
    fn known(&self, from: From, peer: &[u8]) -> Option<ClientKey> {
        match from {
            From::Connection => self.clients.by_peer(peer),
            From::Behind(via) => self.clients.by_via(via),
        }
    }

    /// Who sent a message; nobody when there are too many clients already.
    pub(super) fn sender(
        &mut self,
        from: From,
        peer: &Frame,
        message: &Frame,
        now: Instant,
    ) -> Option<Sender> {
        let connection = self.clients.heard(peer, || message.peer_address(), now);
        let heard = match from {
            From::Connection => connection,
            From::Behind(via) => {
                connection.and_then(|(_, socket)| Some((self.clients.heard_via(via, now)?, socket)))
            }
        };
        if heard.is_none() {
            self.dispatcher.counters.refused_clients.add(1);
        }
        let json = asks_for_json(message);
        heard.map(|(client, socket)| Sender { client, socket, json })
    }

    fn request(&mut self, sender: Sender, header: &RequestHeader, target: &str, body: Body, now: Instant) {
        if let Err(failure) = self.admit(sender, header, target) {
            self.refuse(sender, header.call, failure);
            return;
        }
        if target == PING {
            self.ping(sender, header, &body, now);
            return;
        }
        if target == OUTCOME {
            self.outcome_asked(sender, header, &body, now);
            return;
        }
        if self.was_asked_before(sender, header, target) {
            return;
        }
        self.look_up(sender, header, target, body, now);
    }

    /// Brings a request to what it names, here or at a server behind.
    pub(super) fn look_up(
        &mut self,
        sender: Sender,
        header: &RequestHeader,
        target: &str,
        body: Body,
        now: Instant,
    ) {
        if let Some(way) = self.way_to(target, header.encoding, &body) {
            self.pass_on(sender, header, way, &body, now);
            return;
        }
        let found = self.dispatcher.registry.read().find(target);
        let found = match found {
            Ok(found) => found,
            Err(failure) => {
                if self.park(sender, header, target, body, now).is_err() {
                    self.refuse(sender, header.call, failure);
                }
                return;
            }
        };
        // JSON is read where the method runs, and that is not here.
        if found.entry.runs_inline() && !sender.json && body.bytes().len() <= MOST_INLINE_BYTES {
            self.run_inline(sender, header, &found, &body);
        } else {
            self.start(sender, header, found, body, now);
        }
    }

    /// What is checked of every request before its target is looked up.
    fn admit(&self, sender: Sender, header: &RequestHeader, target: &str) -> Result<(), Failure> {
        let counters = &self.dispatcher.counters;
        let epoch = self.dispatcher.epoch;
        let before_hello = header.epoch == 0 && target.split('.').next() == Some(name::RESERVED);
        if header.epoch != epoch && !before_hello {
            counters.other_epoch_requests.add(1);
            return Err(Failure::OtherEpoch { epoch });
        }
        if self.is_stopping() {
            return Err(server_stopped(false));
        }
        let Some(client) = self.clients.get(sender.client) else { return Ok(()) };
        if !client.speaks_our_version {
            let message = format!(
                "this server speaks protocol {PROTOCOL_VERSION}, the client another; update the older"
            );
            return Err(Failure::BadRequest { message });
        }
        if !matches!(header.encoding, Encoding::MessagePack | Encoding::Json | Encoding::None) {
            let message = format!(
                "the body is encoded as {:?}; this server reads MessagePack and JSON",
                header.encoding
            );
            return Err(Failure::BadRequest { message });
        }
        Ok(())
    }

    /// Hands a call to its queue.
    fn start(&mut self, sender: Sender, header: &RequestHeader, found: Found, body: Body, now: Instant) {
        let called = found.called().shared();
        let Found { entry, named } = found;
        let Some(client) = self.clients.get_mut(sender.client) else { return };
        if !entry.is_urgent()
            && let Some(barrier) = client.barriers.sent_after(entry.instrument_id, header.call)
        {
            let failure = Failure::Cancelled { by: barrier.by.to_string(), may_still_be_running: false };
            self.refuse(sender, header.call, failure);
            return;
        }
        let preset = named;
        let owner = client.owner();
        let bytes = body.bytes().len();
        if bytes > self.settings.max_body_bytes {
            let limit = self.settings.max_body_bytes;
            let message = format!("{bytes} bytes of arguments; the limit is {limit} (max_body_bytes)");
            return self.refuse(sender, header.call, Failure::BadArguments { argument: None, message });
        }
        let bounds = if entry.is_urgent() { &self.bounds.urgent } else { &self.bounds.ordinary };
        let permit = match bounds.admit(sender.client, bytes) {
            Ok(permit) => permit,
            Err(what) => return self.refuse(sender, header.call, Failure::Busy { what }),
        };
        let key = JobKey { client: sender.client, number: header.call };
        let deadline = deadline_of(header, now);
        let info = CallInfo { name: Arc::clone(&called), client: Arc::clone(&client.label), deadline };
        client.in_flight.insert(header.call);
        let mail = self.mail.clone();
        let on_progress = move |_: &router_client::CallControl| {
            let _ = mail.post(RouterEvent::Progress { key });
        };
        let (call, control) = Call::with_control(info, Some(Arc::new(on_progress)));
        if entry.description.clears_lane {
            let by: Arc<str> = Arc::from(format!("by {called}, by {}", client.label));
            let barrier = Barrier { number: header.call, by: Arc::clone(&by) };
            client.barriers.set(entry.instrument_id, barrier);
            self.dispatcher.clear(&entry.instrument, entry.instrument_id, &by);
            self.end_parked_at(&entry.instrument, &by);
        }
        let in_flight = InFlight {
            entry: Arc::clone(&entry),
            control: control.clone(),
            reply_to: sender.socket,
            owner,
            json: sender.json,
            detached: header.flags.detached,
            answered: false,
            last_progress: None,
            reported: None,
            progress_timer: false,
            _permit: permit,
        };
        self.in_flight.insert(key, in_flight);
        if let Some(deadline) = deadline {
            self.timers.add(deadline, Due::Deadline(key));
        }
        let answer = Answer::Client {
            mail: self.mail.clone(),
            epoch: self.dispatcher.epoch,
            max_body_bytes: self.settings.max_body_bytes,
            json: sender.json,
        };
        let job = Job { entry, call, control, body, preset, key, answer, permit: None };
        if job.entry.name.as_str() == STOP_ALL {
            self.stop_all(job, deadline);
        } else {
            self.wakes.extend(self.dispatcher.submit(job));
        }
    }

    /// Starts every stop method before anything else happens; only their outcomes are waited for elsewhere.
    fn stop_all(&mut self, job: Job, deadline: Option<Instant>) {
        let by = job.call.client().to_owned();
        let stopping = self.dispatcher.stop_all(&by, deadline);
        if let Some(client) = self.clients.get_mut(job.key.client) {
            let by: Arc<str> = Arc::from(format!("by {STOP_ALL}, by {by}"));
            for stop in &stopping {
                let barrier = Barrier { number: job.key.number, by: Arc::clone(&by) };
                client.barriers.set(stop.instrument, barrier);
            }
            let barrier = Barrier { number: job.key.number, by };
            client.barriers.set_for_later(self.dispatcher.registry.read().last_id(), barrier);
        }
        self.end_parked_by(&format!("by {STOP_ALL}, by {by}"));
        let queue = Arc::clone(&job.entry.queue);
        let behind = self.stop_all_behind(job.key, deadline);
        let wait = move |_: &mut Workshop| job.finish_with(|_| collect(stopping, behind, deadline));
        // A queue that takes no more belongs to a server that has stopped.
        let _ = queue.push_task(Box::new(wait));
    }

    /// Asks a call to end: a queued one ends at once, a running one decides itself.
    fn cancel(&mut self, key: JobKey) {
        let by = "by its caller".to_owned();
        if self.cancel_behind(key) || self.end_parked(key, Interrupted::Cancelled { by: by.clone() }) {
            return;
        }
        let Some(call) = self.in_flight.get(&key) else {
            self.dispatcher.counters.late_cancels.add(1);
            return;
        };
        match call.entry.queue.take(key) {
            Some(job) => job.refuse(Failure::Cancelled { by, may_still_be_running: false }),
            None => call.control.interrupt(Interrupted::Cancelled { by }),
        }
    }
}

/// Nanoseconds since 1970-01-01, negative before.
pub(crate) fn utc_ns(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
    }
}

pub(crate) fn deadline_of(header: &RequestHeader, now: Instant) -> Option<Instant> {
    match header.deadline_us {
        0 => None,
        left => now.checked_add(Duration::from_micros(left)),
    }
}
