//! `one-liner view STREAM`: a live picture in the terminal.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use crossbeam_channel::Receiver;
use router_client::{Cache, RouterClient, Sample, SampleError, SubscriptionStats};
use router_frame::Frame;
use serde_json::json;

use crate::commands::stream_arguments::{FoundStream, Limit, StreamArguments};
use crate::exit::{CommandError, Exit};
use crate::output::{self, Output};
use crate::top::screen;
use crate::value::one_line;
use crate::view::keys::Keys;
use crate::view::picture::{Thumbnail, Window};
use crate::view::{blocks, protocols};
use crate::watched::{frame_for_people, frame_to_json};
use crate::{ctrl_c, duration, loss};

/// Show a camera's frames as a live picture in the terminal, until q or Ctrl-C
///
/// Shows real pixels in kitty, Ghostty, WezTerm and iTerm2, half blocks of 24-bit colour in other terminals, and a line of
/// statistics every second where there is none, and with --json. The darkest and brightest half percent are black and
/// white unless --window is given. Only the newest frame is shown; a camera never waits for it.
#[derive(Debug, Args)]
pub(crate) struct View {
    #[command(flatten)]
    arguments: StreamArguments,
    /// How to show it
    #[arg(long = "as", value_enum, default_value_t = Way::Auto)]
    way: Way,
    /// Show values from LOW (black) to HIGH (white) instead of what fits each picture
    #[arg(long, value_name = "LOW..HIGH", value_parser = window)]
    window: Option<Window>,
    /// Most pictures a second
    #[arg(long, value_name = "HZ", default_value_t = 15.0, value_parser = pictures_a_second)]
    max_hz: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Way {
    /// What the terminal says it can
    Auto,
    /// Pixels, by kitty's protocol
    Kitty,
    /// Pixels, by iTerm2's protocol
    Iterm,
    /// Half blocks of 24-bit colour
    Blocks,
    /// A line every second
    Text,
}

/// How soon a key and Ctrl-C are seen.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// One line each.
const LINE_EVERY: Duration = Duration::from_secs(1);
/// A camera that is silent for longer is told.
const SILENT_AFTER: Duration = Duration::from_secs(2);
/// Pixels of a character, where the terminal scales a picture anyway.
const CHARACTER: (usize, usize) = (20, 10);

fn window(text: &str) -> Result<Window, String> {
    let wrong = || format!("`{text}` is no window; write LOW..HIGH such as 100..4000");
    let (low, high) = text.split_once("..").ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<f32>().ok().filter(|number| number.is_finite());
    match (number(low), number(high)) {
        (Some(low), Some(high)) if low < high => Ok(Window { low, high }),
        _ => Err(wrong()),
    }
}

fn pictures_a_second(text: &str) -> Result<f64, String> {
    let hz = text.parse::<f64>().ok().filter(|hz| (0.01..=1000.0).contains(hz));
    hz.ok_or_else(|| format!("`{text}` is no frequency in 0.01..=1000 Hz"))
}

impl View {
    /// Shows frames until it is told to end.
    ///
    /// # Errors
    /// When there is no server or no such stream, it sends no frames, or stdout is closed.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        let presses = ctrl_c::listen()?;
        let found = self.arguments.find(&presses)?;
        let frames = found.client.subscribe::<Frame>(&self.arguments.stream).cache()?;
        match self.way() {
            Way::Text => self.print_lines(&found, &frames, &presses)?,
            way => self.show_pictures(way, &found.client, &frames, &presses)?,
        }
        let stats = frames.stats();
        output::tell(loss::summary(&stats));
        self.output().json(&loss::to_json(&stats))?;
        Ok(Exit::Done)
    }

    /// How to print.
    pub(crate) fn output(&self) -> Output {
        self.arguments.output()
    }

    fn way(&self) -> Way {
        if self.output().json || (self.way == Way::Auto && !io::stdout().is_terminal()) {
            return Way::Text;
        }
        if self.way != Way::Auto {
            return self.way;
        }
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        terminals_way(&variable("TERM"), &variable("TERM_PROGRAM"), !variable("TMUX").is_empty())
    }

