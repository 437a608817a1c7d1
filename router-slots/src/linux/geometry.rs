//! `Geometry`: where things are in a ring's memory.

use crate::{BadSize, MAX_HELD, MAX_SLOTS};

/// The size of a reader's table [bytes].
pub(super) const HOLDS_BYTES: usize = (MAX_HELD + 1) * 8;

/// The step of a slot's header: a cache line and the one that the processor fetches with it.
pub(super) const HEADER_BYTES: usize = 128;

/// Slots begin at pages, of the smallest size that there is.
const PAGE: usize = 4096;

/// Where things are in a ring's memory: the headers of all slots, then the slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    slots: u32,
    largest_bytes: usize,
    first: usize,
    stride: usize,
    total: usize,
}

impl Geometry {
    /// Both sides compute it from two numbers: there is no offset in shared memory that could lie.
    pub(super) fn new(slots: usize, largest_bytes: usize) -> Result<Geometry, BadSize> {
        if slots == 0 || largest_bytes == 0 {
            return Err(BadSize::Zero);
        }
        if slots > MAX_SLOTS {
            return Err(BadSize::TooManySlots { slots });
        }
        let first = (slots * HEADER_BYTES).next_multiple_of(PAGE);
        let sizes = || {
            let stride = largest_bytes.checked_next_multiple_of(PAGE)?;
            let total = stride.checked_mul(slots)?.checked_add(first)?;
            (total <= isize::MAX as usize).then_some((stride, total))
        };
        let (stride, total) = sizes().ok_or(BadSize::TooLarge { slots, largest_bytes })?;
        Ok(Geometry { slots: slots as u32, largest_bytes, first, stride, total })
    }

    pub(super) fn slots(&self) -> u32 {
        self.slots
    }

    pub(super) fn largest_bytes(&self) -> usize {
        self.largest_bytes
    }

    /// Of the whole memory [bytes].
    pub(super) fn total_bytes(&self) -> usize {
        self.total
    }

    /// Of a slot and what lies between it and the next [bytes].
    pub(super) fn stride_bytes(&self) -> usize {
        self.stride
    }

    /// The offset of a slot's stamp.
    pub(super) fn stamp(&self, slot: u32) -> usize {
        assert!(slot < self.slots, "a slot of this ring");
        slot as usize * HEADER_BYTES
    }

    /// The offset of a slot's length.
    pub(super) fn len(&self, slot: u32) -> usize {
        self.stamp(slot) + 8
    }

    /// The offset of a slot's frame.
    pub(super) fn frame(&self, slot: u32) -> usize {
        assert!(slot < self.slots, "a slot of this ring");
        self.first + slot as usize * self.stride
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overlaps_and_all_is_inside() {
        for (slots, largest_bytes) in [(1, 1), (2, 4096), (33, 4097), (100, 12_300_000)] {
            let geometry = Geometry::new(slots, largest_bytes).unwrap();
            assert_eq!(geometry.frame(0) % 4096, 0);
            assert!(geometry.len(slots as u32 - 1) + 8 <= geometry.frame(0));
            assert!(geometry.frame(slots as u32 - 1) + largest_bytes <= geometry.total_bytes());
            assert!(geometry.stride_bytes() >= largest_bytes && geometry.stride_bytes().is_multiple_of(4096));
        }
        assert_eq!(Geometry::new(0, 1), Err(BadSize::Zero));
        assert_eq!(
            Geometry::new(1, usize::MAX),
            Err(BadSize::TooLarge { slots: 1, largest_bytes: usize::MAX })
        );
        assert!(Geometry::new(65_536, 1 << 50).is_err());
    }
}
