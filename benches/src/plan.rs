//! How much is measured, and what of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::Outcome;
use crate::child::Cores;

/// How much, and where the processes meet.
pub(crate) struct Plan {
    /// Whether it is only tried whether everything runs.
    pub(crate) quick: bool,
    pub(crate) rounds: usize,
    folder: TempDir,
    /// How many addresses were given out.
    given: std::cell::Cell<u32>,
}

impl Plan {
    pub(crate) fn new(quick: bool, rounds: usize) -> Outcome<Plan> {
        let folder = tempfile::Builder::new().prefix("bench").tempdir()?;
        Ok(Plan { quick, rounds, folder, given: std::cell::Cell::new(0) })
    }

    /// Round trips of each measurement of a latency.
    pub(crate) fn count(&self, full: usize) -> usize {
        if self.quick { (full / 100).clamp(20, 100) } else { full }
    }

    /// How long to count for a rate.
    pub(crate) fn span(&self, full: Duration) -> Duration {
        if self.quick { full.min(Duration::from_millis(60)) } else { full }
    }

    /// On one core, where the system can say so, and free.
    pub(crate) fn both(&self) -> Vec<Cores> {
        if cfg!(target_os = "linux") { vec![Cores::One, Cores::Free] } else { vec![Cores::Free] }
    }

    /// A new address to listen at.
    pub(crate) fn address(&self, transport: Transport) -> String {
        self.given.set(self.given.get() + 1);
        match transport {
            Transport::Ipc => format!("ipc://{}", self.path(&format!("{}", self.given.get())).display()),
            Transport::Tcp => "tcp://127.0.0.1:*".to_owned(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::join(self.folder.path(), name)
    }

    /// Measures both sides as often as there are rounds, one after the other, and the first one first in every other round.
    pub(crate) fn interleave(
        &self,
        mut ours: impl FnMut() -> Outcome<Vec<f64>>,
        mut raw: impl FnMut() -> Outcome<Vec<f64>>,
        mut take: impl FnMut(Vec<f64>, Vec<f64>),
    ) -> Outcome {
        for round in 0..self.rounds {
            let raw_first = if round % 2 == 0 { Some(raw()?) } else { None };
            let ours = ours()?;
            let raw = raw_first.map_or_else(&mut raw, Ok)?;
            take(ours, raw);
        }
        Ok(())
    }
}

/// What bytes travel by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Ipc,
    Tcp,
}

impl Transport {
    /// As a part of a row's name.
    pub(crate) fn shown(self) -> &'static str {
        match self {
            Transport::Ipc => "ipc",
            Transport::Tcp => "tcp",
        }
    }
}
