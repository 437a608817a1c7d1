//! `one-liner stats`: what a server counted.

use clap::Args;

use crate::exit::{CommandError, Exit};
use crate::tables;
use crate::target::Target;

/// Print what a server counted: streams, calls, lanes, clients, and what was refused
#[derive(Debug, Args)]
pub(crate) struct Stats {
    #[command(flatten)]
    pub(crate) target: Target,
}

impl Stats {
    /// Prints the tables, or all of it as one JSON object.
    ///
    /// # Errors
    /// When there is no server, or stdout is closed.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        let output = self.target.output();
        let client = self.target.client()?;
        let stats = client.stats().wait()?;
        output.json(&stats)?;
        let tables = [
            tables::upstreams(&stats.upstreams, usize::MAX),
            tables::streams(&stats.streams),
            tables::calls(&stats.calls),
            tables::lanes(&stats.lanes),
            tables::clients(&stats.clients),
        ];
        let behind = usize::from(stats.upstreams.is_empty());
        for table in tables.into_iter().skip(behind) {
            for line in table {
                output.line(line)?;
            }
            output.line("")?;
        }
        for (name, count) in stats.counters.iter().filter(|(_, count)| **count > 0) {
            output.line(format_args!("{count:>12}  {}", crate::value::tame(name)))?;
        }
        Ok(Exit::Done)
    }
}
