//! Hellos and pings, which the router loop answers itself.

use std::time::{Instant, SystemTime};

use router_socket::Frame;
use router_wire::request::RequestHeader;
use router_wire::{
    Arguments, Encoding, Failure, GatewayHop, HelloReply, HelloRequest, PROTOCOL_VERSION, Refused, json,
};

use crate::client_table::{GreetRefusal, Sender};
use crate::job::{Body, encode_outcome};
use crate::json_answer::in_json;
use crate::requests::{From, utc_ns};
use crate::router_loop::RouterLoop;

/// The body of a hello or a ping is never longer [bytes].
pub(super) const MOST_GREETING_BYTES: usize = 4 << 10;

impl RouterLoop {
    pub(super) fn hello(&mut self, peer: &Frame, header: &RequestHeader, body: &Body, now: Instant) {
        let json = header.encoding == Encoding::Json;
        let request = match keywords::<HelloRequest>(header.encoding, body.bytes()) {
            Ok(request) => request,
            Err(failure) => {
                let Some(sender) = self.sender(From::Connection, peer, peer, now) else { return };
                return self.refuse(Sender { json, ..sender }, header.call, failure);
            }
        };
        let gateways = GatewayHop::tamed(request.gateways);
        if let Some(message) = self.would_be_a_loop(&gateways) {
            let Some(sender) = self.sender(From::Connection, peer, peer, now) else { return };
            let failure = Failure::Refused(Refused::new("loop", message));
            return self.refuse(Sender { json, ..sender }, header.call, failure);
        }
        let same_version = request.protocol_version == PROTOCOL_VERSION;
        let identity = request.client.tamed();
        let client = match self.clients.greet(peer, &identity, request.socket, same_version, now) {
            Ok(client) => client,
            Err(GreetRefusal::TooManyClients) => return self.dispatcher.counters.refused_clients.add(1),
            Err(GreetRefusal::OtherIdentity(sender)) => {
                self.dispatcher.counters.changed_identities.add(1);
                let message = "this connection has greeted with another client id".to_owned();
                return self.refuse(Sender { json, ..sender }, header.call, Failure::BadRequest { message });
            }
        };
        if self.clients.set_gateways(client, gateways) {
            self.refresh_gateways();
        }
        let listening = self.settings.listening.dialled(&request.dialled, peer.peer_address());
        let (samples, frames) = (listening.samples.to_string(), listening.frames.to_string());
        // First: what changes behind it is asked for again.
        let registry_version = self.dispatcher.version();
        let (urgent, idempotent) = self.greeting_names();
        let reply = HelloReply {
            urgent,
            idempotent,
            registry_version,
            samples,
            frames,
            ..self.settings.hello.clone()
        };
        self.answer_value(Sender { client, socket: request.socket, json }, header.call, &reply);
    }

    pub(super) fn ping(&mut self, sender: Sender, header: &RequestHeader, body: &Body, now: Instant) {
        let number = header.call;
        let request = match keywords::<router_wire::hello::PingRequest>(header.encoding, body.bytes()) {
            Ok(request) => request,
            Err(failure) => return self.refuse(sender, number, failure),
        };
        let behind = self.clients.via(sender.client).is_some();
        if !behind && !self.clients.has_greeted(sender.client) {
            // Its place was given to another while it was silent. An epoch that is none makes it greet again.
            let failure = Failure::OtherEpoch { epoch: self.dispatcher.epoch };
            let reply = encode_outcome(Err(failure), 0, number, usize::MAX);
            let reply = if sender.json { in_json(reply, usize::MAX) } else { reply };
            return self.send_answer(sender.client, sender.socket, reply.into());
        }
        if !behind {
            self.clients.pinged(sender.client, now);
        }
        if let Some(client) = self.clients.get_mut(sender.client) {
            client.flow.confirm(request.received_bytes);
        }
        self.send_held_answers(sender.client);
        let reply = router_wire::hello::PingReply {
            epoch: self.dispatcher.epoch,
            utc_ns: utc_ns(SystemTime::now()),
            monotonic_ns: now.saturating_duration_since(self.settings.started).as_nanos() as u64,
            registry_version: self.dispatcher.version(),
        };
        self.answer_value(sender, number, &reply);
    }

    /// Why a gateway that speaks for these servers cannot be a client of this one.
    fn would_be_a_loop(&self, gateways: &[GatewayHop]) -> Option<String> {
        let own = &self.settings.hello.server;
        if let Some(mut path) = GatewayHop::path(gateways, self.dispatcher.epoch) {
            path.push(own.clone());
            return Some(format!(
                "this server is behind itself: {}; leave out one of these upstreams",
                path.join(" -> ")
            ));
        }
        // Whoever comes later gives way: the connection to a server behind this one stands.
        let behind = self.upstreams.iter().find(|upstream| {
            let epoch = upstream.link.epoch();
            epoch != 0 && gateways.iter().any(|hop| hop.server == epoch)
        })?;
        Some(format!("`{}` is behind this server ({own}) and would be before it too", behind.prefix))
    }
}

/// The keyword arguments of a hello or a ping as a structure.
fn keywords<T: serde::de::DeserializeOwned>(encoding: Encoding, body: &[u8]) -> Result<T, Failure> {
    let bad = |message: String| Failure::BadArguments { argument: None, message };
    if body.len() > MOST_GREETING_BYTES {
        return Err(bad(format!("{} bytes; the limit is {MOST_GREETING_BYTES}", body.len())));
    }
    let read = match encoding {
        Encoding::Json => Some(json::arguments(body).map_err(|error| bad(error.to_string()))?),
        _ => None,
    };
    let arguments =
        Arguments::decode(read.as_deref().unwrap_or(body)).map_err(|error| bad(error.to_string()))?;
    router_wire::body::decode(&arguments.keywords_to_map()).map_err(|error| bad(error.to_string()))
}
