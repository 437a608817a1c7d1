//! The bench, with its own words.

use std::path::Path;

use crate::cargo;
use crate::environment::Ended;

/// Builds it optimised and runs it. What it prints is its own output alone: `--json` can be piped.
pub(crate) fn run(root: &Path, words: &[String]) -> Ended {
    let mut command = vec!["run", "--release", "--quiet", "--package", "benches", "--"];
    command.extend(words.iter().map(String::as_str));
    cargo::run(root, &command).into()
}
