//! A relay's side towards its source: what is subscribed to there, and where it is connected.

use std::time::{Duration, Instant};

use router_socket::{SocketError, SocketEvent};
use router_wire::Name;

use super::feed::Feed;
use super::greeter::{Greeted, Greeter};
use super::relay::{MOST_IN_A_TURN, RelayLoop, Route};
use super::relay_counters::RelayCounted;
use super::relay_options::{RelayFormat, RelayOptions};

/// How long a name waits that could not be resolved, and an endpoint where something else has answered.
const DIAL_AGAIN_AFTER: Duration = Duration::from_secs(1);

impl RelayLoop {
    pub(super) fn subscribe(&mut self, incarnation: u64, subscribe: bool) {
        if self.options.discovers() {
            return; // to everything, from the beginning
        }
        let Some(route) = self.inlets.get(&incarnation) else { return };
        let mut keys = whole_keys(&self.options, &self.name, &route.topics);
        if !self.is_numbered {
            keys.extend(plain_keys(&self.options, &route.topics));
        }
        let feed = if route.is_large { self.large.as_ref() } else { Some(&self.feed) };
        for key in keys {
            change(feed, &key, subscribe);
        }
    }

    /// Names are compared whole from now on, and nothing is asked for by its beginning: what else a server sends to
    /// others would come along.
    pub(super) fn source_is_numbered(&mut self) {
        if self.is_numbered || self.options.discovers() {
            return;
        }
        self.is_numbered = true;
        for route in self.inlets.values().filter(|route| route.inlet.is_on()) {
            for key in plain_keys(&self.options, &route.topics) {
                change(Some(&self.feed), &key, false);
            }
        }
    }

    /// The server serves the stream as frames, or as samples after all.
    pub(super) fn moves(&mut self, incarnation: u64, is_large: bool) {
        let is_there = |route: &Route| route.is_large == is_large || !route.inlet.is_on();
        if self.inlets.get(&incarnation).is_none_or(is_there) {
            return;
        }
        let Some((_, endpoint)) = &self.served else {
            return self.shared.counters.count(RelayCounted::Elsewhere);
        };
        if self.large.is_none() {
            let largest_bytes = self.options.stream.largest_sample_bytes;
            let opened = Feed::open(&self.context, largest_bytes, self.roster.ingress.budget_bytes);
            let dialled = opened.and_then(|mut feed| feed.dial(endpoint).map(|()| feed));
            match dialled {
                Ok(feed) => self.large = Some(feed),
                Err(_) => return self.shared.counters.count(RelayCounted::RefusedSocket),
            }
        }
        self.subscribe(incarnation, false);
        if let Some(route) = self.inlets.get_mut(&incarnation) {
            route.is_large = is_large;
        }
        self.subscribe(incarnation, true);
    }

    /// Acts on what became of the connections.
    pub(super) fn follow_connection(&mut self) -> Result<(), SocketError> {
        for _ in 0..MOST_IN_A_TURN {
            match self.monitor.try_next() {
                Some(SocketEvent::Connected) => self.is_greeting = true,
                Some(SocketEvent::HandshakeSucceeded) => self.is_greeting = false,
                Some(SocketEvent::HandshakeFailed { .. }) => self.not_understood(),
                Some(SocketEvent::Disconnected { .. }) if self.is_greeting => self.not_understood(),
                Some(SocketEvent::Disconnected { .. }) => {
                    self.shared.counters.count(RelayCounted::Disconnect);
                }
                Some(_) => {}
                None => break,
            }
        }
        let Some(greeter) = &mut self.greeter else { return Ok(()) };
        match greeter.turn()? {
            Some(Greeted::Serves { epoch, samples, frames }) => {
                // Over inproc libzmq connects once: the connection ended with the life before.
                if self.greeter_only() && self.served_by != epoch {
                    self.feed.hang_up();
                    self.large.iter_mut().for_each(Feed::hang_up);
                }
                self.served_by = epoch;
                self.source_is_numbered();
                let mut refused = self.feed.dial(&samples).is_err();
                if let Some(large) = &mut self.large {
                    refused |= large.dial(&frames).is_err();
                }
                self.served = Some((samples, frames));
                if refused {
                    self.shared.counters.count(RelayCounted::RefusedSocket);
                }
            }
            Some(Greeted::Refused) => {
                self.shared.counters.count(RelayCounted::FailedHandshake);
                self.greeter = None;
                self.dial_at = Some(Instant::now() + DIAL_AGAIN_AFTER);
            }
            None => {}
        }
        Ok(())
    }

