//! One line of the table of results.

use std::time::Duration;

use crate::bystander::Window;

/// What a scenario did and what was noticed of it.
pub(crate) struct Row {
    /// What was done, and how often.
    pub(crate) done: String,
    /// What the bystander noticed before and meanwhile.
    pub(crate) before: Window,
    pub(crate) during: Window,
    /// Memory of the server before and after [bytes].
    pub(crate) resident: (u64, u64),
    /// What was lost, and how that is known.
    pub(crate) losses: String,
}

/// How a scenario ended.
pub(crate) enum Ended {
    Passed(Box<Row>),
    /// Why it cannot run here, and what would be needed.
    Skipped(String),
    Failed(String),
}

pub(crate) const HEAD: &str = "\
| scenario | what was done | a bystander's calls before; meanwhile [ms] | gaps of its 100 Hz stream before; meanwhile [ms] | server's memory before; after [MiB] | what was lost, and counted | result |
|---|---|---|---|---|---|---|";

/// The line of a scenario.
pub(crate) fn line(name: &str, ended: &Ended, took: Duration) -> String {
    let took = took.as_secs();
    match ended {
        Ended::Passed(row) => format!(
            "| {name} | {} | {}; {} | {}; {} | {:.0}; {:.0} | {} | ok, {took} s |",
            row.done,
            row.before.calls,
            row.during.calls,
            row.before.gaps,
            row.during.gaps,
            mib(row.resident.0),
            mib(row.resident.1),
            row.losses
        ),
        Ended::Skipped(why) => format!("| {name} | **skipped**: {why} | | | | | skipped |"),
        Ended::Failed(why) => {
            format!(
                "| {name} | {} | | | | | **FAILED**, {took} s |",
                why.replace('\n', " ").replace('|', "\\|")
            )
        }
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
