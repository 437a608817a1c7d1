//! `one-liner bw STREAM`: how many bytes a stream brings.

use clap::Args;
use router_client::RawSample;
use serde_json::json;

use crate::bandwidth::SizeMeter;
use crate::byte_count;
use crate::commands::stream_meter::{MeterArguments, Report, Span, SpanMeter};
use crate::counted::counted;
use crate::exit::{CommandError, Exit};
use crate::output::Output;

/// Measure how many bytes per second a stream brings, and how large its samples are, every second until Ctrl-C
///
/// Counts the bytes of values as they travel, without headers. Waits for a server that is not there yet. With --json
/// the last line is {"type": "summary", ...}, which counts what was received and lost in all.
#[derive(Debug, Args)]
pub(crate) struct Bw {
    #[command(flatten)]
    arguments: MeterArguments,
}

impl Bw {
    /// Prints a line every second.
    ///
    /// # Errors
    /// When there is no server or no such stream, or stdout is closed.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        self.arguments.run(SizeMeter::default())
    }

    /// How to print.
    pub(crate) fn output(&self) -> Output {
        self.arguments.output()
    }
}

impl SpanMeter for SizeMeter {
    fn sample(&mut self, sample: &RawSample) {
        self.push(sample.value.as_slice().len());
    }

    fn report(&mut self, span: &Span) -> Report {
        let sizes = self.report(span.length);
        let per_s = span.samples as f64 / span.length.as_secs_f64().max(f64::MIN_POSITIVE);
        let samples = counted(span.samples, "sample");
        let line = match sizes {
            None => format!("no bytes: {samples} within the last second, {} lost", span.lost),
            Some(sizes) => format!(
                "{}/s  {per_s:.2} samples/s of {} ({} to {})  {samples}, {} lost",
                byte_count::for_people(sizes.bytes_per_s),
                byte_count::for_people(sizes.mean_bytes),
                byte_count::for_people(sizes.smallest_bytes as f64),
                byte_count::for_people(sizes.largest_bytes as f64),
                span.lost
            ),
        };
        let json = json!({
            "bytes_per_s": sizes.map_or(0.0, |sizes| sizes.bytes_per_s),
            "samples_per_s": per_s,
            "size_mean_bytes": sizes.map(|sizes| sizes.mean_bytes),
            "size_min_bytes": sizes.map(|sizes| sizes.smallest_bytes),
            "size_max_bytes": sizes.map(|sizes| sizes.largest_bytes),
        });
        Report { line, json }
    }
}
