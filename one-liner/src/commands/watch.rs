//! `one-liner watch STREAM`: prints samples as they come.

use std::time::Duration;

use clap::Args;
use router_client::{Cache, Queue, RouterClient, Sample, SampleError};
use serde_json::json;

use crate::clock::{time_of_day, utc_ns};
use crate::commands::stream_arguments::StreamArguments;
use crate::exit::{CommandError, Exit};
use crate::output::{self, Output};
use crate::watched::Watched;
use crate::{ctrl_c, loss, value};

/// Print a stream's samples as they come, until Ctrl-C
///
/// Waits for a server that is not there yet. With --json each sample is an object with `stream`, `sequence`,
/// `utc_ns`, `monotonic_ns` and `value` (or `error`); the last line is {"type": "summary", ...}, which counts what
/// was received, replaced, dropped, lost, skipped and undecodable, and how often the source began anew (`breaks`).
///
/// Of a camera's frame it prints what it is and what its pixels come to; `grab` writes them into a file, `view` shows
/// them.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    arguments: StreamArguments,
    /// Keep the newest sample only: what printing is too slow for is left out
    #[arg(long, conflicts_with = "queue")]
    cache: bool,
    /// Keep this many samples until they are printed (1000 unless given)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    queue: Option<u32>,
    /// Print at most this many samples a second, the newest each time; the others do not travel and count as skipped
    #[arg(long, value_name = "HZ", value_parser = rate, conflicts_with = "nth")]
    max_hz: Option<f64>,
    /// Print one of so many samples; the others do not travel and count as skipped
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    nth: Option<u64>,
    /// End after this many samples
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(hz) if hz > 0.0 => Ok(hz),
        _ => Err("write a number above 0, such as 10 or 0.5".to_owned()),
    }
}

/// How often Ctrl-C and the connection are looked at while no sample comes.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const QUEUE: usize = 1000;

/// What the subscription keeps.
enum Kept {
    Newest(Cache<Watched>),
    Every(Queue<Watched>),
}

impl Watch {
    /// Prints samples until it has enough.
    ///
    /// # Errors
    /// When there is no server or no such stream, or stdout is closed.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        let presses = ctrl_c::listen()?;
        let output = self.output();
        let found = self.arguments.find(&presses)?;
        let mut connection = self.arguments.connection_news(&found.client);
        let mut stream = found.news();
        let kept = self.subscribe(&found.client)?;
        let limit = self.arguments.limit(&presses);
        let mut printed = 0;
        while self.count.is_none_or(|count| printed < count) && !limit.is_over() {
            connection.tell();
            match kept.next(limit.left(LOOK_EVERY)) {
                Ok(sample) => {
                    stream.sample(sample.utc);
                    print(output, &sample)?;
                }
                Err(SampleError::NothingInTime { .. }) => {
                    stream.look();
                    continue;
                }
                Err(SampleError::Failed { failure, sequence, utc, .. }) => {
                    stream.sample(utc);
                    let message = failure.to_string();
                    output.line(format_args!(
                        "{}  #{sequence}  error: {}",
                        time_of_day(utc),
                        value::tame(&message)
                    ))?;
                    output.json(&json!({
                        "stream": self.arguments.stream,
                        "sequence": sequence,
                        "utc_ns": utc_ns(utc),
                        "error": message,
                    }))?;
                }
                Err(error @ SampleError::Decode { .. }) => output::tell(error),
                Err(error) => return Err(error.into()),
            }
            printed += 1;
        }
        let stats = kept.stats();
        output::tell(loss::summary(&stats));
        output.json(&loss::to_json(&stats))?;
        Ok(Exit::Done)
    }

    /// How to print.
    pub(crate) fn output(&self) -> Output {
        self.arguments.output()
    }

    fn subscribe(&self, client: &RouterClient) -> Result<Kept, CommandError> {
        let mut subscribe = client.subscribe::<Watched>(&self.arguments.stream);
        if let Some(max_hz) = self.max_hz {
            subscribe = subscribe.max_hz(max_hz);
        }
        if let Some(nth) = self.nth {
            subscribe = subscribe.decimate(nth);
        }
        if self.cache {
            return Ok(Kept::Newest(subscribe.cache()?));
        }
        let samples = self.queue.map_or(QUEUE, |samples| samples as usize);
        Ok(Kept::Every(subscribe.queue(samples)?))
    }
}

impl Kept {
    fn next(&self, timeout: Duration) -> Result<Sample<Watched>, SampleError> {
        match self {
            Kept::Newest(cache) => cache.wait_newer(timeout),
            Kept::Every(queue) => queue.recv_timeout(timeout),
        }
    }

    fn stats(&self) -> router_client::SubscriptionStats {
        match self {
            Kept::Newest(cache) => cache.stats(),
            Kept::Every(queue) => queue.stats(),
        }
    }
}

fn print(output: Output, sample: &Sample<Watched>) -> Result<(), CommandError> {
    output.line(format_args!(
        "{}  #{}  {}",
        time_of_day(sample.utc),
        sample.sequence,
        sample.value.for_people()
    ))?;
    if output.json {
        output.json(&json!({
            "stream": sample.name.as_str(),
            "sequence": sample.sequence,
            "utc_ns": utc_ns(sample.utc),
            "monotonic_ns": sample.monotonic_ns,
            "value": sample.value.to_json(),
        }))?;
    }
    Ok(())
}
