//! A client that reads everything.

use std::time::{Duration, Instant};

use router_socket::{Context, Endpoint, Frame, PollEntry, Socket, SocketKind, poll};
use router_wire::{SampleHeader, SamplePacket, SampleStatus, body, sample};
use serde::de::DeserializeOwned;

use super::DEADLINE;

pub(super) struct Listener {
    socket: Socket,
    frames: Vec<Frame>,
}

/// A packet as it came.
#[derive(Debug)]
pub(super) struct Received {
    /// The text of the topic.
    pub(super) name: String,
    pub(super) header: SampleHeader,
    pub(super) last_value: bool,
    pub(super) skipped: u32,
    pub(super) payload: Vec<u8>,
}

impl Received {
    pub(super) fn sequence(&self) -> u64 {
        self.header.sequence
    }

    pub(super) fn status(&self) -> SampleStatus {
        self.header.status
    }

    pub(super) fn value<T: DeserializeOwned>(&self) -> T {
        body::decode_as(self.header.encoding, &self.payload).unwrap()
    }
}

impl Listener {
    pub(super) fn connect(context: &Context, endpoint: &Endpoint, name: &str) -> Listener {
        let socket = context.socket(SocketKind::Sub).unwrap();
        socket.set_recv_hwm(0).unwrap();
        socket.connect(endpoint).unwrap();
        let listener = Listener { socket, frames: Vec::new() };
        listener.subscribe(name);
        listener
    }

    pub(super) fn subscribe(&self, name: &str) {
        self.socket.subscribe(&sample::topic(name)).unwrap();
    }

    /// Has libzmq do what it leaves to the thread that owns the socket: after a reconnection it subscribes again only then.
    pub(super) fn tend(&self) {
        let _ = self.socket.events_readable();
    }

    /// The next packet that comes within `wait`.
    pub(super) fn within(&mut self, wait: Duration) -> Option<Received> {
        let deadline = Instant::now() + wait;
        while !self.socket.try_recv_message(&mut self.frames).unwrap() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            poll(&mut [PollEntry::readable(&self.socket)], Some(left)).unwrap();
        }
        let packet = SamplePacket::decode(&self.frames[0]).unwrap();
        assert_eq!(self.frames.len(), 1 + usize::from(packet.header.payload_in_own_frame));
        let payload = self.frames.get(1).map_or(packet.payload.to_vec(), |frame| frame.to_vec());
        let (name, header) = (packet.topic.to_owned(), packet.header);
        let (last_value, skipped) = (packet.last_value, packet.skipped);
        Some(Received { name, header, last_value, skipped, payload })
    }

    /// The next packet.
    pub(super) fn next(&mut self) -> Received {
        self.within(DEADLINE).expect("a packet comes")
    }

    /// The next value or error.
    pub(super) fn next_sample(&mut self) -> Received {
        self.next_of(SampleStatus::is_sample)
    }

    /// The next packet whose status fits; others are skipped.
    pub(super) fn next_of(&mut self, fits: impl Fn(SampleStatus) -> bool) -> Received {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let received = self.next();
            if fits(received.status()) {
                return received;
            }
            assert!(Instant::now() < deadline, "only packets of other kinds come");
        }
    }
}
