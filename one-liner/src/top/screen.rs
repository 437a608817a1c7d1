//! The terminal as a page that is drawn over in place; or plain text where stdout is no terminal.

use std::io::{self, IsTerminal, Write};

use crate::top::page::{Table, page};

/// Where the tables go. Dropping it gives the terminal back as it was.
#[derive(Debug)]
pub(crate) struct Screen {
    on_terminal: bool,
}

/// Another page than the one with the shell's history, without a cursor, on which long lines do not wrap.
pub(crate) const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
pub(crate) const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/// Each line is drawn over the one that stood there, and what is left of that is cleared: nothing flickers.
pub(crate) const HOME: &str = "\x1b[H";
pub(crate) const END_OF_LINE: &str = "\x1b[K";
const REST_OF_PAGE: &str = "\x1b[J";

/// The size of a terminal that does not tell.
const USUAL: (usize, usize) = (80, 24);

impl Screen {
    /// Takes the terminal, if stdout is one.
    ///
    /// # Errors
    /// When stdout is closed.
    pub(crate) fn enter() -> io::Result<Screen> {
        let screen = Screen { on_terminal: io::stdout().is_terminal() };
        if screen.on_terminal {
            print(ENTER)?;
        }
        Ok(screen)
    }

    /// How many characters fit into a line; no limit where lines only add up.
    pub(crate) fn width(&self) -> usize {
        if self.on_terminal { size().0 } else { usize::MAX }
    }

    /// Draws `head` and the tables below it.
    ///
    /// # Errors
    /// When stdout is closed.
    pub(crate) fn draw(&self, head: Vec<String>, tables: Vec<Table>) -> io::Result<()> {
        let mut lines = head;
        lines.push(String::new());
        if !self.on_terminal {
            lines.extend(page(tables, usize::MAX));
            lines.push(String::new());
            return print(&(lines.join("\n") + "\n"));
        }
        let (width, height) = size();
        lines.extend(page(tables, height.saturating_sub(lines.len())));
        lines.truncate(height);
        let cut = |line: &String| line.chars().take(width).collect::<String>() + END_OF_LINE;
        // No line end behind the last line: it would scroll the first one away.
        let text = lines.iter().map(cut).collect::<Vec<_>>().join("\r\n");
        print(&format!("{HOME}{text}{REST_OF_PAGE}"))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.on_terminal {
            // A terminal that is gone needs nothing back.
            let _ = print(LEAVE);
        }
    }
}

/// Columns and rows of the terminal.
pub(crate) fn size() -> (usize, usize) {
    terminal_size::terminal_size()
        .map_or(USUAL, |(width, height)| (usize::from(width.0), usize::from(height.0)))
}

/// In one piece.
///
/// # Errors
/// When stdout is closed.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
