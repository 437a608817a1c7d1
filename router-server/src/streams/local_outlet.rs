//! `LocalOutlet`: an XPUB towards clients of this process, over `inproc`.
//!
//! It is a socket of its own, beside the [`Outlet`](super::outlet::Outlet)'s, for two reasons. What comes over
//! `inproc` names no connection, so that subscribers can only be counted: one more, one less. That is exact here,
//! because whoever shares a context runs this code, and libzmq reports the end of each subscription of a connection
//! once. And an `inproc` connection that ends is not made again by libzmq, so this socket is never replaced: its mark
//! stays. It needs no other, since a client of this process cannot stall alone.

use std::collections::HashMap;

use router_socket::{Context, Endpoint, PollEntry, Socket, SocketError, SocketKind};
use router_wire::{Topic, sample};

use super::counters::Counted;
use super::outlet::Change;
use super::packet::Packet;

/// How many messages wait for a client at least, beside those that its own socket holds.
const LEAST_LOCAL_MARK: i32 = 32;

/// The socket, and how many listen to what.
pub(super) struct LocalOutlet {
    socket: Socket,
    counts: HashMap<Topic, u64>,
}

impl LocalOutlet {
    /// Listens at `endpoints`; nothing when there are none.
    ///
    /// # Errors
    /// A [`SocketError`] that says why it cannot listen there.
    pub(super) fn bind(
        context: &Context,
        endpoints: &[Endpoint],
        mark: i32,
    ) -> Result<Option<LocalOutlet>, SocketError> {
        if endpoints.is_empty() {
            return Ok(None);
        }
        let socket = context.socket(SocketKind::XPub)?;
        socket.set_xpub_verboser(true)?;
        socket.set_send_hwm(mark.max(LEAST_LOCAL_MARK))?;
        for endpoint in endpoints {
            socket.bind(endpoint)?;
        }
        Ok(Some(LocalOutlet { socket, counts: HashMap::new() }))
    }

    /// How many connections listen to `topic` here.
    pub(super) fn count(&self, topic: &str) -> u64 {
        self.counts.get(topic).copied().unwrap_or(0)
    }

    /// What somebody listens to.
    pub(super) fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.counts.keys()
    }

    /// Takes the next thing that a client said; `None` when nothing waits.
    ///
    /// # Errors
    /// [`SocketError::ContextTerminated`].
    pub(super) fn next_change(&mut self) -> Result<Option<Result<Change, Counted>>, SocketError> {
        let Some(frame) = self.socket.try_recv()? else { return Ok(None) };
        let subscribes = match frame.first() {
            Some(1) => true,
            Some(0) => false,
            _ => return Ok(Some(Err(Counted::ForeignMessage))),
        };
        let topic = match sample::split_topic(&frame[1..]) {
            Ok((topic, [])) => Topic::parse(topic).ok(),
            _ => None,
        };
        let Some(topic) = topic else { return Ok(Some(Err(Counted::RefusedSubscription))) };
        if subscribes {
            *self.counts.entry(topic.clone()).or_insert(0) += 1;
            return Ok(Some(Ok(Change::Subscribed(topic))));
        }
        match self.counts.get_mut(&topic) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) => drop(self.counts.remove(&topic)),
            None => return Ok(Some(Err(Counted::UnknownUnsubscription))),
        }
        Ok(Some(Ok(Change::Unsubscribed(topic))))
    }

    /// Sends a packet to everyone here who is subscribed to its topic; by reference.
    pub(super) fn send(&mut self, packet: &Packet) {
        if self.counts.is_empty() {
            return;
        }
        // As for the other socket: nothing is refused.
        let _ = self.socket.try_send(packet.head.shared(), packet.payload.is_some());
        if let Some(payload) = &packet.payload {
            let _ = self.socket.try_send(payload.shared(), false);
        }
    }

    /// What a loop waits for.
    pub(super) fn poll_entry(&self) -> PollEntry<'_> {
        PollEntry::readable(&self.socket)
    }
}
