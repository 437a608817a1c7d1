//! `SlotConnection`: a process's way to the rings of one server.

use super::geometry::{Geometry, HOLDS_BYTES};
use super::link::Link;
use super::memory::{self, Mapping};
use super::packet::{Answer, Ask, MAX_PACKET};
use super::reader::SlotReader;
use super::socket::{self, Received};
use crate::{AttachError, BorrowCounters, ConnectError, MAX_HELD, MAX_KEY_BYTES, Refusal, SlotAddress};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The one connection between this process and a server, for all its streams. To be polled for reading.
///
/// What is held through it stays held when it is dropped.
#[derive(Debug)]
pub struct SlotConnection {
    link: Arc<Link>,
    /// Attachments that the server has not answered yet, with our tables.
    asked: BTreeMap<u32, Mapping>,
    next_request: u32,
    closed: bool,
}

/// What a server said.
#[derive(Debug)]
pub enum SlotEvent {
    /// To the request of this number.
    Attached(u32, SlotReader),
    /// To the request of this number.
    Refused(u32, Refusal),
    /// The server has ended, or said something that means nothing. Last event. What is held stays as it is.
    Closed,
}

impl SlotConnection {
    /// Connects to a server of the same user on this machine.
    ///
    /// # Errors
    /// [`ConnectError`].
    ///
    /// # Blocking
    /// Never.
    pub fn connect(address: &SlotAddress) -> Result<SlotConnection, ConnectError> {
        let address = || address.clone();
        let socket = socket::connect(&address()).map_err(|e| match e {
            Errno::CONNREFUSED => ConnectError::NobodyThere { address: address() },
            Errno::AGAIN => ConnectError::Busy { address: address() },
            e => ConnectError::System { reason: e.to_string() },
        })?;
        match socket::is_same_user(&socket) {
            Ok(true) => {}
            Ok(false) => return Err(ConnectError::AnotherUser { address: address() }),
            Err(e) => return Err(ConnectError::System { reason: e.to_string() }),
        }
        let link = Arc::new(Link::new(socket));
        Ok(SlotConnection { link, asked: BTreeMap::new(), next_request: 0, closed: false })
    }

    /// Asks for the ring of `key`; the answer comes in [`SlotConnection::turn`] with the number that is returned.
    ///
    /// # Errors
    /// [`AttachError::Closed`], [`AttachError::System`].
    ///
    /// # Blocking
    /// Never.
    pub fn attach(&mut self, key: &str) -> Result<u32, AttachError> {
        let closed = || AttachError::Closed { key: key.to_owned() };
        let system = |reason: String| AttachError::System { key: key.to_owned(), reason };
        if key.len() > MAX_KEY_BYTES {
            return Err(AttachError::Refused { key: key.to_owned(), reason: Refusal::NotOffered });
        }
        if self.closed || !self.link.is_ours() {
            return Err(closed());
        }
        let (fd, table) =
            memory::create("one-liner holds", HOLDS_BYTES).map_err(|e| system(e.to_string()))?;
        table.populate(&fd, 0, HOLDS_BYTES).map_err(|e| system(e.to_string()))?;
        let request = self.next_request;
        self.next_request = self.next_request.wrapping_add(1);
        match socket::send(&self.link.socket, &Ask::Attach { request, key }.encode(), Some(fd.as_fd())) {
            Ok(()) => {}
            Err(Errno::PIPE | Errno::CONNRESET) => return Err(closed()),
            Err(e) => return Err(system(e.to_string())),
        }
        self.asked.insert(request, table);
        Ok(request)
    }

    /// Returns the next thing that the server said, or `None` if there is nothing now.
    ///
    /// # Blocking
    /// Never. Poll the connection ([`AsFd`]) for reading to know when there is something.
    pub fn turn(&mut self) -> Option<SlotEvent> {
        if self.closed {
            return None;
        }
        self.link.send_unsent();
        let mut buffer = [0; MAX_PACKET];
        let event = match socket::receive(&self.link.socket, &mut buffer) {
            Ok(Received::Nothing) => return None,
            Ok(Received::Packet(len, fd)) => self.read(&buffer[..len], fd),
            Ok(Received::TooLong | Received::End) | Err(_) => None,
        };
        if event.is_none() {
            self.closed = true;
            self.asked.clear();
        }
        Some(event.unwrap_or(SlotEvent::Closed))
    }

    /// Asks for the ring of `key` and waits for the answer. Answers to other requests that come meanwhile are dropped:
    /// for programs that attach one ring after another.
    ///
    /// # Errors
    /// [`AttachError`].
    ///
    /// # Blocking
    /// Until the server answers, `timeout` at most.
    pub fn attach_within(&mut self, key: &str, timeout: Duration) -> Result<SlotReader, AttachError> {
        let deadline = Instant::now() + timeout;
        let ours = self.attach(key)?;
        loop {
            match self.turn() {
                Some(SlotEvent::Attached(request, reader)) if request == ours => return Ok(reader),
                Some(SlotEvent::Refused(request, reason)) if request == ours => {
                    return Err(AttachError::Refused { key: key.to_owned(), reason });
                }
                Some(SlotEvent::Closed) => return Err(AttachError::Closed { key: key.to_owned() }),
                Some(_) => {}
                None => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(AttachError::TimedOut { key: key.to_owned(), waited: timeout });
                    }
                    self.wait(left);
                }
            }
        }
    }

    /// Waits until there is something to read, `timeout` at most.
    fn wait(&self, timeout: Duration) {
        let timeout = Timespec {
            tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        // A signal ends it early, and the caller looks again.
        let _ = rustix::event::poll(&mut [PollFd::new(&self.link.socket, PollFlags::IN)], Some(&timeout));
    }

    /// Tells whether the server has ended, as far as [`SlotConnection::turn`] has read.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Returns what the readers of this connection did.
    pub fn counters(&self) -> BorrowCounters {
        self.link.counters()
    }

    /// `None` for what means nothing: there is nothing more to expect of such a server.
    fn read(&mut self, packet: &[u8], fd: Option<OwnedFd>) -> Option<SlotEvent> {
        match Answer::decode(packet)? {
            Answer::Attached { request, slots, held, largest_bytes } => {
                let table = self.asked.remove(&request)?;
                let held = usize::try_from(held).ok().filter(|held| (1..=MAX_HELD).contains(held))?;
                let largest_bytes = usize::try_from(largest_bytes).ok()?;
                let geometry = Geometry::new(usize::try_from(slots).ok()?, largest_bytes).ok()?;
                match memory::open(fd?, geometry.total_bytes()) {
                    Ok(ring) => {
                        let link = Arc::clone(&self.link);
                        let reader = SlotReader::new(link, request, ring, geometry, table, held);
                        Some(SlotEvent::Attached(request, reader))
                    }
                    // No address space left, or no memory for it: this ring alone is not to be had.
                    Err(memory::Unfit::System(_)) => {
                        self.link.detach(request);
                        Some(SlotEvent::Refused(request, Refusal::UnfitRing))
                    }
                    Err(_) => None,
                }
            }
            Answer::Refused { request, reason } => {
                self.asked.remove(&request)?;
                Some(SlotEvent::Refused(request, reason))
            }
        }
    }
}

impl AsFd for SlotConnection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.link.socket.as_fd()
    }
}
