//! `Barriers`: what one client has cleared, so that nothing it sent before runs behind it.

use std::sync::Arc;

use crate::table::Table;
use crate::target::InstrumentId;

/// What a client has cleared. Its urgent calls travel on another connection than its moves and may overtake them:
/// a move that was sent before the stop and arrives behind it must not run.
#[derive(Default)]
pub(crate) struct Barriers {
    instruments: Table<InstrumentId, Barrier>,
    /// Of every instrument that was added behind this one: what was cleared before it was there.
    later_instruments: Option<(InstrumentId, Barrier)>,
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

    /// Remembers that everything was cleared, when `last` was the instrument added last.
    pub(crate) fn set_for_later(&mut self, last: InstrumentId, barrier: Barrier) {
        if self.later_instruments.as_ref().is_none_or(|(_, newest)| barrier.number > newest.number) {
            self.later_instruments = Some((last, barrier));
        }
    }

    /// The clearing that was sent after the call `number` of `instrument`, if there is one.
    pub(crate) fn sent_after(&self, instrument: InstrumentId, number: u64) -> Option<&Barrier> {
        let later = self.later_instruments.as_ref().filter(|(last, _)| instrument > *last);
        let of_instrument = self.instruments.get(&instrument).into_iter();
        of_instrument.chain(later.map(|(_, barrier)| barrier)).find(|barrier| barrier.number > number)
    }
}
