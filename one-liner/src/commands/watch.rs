//! `one-liner watch STREAM`: prints samples as they come.

use std::time::{Duration, Instant};

use clap::Args;
use rmpv::Value;
use router_client::{Cache, Queue, RouterClient, Sample, SampleError};
use serde_json::json;

use crate::clock::{time_of_day, utc_ns};
use crate::connection_news::ConnectionNews;
use crate::exit::{CommandError, Exit};
use crate::output::{self, Output};
use crate::target::{self, Target};
use crate::value::{self, Bytes};
use crate::{ctrl_c, duration, loss};

/// Print a stream's samples as they come, until Ctrl-C
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Its name, such as stage.position_um
    stream: String,
    /// Keep the newest sample only: what printing is too slow for is left out
    #[arg(long, conflicts_with = "queue")]
    cache: bool,
    /// Keep this many samples until they are printed (1000 unless given)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    queue: Option<u32>,
    /// End after this many samples
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after this time, such as 10s
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    span: Option<Duration>,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// How often Ctrl-C and the connection are looked at while no sample comes.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const QUEUE: usize = 1000;

/// What the subscription keeps.
enum Kept {
    Newest(Cache<Value>),
    Every(Queue<Value>),
}

impl Watch {
    /// Prints samples until it has enough.
    ///
    /// # Errors
    /// When there is no server or no such stream, or stdout is closed.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        let presses = ctrl_c::listen()?;
        let output = self.target.output();
        let client = self.target.client()?;
        let kept = self.subscribe(&client)?;
        let mut news = ConnectionNews::of(&client);
        let end = self.span.and_then(|span| Instant::now().checked_add(span));
        let mut printed = 0;
        while self.count.is_none_or(|count| printed < count)
            && end.is_none_or(|end| Instant::now() < end)
            && presses.try_recv().is_err()
        {
            news.tell();
            let left =
                end.map_or(LOOK_EVERY, |end| end.saturating_duration_since(Instant::now()).min(LOOK_EVERY));
            match kept.next(left) {
                Ok(sample) => print(output, &sample)?,
                Err(SampleError::NothingInTime { .. }) => continue,
                Err(SampleError::Failed { failure, sequence, utc, .. }) => {
                    let message = failure.to_string();
                    output.line(format_args!(
                        "{}  #{sequence}  error: {}",
                        time_of_day(utc),
                        value::tame(&message)
                    ))?;
                    output.json(&json!({
                        "stream": self.stream,
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
        output::tell(loss::summary(&kept.stats()));
        Ok(Exit::Done)
    }

    /// Subscribes to the stream once it is known to exist.
    fn subscribe(&self, client: &RouterClient) -> Result<Kept, CommandError> {
        let description = client.describe().wait()?;
        let stream = target::stream(&description, &self.stream)?;
        if !stream.enabled {
            output::tell(format_args!("`{0}` is disabled; `one-liner enable {0}` enables it", self.stream));
        }
        let subscribe = client.subscribe::<Value>(&self.stream);
        if self.cache {
            return Ok(Kept::Newest(subscribe.cache()?));
        }
        let samples = self.queue.map_or(QUEUE, |samples| samples as usize);
        Ok(Kept::Every(subscribe.queue(samples)?))
    }
}

impl Kept {
    fn next(&self, timeout: Duration) -> Result<Sample<Value>, SampleError> {
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

fn print(output: Output, sample: &Sample<Value>) -> Result<(), CommandError> {
    let people = |value: &Value| value::for_people(value);
    output.line(format_args!(
        "{}  #{}  {}",
        time_of_day(sample.utc),
        sample.sequence,
        people(&sample.value)
    ))?;
    if output.json {
        output.json(&json!({
            "stream": sample.name.as_str(),
            "sequence": sample.sequence,
            "utc_ns": utc_ns(sample.utc),
            "monotonic_ns": sample.monotonic_ns,
            "value": value::to_json(&sample.value, Bytes::Base64),
        }))?;
    }
    Ok(())
}
