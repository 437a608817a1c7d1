//! Where results go: stdout, for people or one JSON object a line; everything else goes to stderr.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Output {
    /// JSON lines instead of text for people.
    pub(crate) json: bool,
}

impl Output {
    /// Prints one line for people on stdout; nothing with `--json`.
    ///
    /// # Errors
    /// When nobody reads stdout any more, as in `one-liner watch ... | head`.
    pub(crate) fn line(self, line: impl Display) -> io::Result<()> {
        if self.json { Ok(()) } else { print_line(line) }
    }

    /// Prints one JSON object on stdout with `--json`; nothing without.
    ///
    /// # Errors
    /// As [`line`](Output::line).
    pub(crate) fn json(self, object: &impl Serialize) -> io::Result<()> {
        if self.json { print_line(serde_json::to_string(object)?) } else { Ok(()) }
    }
}

fn print_line(line: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    // A pipe is buffered as a whole; who reads it wants each line when it happens.
    stdout.flush()
}

/// Tells people something on stderr. Whether anybody can read it changes nothing.
pub(crate) fn tell(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Whether people look at stderr directly, so that a line may be drawn over.
pub(crate) fn people_watch_stderr() -> bool {
    io::stderr().is_terminal()
}
