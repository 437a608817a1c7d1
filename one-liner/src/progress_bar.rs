//! How far a call is, on stderr: a bar that is drawn over, or plain lines where nobody looks.

use std::io::{self, Write};

use router_wire::reply::Progress;

use crate::output;
use crate::value::tame;

/// The progress of one call.
#[derive(Debug)]
pub(crate) struct ProgressBar {
    /// On a terminal the bar is drawn over, elsewhere each tenth is a line.
    on_terminal: bool,
    /// Whether a bar stands on the terminal's last line.
    drawn: bool,
    /// The last tenth that became a line.
    tenth: Option<u8>,
}

const CELLS: usize = 24;

impl ProgressBar {
    /// Nothing is drawn yet.
    pub(crate) fn new() -> ProgressBar {
        ProgressBar { on_terminal: output::people_watch_stderr(), drawn: false, tenth: None }
    }

    /// Shows a report.
    pub(crate) fn show(&mut self, progress: &Progress) {
        let line = bar(progress);
        if self.on_terminal {
            let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
            let line: String = line.chars().take(width.saturating_sub(1)).collect();
            let mut stderr = io::stderr().lock();
            let _ = write!(stderr, "\r\x1b[K{line}").and_then(|()| stderr.flush());
            self.drawn = true;
            return;
        }
        let tenth = (fraction(progress) * 10.0) as u8;
        if self.tenth != Some(tenth) {
            self.tenth = Some(tenth);
            output::tell(line);
        }
    }

    /// Gives the line back to other text.
    pub(crate) fn clear(&mut self) {
        if self.drawn {
            let mut stderr = io::stderr().lock();
            let _ = write!(stderr, "\r\x1b[K").and_then(|()| stderr.flush());
            self.drawn = false;
        }
    }
}

impl Drop for ProgressBar {
    fn drop(&mut self) {
        self.clear();
    }
}

fn bar(progress: &Progress) -> String {
    let fraction = fraction(progress);
    let full = (fraction * CELLS as f64).round() as usize;
    let message = tame(&progress.message).replace('\n', " ");
    format!("[{}{}] {:3.0} %  {message}", "#".repeat(full), "-".repeat(CELLS - full), fraction * 100.0)
}

/// A method may report anything; a bar goes from 0 to 1.
fn fraction(progress: &Progress) -> f64 {
    if progress.fraction.is_nan() { 0.0 } else { progress.fraction.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_full_as_the_report_says() {
        fn check(fraction: f64, expect: &str) {
            assert_eq!(bar(&Progress { fraction, message: "moving\nfast".into() }), expect);
        }
        check(0.0, "[------------------------]   0 %  moving fast");
        check(0.5, "[############------------]  50 %  moving fast");
        check(1.0, "[########################] 100 %  moving fast");
        check(7.0, "[########################] 100 %  moving fast");
        check(f64::NAN, "[------------------------]   0 %  moving fast");
    }
}
