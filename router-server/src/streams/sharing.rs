//! `Sharing`: the server's offer of its streams' rings to processes of the same user on this machine, and its thread.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use router_slots::{ServiceCounters, Slots};
use router_socket::{NamedThread, spawn};

use super::stream::Stream;
use super::stream_ring::{RingBounds, StreamRing};

/// What a server shares. Clones are the same; there is none where shared memory is switched off or not to be had.
#[derive(Clone)]
pub(crate) struct Sharing {
    slots: Arc<Slots>,
    bounds: RingBounds,
    budget_bytes: usize,
    /// Taken by the stop.
    thread: Arc<Mutex<Option<NamedThread>>>,
}

impl Sharing {
    /// Begins to listen; `None` where that is not possible: the streams then go over the network alone.
    pub(crate) fn start(epoch: u64, bounds: RingBounds, budget_bytes: usize) -> Option<Sharing> {
        let (slots, slots_loop) = Slots::listen(epoch).inspect_err(|reason| log::info!("{reason}")).ok()?;
        let thread = spawn("slots", move || slots_loop.run())
            .inspect_err(|reason| log::info!("frames go over the network alone: no thread ({reason})"))
            .ok()?;
        Some(Sharing {
            slots: Arc::new(slots),
            bounds,
            budget_bytes,
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    /// What clients need to know to attach.
    pub(crate) fn address(&self) -> String {
        self.slots.address().to_string()
    }

    /// Offers a ring for the samples of `stream`, which is made when somebody wants it.
    pub(crate) fn offer(&self, stream: &Stream) {
        let ring =
            Arc::new(StreamRing::new(stream.spec.largest_sample_bytes, self.budget_bytes, self.bounds));
        if stream.share(Arc::clone(&ring)) {
            self.slots.offer_when_asked(&stream.ring_key(), move || ring.make());
        }
    }

    /// Attaches nobody to the ring of `stream` any more.
    pub(crate) fn withdraw(&self, stream: &Stream) {
        self.slots.withdraw(&stream.ring_key());
    }

    /// What processes did that attached, or tried to.
    pub(crate) fn counters(&self) -> ServiceCounters {
        self.slots.counters()
    }

    /// Ends the loop; what readers hold stays theirs. `false`: its thread has not ended `within` this time.
    ///
    /// # Blocking
    /// For `within` at most.
    pub(crate) fn stop(&self, within: Duration) -> bool {
        self.slots.stop();
        let thread = self.thread.lock().take();
        thread.is_none_or(|thread| thread.join_within(within).is_ok())
    }
}
