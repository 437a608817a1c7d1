//! What the router loop does with requests, cancels and answers that go to servers behind it and come from them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use router_client::gateway::UpstreamLink;
use router_socket::PollEntry;
use router_wire::hello::{ClientSocket, GatewayHop};
use router_wire::outcome::OUTCOME;
use router_wire::{
    BodyError, CallId, ClientId, ClientIdentity, Encoding, Failure, Name, OutcomeReport, OutcomeRequest,
    RequestHeader, arguments, body as bodies, json,
};

use super::passed_call::{PassedCall, ReplyTo, Request, RequestBody};
use super::stop_all::UpstreamStop;
use super::upstream::{AddUpstream, Upstream};
use super::ways::Way;
use crate::client_table::{ClientKey, Sender};
use crate::job::{Body, JobKey, server_stopped};
use crate::kept_outcomes::Kept;
use crate::router_loop::RouterLoop;
use crate::stop_all::STOP_ALL;
use crate::timers::Due;

impl RouterLoop {
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
            self.changes_behind += 1;
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
        self.changes_behind += 1;
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

    /// Clients that were forgotten here are forgotten behind, too; and scripts that may have ended: one that goes on is
    /// introduced again.
    pub(crate) fn tell_of_forgotten_clients(&mut self, now: Instant) {
        let mut gone = self.clients.take_forgotten();
        if !self.upstreams.is_empty() {
            gone.extend(self.clients.silent_scripts(now));
        }
        for client in gone {
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
