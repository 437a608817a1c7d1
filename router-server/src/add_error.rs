//! Why something could not be added to a server, or removed from it.

use router_wire::{BodyError, NameError};
use thiserror::Error;

/// Why an instrument, a call or a named call could not be added.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AddError {
    /// The name is not legal.
    #[error(transparent)]
    Name(#[from] NameError),
    /// An instrument of this name is there already.
    #[error("there is an instrument `{name}` already; remove it first or choose another name")]
    InstrumentExists {
        /// The name.
        name: String,
    },
    /// A call of this name is there already.
    #[error("there is a call `{name}` already; remove it first or choose another name")]
    CallExists {
        /// The name.
        name: String,
    },
    /// The name is where a server behind this one has its names.
    #[error("`{name}` is under `{prefix}`, where a server behind this one has its names; choose another")]
    UnderUpstream {
        /// The name.
        name: String,
        /// The prefix of the server behind.
        prefix: String,
    },
    /// A named call's target is not there.
    #[error("there is no call `{name}` to preset{}", did_you_mean(.nearest))]
    NoSuchTarget {
        /// The target as given.
        name: String,
        /// The most similar names there are.
        nearest: Vec<String>,
    },
    /// The preset arguments cannot be sent.
    #[error("the preset arguments of `{name}`: {error}")]
    Preset {
        /// The named call.
        name: String,
        /// What is wrong.
        error: BodyError,
    },
    /// The factory returned an error or panicked on the lane.
    #[error("`{name}` could not be opened on its lane: {message}")]
    Factory {
        /// The instrument.
        name: String,
        /// What the factory says.
        message: String,
    },
    /// The system gives no thread for the lane, the pool or the urgent lane.
    #[error("no thread could be started for `{name}`: {error}")]
    Thread {
        /// The instrument.
        name: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// The server has stopped.
    #[error("the server has stopped; nothing can be added to it")]
    Stopped,
}

/// There is nothing of this name to remove or to control.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no `{name}` here{}", did_you_mean(.nearest))]
pub struct NotFound {
    /// The name as given.
    pub name: String,
    /// The most similar names there are.
    pub nearest: Vec<String>,
}

fn did_you_mean(nearest: &[String]) -> String {
    if nearest.is_empty() { String::new() } else { format!("; did you mean `{}`?", nearest.join("` or `")) }
}
