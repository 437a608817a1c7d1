//! What a server's stop found.

use std::fmt;
use std::time::Duration;

/// How a stop went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopReport {
    /// How long it took.
    pub took: Duration,
    /// Threads that did not end in time, by name; those inside user code with what they run. They are left to
    /// themselves and end with the process.
    pub set_apart: Vec<String>,
    /// `on_stop` hooks that overran their time limit.
    pub overrun_hooks: Vec<String>,
    /// `on_stop` hooks that panicked, with the panic's text.
    pub panicked_hooks: Vec<String>,
}

impl StopReport {
    /// Whether everything ended by itself.
    pub fn is_clean(&self) -> bool {
        self.set_apart.is_empty() && self.overrun_hooks.is_empty() && self.panicked_hooks.is_empty()
    }
}

impl fmt::Display for StopReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stopped in {:.0} ms", self.took.as_secs_f64() * 1e3)?;
        for thread in &self.set_apart {
            write!(f, "; the thread {thread} did not return and was set apart")?;
        }
        for hook in &self.overrun_hooks {
            write!(f, "; the stop hook {hook} overran its time limit and was set apart")?;
        }
        for hook in &self.panicked_hooks {
            write!(f, "; the stop hook {hook}")?;
        }
        Ok(())
    }
}
