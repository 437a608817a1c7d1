//! What `hz` and `bw` have in common: a line a second about one stream, until they have enough.

use std::time::{Duration, Instant};

use clap::Args;
use router_client::{Payload, Queue, RawSample, SampleError};
use serde_json::{Value as Json, json};

use crate::commands::stream_arguments::StreamArguments;
use crate::exit::{CommandError, Exit};
use crate::output::{self, Output};
use crate::stream_news::StreamNews;
use crate::{ctrl_c, loss};

/// Which stream to measure, and for how many lines.
#[derive(Debug, Args)]
pub(crate) struct MeterArguments {
    #[command(flatten)]
    arguments: StreamArguments,
    /// End after this many lines
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

/// What is measured of a stream, a span at a time.
pub(crate) trait SpanMeter {
    /// A sample came.
    fn sample(&mut self, sample: &RawSample);

    /// What `span` comes to; the next one begins.
    fn report(&mut self, span: &Span) -> Report;
}

/// One line's share of a stream.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Span {
    /// How long it was by the clock here.
    pub(crate) length: Duration,
    /// Samples that came, those without a value included.
    pub(crate) samples: u64,
    /// Samples that never came.
    pub(crate) lost: u64,
}

/// One line.
pub(crate) struct Report {
    /// For people.
    pub(crate) line: String,
    /// For scripts: an object, which the stream, its samples and losses are added to.
    pub(crate) json: Json,
}

/// One line each.
const SPAN: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(100);
const QUEUE: usize = 100_000;

impl MeterArguments {
    /// Prints a line of `meter` every second.
    ///
    /// # Errors
    /// When there is no server or no such stream, or stdout is closed.
    pub(crate) fn run(&self, mut meter: impl SpanMeter) -> Result<Exit, CommandError> {
        let presses = ctrl_c::listen()?;
        let found = self.arguments.find(&presses)?;
        let mut connection = self.arguments.connection_news(&found.client);
        let mut stream = found.news();
        let queue = found.client.subscribe::<Payload>(&self.arguments.stream).queue(QUEUE)?;
        let limit = self.arguments.limit(&presses);
        let mut samples = 0;
        let mut lost_before = 0;
        let mut lines = 0;
        let mut began = Instant::now();
        let mut due = began + SPAN;
        while self.count.is_none_or(|count| lines < count) && !limit.is_over() {
            let wait = due.saturating_duration_since(Instant::now()).min(LOOK_EVERY);
            samples += take(&queue, wait, &mut meter, &mut stream)?;
            connection.tell();
            if Instant::now() >= due {
                due += SPAN;
                lines += 1;
                let lost = queue.stats().lost;
                let length = began.elapsed();
                began += length;
                self.print(&mut meter, &Span { length, samples, lost: lost - lost_before })?;
                (lost_before, samples) = (lost, 0);
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

    fn print(&self, meter: &mut impl SpanMeter, span: &Span) -> Result<(), CommandError> {
        let Report { line, json } = meter.report(span);
        let mut object = json!({ "stream": self.arguments.stream });
        if let (Some(object), Json::Object(measured)) = (object.as_object_mut(), json) {
            object.extend(measured);
        }
        object["samples"] = json!(span.samples);
        object["lost"] = json!(span.lost);
        self.output().json(&object)?;
        self.output().line(line)?;
        Ok(())
    }
}

/// Waits for a sample, at most for `timeout`, and takes all that are there; how many that were.
fn take(
    queue: &Queue<Payload>,
    timeout: Duration,
    meter: &mut impl SpanMeter,
    stream: &mut StreamNews<'_>,
) -> Result<u64, CommandError> {
    stream.look();
    let mut samples = 0;
    let mut next = queue.recv_timeout(timeout);
    loop {
        match next {
            Ok(sample) => {
                stream.sample(sample.utc);
                meter.sample(&sample);
            }
            // An error sample has a number, and neither a value nor a time of acquisition.
            Err(SampleError::Failed { utc, .. }) => stream.sample(utc),
            Err(SampleError::Decode { .. }) => {}
            Err(SampleError::NothingInTime { .. } | SampleError::NothingYet { .. }) => return Ok(samples),
            Err(error) => return Err(error.into()),
        }
        samples += 1;
        next = queue.try_recv();
    }
}
