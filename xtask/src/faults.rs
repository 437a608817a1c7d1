//! The fault suite: once, or again and again.

use std::path::Path;

use crate::cargo;
use crate::environment::Ended;

/// How long a soak takes unless `--minutes` says otherwise.
const MINUTES: u32 = 10;

/// Every scenario once.
pub(crate) fn run(root: &Path) -> Ended {
    suite(root, &[])
}

/// Every scenario again and again for `--minutes N`, or until one fails.
pub(crate) fn soak(root: &Path, minutes: Option<u32>) -> Ended {
    suite(root, &["--minutes", &minutes.unwrap_or(MINUTES).to_string()])
}

fn suite(root: &Path, args: &[&str]) -> Ended {
    if !cfg!(target_os = "linux") {
        return Ended::Skipped("the suite stops processes and builds hosts by means of Linux".into());
    }
    let mut command = vec!["run", "--release", "--package", "faults", "--"];
    command.extend(args);
    cargo::run(root, &command).into()
}
