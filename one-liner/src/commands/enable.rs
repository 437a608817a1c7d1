//! `one-liner enable STREAM`: streams it again, for every client.

use clap::Args;

use crate::commands::switch::{self, Switch};
use crate::exit::{CommandError, Exit};
use crate::target::Target;

/// Enable a stream, for every client
#[derive(Debug, Args)]
pub(crate) struct Enable {
    /// Its name
    stream: String,
    #[command(flatten)]
    pub(crate) target: Target,
}

impl Enable {
    /// Enables it; one that is enabled stays so.
    ///
    /// # Errors
    /// When there is no server or no such stream.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        switch::turn(Switch::On, &self.stream, &self.target)
    }
}
