//! `Link`: the socket to one server, which lives as long as anything that is held through it.

use super::packet::Ask;
use super::socket;
use crate::BorrowCounters;
use parking_lot::Mutex;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::process::Pid;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// While this is open, the server honours our tables. Every reader and every held frame keeps it.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) socket: OwnedFd,
    pub(super) tallies: Tallies,
    /// Who connected. A fork shares the socket and the tables, and must not give back what its parent holds.
    process: Pid,
    /// Detachments that found no room; sent with the next turn.
    unsent: Mutex<Vec<u32>>,
}

/// Written by readers on any thread.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    pub(super) held: AtomicUsize,
    pub(super) borrowed: AtomicU64,
    pub(super) copied: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) malformed: AtomicU64,
    pub(super) rings: AtomicUsize,
    pub(super) mapped_bytes: AtomicUsize,
}

impl Link {
    pub(super) fn new(socket: OwnedFd) -> Link {
        let process = rustix::process::getpid();
        Link { socket, tallies: Tallies::default(), process, unsent: Mutex::default() }
    }

    /// Tells whether this process is the one that connected.
    pub(super) fn is_ours(&self) -> bool {
        rustix::process::getpid() == self.process
    }

    /// Says that nothing is held any more through this attachment.
    pub(super) fn detach(&self, request: u32) {
        if self.is_ours() {
            self.unsent.lock().push(request);
            self.send_unsent();
        }
    }

    /// Sends what found no room before.
    pub(super) fn send_unsent(&self) {
        let mut unsent = self.unsent.lock();
        unsent.retain(|&request| {
            let sent = socket::send(&self.socket, &Ask::Detach { request }.encode(), None);
            // Any other failure means that nobody is there to be told.
            sent == Err(Errno::AGAIN)
        });
    }

    pub(super) fn counters(&self) -> BorrowCounters {
        let tallies = &self.tallies;
        BorrowCounters {
            held: tallies.held.load(Ordering::Relaxed),
            borrowed: tallies.borrowed.load(Ordering::Relaxed),
            copied: tallies.copied.load(Ordering::Relaxed),
            refused: tallies.refused.load(Ordering::Relaxed),
            lost: tallies.lost.load(Ordering::Relaxed),
            malformed: tallies.malformed.load(Ordering::Relaxed),
            rings: tallies.rings.load(Ordering::Relaxed),
            mapped_bytes: tallies.mapped_bytes.load(Ordering::Relaxed),
        }
    }
}
