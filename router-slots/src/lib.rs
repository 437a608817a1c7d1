//! Large samples of one stream between processes of one user on one machine: slots in shared memory.
//!
//! A publisher has a **ring** of **slots** for each stream, in memory of its own. It writes a frame into a slot and sends
//! a **descriptor**, 20 bytes, by whatever way it has. A reader **holds** the frame that the descriptor leads to, reads
//! it where it is, and gives it back. Nothing is copied, and nobody waits for anybody.
//!
#![cfg_attr(all(target_os = "linux", target_pointer_width = "64"), doc = "```")]
#![cfg_attr(not(all(target_os = "linux", target_pointer_width = "64")), doc = "```no_run")]
//! use router_slots::{Borrower, Lender, LentSlot, RingSize, SlotConnection, SlotDescriptor, SlotRing, Slots};
//! use std::time::Duration;
//!
//! // The server: one offer for all its streams, one ring for each.
//! let (slots, slots_loop) = Slots::listen(0x5eed)?; // its epoch
//! let thread = std::thread::spawn(|| slots_loop.run());
//! let size = RingSize { largest_bytes: 2_073_600, depth: 8, readers: 4, held: 3 };
//! let ring = SlotRing::create(size)?;
//! slots.offer("camera.frame/1", &ring); // name and incarnation
//! let address = slots.address().to_string(); // told in the greeting
//!
//! // A client: one connection to each server.
//! let mut connection = SlotConnection::connect(&address.parse()?)?;
//! let reader = connection.attach_within("camera.frame/1", Duration::from_secs(1))?;
//!
//! // A frame.
//! let mut frame = ring.writer(2_073_600)?;
//! frame.fill(7); // a camera fills it in place
//! let descriptor: [u8; 20] = frame.publish().encode();
//!
//! let held = reader.hold(SlotDescriptor::decode(&descriptor).expect("20 bytes"))?;
//! assert!(held.len() == 2_073_600 && held.iter().all(|&byte| byte == 7));
//!
//! drop(slots); // ends the loop
//! thread.join().expect("the loop ends");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Wherever there is no shared memory (another machine, another container, another user, another platform, too many
//! readers, no memory) the answer is an error at once, and the frame travels over the network as if this crate were not
//! there.
//!
//! # Why it holds when processes are killed
//! There is nothing to repair. What usually breaks when a process dies in the wrong microsecond is state that several
//! processes write: a lock, a reference count, a free list, a registry of who is there. Here every byte of shared memory
//! has one process that writes it:
//! - **The ring** belongs to the publisher. Readers map it to be read, and could not map it otherwise: the seal
//!   `F_SEAL_FUTURE_WRITE` lets the one mapping write that was there before it.
//! - **A table** of what a reader holds of a ring belongs to the reader. The publisher maps it to be read. Before it
//!   uses a slot again it looks through the tables; a slot that is in one is left alone. These are hazard pointers, and
//!   `holds.rs` has the protocol, apart from the memory, with its proof and its loom test.
//! - **A connection** belongs to the kernel, which closes it when the process ends in whatever way. The server then drops
//!   the tables that came through it, and what was held is free at once. It closes when the last held frame is gone,
//!   too, and not before: a frame may outlive its reader, its connection and the publisher.
//!
//! A publisher that dies leaves readers what they hold, and its memory goes with the last mapping: it has no name, in
//! no file system, that could stay behind. A reader that is stopped, or holds for hours, costs the slots that it holds.
//! `depth + readers * (held + 1) + 1` slots are enough for all to hold as many as they may (and copy one), so that the
//! publisher never finds none; they cost no memory before they are used, and used ones are used again first.
//!
//! # Why not iceoryx2
//! As fast, and more general; both ways are bound by memory. But its processes share a registry of nodes and services in
//! the file system: of 300 that were killed within 8 ms of their start, 5 left a service that could not be opened again,
//! and clearing up behind the dead blocks the caller for 100 ms. The same kills (500 of them in `tests/kills.rs`) find
//! nothing here that they could leave half done. It remains possible behind [`Lender`] and [`Borrower`].
//!
//! # Whom it trusts
//! Processes of the same user, as far as that user could not do the same with a debugger. Both sides ask the kernel who
//! is at the other end, and turn other users away. What a peer says is checked for length and meaning; what it says
//! wrong ends the hearing, not the holding: a reader that speaks nonsense may still read frames. What it passes as memory
//! is mapped once it is certain that it is memory, has the size that it should have, and can neither shrink nor lose
//! pages, which would be a SIGBUS for who maps it. What is in it is read as numbers that may be anything: a table of
//! garbage costs the slots that its reader may hold. Numbers that a reader computes addresses with come over the
//! connection once and are checked then; none is read from shared memory.
//!
//! What is trusted: that the publisher does not write a slot that is held. It could, being the one that maps it to
//! write; `&[u8]` of a held frame rests on the publisher running this code.
//!
//! # Choices
//! - **A stamp, not the sample's number, says which frame is in a slot.** The ring counts it up from a random number, so
//!   that no caller can give one twice, and a descriptor of the stream's earlier life leads nowhere in this one.
//! - **The stamp of a slot that turns out to be held does not come back** when the publisher looks for one to reuse: the
//!   frame stays for those that hold it, and is too old for others. A stamp that never returns makes the proof short.
//! - **SEQPACKET sockets**: a packet is whole or not there, and descriptors belong to theirs. Abstract names: no file to
//!   clear up, or to be in the way.
//! - **New slots are brought in by `MADV_POPULATE_WRITE`**, which says when there is no memory; a first access would end
//!   the process by SIGBUS. It takes 6 to 9 ms for 12 MB, outside every lock, or before the first frame
//!   ([`SlotRing::prefault`]).
//! - **Memory is given back with the ring.** The seal that keeps holes out of it keeps the publisher's out too.
//! - **A fork shares its parent's connection**, so what the parent held is free when both have ended; the fork itself can
//!   neither hold nor give back ([`NotHeld::Forked`]), and what it sees of its parent's frames is the parent's to keep.
//! - **64-bit Linux only** (5.1 or newer): elsewhere an 8-byte load from memory that is mapped to be read is not certain
//!   to be one, and other systems have no seals.
//!
//! # Layout
//! - [`lending`][]: [`Lender`], [`LentSlot`], [`Borrower`]: what a stream asks of shared memory, whatever kind it is
//! - [`descriptor`][]: [`SlotDescriptor`], what travels in place of a frame
//! - [`size`][]: [`RingSize`]
//! - [`address`][], [`bounds`][], [`counters`][], [`error`][]: what both sides may know, ask, read, and be refused
//! - `holds.rs`: the protocol
//! - `linux/`: `memory` (all mappings), `geometry`, `ring` and `writer` (the publisher), `service` (hands out rings), `connection`,
//!   `link` and `reader` (the reader), `packet` and `socket` (between them)
//! - `unsupported.rs`: other platforms, where everything says so

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod address;
pub mod bounds;
pub mod counters;
pub mod descriptor;
pub mod error;
pub mod lending;
pub mod size;

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
pub use lending::{Borrower, Lender, LentSlot, NoSlot, NotHeld};
pub use platform::{HeldSlot, SlotConnection, SlotEvent, SlotReader, SlotRing, SlotWriter, Slots, SlotsLoop};
pub use size::{BadSize, MAX_HELD, MAX_SLOTS, RingSize};
