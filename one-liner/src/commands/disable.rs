//! `one-liner disable STREAM`: streams it no more, for every client, until it is enabled.

use clap::Args;

use crate::commands::switch::{self, Switch};
use crate::exit::{CommandError, Exit};
use crate::target::Target;

/// Disable a stream, for every client
#[derive(Debug, Args)]
pub(crate) struct Disable {
    /// Its name
    stream: String,
    #[command(flatten)]
    pub(crate) target: Target,
}

impl Disable {
    /// Disables it; one that is disabled stays so.
    ///
    /// # Errors
    /// When there is no server or no such stream.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        switch::turn(Switch::Off, &self.stream, &self.target)
    }
}
