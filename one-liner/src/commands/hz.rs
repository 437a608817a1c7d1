//! `one-liner hz STREAM`: how often a stream really comes.

use std::time::{Duration, Instant};

use clap::Args;
use router_client::{Payload, Queue, SampleError};
use serde_json::json;

use crate::commands::stream_arguments::StreamArguments;
use crate::counted::counted;
use crate::exit::{CommandError, Exit};
use crate::output::{self, Output};
use crate::rate::RateMeter;
use crate::stream_news::StreamNews;
use crate::{ctrl_c, loss};

/// Measure how often a stream comes, and print it every second until Ctrl-C
///
/// Waits for a server that is not there yet. With --json the last line is {"type": "summary", ...}, which counts what
/// was received and lost in all.
#[derive(Debug, Args)]
pub(crate) struct Hz {
    #[command(flatten)]
    arguments: StreamArguments,
    /// End after this many lines
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
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
        let found = self.arguments.find(&presses)?;
        let mut connection = self.arguments.connection_news(&found.client);
        let mut stream = found.news();
        let queue = found.client.subscribe::<Payload>(&self.arguments.stream).queue(QUEUE)?;
        let limit = self.arguments.limit(&presses);
        let mut span = Span { meter: RateMeter::default(), newest: None, samples: 0 };
        let mut lost_before = 0;
        let mut lines = 0;
        let mut due = Instant::now() + SPAN;
        while self.count.is_none_or(|count| lines < count) && !limit.is_over() {
            span.take(&queue, due.saturating_duration_since(Instant::now()).min(LOOK_EVERY), &mut stream)?;
            connection.tell();
            if Instant::now() >= due {
                due += SPAN;
                lines += 1;
                let lost = queue.stats().lost;
                self.print(&mut span, lost - lost_before)?;
                lost_before = lost;
            }
        }
        let stats = queue.stats();
        output::tell(loss::summary(&stats));
        self.output().json(&loss::to_json(&stats))?;
        Ok(Exit::Done)
    }

    /// How to print.
    pub(crate) fn output(&self) -> Output {
        self.arguments.output()
    }

    fn print(&self, span: &mut Span, lost: u64) -> Result<(), CommandError> {
        let output = self.output();
        let samples = std::mem::take(&mut span.samples);
        let rate = span.meter.report();
        output.json(&json!({
            "stream": self.arguments.stream,
            "rate_hz": rate.map(|rate| rate.rate_hz),
            "period_min_ms": rate.map(|rate| rate.shortest_ms),
            "period_max_ms": rate.map(|rate| rate.longest_ms),
            "period_deviation_ms": rate.map(|rate| rate.deviation_ms),
            "samples": samples,
            "lost": lost,
        }))?;
        let Some(rate) = rate else {
            output
                .line(format_args!("no period yet: {} within the last second", counted(samples, "sample")))?;
            return Ok(());
        };
        output.line(format_args!(
            "{:.2} Hz  period {:.2} to {:.2} ms, deviation {:.2} ms  {}, {lost} lost",
            rate.rate_hz,
            rate.shortest_ms,
            rate.longest_ms,
            rate.deviation_ms,
            counted(samples, "sample")
        ))?;
        Ok(())
    }
}

impl Span {
    /// Waits for a sample, at most for `timeout`, and takes all that are there.
    fn take(
        &mut self,
        queue: &Queue<Payload>,
        timeout: Duration,
        stream: &mut StreamNews<'_>,
    ) -> Result<(), CommandError> {
        stream.look();
        let mut next = queue.recv_timeout(timeout);
        loop {
            match next {
                Ok(sample) => {
                    stream.sample(sample.utc);
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
                Err(SampleError::Failed { utc, .. }) => {
                    stream.sample(utc);
                    self.samples += 1;
                }
                Err(SampleError::Decode { .. }) => self.samples += 1,
                Err(SampleError::NothingInTime { .. } | SampleError::NothingYet { .. }) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            next = queue.try_recv();
        }
    }
}
