//! What a stream does whose samples bring the numbers of another server.

use std::sync::atomic::Ordering;

use router_wire::SampleStatus;

use super::packet::Packet;
use super::source::{Source, SourceRefusal};
use super::stream::{Ended, Published, Stream};

impl Stream {
    /// Whether the samples bring the numbers of their source.
    pub(crate) fn passes_on(&self) -> bool {
        self.passes_on.load(Ordering::Acquire)
    }

    /// From now on the samples bring the numbers of their source, and stay so.
    pub(crate) fn begin_to_pass_on(&self) {
        self.passes_on.store(true, Ordering::Release);
    }

    /// Hands on a packet as its source numbered it. While nobody listens a sample waits as the last value.
    ///
    /// # Errors
    /// [`Ended`].
    pub(crate) fn pass_on(
        &self,
        packet: Packet,
        status: SampleStatus,
        source: Option<&mut Source>,
    ) -> Result<Published, Ended> {
        let sequence = packet.sequence;
        let mut state = self.state.lock();
        state.check_open()?;
        if !state.enabled {
            return Ok(Published::Disabled);
        }
        if status.is_sample() {
            state.passed_on += 1;
            state.rate.record(self.clock.monotonic_ns());
            state.errors += u64::from(status == SampleStatus::Error);
        }
        if !state.heard {
            match status {
                _ if status.is_sample() && self.spec.keeps_last_value => state.last = Some(packet),
                SampleStatus::Removed => state.last = None,
                _ => {}
            }
            return Ok(Published::Unheard { sequence });
        }
        match source.map_or(Err(SourceRefusal::Full), |source| source.try_send(packet)) {
            Ok(()) => {
                state.published += u64::from(status.is_sample());
                Ok(Published::Sent { sequence })
            }
            Err(SourceRefusal::Full) => {
                state.dropped_at_source += u64::from(status.is_sample());
                Ok(Published::DroppedAtSource { sequence })
            }
            Err(SourceRefusal::Closed) => Err(Ended::Stopped),
        }
    }

    /// Whether a relay is to be subscribed at its source: always if it is to `keep`, otherwise for those who listen.
    pub(crate) fn wants_source(&self, keep: bool) -> bool {
        let state = self.state.lock();
        state.enabled && state.ended.is_none() && (state.heard || keep)
    }

    /// Has the relay leave its source; `false` when it is wanted there meanwhile.
    pub(crate) fn leave_source(&self, keep: bool) -> bool {
        let mut state = self.state.lock();
        if state.enabled && state.ended.is_none() && (state.heard || keep) {
            return false;
        }
        if self.passes_on() {
            state.last = None;
            state.left_source = true;
        }
        true
    }

    /// The relay subscribes at its source again.
    pub(crate) fn join_source(&self) {
        self.state.lock().left_source = false;
    }

    pub(crate) fn count_lost_before(&self, count: u64) {
        // One thread writes.
        let lost = self.lost_before.load(Ordering::Relaxed);
        self.lost_before.store(lost.saturating_add(count), Ordering::Relaxed);
    }

    /// Samples with numbers that were lost before they came here.
    pub(crate) fn lost_before(&self) -> u64 {
        self.lost_before.load(Ordering::Relaxed)
    }
}
