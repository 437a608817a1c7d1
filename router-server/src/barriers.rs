//! `Barriers`: what one client has cleared, so that nothing it sent before runs behind it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::target::InstrumentId;

/// What a client has cleared. Its urgent calls travel on another connection than its moves and may overtake them:
/// a move that was sent before the stop and arrives behind it must not run.
#[derive(Default)]
pub(crate) struct Barriers {
    instruments: HashMap<InstrumentId, Barrier>,
}

/// One clearing: calls numbered below `number` were sent before it.
#[derive(Clone)]
pub(crate) struct Barrier {
    pub(crate) number: u64,
    pub(crate) by: Arc<str>,
}

impl Barriers {
    /// Remembers a clearing.
    pub(crate) fn set(&mut self, instrument: InstrumentId, barrier: Barrier) {
        let newest = self.instruments.entry(instrument).or_insert_with(|| barrier.clone());
        if barrier.number > newest.number {
            *newest = barrier;
        }
    }

    /// The clearing that was sent after the call `number` of `instrument`, if there is one.
    pub(crate) fn sent_after(&self, instrument: InstrumentId, number: u64) -> Option<&Barrier> {
        self.instruments.get(&instrument).filter(|barrier| barrier.number > number)
    }
}
