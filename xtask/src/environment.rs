//! The environments by name: what each does and what it needs.

use std::fmt;
use std::path::Path;

use crate::{bench, cargo, demo, deny, doc, examples, faults, fuzz, links, msrv};

/// A check that can be asked for by name.
pub(crate) struct Environment {
    /// What it is asked for by.
    pub(crate) name: &'static str,
    /// What it does, for `list`.
    pub(crate) does: &'static str,
    /// What must be on the machine beside cargo, for `list`.
    pub(crate) needs: &'static str,
    /// Whether `ci` runs it.
    pub(crate) in_ci: bool,
    /// Runs it in the workspace's root.
    pub(crate) run: fn(&Path, &Amount) -> Ended,
}

/// How much of something that has no end by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    /// `--minutes N`, for `soak`.
    pub(crate) minutes: Option<u32>,
    /// `--seconds N`, for `fuzz`.
    pub(crate) seconds: Option<u32>,
    /// What `bench` is told.
    pub(crate) bench: Vec<String>,
}

/// The environment with words of its own.
pub(crate) const BENCH: &str = "bench";

/// How an environment ended.
pub(crate) enum Ended {
    /// Everything it looks at is right.
    Passed,
    /// It could not look; this says why and what to do about it.
    Skipped(String),
    /// Something is wrong.
    Failed(String),
}

impl From<Result<(), String>> for Ended {
    fn from(result: Result<(), String>) -> Ended {
        match result {
            Ok(()) => Ended::Passed,
            Err(why) => Ended::Failed(why),
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Passed => f.write_str("ok"),
            Ended::Skipped(why) => write!(f, "SKIPPED: {why}"),
            Ended::Failed(why) => {
                let first = why.lines().find(|line| line.starts_with("error")).or(why.lines().next());
                write!(f, "FAILED: {}", first.unwrap_or_default())
            }
        }
    }
}

const COMPILER: &str = "a C++ compiler and make, for libzmq (built once)";

/// All of them: those that are quick to fail first.
pub(crate) const ENVIRONMENTS: &[Environment] = &[
    Environment {
        name: "fmt",
        does: "every file is formatted as rustfmt.toml says (`cargo fmt --all` does it)",
        needs: "rustfmt",
        in_ci: true,
        run: |root, _| cargo::run(root, &["fmt", "--all", "--", "--check"]).into(),
    },
    Environment {
        name: "deny",
        does: "licences and doubled versions of all dependencies are those that deny.toml allows",
        needs: "the crates in Cargo.lock, for all platforms (`cargo fetch --locked`); no network",
        in_ci: true,
        run: |root, _| deny::run(root).into(),
    },
    Environment {
        name: "links",
        does: "links in the documents lead to files, and links to tests to tests that exist",
        needs: "nothing",
        in_ci: true,
        run: |root, _| links::run(root).into(),
    },
    Environment {
        name: "msrv",
        does: "the README states the rust-version of Cargo.toml, and that compiler builds everything",
        needs: "that compiler, or rustup with it installed; is skipped without",
        in_ci: true,
        run: |root, _| msrv::run(root),
    },
    Environment {
        name: "lint",
        does: "clippy finds nothing in any target",
        needs: "clippy; a C++ compiler and make",
        in_ci: true,
        run: |root, _| {
            cargo::run(root, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).into()
        },
    },
    Environment {
        name: "doc",
        does: "rustdoc builds the documentation without a warning",
        needs: COMPILER,
        in_ci: true,
        run: |root, _| doc::run(root).into(),
    },
    Environment {
        name: "test",
        does: "cargo test --workspace: unit, integration and documentation tests",
        needs: COMPILER,
        in_ci: true,
        run: |root, _| cargo::run(root, &["test", "--workspace"]).into(),
    },
    Environment {
        name: "examples",
        does: "each example's server and clients run as its README says and print what it says",
        needs: "a C++ compiler and make; for scripts python3 with pyzmq and node with zeromq, skipped without",
        in_ci: true,
        run: |root, _| examples::run(root).into(),
    },
    Environment {
        name: "demo",
        does: "the README's first command, for three seconds, optimised; not in ci, .ci/run asks for it",
        needs: COMPILER,
        in_ci: false,
        run: |root, _| demo::run(root).into(),
    },
    Environment {
        name: BENCH,
        does: "what everything costs beside raw libzmq; on an idle machine; `bench --help`; not in ci",
        needs: COMPILER,
        in_ci: false,
        run: |root, amount| bench::run(root, &amount.bench),
    },
    Environment {
        name: "faults",
        does: "servers, clients, links and hosts fail, and what everyone else notices is measured; optimised",
        needs: "Linux, a C++ compiler and make; hosts need root and `ip`, and are skipped without",
        in_ci: true,
        run: |root, _| faults::run(root),
    },
    Environment {
        name: "soak",
        does: "the faults again and again, `--minutes N`; not in ci",
        needs: "the same",
        in_ci: false,
        run: |root, amount| faults::soak(root, amount.minutes),
    },
    Environment {
        name: "fuzz",
        does: "each fuzz target for `--seconds N`, 3 unless told",
        needs: "a nightly compiler and cargo-fuzz; is skipped without, and installs nothing",
        in_ci: true,
        run: |root, amount| fuzz::run(root, amount.seconds),
    },
];
