//! `one-liner hz STREAM`: how often a stream really comes.

use std::time::{Duration, Instant};

use clap::Args;
use router_client::{Payload, Queue, SampleError};
use serde_json::json;

use crate::connection_news::ConnectionNews;
use crate::exit::{CommandError, Exit};
use crate::output;
use crate::rate::RateMeter;
use crate::target::{self, Target};
use crate::{ctrl_c, duration};

/// Measure how often a stream comes, and print it every second until Ctrl-C
#[derive(Debug, Args)]
pub(crate) struct Hz {
    /// Its name, such as stage.position_um
    stream: String,
    /// End after this many lines
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after this time, such as 10s
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    span: Option<Duration>,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// One line each.
const SPAN: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(100);
const QUEUE: usize = 100_000;

/// What one line is made of.
struct Span {
    meter: RateMeter,
    /// Epoch, incarnation and number of the newest sample.
    newest: Option<((u64, u64), u64)>,
    samples: u64,
}

impl Hz {
    /// Prints a line every second.
    ///
    /// # Errors
    /// When there is no server or no such stream, or stdout is closed.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        let presses = ctrl_c::listen()?;
        let client = self.target.client()?;
        let description = client.describe().wait()?;
        let stream = target::stream(&description, &self.stream)?;
        if !stream.enabled {
            output::tell(format_args!("`{0}` is disabled; `one-liner enable {0}` enables it", self.stream));
        }
        let queue = client.subscribe::<Payload>(&self.stream).queue(QUEUE)?;
        let mut news = ConnectionNews::of(&client);
        let started = Instant::now();
        let mut span = Span { meter: RateMeter::default(), newest: None, samples: 0 };
        let mut lost_before = 0;
        let mut lines = 0;
        let mut due = started + SPAN;
        while self.count.is_none_or(|count| lines < count)
            && self.span.is_none_or(|span| started.elapsed() < span)
            && presses.try_recv().is_err()
        {
            span.take(&queue, due.saturating_duration_since(Instant::now()).min(LOOK_EVERY))?;
            news.tell();
            if Instant::now() >= due {
                due += SPAN;
                lines += 1;
                let lost = queue.stats().lost;
                self.print(&mut span, lost - lost_before)?;
                lost_before = lost;
            }
        }
        Ok(Exit::Done)
    }

    fn print(&self, span: &mut Span, lost: u64) -> Result<(), CommandError> {
        let output = self.target.output();
        let samples = std::mem::take(&mut span.samples);
        let rate = span.meter.report();
        output.json(&json!({
            "stream": self.stream,
            "rate_hz": rate.map(|rate| rate.rate_hz),
            "period_min_ms": rate.map(|rate| rate.shortest_ms),
            "period_max_ms": rate.map(|rate| rate.longest_ms),
            "period_deviation_ms": rate.map(|rate| rate.deviation_ms),
            "samples": samples,
            "lost": lost,
        }))?;
        let Some(rate) = rate else {
            output.line(format_args!("no period yet: {samples} samples within the last second"))?;
            return Ok(());
        };
        output.line(format_args!(
            "{:.2} Hz  period {:.2} to {:.2} ms, deviation {:.2} ms  {samples} samples, {lost} lost",
            rate.rate_hz, rate.shortest_ms, rate.longest_ms, rate.deviation_ms
        ))?;
        Ok(())
    }
}

impl Span {
    /// Waits for a sample, at most for `timeout`, and takes all that are there.
    fn take(&mut self, queue: &Queue<Payload>, timeout: Duration) -> Result<(), CommandError> {
        let mut next = queue.recv_timeout(timeout);
        loop {
            match next {
                Ok(sample) => {
                    let life = (sample.epoch, sample.incarnation);
                    let numbers = match self.newest {
                        Some((newest_life, newest)) if newest_life == life => sample.sequence - newest,
                        _ => 1,
                    };
                    self.newest = Some((life, sample.sequence));
                    self.meter.push(life, sample.monotonic_ns, numbers);
                    self.samples += 1;
                }
                // An error sample has a number and no time of acquisition: it counts, and the next period spans it.
                Err(SampleError::Failed { .. } | SampleError::Decode { .. }) => self.samples += 1,
                Err(SampleError::NothingInTime { .. } | SampleError::NothingYet { .. }) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            next = queue.try_recv();
        }
    }
}
