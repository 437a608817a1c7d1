//! `OutcomeReport`: what became of a call, as the server answers who asks later.

use router_wire::reply::Progress;
use router_wire::{Failure, KeptOutcome, Status, body};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::call_error::CallError;
use crate::remote_error::RemoteError;

/// What became of a call; from [`RouterClient::outcome`](crate::RouterClient::outcome).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "router_wire::OutcomeReport")]
#[non_exhaustive]
pub enum OutcomeReport {
    /// It has not ended: it waits in a queue, or runs.
    Running {
        /// Its name, at the server where it is.
        call: String,
        /// What it reported last.
        progress: Option<Progress>,
    },
    /// It has ended.
    Finished(FinishedCall),
    /// It was never started, and never will be: should its request still come, it is refused.
    NeverRan,
    /// The server does not know, or not any more. It may have run.
    Forgotten,
    /// The server that it was sent to does not live any more, and what it knew is lost. It may have run.
    OtherEpoch {
        /// The life of the server that answers.
        epoch: u64,
    },
}

/// A call that has ended, with its outcome unless that was too long to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishedCall {
    kept: KeptOutcome,
}

impl From<router_wire::OutcomeReport> for OutcomeReport {
    fn from(report: router_wire::OutcomeReport) -> OutcomeReport {
        use router_wire::OutcomeReport as Wire;
        match report {
            Wire::Running { call, progress } => OutcomeReport::Running { call, progress },
            Wire::Finished(kept) => OutcomeReport::Finished(FinishedCall { kept }),
            Wire::NeverRan => OutcomeReport::NeverRan,
            Wire::OtherEpoch { epoch } => OutcomeReport::OtherEpoch { epoch },
            // What later versions add: nothing that this one knows of the call.
            _ => OutcomeReport::Forgotten,
        }
    }
}

impl FinishedCall {
    /// Returns its name, at the server where it ran.
    pub fn call(&self) -> &str {
        &self.kept.call
    }

    /// Returns how it ended.
    pub fn status(&self) -> Status {
        self.kept.status
    }

    /// Returns the length of the value or failure, kept or not [bytes].
    pub fn bytes(&self) -> u64 {
        self.kept.bytes
    }

    /// Tells whether the value or failure was kept.
    pub fn is_kept(&self) -> bool {
        self.kept.body.is_some()
    }

    /// Reads the outcome as waiting for it would have.
    ///
    /// # Errors
    /// [`CallError`], as from [`PendingCall::wait`](crate::PendingCall::wait); [`CallError::Undelivered`] where the
    /// outcome was too long to be kept.
    pub fn into_result<T, E>(self) -> Result<T, CallError<E>>
    where
        T: DeserializeOwned,
        E: RemoteError,
    {
        let KeptOutcome { call, status, encoding, bytes, body: kept } = self.kept;
        let Some(kept) = kept else {
            let message = format!("it ended as {status:?}, and {bytes} bytes were too many to be kept");
            return Err(CallError::Undelivered { call, message });
        };
        let unreadable = |error: router_wire::BodyError| CallError::Decode {
            call: call.clone(),
            reason: error.to_string(),
        };
        if status == Status::Done {
            return body::decode_as(encoding, &kept).map_err(unreadable);
        }
        let failure = body::decode_as::<Failure>(encoding, &kept).map_err(unreadable)?;
        Err(CallError::from_failure(&call, failure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router_wire::{Encoding, Refused};

    fn finished(status: Status, body: Option<Vec<u8>>) -> FinishedCall {
        let bytes = body.as_ref().map_or(5_000_000, Vec::len) as u64;
        let (call, body) = ("s.move".to_owned(), body.map(Into::into));
        FinishedCall { kept: KeptOutcome { call, status, encoding: Encoding::MessagePack, bytes, body } }
    }

    #[test]
    fn a_finished_call_reads_as_its_outcome_would_have() {
        let done = finished(Status::Done, Some(body::encode(&1500.0).unwrap()));
        assert_eq!(done.clone().into_result::<f64, Refused>(), Ok(1500.0));
        let error = done.into_result::<String, Refused>().unwrap_err();
        assert!(matches!(&error, CallError::Decode { call, .. } if call == "s.move"), "{error}");
        let failure = Failure::Cancelled { by: "by me".into(), may_still_be_running: false };
        let cancelled = finished(Status::Cancelled, Some(body::encode(&failure).unwrap()));
        assert_eq!(cancelled.into_result::<f64, Refused>(), Err(CallError::from_failure("s.move", failure)));
        let error = finished(Status::Done, None).into_result::<f64, Refused>().unwrap_err();
        assert!(error.to_string().contains("5000000 bytes"), "{error}");
    }
}
