//! `router.outcome`: what a server answers who asks what became of a call.
//!
//! A caller whose connection ended between request and answer does not know whether the method ran. The server does,
//! for a while: it keeps outcomes, within the bounds that docs/protocol.md states. What it does not know it says.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::body::Encoding;
use crate::call_id::CallId;
use crate::reply::{Progress, Status};

/// The name of the call.
pub const OUTCOME: &str = "router.outcome";

/// The arguments of `router.outcome`, by name or in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeRequest {
    /// The call that is asked for, as text.
    pub call_id: CallId,
    /// The epoch that the request carried; 0 where it is not known, or is part of the call's id. Without it the
    /// server never says [`OutcomeReport::NeverRan`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub epoch: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl OutcomeRequest {
    /// Asks for this call.
    pub fn of(id: CallId) -> OutcomeRequest {
        OutcomeRequest { call_id: id.without_epoch(), epoch: id.epoch }
    }

    /// The epoch, wherever it is given.
    pub fn epoch(&self) -> u64 {
        if self.epoch == 0 { self.call_id.epoch } else { self.epoch }
    }
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OutcomeReport {
    /// It has not ended: it waits in a queue, or runs.
    Running {
        /// The name of the call, at the server where it is.
        call: String,
        /// What it reported last.
        progress: Option<Progress>,
    },
    /// It has ended.
    Finished(KeptOutcome),
    /// It was never started, and never will be: should its request still come, it is refused.
    NeverRan,
    /// The server does not know, or not any more. The call may have run.
    Forgotten,
    /// The server that the request was sent to does not live any more, and what it knew is lost. The call may have
    /// run.
    OtherEpoch {
        /// This life of the server.
        epoch: u64,
    },
}

/// How a call ended, as its outcome would have told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptOutcome {
    /// The name of the call, at the server where it ran.
    pub call: String,
    /// How it ended.
    pub status: Status,
    /// How the body is encoded.
    pub encoding: Encoding,
    /// The length of the body, kept or not [bytes].
    pub bytes: u64,
    /// The value, or the failure; absent when it was too long to be kept.
    pub body: Option<ByteBuf>,
}