    /// The other side is no PUB. It may be the calls socket of a server, which tells where its streams are. libzmq does
    /// not connect again by itself then.
    pub(super) fn not_understood(&mut self) {
        self.is_greeting = false;
        self.shared.counters.count(RelayCounted::FailedHandshake);
        self.feed.hang_up();
        if self.greeter.is_none() && self.options.greets() {
            self.greet();
        } else {
            self.dial_at = Some(Instant::now() + DIAL_AGAIN_AFTER);
        }
    }

    /// Over `inproc` everything accepts a connection: only the greeting tells what it is.
    fn greeter_only(&self) -> bool {
        self.endpoint.inproc_name().is_some()
    }

    pub(super) fn greet(&mut self) {
        match Greeter::connect(&self.context, &self.endpoint, &format!("relay {}", self.name)) {
            Ok(greeter) => self.greeter = Some(greeter),
            Err(_) => {
                self.shared.counters.count(RelayCounted::RefusedSocket);
                self.dial_at = Some(Instant::now() + DIAL_AGAIN_AFTER);
            }
        }
    }

    pub(super) fn dial_when_due(&mut self, now: Instant) {
        if self.dial_at.is_none_or(|at| now < at) {
            return;
        }
        self.dial_at = None;
        let endpoint = match (&self.served, &self.greeter) {
            (Some((samples, _)), Some(_)) => samples,
            (Some(_), None) => return self.greet(),
            (None, Some(_)) if self.greeter_only() => return,
            (None, None) if self.greeter_only() => return self.greet(),
            (None, _) => &self.endpoint,
        };
        if self.feed.dial(endpoint).is_err() {
            self.shared.counters.count(RelayCounted::RefusedSocket);
            self.dial_at = Some(now + DIAL_AGAIN_AFTER);
        }
    }
}

/// What is subscribed to as a whole name, for packets that have a NUL behind it.
fn whole_keys(options: &RelayOptions, name: &Name, topics: &[String]) -> Vec<Vec<u8>> {
    let whole = |topic: &str| router_wire::sample::topic(topic);
    match options.format {
        RelayFormat::Auto | RelayFormat::RouterServer if topics.is_empty() => vec![whole(name.as_str())],
        RelayFormat::Auto | RelayFormat::RouterServer | RelayFormat::PythonOneLiner => {
            topics.iter().map(|topic| whole(topic)).collect()
        }
        _ => Vec::new(),
    }
}

/// What is subscribed to by its beginning.
fn plain_keys(options: &RelayOptions, topics: &[String]) -> Vec<Vec<u8>> {
    let plain = |topic: &String| topic.clone().into_bytes();
    match options.format {
        RelayFormat::RouterServer => Vec::new(),
        _ if topics.is_empty() => vec![Vec::new()],
        RelayFormat::PythonOneLiner => Vec::new(),
        RelayFormat::Prefixed(separator) => {
            topics.iter().map(|topic| [topic.as_bytes(), &[separator]].concat()).collect()
        }
        _ => topics.iter().map(plain).collect(),
    }
}

fn change(feed: Option<&Feed>, key: &[u8], subscribe: bool) {
    let Some(feed) = feed else { return };
    // It fails with the context only, which the next receive finds out.
    let _ = if subscribe { feed.socket.subscribe(key) } else { feed.socket.unsubscribe(key) };
}
