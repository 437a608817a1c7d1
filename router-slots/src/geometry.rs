//! `RingSize` and `Geometry`: how many slots a ring has, and where they are.

/// How large a stream's ring is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingSize {
    /// The stream's largest frame [bytes].
    pub largest_bytes: usize,
    /// How many of the newest frames stay readable, at least 1. A descriptor that arrives later than that has lost
    /// its frame: at least the high-water mark of the way that descriptors take.
    pub depth: usize,
    /// How many readers may be attached at once; one more is refused.
    pub readers: usize,
    /// How many frames each reader may hold at once, at least 1.
    pub held: usize,
}

/// The most slots of a ring.
pub const MAX_SLOTS: usize = 65_536;

/// The most frames that a reader may hold of a stream: its table is one page of 512 entries, one of them for copying.
pub const MAX_HELD: usize = HOLDS_BYTES / 8 - 1;

/// The size of a reader's table [bytes].
pub(crate) const HOLDS_BYTES: usize = 4096;

/// The step of a slot's header: a cache line and the one that the processor fetches with it.
pub(crate) const HEADER_BYTES: usize = 128;

/// Slots begin at pages, of the smallest size that there is.
const PAGE: usize = 4096;

/// A ring of these sizes is not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSize {
    /// One of them is zero.
    #[error("a ring needs a largest frame, a depth and held frames of at least 1 each")]
    Zero,
    /// A reader may hold too many.
    #[error("{held} frames held by each reader are more than {MAX_HELD}")]
    TooManyHeld {
        /// How many were asked for.
        held: usize,
    },
    /// `depth + readers * (held + 1) + 1`.
    #[error("{slots} slots are more than {MAX_SLOTS}; lower depth, readers or held")]
    TooManySlots {
        /// How many were asked for.
        slots: usize,
    },
    /// More than can be addressed.
    #[error("{slots} slots of {largest_bytes} bytes are more memory than can be addressed")]
    TooLarge {
        /// How many slots.
        slots: usize,
        /// Of a slot [bytes].
        largest_bytes: usize,
    },
}

impl RingSize {
    /// Returns how many slots no reader can exhaust: the newest `depth`, what each reader holds and the one that it
    /// copies, and the one that is written.
    pub(crate) fn slots(&self) -> Result<usize, BadSize> {
        if self.largest_bytes == 0 || self.depth == 0 || self.held == 0 {
            return Err(BadSize::Zero);
        }
        if self.held > MAX_HELD {
            return Err(BadSize::TooManyHeld { held: self.held });
        }
        let slots = self.readers.saturating_mul(self.held + 1).saturating_add(self.depth).saturating_add(1);
        if slots > MAX_SLOTS {
            return Err(BadSize::TooManySlots { slots });
        }
        Ok(slots)
    }
}

/// Where things are in a ring's memory: the headers of all slots, then the slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    slots: u32,
    largest_bytes: usize,
    first: usize,
    stride: usize,
    total: usize,
}

impl Geometry {
    /// Both sides compute it from two numbers: there is no offset in shared memory that could lie.
    pub(crate) fn new(slots: usize, largest_bytes: usize) -> Result<Geometry, BadSize> {
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

    pub(crate) fn slots(&self) -> u32 {
        self.slots
    }

    pub(crate) fn largest_bytes(&self) -> usize {
        self.largest_bytes
    }

    /// Of the whole memory [bytes].
    pub(crate) fn total_bytes(&self) -> usize {
        self.total
    }

    /// Of a slot and what lies between it and the next [bytes].
    pub(crate) fn stride_bytes(&self) -> usize {
        self.stride
    }

    /// The offset of a slot's stamp.
    pub(crate) fn stamp(&self, slot: u32) -> usize {
        assert!(slot < self.slots, "a slot of this ring");
        slot as usize * HEADER_BYTES
    }

    /// The offset of a slot's length.
    pub(crate) fn len(&self, slot: u32) -> usize {
        self.stamp(slot) + 8
    }

    /// The offset of a slot's frame.
    pub(crate) fn frame(&self, slot: u32) -> usize {
        assert!(slot < self.slots, "a slot of this ring");
        self.first + slot as usize * self.stride
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_of_a_ring() {
        let size = |largest_bytes, depth, readers, held| RingSize { largest_bytes, depth, readers, held };
        for (given, expected) in [
            (size(1, 1, 0, 1), Ok(2)),
            (size(1, 4, 2, 3), Ok(4 + 2 * (3 + 1) + 1)),
            (size(0, 4, 2, 3), Err(BadSize::Zero)),
            (size(1, 0, 2, 3), Err(BadSize::Zero)),
            (size(1, 4, 2, 0), Err(BadSize::Zero)),
            (size(1, 4, 2, 512), Err(BadSize::TooManyHeld { held: 512 })),
            (size(1, 1, 128, 511), Err(BadSize::TooManySlots { slots: 65_538 })),
            (size(1, usize::MAX, usize::MAX, 2), Err(BadSize::TooManySlots { slots: usize::MAX })),
        ] {
            assert_eq!(given.slots(), expected, "{given:?}");
        }
    }

    #[test]
    fn nothing_overlaps_and_all_is_inside() {
        for (slots, largest_bytes) in [(1, 1), (2, 4096), (33, 4097), (100, 12_300_000)] {
            let geometry = Geometry::new(slots, largest_bytes).unwrap();
            assert_eq!(geometry.frame(0) % 4096, 0);
            assert!(geometry.len(slots as u32 - 1) + 8 <= geometry.frame(0));
            assert!(geometry.frame(slots as u32 - 1) + largest_bytes <= geometry.total_bytes());
            assert!(geometry.stride_bytes() >= largest_bytes && geometry.stride_bytes() % 4096 == 0);
        }
        assert_eq!(Geometry::new(0, 1), Err(BadSize::Zero));
        assert_eq!(
            Geometry::new(1, usize::MAX),
            Err(BadSize::TooLarge { slots: 1, largest_bytes: usize::MAX })
        );
        assert!(Geometry::new(65_536, 1 << 50).is_err());
    }
}
