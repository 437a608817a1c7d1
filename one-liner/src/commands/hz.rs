//! `one-liner hz STREAM`: how often a stream really comes.

use clap::Args;
use router_client::RawSample;
use serde_json::json;

use crate::commands::stream_meter::{MeterArguments, Report, Span, SpanMeter};
use crate::counted::counted;
use crate::exit::{CommandError, Exit};
use crate::output::Output;
use crate::rate::RateMeter;

/// Measure how often a stream comes, and print it every second until Ctrl-C
///
/// Waits for a server that is not there yet. With --json the last line is {"type": "summary", ...}, which counts what
/// was received and lost in all.
#[derive(Debug, Args)]
pub(crate) struct Hz {
    #[command(flatten)]
    arguments: MeterArguments,
}

/// The periods of a stream, by its source's clock.
#[derive(Debug, Default)]
struct Periods {
    meter: RateMeter,
    /// Epoch, incarnation and number of the newest sample.
    newest: Option<((u64, u64), u64)>,
}

impl Hz {
    /// Prints a line every second.
    ///
    /// # Errors
    /// When there is no server or no such stream, or stdout is closed.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        self.arguments.run(Periods::default())
    }

    /// How to print.
    pub(crate) fn output(&self) -> Output {
        self.arguments.output()
    }
}

impl SpanMeter for Periods {
    fn sample(&mut self, sample: &RawSample) {
        let life = (sample.epoch, sample.incarnation);
        let numbers = match self.newest {
            Some((newest_life, newest)) if newest_life == life => sample.sequence - newest,
            _ => 1,
        };
        self.newest = Some((life, sample.sequence));
        self.meter.push(life, sample.monotonic_ns, numbers);
    }

    fn report(&mut self, span: &Span) -> Report {
        let rate = self.meter.report();
        let samples = counted(span.samples, "sample");
        let line = match rate {
            None => format!("no period yet: {samples} within the last second"),
            Some(rate) => format!(
                "{:.2} Hz  period {:.2} to {:.2} ms, deviation {:.2} ms  {samples}, {} lost",
                rate.rate_hz, rate.shortest_ms, rate.longest_ms, rate.deviation_ms, span.lost
            ),
        };
        let json = json!({
            "rate_hz": rate.map(|rate| rate.rate_hz),
            "period_min_ms": rate.map(|rate| rate.shortest_ms),
            "period_max_ms": rate.map(|rate| rate.longest_ms),
            "period_deviation_ms": rate.map(|rate| rate.deviation_ms),
        });
        Report { line, json }
    }
}
