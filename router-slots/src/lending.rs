//! `Lender` and `Borrower`: what a stream and its subscribers ask of memory that both see.
//!
//! Another way of sharing memory, or another platform's, goes behind these two.

use crate::SlotDescriptor;

/// The publisher's side of one stream: lends memory to write a frame in, and readers the frames in it.
pub trait Lender: Send + Sync {
    /// Memory for one frame.
    type Slot: LentSlot;

    /// Returns memory for a frame of `len` bytes, which nobody reads. It holds what was in it before.
    ///
    /// # Errors
    /// [`NoSlot`]; the frame then has to go another way.
    ///
    /// # Blocking
    /// Never waits for a reader. A slot that was never used takes the system time to bring in, some 0.5 ms/MB.
    fn writer(&self, len: usize) -> Result<Self::Slot, NoSlot>;
}

/// Memory for one frame. Dropped unpublished, it goes back to the lender.
pub trait LentSlot: AsMut<[u8]> + Send + 'static {
    /// Makes the frame readable. From here on it does not change while anybody holds it.
    fn publish(self) -> SlotDescriptor;
}

/// A reader's side of one stream.
pub trait Borrower: Send + Sync {
    /// A frame that does not change; dropping it gives it back.
    type Held: AsRef<[u8]> + Send + Sync + 'static;

    /// Holds the frame that `descriptor` leads to, without a copy.
    ///
    /// # Errors
    /// [`NotHeld`].
    fn hold(&self, descriptor: SlotDescriptor) -> Result<Self::Held, NotHeld>;

    /// Copies the frame into `to`, which is emptied first: what a reader does that has [`NotHeld::TooMany`].
    ///
    /// # Errors
    /// [`NotHeld`]; `TooMany` while another thread copies.
    fn copy(&self, descriptor: SlotDescriptor, to: &mut Vec<u8>) -> Result<(), NotHeld>;
}

/// Why there is no memory for a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSlot {
    /// Readers hold every slot, or other writers have them.
    #[error("all {slots} slots are held by readers or being written; the frame has to go another way")]
    AllTaken {
        /// How many there are.
        slots: usize,
    },
    /// The frame is larger than a slot.
    #[error(
        "a frame of {len} bytes is larger than the {largest_bytes} that the stream's slots were made for"
    )]
    TooLarge {
        /// Of the frame [bytes].
        len: usize,
        /// Of a slot [bytes].
        largest_bytes: usize,
    },
    /// The system has no memory for a slot that was never used.
    #[error("the system has no memory for another slot of {largest_bytes} bytes")]
    OutOfMemory {
        /// Of a slot [bytes].
        largest_bytes: usize,
    },
}

/// Why a frame is not held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHeld {
    /// Its slot has been used again.
    #[error("the frame is gone: its slot has been used again")]
    Lost,
    /// This reader holds as many frames as a reader may.
    #[error("this reader holds {held} frames already; copy this one, or drop another first")]
    TooMany {
        /// How many a reader may hold.
        held: usize,
    },
    /// There is no such slot, or no room in it for such a frame. The descriptor is not of this ring.
    #[error("the descriptor leads to no slot of this ring")]
    NoSuchSlot,
    /// The connection was made by a process of which this one is a fork: what it holds is not ours to change.
    #[error("this process is a fork of the one that attached; attach again")]
    Forked,
}
