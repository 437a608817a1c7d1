//! A server's streams and calls on the screen, drawn over in place.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use router_wire::describe::UpstreamDescription;
use router_wire::status::ServerStats;

use crate::{duration, tables};

/// The table. On a terminal each drawing replaces the one before.
#[derive(Debug)]
pub(crate) struct LiveTable {
    on_terminal: bool,
    /// Lines of the last drawing, above the cursor.
    drawn: usize,
}

impl LiveTable {
    /// Nothing is drawn yet.
    pub(crate) fn new() -> LiveTable {
        LiveTable { on_terminal: io::stdout().is_terminal(), drawn: 0 }
    }

    /// How often it is worth drawing: each second where it is drawn in place, seldom where lines only add up.
    pub(crate) fn interval(&self) -> Duration {
        if self.on_terminal { Duration::from_secs(1) } else { Duration::from_secs(5) }
    }

    /// Draws what the server counted, and how the servers behind it are.
    ///
    /// # Errors
    /// When stdout is closed.
    pub(crate) fn draw(&mut self, stats: &ServerStats, upstreams: &[UpstreamDescription]) -> io::Result<()> {
        let (width, height) = terminal_size::terminal_size()
            .map_or((80, 24), |(width, height)| (usize::from(width.0), usize::from(height.0)));
        let mut lines = lines(stats, upstreams, width);
        let mut text = String::new();
        if self.on_terminal {
            // A line that wraps, or one scrolled off the top, could not be drawn over.
            lines.truncate(height.saturating_sub(1));
            for line in &mut lines {
                *line = line.chars().take(width).collect();
            }
            if self.drawn > 0 {
                text.push_str(&format!("\x1b[{}A\r\x1b[J", self.drawn));
            }
            self.drawn = lines.len();
        }
        for line in &lines {
            text.push_str(line);
            text.push('\n');
        }
        // In one piece, so that nothing flickers.
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }
}

fn lines(stats: &ServerStats, upstreams: &[UpstreamDescription], width: usize) -> Vec<String> {
    let up = Duration::try_from_secs_f64(stats.uptime_s).unwrap_or_default();
    let clients = match stats.clients.len() {
        1 => "1 client".to_owned(),
        clients => format!("{clients} clients"),
    };
    let mut lines = vec![format!("up {}, {clients}; Ctrl-C ends", duration::for_people(up)), String::new()];
    if !upstreams.is_empty() {
        lines.extend(tables::upstreams(upstreams, width));
        lines.push(String::new());
    }
    lines.extend(tables::streams(&stats.streams));
    lines.push(String::new());
    lines.extend(tables::calls(&stats.calls));
    lines.push(String::new());
    lines
}
