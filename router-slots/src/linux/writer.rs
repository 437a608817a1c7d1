//! `SlotWriter`: memory for one frame, filled in place.

use super::ring::Shared;
use crate::{LentSlot, SlotDescriptor};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A slot that one writer has, until it is published or dropped. Begins at a page.
#[derive(Debug)]
#[must_use = "a frame that is not published is seen by nobody"]
pub struct SlotWriter {
    ring: Arc<Shared>,
    slot: u32,
    len: usize,
    published: bool,
}

impl SlotWriter {
    /// The slot is this writer's alone: it is in none of the ring's lists and in nobody's table.
    pub(super) fn new(ring: Arc<Shared>, slot: u32, len: usize) -> SlotWriter {
        SlotWriter { ring, slot, len, published: false }
    }

    /// Makes the frame shorter than was asked for; longer does nothing.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }
}

impl Deref for SlotWriter {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let frame = self.ring.geometry().frame(self.slot);
        // SAFETY: only this writer has the slot, and it is borrowed.
        unsafe { self.ring.mapping().bytes(frame, self.len) }
    }
}

impl DerefMut for SlotWriter {
    fn deref_mut(&mut self) -> &mut [u8] {
        let frame = self.ring.geometry().frame(self.slot);
        // SAFETY: only this writer has the slot, it is borrowed alone, and rings are mapped writable.
        unsafe { self.ring.mapping().bytes_mut(frame, self.len) }
    }
}

impl AsMut<[u8]> for SlotWriter {
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl LentSlot for SlotWriter {
    fn publish(mut self) -> SlotDescriptor {
        self.published = true;
        let stamp = self.ring.publish(self.slot, self.len);
        SlotDescriptor { slot: self.slot, len: self.len as u64, stamp }
    }
}

impl Drop for SlotWriter {
    fn drop(&mut self) {
        if !self.published {
            self.ring.give_back(self.slot);
        }
    }
}
