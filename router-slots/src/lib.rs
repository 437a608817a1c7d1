//! Large samples of one stream between processes of one user on one machine: slots in shared memory.

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod address;
pub mod bounds;
pub mod counters;
pub mod descriptor;
pub mod error;
pub mod geometry;
pub mod lending;

// What can map memory that cannot shrink, and load 8 bytes from memory that is mapped to be read.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod holds;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod linux;
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
mod unsupported;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
use linux as platform;
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
use unsupported as platform;

pub use address::{BadAddress, SlotAddress};
pub use bounds::{MAX_ATTACHMENTS, MAX_CONNECTIONS, MAX_KEY_BYTES};
pub use counters::{BorrowCounters, RingCounters, ServiceCounters};
pub use descriptor::SlotDescriptor;
pub use error::{AttachError, ConnectError, CreateError, ListenError, Refusal};
pub use geometry::{BadSize, MAX_HELD, MAX_SLOTS, RingSize};
pub use lending::{Borrower, Lender, LentSlot, NoSlot, NotHeld};
pub use platform::{HeldSlot, SlotConnection, SlotEvent, SlotReader, SlotRing, SlotWriter, Slots, SlotsLoop};
