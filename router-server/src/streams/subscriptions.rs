//! What the proxy does when somebody subscribes, or when a stream comes or goes.

use std::sync::Arc;
use std::time::Instant;

use router_wire::describe::StreamSocket;
use router_wire::{SampleStatus, Topic, View};

use super::counters::Counted;
use super::forwarding::{Forwarding, LastValue};
use super::outlet::{Change, Outlet, frames_mark};
use super::packet::{Packet, Stamp};
use super::proxy::ProxyLoop;
use super::served_view::Due;
use super::stream::{Given, Stream};

impl ProxyLoop {
    /// Acts on what was taken from the socket `socket`. The last value goes out at the end of the turn.
    pub(super) fn act_on(&mut self, socket: StreamSocket, change: Change) {
        let (topic, subscribed) = match change {
            Change::Subscribed(topic) => (topic, true),
            Change::Unsubscribed(topic) => (topic, false),
            Change::Nothing => return,
        };
        if self.outlets(socket).0.has_overflowed() {
            self.look_all(socket, |forwarding, outlet| forwarding.look_who_listens(outlet));
        }
        // A subscription to what is not there yet is remembered by the outlet.
        let forwarding = self.streams.get(topic.name().as_str());
        let Some(stream) = forwarding.map(|forwarding| Arc::clone(&forwarding.stream)) else { return };
        if stream.spec.socket != socket {
            if subscribed {
                self.outlets(socket).0.send(elsewhere(&stream, &topic));
                self.counters.count(Counted::ElsewhereAnswer);
            }
            return;
        }
        self.refresh(&topic, socket);
        if subscribed {
            self.greet(topic);
        }
    }

    /// Somebody subscribed to `topic`: the newest sample is for it.
    fn greet(&mut self, topic: Topic) {
        let Some(forwarding) = self.streams.get_mut(topic.name().as_str()) else { return };
        let socket = forwarding.stream.spec.socket;
        if topic.view().is_none() {
            if forwarding.owe_last_value() {
                self.owing.push((topic.name().clone(), Instant::now()));
            }
            return;
        }
        forwarding.with_view(&topic, &mut self.due, |view, last, seen| view.subscribed(last, seen));
        self.serve_views(socket);
    }

    /// Sends the newest sample of `stream` to whoever asks for it, or says that there is none newer than it has.
    pub(super) fn ask(&mut self, stream: &Stream, asker: u64, token: u64) {
        let topic = Topic::view_of(&stream.name, View::Asked { asker });
        let Some(forwarding) = self.streams.get_mut(stream.name.as_str()) else { return };
        let (given, socket) = (stream.given(), stream.spec.socket);
        let nothing_newer =
            forwarding.with_view(&topic, &mut self.due, |view, last, seen| view.asked(last, seen));
        if nothing_newer {
            let (status, stamp) = (SampleStatus::Declaration, stream.stamp(given.sequence.unwrap_or(0)));
            forwarding.control_view(&topic, (status, stamp), &token.to_le_bytes(), &mut self.due);
        }
        self.serve_views(socket);
    }

    /// Does what views have to do now.
    pub(super) fn serve_views(&mut self, socket: StreamSocket) {
        if self.due.is_empty() {
            return;
        }
        let mut due = std::mem::take(&mut self.due);
        for (topic, what) in due.drain(..) {
            match what {
                Due::Send(packet) => self.outlets(socket).0.send_sample(packet),
                Due::At(at) => self.viewing.push((topic, at)),
                Due::Nothing => {}
            }
        }
        self.due = due;
    }

