//! A program that publishes over ZeroMQ and knows nothing of us.
#![allow(dead_code, unreachable_pub)] // each test file uses some of it

use std::time::Duration;

use router_server::{Endpoint, RouterServer};
use router_socket::{Context, Frame, PollEntry, Socket, SocketKind, poll};

use crate::support::{PATIENCE, eventually};

/// A PUB, or rather an XPUB, which can tell who has subscribed.
pub(crate) struct Publishing {
    socket: Socket,
    endpoint: Endpoint,
    /// What is subscribed to now.
    pub(crate) topics: Vec<Vec<u8>>,
    _context: Context,
}

impl Publishing {
    /// Listens at any free port.
    pub(crate) fn anywhere() -> Publishing {
        Publishing::at("tcp://127.0.0.1:*")
    }

    pub(crate) fn at(endpoint: &str) -> Publishing {
        let context = Context::new(1).unwrap();
        let socket = context.socket(SocketKind::XPub).unwrap();
        socket.set_send_hwm(0).unwrap();
        socket.set_linger(Duration::from_secs(5)).unwrap();
        let endpoint = socket.bind(&endpoint.parse().unwrap()).unwrap();
        Publishing { socket, endpoint, topics: Vec::new(), _context: context }
    }

    pub(crate) fn address(&self) -> String {
        self.endpoint.to_string()
    }

    /// Looks what is subscribed to, for a moment.
    pub(crate) fn look(&mut self) {
        let _ = poll(&mut [PollEntry::readable(&self.socket)], Some(Duration::from_millis(2))).unwrap();
        while let Some(change) = self.socket.try_recv().unwrap() {
            match change.split_first() {
                Some((1, topic)) => self.topics.push(topic.to_vec()),
                Some((_, topic)) => self.topics.retain(|other| other != topic),
                None => {}
            }
        }
    }

    /// Waits until exactly these topics are subscribed to.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, topics: &[&[u8]]) {
        let deadline = std::time::Instant::now() + PATIENCE;
        let mut wanted: Vec<Vec<u8>> = topics.iter().map(|topic| topic.to_vec()).collect();
        wanted.sort();
        loop {
            self.look();
            self.topics.sort();
            if self.topics == wanted {
                return;
            }
            assert!(std::time::Instant::now() < deadline, "{:?} in place of {wanted:?}", self.topics);
        }
    }

    pub(crate) fn publish(&mut self, frames: &[&[u8]]) {
        for (index, frame) in frames.iter().enumerate() {
            self.socket.try_send(Frame::copy_from(frame), index + 1 < frames.len()).unwrap();
        }
    }
}

/// One of the counters of a relay; 0 where it is not there.
pub(crate) fn relay_counter(server: &RouterServer, relay: &str, counter: &str) -> u64 {
    server.stats().counters.get(&format!("relay.{relay}.{counter}")).copied().unwrap_or(0)
}

/// Waits until a relay has counted so much.
#[track_caller]
pub(crate) fn counted(server: &RouterServer, relay: &str, counter: &str, count: u64) {
    eventually(&format!("{counter} of {relay} is {count}"), || {
        relay_counter(server, relay, counter) == count
    });
}
