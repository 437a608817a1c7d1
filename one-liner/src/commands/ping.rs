//! `one-liner ping`: whether the server answers, how fast, and what its lanes are doing.

use clap::Args;
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

impl Ping {
    /// Prints the state, the round trip and the lanes.
    ///
    /// # Errors
    /// When there is no server, or stdout is closed.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        let output = self.target.output();
        let client = self.target.client()?;
        let round_trip = client.ping()?.round_trip;
        let lanes = client.lanes().wait()?;
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
