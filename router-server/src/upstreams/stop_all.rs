//! `router.stop_all` of a gateway: every server behind it is told to stop as well.

use std::time::Instant;

use crossbeam_channel::Receiver;
use router_wire::status::StopOutcome;
use router_wire::{Failure, Name, body};

use super::prefixing::{prefix_stop, prefixed};
use crate::stop_all::STOP_ALL;

/// A server that was told, or could not be.
pub(crate) struct UpstreamStop {
    pub(crate) prefix: Name,
    pub(crate) outcome: Receiver<Result<Vec<u8>, Failure>>,
}

/// How each method behind each server ended.
///
/// # Blocking
/// Until all are known, `until` at most.
pub(crate) fn collect_upstreams(stops: Vec<UpstreamStop>, until: Instant) -> Vec<StopOutcome> {
    stops.into_iter().flat_map(|stop| collect_one(stop, until)).collect()
}

fn collect_one(UpstreamStop { prefix, outcome }: UpstreamStop, until: Instant) -> Vec<StopOutcome> {
    let not_known =
        |message: String| vec![StopOutcome { name: prefixed(prefix.as_str(), STOP_ALL), ok: false, message }];
    match outcome.recv_deadline(until) {
        Ok(Ok(bytes)) => match body::decode::<Vec<StopOutcome>>(&bytes) {
            Ok(outcomes) => {
                outcomes.into_iter().map(|outcome| prefix_stop(prefix.as_str(), outcome)).collect()
            }
            Err(error) => not_known(format!("its answer cannot be read: {error}")),
        },
        Ok(Err(failure)) => not_known(failure.to_string()),
        Err(_) => {
            not_known("it has not answered yet; whether its instruments stopped is not known".to_owned())
        }
    }
}