    /// A line every second.
    fn print_lines(
        &self,
        found: &FoundStream,
        frames: &Cache<Frame>,
        presses: &Receiver<()>,
    ) -> Result<(), CommandError> {
        let mut connection = self.arguments.connection_news(&found.client);
        let mut news = found.news();
        let limit = self.arguments.limit(presses);
        let mut pace = Pace::default();
        let mut newest: Option<Sample<Frame>> = None;
        let mut due = Instant::now() + LINE_EVERY;
        while !limit.is_over() {
            connection.tell();
            match self.next(frames, limit.left(LOOK_EVERY))? {
                Some(Ok(sample)) => {
                    news.sample(sample.utc);
                    pace.sample(&sample);
                    newest = Some(sample);
                }
                Some(Err(failure)) => output::tell(failure),
                None => news.look(),
            }
            if Instant::now() < due {
                continue;
            }
            due += LINE_EVERY;
            // One that was told of already says nothing new.
            if let Some(sample) = newest.take() {
                self.print_line(&found.client, &sample, &pace, &frames.stats())?;
            }
        }
        Ok(())
    }

    fn print_line(
        &self,
        client: &RouterClient,
        sample: &Sample<Frame>,
        pace: &Pace,
        stats: &SubscriptionStats,
    ) -> Result<(), CommandError> {
        let (rate_hz, age) = (pace.rate_hz(), age(client, sample));
        self.output().line(format_args!(
            "{}  {}  {}",
            frame_for_people(&sample.value),
            pace_text(rate_hz, age),
            losses(stats)
        ))?;
        let statistics = sample.value.statistics();
        let mut frame = frame_to_json(&sample.value);
        frame["min"] = json!(statistics.min);
        frame["max"] = json!(statistics.max);
        frame["mean"] = json!(statistics.mean);
        self.output().json(&json!({
            "stream": sample.name.as_str(),
            "sequence": sample.sequence,
            "rate_hz": rate_hz,
            "age_ms": age.map(|age| age.as_secs_f64() * 1e3),
            "received": stats.received,
            "replaced": stats.replaced,
            "lost": stats.lost,
            "frame": frame,
        }))?;
        Ok(())
    }

    /// Picture over picture.
    fn show_pictures(
        &self,
        way: Way,
        client: &RouterClient,
        frames: &Cache<Frame>,
        presses: &Receiver<()>,
    ) -> Result<(), CommandError> {
        let limit = self.arguments.limit(presses);
        let keys = Keys::take();
        let canvas = Canvas::enter(way)?;
        let (mut pace, mut newest, mut failure) = (Pace::default(), None::<Sample<Frame>>, None);
        let period = Duration::from_secs_f64(1.0 / self.max_hz);
        let mut due = Instant::now();
        let mut came = Instant::now();
        let mut is_new = true;
        while !is_over(&limit, &keys) {
            match self.next(frames, limit.left(LOOK_EVERY))? {
                Some(Ok(sample)) => {
                    pace.sample(&sample);
                    (newest, failure, is_new, came) = (Some(sample), None, true, Instant::now());
                }
                Some(Err(text)) => (failure, is_new, came) = (Some(text), true, Instant::now()),
                None => is_new |= came.elapsed() > SILENT_AFTER,
            }
            if !is_new || Instant::now() < due {
                continue;
            }
            due = Instant::now() + period;
            is_new = false;
            let silent = Some(came.elapsed()).filter(|silent| *silent > SILENT_AFTER);
            let trouble = failure.clone().or_else(|| silent.map(|silent| self.silence(client, silent)));
            let Some(sample) = &newest else {
                canvas.draw(
                    None,
                    &trouble.unwrap_or_else(|| format!("waiting for `{}`", self.arguments.stream)),
                )?;
                continue;
            };
            let (height, width) = canvas.room();
            let thumbnail = Thumbnail::of(&sample.value, height, width);
            let window = self.window.unwrap_or_else(|| thumbnail.window());
            let state = trouble.unwrap_or_else(|| {
                format!("{}  {}", pace_text(pace.rate_hz(), age(client, sample)), losses(&frames.stats()))
            });
            // What matters most first: a narrow terminal cuts the end.
            let line = format!(
                "q quits  {}  {state}  {}  window {} to {}",
                self.arguments.stream,
                sample.value.shape_text(),
                short(window.low),
                short(window.high)
            );
            canvas.draw(Some((&thumbnail, window)), &line)?;
        }
        Ok(())
    }