    /// Sends what waits in views, when its time has come.
    pub(super) fn send_due_views(&mut self) {
        if self.viewing.is_empty() {
            return;
        }
        let now = Instant::now();
        for (topic, at) in std::mem::take(&mut self.viewing) {
            if now < at {
                self.viewing.push((topic, at));
                continue;
            }
            let Some(forwarding) = self.streams.get_mut(topic.name().as_str()) else { continue };
            let socket = forwarding.stream.spec.socket;
            forwarding.with_view(&topic, &mut self.due, |view, _, _| view.due_at_last(now));
            self.serve_views(socket);
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
        let socket = stream.spec.socket;
        let outlet = match socket {
            StreamSocket::Samples => &self.samples,
            StreamSocket::Frames => &self.frames,
        };
        if let Some(forwarding) = self.streams.get_mut(stream.name.as_str()) {
            forwarding.refresh(outlet);
        }
        let (right, wrong) = self.outlets(stream.spec.socket);
        let served: Vec<_> = right.views_of(stream.name.as_str()).cloned().collect();
        let mut misplaced: Vec<_> = wrong.views_of(stream.name.as_str()).cloned().collect();
        if wrong.is_heard(stream.name.as_str()) {
            misplaced.push(Topic::whole(&stream.name));
        }
        for topic in misplaced {
            wrong.send(elsewhere(&stream, &topic));
        }
        served.into_iter().for_each(|topic| self.greet(topic));
    }

    /// Tells the subscribers that the stream is gone, and forgets it.
    pub(super) fn remove(&mut self, stream: &Stream, given: Given) {
        let current = self.streams.get(stream.name.as_str());
        if current.is_none_or(|current| current.stream.incarnation != stream.incarnation) {
            return; // another of this name came in between, and removed it
        }
        let Some(mut removed) = self.streams.remove(stream.name.as_str()) else { return };
        let passed_on = removed.passed_on();
        self.refresh_mark();
        let mut stamp = stream.stamp(given.sequence.unwrap_or(0));
        if let Some(((epoch, incarnation), sequence)) = passed_on.filter(|_| stream.passes_on()) {
            stamp = Stamp { epoch, incarnation, sequence }; // as far as its subscribers know it
        }
        removed.control_views(SampleStatus::Removed, stamp, &[], &mut self.due);
        self.serve_views(stream.spec.socket);
        let removed =
            Packet::control(stream.name.as_str(), SampleStatus::Removed, stamp, &[], stream.clock.now());
        self.outlets(stream.spec.socket).0.send(removed);
    }

    /// Declares the newest number that was given to the stream's subscribers. 0 where none was given: nobody has
    /// had a sample then, to whose numbers it could be compared.
    pub(super) fn declare(&mut self, stream: &Stream, given: Given, tokens: &[u64]) {
        let current = self.streams.get_mut(stream.name.as_str());
        let current = current.filter(|current| current.stream.incarnation == stream.incarnation);
        let Some(forwarding) = current.filter(|_| !stream.passes_on()) else {
            return; // what passes on is declared by its source
        };
        let stamp = stream.stamp(given.sequence.unwrap_or(0));
        if tokens.is_empty() {
            forwarding.control_views(SampleStatus::Declaration, stamp, &[], &mut self.due);
        }
        for token in tokens {
            let token = token.to_le_bytes();
            forwarding.control_views(SampleStatus::Declaration, stamp, &token, &mut self.due);
        }
        self.serve_views(stream.spec.socket);
        let outlet = self.outlets(stream.spec.socket).0;
        if tokens.is_empty() {
            outlet.send(control(stream, SampleStatus::Declaration, given, &[]));
        }
        for token in tokens {
            outlet.send(control(stream, SampleStatus::Declaration, given, &token.to_le_bytes()));
        }
    }

    /// Tells the stream of `topic` who listens, after a change there.
    fn refresh(&mut self, topic: &Topic, socket: StreamSocket) {
        let outlet = match socket {
            StreamSocket::Samples => &self.samples,
            StreamSocket::Frames => &self.frames,
        };
        let Some(forwarding) = self.streams.get_mut(topic.name().as_str()) else { return };
        if topic.view().is_none() {
            forwarding.look_who_listens(outlet);
        } else if !forwarding.refresh_view(topic, outlet) {
            self.counters.count(Counted::RefusedView);
        }
    }

    /// Tells every stream of `socket` who listens, where the socket is a new one: nobody yet.
    pub(super) fn refresh_all(&mut self, socket: StreamSocket) {
        self.look_all(socket, Forwarding::refresh);
    }

    /// Has every stream of `socket` look who listens.
    fn look_all(&mut self, socket: StreamSocket, look: impl Fn(&mut Forwarding, &Outlet)) {
        let outlet = match socket {
            StreamSocket::Samples => &self.samples,
            StreamSocket::Frames => &self.frames,
        };
        for forwarding in self.streams.values_mut() {
            if forwarding.stream.spec.socket == socket {
                look(forwarding, outlet);
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
fn elsewhere(stream: &Stream, topic: &Topic) -> Packet {
    let right = match stream.spec.socket {
        StreamSocket::Samples => 0,
        StreamSocket::Frames => 1,
    };
    let status = SampleStatus::Elsewhere;
    Packet::control(topic.as_str(), status, stream.stamp(0), &[right], stream.clock.now())
}

fn control(stream: &Stream, status: SampleStatus, given: Given, payload: &[u8]) -> Packet {
    let stamp = stream.stamp(given.sequence.unwrap_or(0));
    Packet::control(stream.name.as_str(), status, stamp, payload, stream.clock.now())
}
