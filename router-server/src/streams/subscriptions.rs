//! What the proxy does when somebody subscribes, or when a stream comes or goes.

use std::sync::Arc;
use std::time::Instant;

use router_wire::SampleStatus;
use router_wire::describe::StreamSocket;

use super::counters::Counted;
use super::forwarding::{Forwarding, LastValue};
use super::outlet::{Change, frames_mark};
use super::packet::{Packet, Stamp};
use super::proxy::ProxyLoop;
use super::stream::{Given, Stream};

impl ProxyLoop {
    /// Acts on what was taken from the socket `socket`. The last value goes out at the end of the turn.
    pub(super) fn act_on(&mut self, socket: StreamSocket, change: Change) {
        let (name, subscribed) = match change {
            Change::Subscribed(name) => (name, true),
            Change::Unsubscribed(name) => (name, false),
            Change::Nothing => return,
        };
        if self.outlets(socket).0.has_overflowed() {
            self.refresh_all(socket);
        }
        // A subscription to what is not there yet is remembered by the outlet.
        let Some(stream) = self.streams.get(name.as_str()).map(|forwarding| Arc::clone(&forwarding.stream))
        else {
            return;
        };
        if stream.spec.socket != socket {
            if subscribed {
                self.outlets(socket).0.send(elsewhere(&stream));
                self.counters.count(Counted::ElsewhereAnswer);
            }
            return;
        }
        self.refresh(&stream);
        if subscribed
            && let Some(forwarding) = self.streams.get_mut(name.as_str())
            && forwarding.owe_last_value()
        {
            self.owing.push((name, Instant::now()));
        }
    }

    /// Sends last values to those who have subscribed, not too often.
    pub(super) fn send_last_values(&mut self) {
        let now = Instant::now();
        for (name, at) in std::mem::take(&mut self.owing) {
            if now < at {
                self.owing.push((name, at));
                continue;
            }
            let Some(forwarding) = self.streams.get_mut(name.as_str()) else { continue };
            let socket = forwarding.stream.spec.socket;
            match forwarding.last_value(now) {
                LastValue::Send(packet) => self.outlets(socket).0.send_sample(packet),
                LastValue::At(at) => self.owing.push((name, at)),
                LastValue::Nothing => {}
            }
        }
    }

    /// Serves a stream from now on, to those who wait for it too.
    pub(super) fn add(&mut self, stream: Arc<Stream>) {
        // A former one of this name that still waits for its samples to pass goes first.
        if let Some(former) = self.streams.get(stream.name.as_str()).map(|former| Arc::clone(&former.stream))
        {
            let given = former.given();
            self.remove(&former, given);
        }
        self.streams.insert(stream.name.clone(), Forwarding::new(Arc::clone(&stream)));
        self.refresh_mark();
        self.refresh(&stream);
        let (_, wrong) = self.outlets(stream.spec.socket);
        if wrong.is_heard(stream.name.as_str()) {
            wrong.send(elsewhere(&stream));
        }
    }

    /// Tells the subscribers that the stream is gone, and forgets it.
    pub(super) fn remove(&mut self, stream: &Stream, given: Given) {
        let current = self.streams.get(stream.name.as_str());
        if current.is_none_or(|current| current.stream.incarnation != stream.incarnation) {
            return; // another of this name came in between, and removed it
        }
        let passed_on = self.streams.remove(stream.name.as_str()).and_then(|removed| removed.passed_on());
        self.refresh_mark();
        let mut stamp = stream.stamp(given.sequence.unwrap_or(0));
        if let Some(((epoch, incarnation), sequence)) = passed_on.filter(|_| stream.passes_on()) {
            stamp = Stamp { epoch, incarnation, sequence }; // as far as its subscribers know it
        }
        let removed =
            Packet::control(stream.name.as_str(), SampleStatus::Removed, stamp, &[], stream.clock.now());
        self.outlets(stream.spec.socket).0.send(removed);
    }

    /// Declares the newest number that was given to the stream's subscribers. 0 where none was given: nobody has
    /// had a sample then, to whose numbers it could be compared.
    pub(super) fn declare(&mut self, stream: &Stream, given: Given, tokens: &[u64]) {
        let current = self.streams.get(stream.name.as_str());
        if current.is_none_or(|current| current.stream.incarnation != stream.incarnation)
            || stream.passes_on()
        {
            return; // what passes on is declared by its source
        }
        let outlet = self.outlets(stream.spec.socket).0;
        if tokens.is_empty() {
            outlet.send(control(stream, SampleStatus::Declaration, given, &[]));
        }
        for token in tokens {
            outlet.send(control(stream, SampleStatus::Declaration, given, &token.to_le_bytes()));
        }
    }

    /// Tells the stream who listens.
    fn refresh(&mut self, stream: &Stream) {
        let outlet = self.outlets(stream.spec.socket).0;
        let (heard, count) = (outlet.is_heard(stream.name.as_str()), outlet.count(stream.name.as_str()));
        if let Some(forwarding) = self.streams.get_mut(stream.name.as_str()) {
            forwarding.set_heard(heard, count);
        }
    }

    /// Tells every stream of `socket` who listens: nobody yet when the socket is a new one, and maybe everybody when
    /// more was subscribed to than can be remembered.
    pub(super) fn refresh_all(&mut self, socket: StreamSocket) {
        let outlet = match socket {
            StreamSocket::Samples => &self.samples,
            StreamSocket::Frames => &self.frames,
        };
        for (name, forwarding) in &mut self.streams {
            if forwarding.stream.spec.socket == socket {
                forwarding.set_heard(outlet.is_heard(name.as_str()), outlet.count(name.as_str()));
            }
        }
    }

    fn refresh_mark(&mut self) {
        let large = self.streams.values().map(|forwarding| &forwarding.stream.spec);
        let large = large.filter(|spec| spec.socket == StreamSocket::Frames);
        if let Some(largest) = large.map(|spec| spec.largest_sample_bytes).max() {
            self.frames.set_mark(frames_mark(self.budget_bytes, largest));
        }
    }
}

/// The answer to a subscription at the wrong socket.
fn elsewhere(stream: &Stream) -> Packet {
    let right = match stream.spec.socket {
        StreamSocket::Samples => 0,
        StreamSocket::Frames => 1,
    };
    control(stream, SampleStatus::Elsewhere, Given { sequence: None, sent: None }, &[right])
}

fn control(stream: &Stream, status: SampleStatus, given: Given, payload: &[u8]) -> Packet {
    let stamp = stream.stamp(given.sequence.unwrap_or(0));
    Packet::control(stream.name.as_str(), status, stamp, payload, stream.clock.now())
}
