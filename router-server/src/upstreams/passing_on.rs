//! What the router loop does with requests, cancels and answers that go to servers behind it and come from them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use router_client::ConnectionState;
use router_client::gateway::{UpstreamAnswer, UpstreamEvent, UpstreamLink};
use router_socket::{Frame, PollEntry};
use router_wire::describe::Description;
use router_wire::hello::{ClientSocket, GatewayHop};
use router_wire::outcome::OUTCOME;
use router_wire::reply::{REPLY_HEADER_BYTES, body_goes_into_own_frame, overwrite_epoch};
use router_wire::{
    Arguments, BodyError, CallId, ClientId, ClientIdentity, Encoding, Failure, Name, OutcomeReport,
    OutcomeRequest, RequestHeader, Status, arguments, body as bodies, json,
};

use super::passed_call::{PassedCall, ReplyTo, Request, RequestBody};
use super::prefixing::{prefix_failure, prefixed, stripped};
use super::stop_all::UpstreamStop;
use super::told::{MOST_BYTES_READ, Told};
use super::upstream::{AddUpstream, Reading, Upstream};
use crate::client_table::{ClientKey, Sender};
use crate::job::{Body, JobKey, encode_outcome, server_stopped};
use crate::json_answer::in_json;
use crate::kept_outcomes::Kept;
use crate::outgoing_answer::OutgoingAnswer;
use crate::router_loop::RouterLoop;
use crate::stop_all::STOP_ALL;
use crate::timers::Due;

/// Calls of `router` whose first argument is the name of a stream. For a stream behind, the server there is asked.
const OF_A_STREAM: [&str; 4] =
    ["router.enable_stream", "router.disable_stream", "router.set_frequency", "router.settle"];
const STREAM_ARGUMENT: &str = "name";
/// Arguments longer than this name no stream [bytes].
const MOST_CONTROL_ARGUMENTS: usize = 4 << 10;
/// An answer up to this length is copied behind its new header; a reference costs more.
const COPIED_BYTES: usize = 4 << 10;

/// Where a request goes that is not for this server.
pub(crate) struct Way<'a> {
    upstream: usize,
    /// The name at the server behind.
    target: &'a str,
    /// Arguments whose stream has lost its prefix.
    body: Option<Vec<u8>>,
}

