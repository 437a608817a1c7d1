//! `RingSize`: how many slots a ring has.

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
pub const MAX_HELD: usize = 511;

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
    ///
    /// # Errors
    /// [`BadSize`].
    pub fn slots(&self) -> Result<usize, BadSize> {
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
}
