//! `router.stop_all`: every `urgent, clears_lane` method that needs no argument, all side by side.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use router_wire::Failure;
use router_wire::status::StopOutcome;

use crate::call_entry::CallEntry;
use crate::dispatcher::{Dispatcher, OwnJob};
use crate::job::{Answer, Body};
use crate::target::InstrumentId;
use crate::upstreams::{UpstreamStop, collect_upstreams};

/// The call that runs them all.
pub(crate) const STOP_ALL: &str = "router.stop_all";

/// How long the outcomes are waited for.
const WAITS_FOR: Duration = Duration::from_secs(5);

/// A method that was started and whose outcome is to come.
pub(crate) struct Stopping {
    pub(crate) instrument: InstrumentId,
    name: String,
    outcome: Receiver<Result<Vec<u8>, Failure>>,
}

impl Dispatcher {
    /// Clears the instruments that can be stopped and starts their stop methods. Never waits, and no bound refuses it:
    /// there are as many jobs as instruments for each call of `router.stop_all`, which are bounded.
    pub(crate) fn stop_all(&self, by: &str, deadline: Option<Instant>) -> Vec<Stopping> {
        let calls = self.registry.read().calls();
        let stops: Vec<Arc<CallEntry>> =
            calls.into_iter().filter(|entry| entry.stops_without_arguments()).collect();
        for entry in &stops {
            self.clear(&entry.instrument, entry.instrument_id, &format!("by {}, by {by}", entry.name));
        }
        let start = |entry: Arc<CallEntry>| {
            let (answer, outcome) = bounded(1);
            let (instrument, name) = (entry.instrument_id, entry.name.to_string());
            let job = OwnJob {
                entry,
                preset: None,
                client: by,
                body: Body::Made(Vec::new()),
                answer: Answer::Here(answer),
            };
            self.submit_unbounded(job, deadline);
            Stopping { instrument, name, outcome }
        };
        stops.into_iter().map(start).collect()
    }
}

/// How each method ended, and those of the servers behind.
///
/// # Blocking
/// Until all have, `deadline` has passed, or 5 s.
pub(crate) fn collect(
    stopping: Vec<Stopping>,
    behind: Vec<UpstreamStop>,
    deadline: Option<Instant>,
) -> Vec<StopOutcome> {
    let latest = Instant::now() + WAITS_FOR;
    let until = deadline.map_or(latest, |deadline| deadline.min(latest));
    let outcome_of = |Stopping { name, outcome, .. }: Stopping| {
        let (ok, message) = match outcome.recv_deadline(until) {
            Ok(Ok(_)) => (true, String::new()),
            Ok(Err(failure)) => (false, failure.to_string()),
            Err(_) => (false, "it has not returned yet and may still be running".to_owned()),
        };
        StopOutcome { name, ok, message }
    };
    let mut outcomes: Vec<StopOutcome> = stopping.into_iter().map(outcome_of).collect();
    outcomes.extend(collect_upstreams(behind, until));
    outcomes
}