    /// The next frame, or what its source said instead; `None` when nothing came.
    fn next(
        &self,
        frames: &Cache<Frame>,
        timeout: Duration,
    ) -> Result<Option<Result<Sample<Frame>, String>>, CommandError> {
        match frames.wait_newer(timeout) {
            Ok(sample) => Ok(Some(Ok(sample))),
            Err(SampleError::NothingInTime { .. }) => Ok(None),
            Err(error @ SampleError::Failed { .. }) => Ok(Some(Err(error.to_string()))),
            Err(SampleError::Decode { reason, .. }) => {
                let (name, reason) = (self.arguments.stream.clone(), reason.to_string());
                Err(CommandError::NotAFrame { name, reason })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn silence(&self, client: &RouterClient, silent: Duration) -> String {
        let silent = duration::for_people(silent);
        if client.state().is_up() {
            format!("no frame for {silent}: is the stream enabled and the camera started?")
        } else {
            format!("no frame for {silent}: {}", client.reason())
        }
    }
}

/// What a terminal can that says of itself that it is this. Inside of tmux it is another one than it seems.
fn terminals_way(term: &str, program: &str, in_tmux: bool) -> Way {
    match program {
        _ if in_tmux => Way::Blocks,
        "ghostty" => Way::Kitty,
        "iTerm.app" | "WezTerm" => Way::Iterm,
        _ if term.contains("kitty") || term.contains("ghostty") => Way::Kitty,
        _ => Way::Blocks,
    }
}

fn is_over(limit: &Limit<'_>, keys: &Keys) -> bool {
    limit.is_over() || matches!(keys.pressed(), Some(b'q' | b'Q'))
}

/// How long ago a frame was acquired, by this PC's clock.
fn age(client: &RouterClient, sample: &Sample<Frame>) -> Option<Duration> {
    client.server_clock()?.local_time(sample).map(|time| time.age)
}

fn pace_text(rate_hz: Option<f64>, age: Option<Duration>) -> String {
    let rate = rate_hz.map_or_else(|| "- Hz".to_owned(), |rate_hz| format!("{rate_hz:.1} Hz"));
    let age = age.map(|age| format!("  {} old", duration::for_people(age))).unwrap_or_default();
    format!("{rate}{age}")
}

/// Counts without a fraction that says nothing; smaller values with one.
fn short(value: f32) -> String {
    if value.abs() >= 100.0 || value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

fn losses(stats: &SubscriptionStats) -> String {
    format!("{} lost, {} not shown", stats.lost, stats.replaced)
}

/// How often the source publishes, by its own numbers and clock over the last seconds.
#[derive(Debug, Default)]
struct Pace {
    /// Life, number and time of samples [ns], oldest first; all of one life.
    seen: VecDeque<((u64, u64), u64, u64)>,
}

/// What [`Pace`] looks back on [ns].
const PACE_OVER_NS: u64 = 2_000_000_000;

impl Pace {
    fn sample(&mut self, sample: &Sample<Frame>) {
        self.push((sample.epoch, sample.incarnation), sample.sequence, sample.monotonic_ns);
    }

    fn push(&mut self, life: (u64, u64), sequence: u64, monotonic_ns: u64) {
        if self.seen.back().is_some_and(|(before, ..)| *before != life) {
            self.seen.clear();
        }
        self.seen.push_back((life, sequence, monotonic_ns));
        while self.seen.len() > 2
            && self.seen.front().is_some_and(|(.., ns)| ns + PACE_OVER_NS < monotonic_ns)
        {
            self.seen.pop_front();
        }
    }

    fn rate_hz(&self) -> Option<f64> {
        let ((_, first, first_ns), (_, last, last_ns)) = (self.seen.front()?, self.seen.back()?);
        let seconds = last_ns.checked_sub(*first_ns).filter(|ns| *ns > 0)? as f64 / 1e9;
        Some(last.saturating_sub(*first) as f64 / seconds)
    }
}

/// The terminal as a page with a picture and a line below it. Dropping it gives the terminal back as it was.
struct Canvas {
    way: Way,
}

impl Canvas {
    fn enter(way: Way) -> io::Result<Canvas> {
        let canvas = Canvas { way };
        screen::print(screen::ENTER)?;
        Ok(canvas)
    }

    /// The most rows and columns of pixels that a picture may have.
    fn room(&self) -> (usize, usize) {
        let (columns, lines) = screen::size();
        let lines = lines.saturating_sub(1).max(1);
        match self.way {
            Way::Kitty | Way::Iterm => (lines * CHARACTER.0, columns * CHARACTER.1),
            _ => (2 * lines, columns),
        }
    }

    fn draw(&self, picture: Option<(&Thumbnail, Window)>, line: &str) -> Result<(), CommandError> {
        let (columns, lines) = screen::size();
        let mut text = screen::HOME.to_owned();
        if let Some((thumbnail, window)) = picture {
            let picture = thumbnail.picture(window);
            let over = (picture.width.div_ceil(CHARACTER.1), picture.height.div_ceil(CHARACTER.0));
            match self.way {
                Way::Kitty => text.push_str(&protocols::kitty(&picture, over.0, over.1)),
                Way::Iterm => {
                    text.push_str(&protocols::iterm(&picture, over.0, over.1).map_err(CommandError::Serve)?)
                }
                _ => {
                    for line in blocks::lines(&picture) {
                        text += &line;
                        text += screen::END_OF_LINE;
                        text += "\r\n";
                    }
                    // What is left of a larger picture, down to the line.
                    text += "\x1b[J";
                }
            }
        }
        let line: String = one_line(line).chars().take(columns).collect();
        text += &format!("\x1b[{lines};1H{line}{}", screen::END_OF_LINE);
        screen::print(&text)?;
        Ok(())
    }
}

impl Drop for Canvas {
    fn drop(&mut self) {
        let clear = if self.way == Way::Kitty { protocols::KITTY_CLEAR } else { "" };
        // A terminal that is gone needs nothing back.
        let _ = screen::print(&format!("{clear}{}", screen::LEAVE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_known_by_its_name() {
        assert_eq!(terminals_way("xterm-kitty", "", false), Way::Kitty);
        assert_eq!(terminals_way("xterm-256color", "WezTerm", false), Way::Iterm);
        assert_eq!(terminals_way("xterm-256color", "", false), Way::Blocks);
        assert_eq!(terminals_way("xterm-kitty", "iTerm.app", true), Way::Blocks);
    }

    #[test]
    fn a_window_is_two_numbers() {
        assert_eq!(window("100..4000"), Ok(Window { low: 100.0, high: 4000.0 }));
        assert_eq!(window("-1.5 .. 2"), Ok(Window { low: -1.5, high: 2.0 }));
        for wrong in ["100", "5..5", "5..1", "a..b", "0..inf"] {
            assert!(window(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_pace_is_the_sources_whatever_was_not_shown() {
        let mut pace = Pace::default();
        assert_eq!(pace.rate_hz(), None);
        for sequence in [0, 3, 10] {
            pace.push((1, 1), sequence, sequence * 100_000_000);
        }
        assert_eq!(pace.rate_hz(), Some(10.0));
        pace.push((1, 1), 200, 5_000_000_000 + 3_000_000_000);
        pace.push((1, 1), 220, 5_000_000_000 + 4_000_000_000);
        assert_eq!(pace.rate_hz(), Some(20.0), "what is long ago does not count");
        pace.push((2, 1), 0, 5);
        assert_eq!(pace.rate_hz(), None, "another life");
    }
}
