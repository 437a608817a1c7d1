//! `SlotReader` and `HeldSlot`: frames in a publisher's memory, held while they are read.

use super::geometry::Geometry;
use super::link::Link;
use super::memory::Mapping;
use crate::holds::{self, Attempt, Hardware};
use crate::{Borrower, NotHeld, SlotDescriptor};
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// This process's side of one ring. A clone is the same reader: what clones hold is counted together.
#[derive(Clone, Debug)]
pub struct SlotReader {
    shared: Arc<Shared>,
}

/// A frame that does not change. Dropping it gives it back; it may outlive the reader, the connection and the
/// publisher.
pub struct HeldSlot {
    reader: Arc<Shared>,
    entry: usize,
    frame: usize,
    len: usize,
}

#[derive(Debug)]
struct Shared {
    link: Arc<Link>,
    request: u32,
    /// The publisher's memory, to be read.
    ring: Mapping,
    geometry: Geometry,
    /// Our entries, which the publisher reads.
    table: Mapping,
    held: usize,
}

impl SlotReader {
    pub(super) fn new(
        link: Arc<Link>,
        request: u32,
        ring: Mapping,
        geometry: Geometry,
        table: Mapping,
        held: usize,
    ) -> SlotReader {
        assert_eq!(ring.len(), geometry.total_bytes(), "a whole ring");
        link.tallies.rings.fetch_add(1, Ordering::Relaxed);
        link.tallies.mapped_bytes.fetch_add(ring.len(), Ordering::Relaxed);
        SlotReader { shared: Arc::new(Shared { link, request, ring, geometry, table, held }) }
    }

    /// Returns how many frames may be held at once.
    pub fn most_held(&self) -> usize {
        self.shared.held
    }

    /// Returns the largest frame that this ring can have [bytes].
    pub fn largest_bytes(&self) -> usize {
        self.shared.geometry.largest_bytes()
    }
}

impl Borrower for SlotReader {
    type Held = HeldSlot;

    fn hold(&self, descriptor: SlotDescriptor) -> Result<HeldSlot, NotHeld> {
        let held = Shared::hold(&self.shared, descriptor, 0..self.shared.held)?;
        self.shared.link.tallies.borrowed.fetch_add(1, Ordering::Relaxed);
        Ok(held)
    }

    fn copy(&self, descriptor: SlotDescriptor, to: &mut Vec<u8>) -> Result<(), NotHeld> {
        to.clear();
        // The entry behind those for holding is for this.
        let held = Shared::hold(&self.shared, descriptor, self.shared.held..self.shared.held + 1)?;
        to.extend_from_slice(&held);
        self.shared.link.tallies.copied.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

impl Shared {
    /// Holds a frame by one of these entries of the table.
    fn hold(
        this: &Arc<Shared>,
        descriptor: SlotDescriptor,
        entries: Range<usize>,
    ) -> Result<HeldSlot, NotHeld> {
        let tallies = &this.link.tallies;
        if !this.link.is_ours() {
            return Err(NotHeld::Forked);
        }
        let geometry = &this.geometry;
        let len = usize::try_from(descriptor.len).ok().filter(|&len| len <= geometry.largest_bytes());
        let Some(len) = len.filter(|_| descriptor.slot < geometry.slots()) else {
            tallies.malformed.fetch_add(1, Ordering::Relaxed);
            return Err(NotHeld::NoSuchSlot);
        };
        let stamp = this.ring.word(geometry.stamp(descriptor.slot));
        let table = this.table.words(0, this.held + 1);
        match holds::hold::<Hardware>(&table[entries.clone()], descriptor.slot, stamp, descriptor.stamp) {
            Attempt::Held(index) => {
                tallies.held.fetch_add(1, Ordering::Relaxed);
                let frame = geometry.frame(descriptor.slot);
                // From here on it is given back when dropped.
                let held = HeldSlot { reader: Arc::clone(this), entry: entries.start + index, frame, len };
                let written = this.ring.word(geometry.len(descriptor.slot)).load(Ordering::Relaxed);
                if written != descriptor.len {
                    tallies.malformed.fetch_add(1, Ordering::Relaxed);
                    return Err(NotHeld::NoSuchSlot);
                }
                Ok(held)
            }
            Attempt::Lost => {
                tallies.lost.fetch_add(1, Ordering::Relaxed);
                Err(NotHeld::Lost)
            }
            Attempt::NoEntry => {
                tallies.refused.fetch_add(1, Ordering::Relaxed);
                Err(NotHeld::TooMany { held: this.held })
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.link.tallies.rings.fetch_sub(1, Ordering::Relaxed);
        self.link.tallies.mapped_bytes.fetch_sub(self.ring.len(), Ordering::Relaxed);
        self.link.detach(self.request);
    }
}

impl Deref for HeldSlot {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: bytes of a frame that is held; the publisher writes no slot that an entry names, and no other
        // process can write the ring at all.
        unsafe { self.reader.ring.bytes(self.frame, self.len) }
    }
}

impl AsRef<[u8]> for HeldSlot {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for HeldSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeldSlot({} bytes)", self.len)
    }
}

impl Drop for HeldSlot {
    fn drop(&mut self) {
        // In a fork this entry is the parent's, who may still read.
        if self.reader.link.is_ours() {
            holds::give_back::<Hardware>(self.reader.table.word(self.entry * 8));
        }
        self.reader.link.tallies.held.fetch_sub(1, Ordering::Relaxed);
    }
}
