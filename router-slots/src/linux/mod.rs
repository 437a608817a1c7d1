//! Slots on Linux: memory from memfd_create, descriptors over a Unix socket.

mod connection;
mod geometry;
mod link;
mod memory;
mod packet;
mod reader;
mod ring;
mod service;
mod socket;
mod writer;

pub use connection::{SlotConnection, SlotEvent};
pub use reader::{HeldSlot, SlotReader};
pub use ring::SlotRing;
pub use service::{Slots, SlotsLoop};
pub use writer::SlotWriter;