impl RouterLoop {
    /// The server behind that a request is for, if it is for one.
    pub(crate) fn way_to<'a>(&self, target: &'a str, encoding: Encoding, body: &Body) -> Option<Way<'a>> {
        if self.upstreams.is_empty() {
            return None;
        }
        if OF_A_STREAM.contains(&target) {
            return self.way_to_stream(target, encoding, body);
        }
        let (upstream, target) = self.behind(target)?;
        Some(Way { upstream, target, body: None })
    }

    /// Whether a name is that of a server behind.
    pub(crate) fn is_behind(&self, name: &str) -> bool {
        self.behind(name).is_some()
    }

    /// Passes a request on, or refuses it.
    pub(crate) fn pass_on(
        &mut self,
        sender: Sender,
        header: &RequestHeader,
        way: Way<'_>,
        body: &Body,
        now: Instant,
    ) {
        let deadline = crate::requests::deadline_of(header, now);
        let body = match (way.body, body) {
            (Some(made), _) => RequestBody::Made(made),
            (None, Body::Received { frame, start }) => RequestBody::Received { frame, start: *start },
            (None, Body::Made(bytes)) => RequestBody::Made(bytes.clone()),
        };
        let request = Request { header: *header, target: way.target, body, deadline };
        let key = JobKey { client: sender.client, number: header.call };
        let reply_to = ReplyTo::Client(sender.socket);
        match self.try_pass_on(way.upstream, key, &request, reply_to) {
            Ok(()) => {
                if let Some(client) = self.clients.get_mut(key.client) {
                    client.in_flight.insert(key.number);
                }
                if let Some(deadline) = deadline {
                    self.timers.add(deadline, Due::Deadline(key));
                }
            }
            Err(failure) => self.refuse(sender, header.call, failure),
        }
    }

    /// Tells every server behind to stop everything, for a client; `number` is that of its `router.stop_all`.
    pub(crate) fn stop_all_behind(&mut self, key: JobKey, deadline: Option<Instant>) -> Vec<UpstreamStop> {
        let header = RequestHeader {
            flags: Default::default(),
            encoding: Encoding::None,
            lease: 0,
            epoch: 0,
            call: key.number,
            deadline_us: 0,
        };
        let mut stops = Vec::new();
        for index in 0..self.upstreams.len() {
            let (answer, outcome) = crossbeam_channel::bounded(1);
            let body = RequestBody::Made(Vec::new());
            let request = Request { header, target: STOP_ALL, body, deadline };
            let reply_to = ReplyTo::StopAll(answer.clone());
            if let Err(failure) = self.try_pass_on(index, key, &request, reply_to) {
                let _ = answer.send(Err(failure)); // there is room for one
            }
            stops.push(UpstreamStop { prefix: self.upstreams[index].prefix.clone(), outcome });
        }
        stops
    }

    /// Asks for the cancellation of a call that was passed on; `false` when it is none.
    pub(crate) fn cancel_behind(&mut self, key: JobKey) -> bool {
        let Some(index) = self.passed_through(key) else { return false };
        if self.upstreams[index].cancel(key) {
            let by = "by its caller".to_owned();
            self.end_passed(index, key, Failure::Cancelled { by, may_still_be_running: false });
        }
        true
    }

    /// The deadline of a call that was passed on has come: it ends here if it has not left. Otherwise the server
    /// behind has the same deadline, and knows what runs.
    pub(crate) fn deadline_passed_behind(&mut self, key: JobKey) {
        let Some(index) = self.passed_through(key) else { return };
        let has_left = self.upstreams[index].calls.get(&key).is_some_and(|call| call.sent);
        if !has_left {
            self.upstreams[index].cancel(key);
            self.end_passed(index, key, Failure::DeadlineExceeded { may_still_be_running: false });
        }
    }

    /// Takes what has come from the servers behind, and sends what is due. Returns whether more may be waiting.
    pub(crate) fn turn_upstreams(&mut self) -> bool {
        let mut more = false;
        let mut events = std::mem::take(&mut self.upstream_events);
        for index in 0..self.upstreams.len() {
            more |= self.upstreams[index].turn(&self.gateways, &mut events);
            for event in events.drain(..) {
                self.take_upstream_event(index, event);
            }
        }
        self.upstream_events = events;
        more
    }

    /// Starts to connect to a server behind.
    pub(crate) fn add_upstream(&mut self, add: AddUpstream) {
        let answer = add.answer.clone();
        let made = Upstream::connect(self.socket.context(), add);
        let _ = answer.send(made.map(|upstream| {
            let view = Arc::clone(&upstream.view);
            self.upstreams.push(upstream);
            view
        }));
    }

    /// Ends a connection to a server behind. Whoever is given it drops it, which may take a moment.
    pub(crate) fn remove_upstream(&mut self, prefix: &str) -> Option<Upstream> {
        let index = self.upstreams.iter().position(|upstream| upstream.prefix.as_str() == prefix)?;
        self.end_all_passed(index, |label| Failure::Unreachable {
            server: label,
            reason: "it was removed".to_owned(),
        });
        let mut upstream = self.upstreams.remove(index);
        upstream.close();
        Some(upstream)
    }

    /// This server stops: what was passed on goes on where it is.
    pub(crate) fn leave_upstreams(&mut self) {
        for index in 0..self.upstreams.len() {
            self.end_all_passed(index, |_| server_stopped(false));
            self.upstreams[index].close();
        }
    }

    /// The names of urgent calls of the servers behind, for greetings.
    pub(crate) fn urgent_behind(&self) -> Vec<String> {
        let names = |upstream: &Upstream| -> Vec<String> {
            let of_router = ["router.ping", STOP_ALL];
            let told = upstream.link.urgent().iter().map(String::as_str);
            told.chain(of_router).map(|name| prefixed(upstream.prefix.as_str(), name)).collect()
        };
        self.upstreams.iter().flat_map(names).collect()
    }

    /// The names of calls of the servers behind that may run again, for greetings.
    pub(crate) fn idempotent_behind(&self) -> Vec<String> {
        let names = |upstream: &Upstream| -> Vec<String> {
            let told = upstream.link.idempotent().iter();
            told.map(|name| prefixed(upstream.prefix.as_str(), name)).collect()
        };
        self.upstreams.iter().flat_map(names).collect()
    }

    /// Whether `name` is a call of a server behind that may run again.
    pub(crate) fn is_idempotent_behind(&self, name: &str) -> bool {
        let found = self.behind(name);
        found.is_some_and(|(index, name)| self.upstreams[index].link.idempotent().contains(name))
    }

    /// Has the outcome of a call that was passed on go to who asks for it again; `false` when it is none, or may not
    /// run again.
    pub(crate) fn attach_behind(&mut self, key: JobKey, socket: ClientSocket, target: &str) -> bool {
        let Some(index) = self.passed_through(key) else { return false };
        let is_it = self.behind(target).is_some_and(|(other, _)| other == index);
        if !is_it || !self.is_idempotent_behind(target) {
            return false;
        }
        if let Some(call) = self.upstreams[index].calls.get_mut(&key) {
            call.reply_to = ReplyTo::Client(socket);
        }
        true
    }

    /// Where a call was passed on to that is on its way or has ended, and how it is known there.
    pub(crate) fn passed_call(&self, client: ClientId, number: u64) -> Option<(Name, CallId)> {
        let is_it = |key: &JobKey, call: &PassedCall| key.number == number && call.owner == Some(client);
        for upstream in &self.upstreams {
            if let Some((_, call)) = upstream.calls.iter().find(|(key, call)| is_it(key, call)) {
                return Some((upstream.prefix.clone(), call.there));
            }
        }
        match self.outcomes.find((client, number)) {
            Some(Kept::Passed { prefix, there }) => Some((prefix.clone(), *there)),
            _ => None,
        }
    }

    /// Passes the question for the outcome of a call on to where the call went.
    pub(crate) fn ask_behind(
        &mut self,
        sender: Sender,
        header: &RequestHeader,
        prefix: &str,
        there: CallId,
        now: Instant,
    ) {
        let Some(upstream) = self.upstreams.iter().position(|upstream| upstream.prefix.as_str() == prefix)
        else {
            return self.answer_value(sender, header.call, &OutcomeReport::Forgotten);
        };
        let asked = OutcomeRequest::of(there);
        let keyword = |name: &str, value: Result<Vec<u8>, BodyError>| Ok((name.to_owned(), value?));
        let made = || {
            let call_id = keyword("call_id", bodies::encode(&asked.call_id))?;
            let body = arguments::encode(&(), &[call_id, keyword("epoch", bodies::encode(&asked.epoch))?])?;
            if sender.json { json::from_message_pack(&body) } else { Ok(body) }
        };
        let body = made().expect("a call's id is plain data");
        let encoding = if sender.json { Encoding::Json } else { Encoding::MessagePack };
        let header = RequestHeader { encoding, ..*header };
        let way = Way { upstream, target: OUTCOME, body: None };
        self.pass_on(sender, &header, way, &Body::Made(body), now);
    }

    /// Clients that were forgotten here are forgotten behind, too.
    pub(crate) fn tell_of_forgotten_clients(&mut self) {
        for client in self.clients.take_forgotten() {
            self.upstreams.iter_mut().for_each(|upstream| upstream.client_is_lost(client));
        }
    }

    /// Finds out anew for which servers this one speaks.
    pub(crate) fn refresh_gateways(&mut self) {
        let epoch = self.dispatcher.epoch;
        let mut name = self.settings.hello.server.clone();
        while name.len() > GatewayHop::MAX_NAME_BYTES {
            name.pop();
        }
        self.gateways = vec![GatewayHop { server: epoch, name, next: 0 }];
        for hop in self.clients.gateways() {
            let next = if hop.next == 0 { epoch } else { hop.next };
            let known = self.gateways.iter().any(|other| other.server == hop.server);
            if !known && self.gateways.len() < GatewayHop::MOST {
                self.gateways.push(GatewayHop { next, ..hop.clone() });
            }
        }
    }

    /// What a poll waits for beside this server's own sockets.
    pub(crate) fn upstream_entries<'a>(upstreams: &'a [Upstream], entries: &mut Vec<PollEntry<'a>>) {
        upstreams.iter().for_each(|upstream| upstream.poll_entries(entries));
    }

    /// After a poll: which sockets to the servers behind take messages again.
    pub(crate) fn unblock_upstreams(&mut self, writable: &[bool]) {
        for (upstream, writable) in self.upstreams.iter_mut().zip(writable.chunks(UpstreamLink::ENTRIES)) {
            if let [calls, _, control, _] = writable {
                upstream.link.unblock(*calls, *control);
            }
        }
    }

    /// When a connection to a server behind has something to do though nothing comes.
    pub(crate) fn upstreams_due(&self, now: Instant) -> Option<Instant> {
        self.upstreams.iter().filter_map(|upstream| upstream.link.next_due(now)).min()
    }

    /// How long the loop means to sleep.
    pub(crate) fn upstreams_sleep(&mut self, timeout: Option<Duration>) {
        for upstream in &mut self.upstreams {
            upstream.link.about_to_sleep(timeout.unwrap_or(Duration::MAX));
        }
    }

    fn way_to_stream<'a>(&self, target: &'a str, encoding: Encoding, body: &Body) -> Option<Way<'a>> {
        let bytes = Some(body.bytes()).filter(|bytes| bytes.len() <= MOST_CONTROL_ARGUMENTS)?;
        let is_json = encoding == Encoding::Json;
        let read = if is_json { Some(json::arguments(bytes).ok()?) } else { None };
        let given = Arguments::decode(read.as_deref().unwrap_or(bytes)).ok()?;
        let stream: String = given.take(0, STREAM_ARGUMENT).ok()?;
        let (upstream, name) = self.behind(&stream)?;
        let other = if given.positional.is_empty() {
            let name = bodies::encode(name).ok()?;
            arguments::encode(&(), &[(STREAM_ARGUMENT.to_owned(), name)]).ok()?
        } else {
            arguments::encode(&(name,), &[]).ok()?
        };
        let body = given.overridden_by(&Arguments::decode(&other).ok()?).to_body();
        let body = if is_json { json::from_message_pack(&body).ok()? } else { body };
        Some(Way { upstream, target, body: Some(body) })
    }

    /// The upstream under whose prefix `name` is, and the name there.
    fn behind<'a>(&self, name: &'a str) -> Option<(usize, &'a str)> {
        let mut upstreams = self.upstreams.iter().enumerate();
        upstreams.find_map(|(index, upstream)| Some((index, stripped(upstream.prefix.as_str(), name)?)))
    }

    /// The upstream through which a call was passed on to a client's name; not those of `router.stop_all`.
    fn passed_through(&self, key: JobKey) -> Option<usize> {
        self.upstreams.iter().position(|upstream| {
            let call = upstream.calls.get(&key);
            call.is_some_and(|call| matches!(call.reply_to, ReplyTo::Client(_)))
        })
    }

    fn try_pass_on(
        &mut self,
        index: usize,
        key: JobKey,
        request: &Request<'_>,
        reply_to: ReplyTo,
    ) -> Result<(), Failure> {
        let upstream = &mut self.upstreams[index];
        upstream.check_up()?;
        let bytes = request.body.len();
        let limit = upstream.link.max_body_bytes().min(self.settings.max_body_bytes);
        if bytes > limit {
            let message = format!("{bytes} bytes of arguments; the limit is {limit} (max_body_bytes)");
            return Err(Failure::BadArguments { argument: None, message });
        }
        let socket = upstream.link.socket_for(request.target);
        let (of_server, of_upstream) = match socket {
            ClientSocket::Calls => (&self.bounds.ordinary, &upstream.bounds),
            ClientSocket::Control => (&self.bounds.urgent, &upstream.urgent_bounds),
        };
        let busy = |what| Failure::Busy { what };
        let for_client = matches!(reply_to, ReplyTo::Client(_));
        let of_server = for_client.then(|| of_server.admit(key.client, bytes).map_err(busy)).transpose()?;
        let of_upstream = of_upstream.admit(key.client, bytes).map_err(busy)?;
        let identity = match self.clients.get(key.client).and_then(|client| client.identity.clone()) {
            Some(identity) => identity,
            None => unnamed(self.dispatcher.epoch, key.client),
        };
        let json = request.header.encoding == Encoding::Json;
        let owner = self.clients.owner(key.client).filter(|_| for_client && request.target != OUTCOME);
        let there = CallId { client: ClientId(0, 0), number: key.number, epoch: 0 };
        let permits = (of_server, of_upstream);
        let call = PassedCall { reply_to, sent: false, socket, owner, there, json, _permits: permits };
        upstream.pass_on(key, &identity, request, call)
    }

    fn take_upstream_event(&mut self, index: usize, event: UpstreamEvent) {
        let upstream = &mut self.upstreams[index];
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
    fn end_all_passed(&mut self, index: usize, unsent: impl Fn(String) -> Failure) {
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

    fn end_passed(&mut self, index: usize, key: JobKey, failure: Failure) {
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

/// The identity of a client that has not greeted: a short script.
fn unnamed(epoch: u64, client: ClientKey) -> ClientIdentity {
    ClientIdentity {
        id: ClientId(epoch, client.0),
        name: "unnamed client".to_owned(),
        user: "unknown".to_owned(),
        host: "unknown".to_owned(),
        pid: 0,
    }
}
