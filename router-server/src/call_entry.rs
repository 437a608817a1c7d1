//! A call as the server keeps it: its description, where it runs and what is counted of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use router_wire::Name;
use router_wire::describe::{CallDescription, CallKind};

use crate::call_stats::CallRecorder;
use crate::job_queue::JobQueue;
use crate::target::{InstrumentId, TargetPlace};

/// A call that can be made.
pub(crate) struct CallEntry {
    pub(crate) name: Name,
    pub(crate) instrument: Name,
    pub(crate) instrument_id: InstrumentId,
    pub(crate) description: CallDescription,
    /// Where its jobs wait: the lane, the pool or the urgent lane; for an inline method the lane, to which it
    /// moves when it proves slow.
    pub(crate) queue: Arc<JobQueue>,
    pub(crate) target: TargetPlace,
    /// Its index in the instrument's table of methods.
    pub(crate) method: usize,
    pub(crate) stats: CallRecorder,
    /// Set by the router loop when an inline method took too long once.
    pub(crate) moved_to_lane: AtomicBool,
}

impl CallEntry {
    /// Whether the router loop runs it itself.
    pub(crate) fn runs_inline(&self) -> bool {
        self.description.kind == CallKind::Inline && !self.moved_to_lane.load(Ordering::Relaxed)
    }

    pub(crate) fn is_urgent(&self) -> bool {
        self.description.kind == CallKind::Urgent
    }

    /// Whether `router.stop_all` runs it.
    pub(crate) fn stops_without_arguments(&self) -> bool {
        self.is_urgent()
            && self.description.clears_lane
            && self.description.arguments.iter().all(|argument| argument.default.is_some())
    }
}
