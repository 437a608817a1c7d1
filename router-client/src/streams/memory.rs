//! `Memory`: this client's way to the memory that its server shares, if they are on one machine.

use std::collections::HashMap;

use router_slots::{ConnectError, Refusal, SlotAddress, SlotConnection, SlotEvent, SlotReader};
use router_socket::PollEntry;
use router_wire::Topic;
use router_wire::topic::slots_key;

use super::samples_handle::ServerView;
use super::segment::SegmentId;

/// A connection to the server's slots, or none: then samples come over the network, which is nothing to report.
#[derive(Default)]
pub(crate) struct Memory {
    connection: Option<Connection>,
    /// Too many processes were about to connect: it is to be tried again.
    pub(crate) is_to_try_again: bool,
}

struct Connection {
    slots: SlotConnection,
    address: SlotAddress,
    epoch: u64,
    /// What each question was for.
    asked: HashMap<u32, (Topic, SegmentId)>,
}

/// What the server said.
pub(crate) enum MemoryEvent {
    /// To the question for a stream's ring.
    Answer { topic: Topic, life: SegmentId, answer: Result<SlotReader, Refusal> },
    /// The connection has ended.
    Closed,
}

impl Memory {
    /// Connects to where `server` shares memory; `false` where nothing has changed and the connection stays. A client
    /// within the server's process is given references and needs no memory.
    ///
    /// # Blocking
    /// Never.
    pub(crate) fn connect(&mut self, server: &ServerView) -> bool {
        let address = server.slots.as_ref().filter(|_| server.frames.inproc_name().is_none());
        if self.connection.as_ref().map(|connection| &connection.address) == address {
            return false;
        }
        let connected = address.map(|address| (address, SlotConnection::connect(address)));
        self.is_to_try_again = matches!(connected, Some((_, Err(ConnectError::Busy { .. }))));
        self.connection = connected.and_then(|(address, slots)| {
            let (slots, address) = (slots.ok()?, address.clone());
            Some(Connection { slots, address, epoch: server.epoch, asked: HashMap::new() })
        });
        true
    }

    /// The life of the server whose memory can be asked for.
    pub(crate) fn epoch(&self) -> Option<u64> {
        self.connection.as_ref().map(|connection| connection.epoch)
    }

    /// Asks for the ring of one life of a stream; `false` when that cannot be.
    pub(crate) fn ask(&mut self, topic: &Topic, life: SegmentId) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        let key = slots_key(topic.name().as_str(), life.incarnation);
        let Ok(request) = connection.slots.attach(&key) else { return false };
        connection.asked.insert(request, (topic.clone(), life));
        true
    }

    /// What the server has said; `None` when nothing.
    pub(crate) fn next(&mut self) -> Option<MemoryEvent> {
        let connection = self.connection.as_mut()?;
        loop {
            let (request, answer) = match connection.slots.turn()? {
                SlotEvent::Attached(request, reader) => (request, Ok(reader)),
                SlotEvent::Refused(request, reason) => (request, Err(reason)),
                SlotEvent::Closed => {
                    self.connection = None;
                    return Some(MemoryEvent::Closed);
                }
            };
            if let Some((topic, life)) = connection.asked.remove(&request) {
                return Some(MemoryEvent::Answer { topic, life, answer });
            }
        }
    }

    /// What a loop waits for.
    pub(crate) fn poll_entry(&self) -> Option<PollEntry<'_>> {
        #[cfg(unix)]
        let entry = {
            let connection = self.connection.as_ref();
            connection.map(|one| PollEntry::descriptor(std::os::fd::AsFd::as_fd(&one.slots)))
        };
        #[cfg(not(unix))]
        let entry = None; // no platform without has slots
        entry
    }
}
