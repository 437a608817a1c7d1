//! Where results go: stdout, for people or one JSON object a line; everything else goes to stderr.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::value::tame;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Output {
    /// JSON lines instead of text for people.
    pub(crate) json: bool,
}

impl Output {
    /// Prints one line for people on stdout, without what could steer their terminal; nothing with `--json`.
    ///
    /// # Errors
    /// When nobody reads stdout any more, as in `one-liner watch ... | head`.
    pub(crate) fn line(self, line: impl Display) -> io::Result<()> {
        if self.json { Ok(()) } else { print_line(tame(&line.to_string())) }
    }

    /// Prints one JSON object on stdout with `--json`, without a character that could steer a terminal; nothing
    /// without.
    ///
    /// # Errors
    /// As [`line`](Output::line).
    pub(crate) fn json(self, object: &impl Serialize) -> io::Result<()> {
        if self.json { print_line(escaped(&serde_json::to_string(object)?)) } else { Ok(()) }
    }
}

/// JSON has control characters within strings only, and serde_json leaves those from U+007F on as they are.
fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_control() {
            escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

fn print_line(line: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    // A pipe is buffered as a whole; who reads it wants each line when it happens.
    stdout.flush()
}

/// Tells people something on stderr, without what could steer their terminal. Whether anybody can read it changes nothing.
pub(crate) fn tell(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{}", tame(&line.to_string()));
}

/// Whether people look at stderr directly, so that a line may be drawn over.
pub(crate) fn people_watch_stderr() -> bool {
    io::stderr().is_terminal()
}
