//! `one-liner ping`: whether the server answers, how fast, and what its lanes are doing.

use std::time::{Duration, Instant};

use clap::Args;
use router_client::CallError;
use serde_json::json;

use crate::exit::{CommandError, Exit};
use crate::target::Target;
use crate::{duration, tables};

/// Ask whether the server answers, how fast, and what each of its lanes is doing
#[derive(Debug, Args)]
pub(crate) struct Ping {
    #[command(flatten)]
    pub(crate) target: Target,
}

/// How long a server that has answered a ping has to tell of its lanes.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

impl Ping {
    /// Prints the state, the round trip and the lanes.
    ///
    /// # Errors
    /// When there is no server, or stdout is closed.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        let output = self.target.output();
        let client = self.target.client()?;
        let started = Instant::now();
        let silent = |error| match error {
            // Nobody here gave a deadline that could have passed: it was asked and is silent.
            CallError::DeadlineExceeded { .. } | CallError::Unknown { .. } => {
                CommandError::Silent { endpoint: client.endpoint().to_string(), waited: started.elapsed() }
            }
            error => error.into(),
        };
        let round_trip = client.ping().map_err(silent)?.round_trip;
        let lanes = client.lanes().deadline(ANSWER_WITHIN).wait().map_err(silent)?;
        let state = format!("{:?}", client.state()).to_lowercase();
        output.json(&json!({
            "connect": self.target.connect,
            "state": state,
            "round_trip_us": round_trip.as_secs_f64() * 1e6,
            "lanes": lanes,
        }))?;
        output.line(format_args!(
            "{} is {state}, round trip {}",
            self.target.connect,
            duration::for_people(round_trip)
        ))?;
        for line in tables::lanes(&lanes) {
            output.line(line)?;
        }
        Ok(Exit::Done)
    }
}
