//! `StreamRing`: the slots of a stream's large samples, in memory that processes of the same user on this machine share.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use router_slots::{Lender, RingSize, SlotRing, SlotWriter};
use router_wire::status::StreamMemory;

use super::outlet::frames_mark;

/// Samples from this size on go into slots [bytes]; smaller ones cost less as they are.
const LEAST_BYTES: usize = 64 << 10;

/// Descriptors that wait in a subscriber beside those that wait in the server's socket.
const WAITING_IN_CLIENT: usize = 4;

/// How much a stream may share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RingBounds {
    /// Most processes that are attached to a stream at once.
    pub(crate) readers: usize,
    /// Most samples that each may keep in place; of more it makes copies.
    pub(crate) held: usize,
}

/// The ring of one stream's life. Made when the first reader attaches; it stays until the stream's source is gone.
pub(crate) struct StreamRing {
    size: RingSize,
    /// `None` inside: the system has refused.
    ring: OnceLock<Option<SlotRing>>,
    /// Somebody listens to what leads to slots. Written by the proxy, read by the source.
    heard: AtomicBool,
}

impl StreamRing {
    /// A ring for samples of at most `largest_bytes`, where `budget_bytes` of samples may wait for a subscriber.
    pub(crate) fn new(largest_bytes: usize, budget_bytes: usize, bounds: RingBounds) -> StreamRing {
        // As many as the ways there hold: what arrives leads to a sample that is there, unless it was long in coming.
        let depth = frames_mark(budget_bytes, largest_bytes) as usize + WAITING_IN_CLIENT;
        let size = RingSize { largest_bytes, depth, readers: bounds.readers, held: bounds.held };
        StreamRing { size, ring: OnceLock::new(), heard: AtomicBool::new(false) }
    }

    /// The ring, made now if this is the first time; `None` where the system refuses. It does not wait: memory is taken
    /// slot by slot, when each is used.
    pub(crate) fn make(&self) -> Option<SlotRing> {
        let make = || {
            let ring = SlotRing::create(self.size);
            if let Err(reason) = &ring {
                log::warn!(
                    "samples of up to {} bytes go over the network alone: {reason}",
                    self.size.largest_bytes
                );
            }
            ring.ok()
        };
        self.ring.get_or_init(make).clone()
    }

    /// Says whether somebody listens to what leads to slots.
    pub(crate) fn set_heard(&self, heard: bool) {
        self.heard.store(heard, Ordering::Release);
    }

    /// Memory for a sample of `len` bytes, to be filled in place and published with the sample; `None` when nobody wants
    /// it there, or there is none left, which is counted.
    ///
    /// # Blocking
    /// Never for a reader. A slot's first use takes the system some 0.5 ms/MB.
    pub(crate) fn writer(&self, len: usize) -> Option<SlotWriter> {
        if len < LEAST_BYTES || !self.heard.load(Ordering::Acquire) {
            return None;
        }
        self.ring.get()?.as_ref()?.writer(len).ok()
    }

    /// What became of the slots; `None` while there are none.
    pub(crate) fn stats(&self) -> Option<StreamMemory> {
        let counters = self.ring.get()?.as_ref()?.counters();
        Some(StreamMemory {
            slots: counters.slots as u64,
            used: counters.warm as u64,
            kept: counters.kept as u64,
            slot_bytes: self.size.largest_bytes as u64,
            readers: counters.readers as u64,
            samples: counters.frames,
            no_slot: counters.no_slot,
        })
    }
}

#[cfg(all(test, target_os = "linux", target_pointer_width = "64"))]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_ring_before_somebody_wants_it_and_no_slot_for_what_nobody_hears() {
        let bounds = RingBounds { readers: 2, held: 3 };
        let shared = StreamRing::new(1 << 20, 64 << 20, bounds);
        shared.set_heard(true);
        assert!(shared.writer(1 << 20).is_none() && shared.stats().is_none());
        shared.make().unwrap();
        assert_eq!(shared.writer(1 << 20).unwrap().len(), 1 << 20);
        assert!(shared.writer(LEAST_BYTES - 1).is_none());
        shared.set_heard(false);
        assert!(shared.writer(1 << 20).is_none());
        let stats = shared.stats().unwrap();
        // 64 wait in the socket, 4 in the client; two readers hold three and copy one; one is written.
        assert_eq!((stats.slots, stats.used), (64 + 4 + 2 * 4 + 1, 1));
        // One that the system cannot make is none, and is not tried again.
        let impossible = StreamRing::new(1 << 20, 64 << 20, RingBounds { readers: 2, held: 0 });
        assert!(impossible.make().is_none() && impossible.stats().is_none());
    }
}
