//! `one-liner grab STREAM FILE`: frames as picture files.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use router_client::{RouterClient, Sample, SampleError};
use router_frame::Frame;
use serde_json::json;

use crate::clock::utc_ns;
use crate::commands::stream_arguments::StreamArguments;
use crate::counted::counted;
use crate::exit::{CommandError, Exit};
use crate::output::{self, Output};
use crate::picture_file::{self, FileFormat, Scale};
use crate::watched::{frame_for_people, frame_to_json};
use crate::{ctrl_c, duration, loss};

/// Write frames of a camera into PNG or TIFF files
///
/// Pixels are written as the camera gave them: 16 bits stay 16 bits, and mono10 and mono12 keep their values in 16 bits,
/// which a picture viewer shows dark (--scale makes them fill the range). A Bayer mosaic stays a mosaic, in gray. Floating
/// point needs TIFF. What is known of a frame is in the file's text: stream, number, times, exposure, format.
///
/// Only frames that come from now on are written, never one from before.
#[derive(Debug, Args)]
pub(crate) struct Grab {
    #[command(flatten)]
    arguments: StreamArguments,
    /// Where to: NAME.png or NAME.tif; several become NAME_0001.png and so on
    file: PathBuf,
    /// Write this many
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Write each N-th frame (10), or the next frame after each time (2s)
    #[arg(long, value_name = "N or DURATION", value_parser = every)]
    every: Option<Every>,
    /// Stretch the values so that the camera's largest is that of the file
    #[arg(long)]
    scale: bool,
    /// Wait this long for each frame
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "5s")]
    within: Duration,
    /// Replace files that are there already
    #[arg(long)]
    force: bool,
}

/// Which frames are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Every {
    Nth(u64),
    After(Duration),
}

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Frames that wait while one is written; their bytes are bounded beside.
const QUEUE: usize = 1000;

fn every(text: &str) -> Result<Every, String> {
    match text.parse::<u64>() {
        Ok(0) => Err("every 0th frame is none; write 1 or more, or a time such as 2s".to_owned()),
        Ok(number) => Ok(Every::Nth(number)),
        Err(_) => duration::parse(text).map(Every::After),
    }
}

impl Grab {
    /// Writes the files.
    ///
    /// # Errors
    /// When there is no server or no such stream, no frame comes in time, or a file cannot be written.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        let presses = ctrl_c::listen()?;
        let format = FileFormat::of(&self.file).map_err(CommandError::Usage)?;
        self.check_files()?;
        let found = self.arguments.find(&presses)?;
        let client = &found.client;
        let frames = client.subscribe::<Frame>(&self.arguments.stream).without_last_value().queue(QUEUE)?;
        let limit = self.arguments.limit(&presses);
        let scale = if self.scale { Scale::FullRange } else { Scale::AsTheyAre };
        let (mut written, mut last) = (0, None);
        let mut since = Instant::now();
        while written < self.count && !limit.is_over() {
            let sample = match frames.recv_timeout(limit.left(LOOK_EVERY)) {
                Ok(sample) => sample,
                Err(SampleError::NothingInTime { .. }) if since.elapsed() < self.within => continue,
                Err(SampleError::NothingInTime { .. }) => {
                    let reason = why_silent(client, &self.arguments.stream);
                    return Err(self.no_frame(since.elapsed(), reason));
                }
                Err(SampleError::Decode { reason, .. }) => {
                    let (name, reason) = (self.arguments.stream.clone(), reason.to_string());
                    return Err(CommandError::NotAFrame { name, reason });
                }
                Err(error) => return Err(error.into()),
            };
            since = Instant::now();
            if !self.is_due(&sample, last) {
                continue;
            }
            last = Some((sample.epoch, sample.sequence, sample.monotonic_ns));
            written += 1;
            let path = self.path(written);
            picture_file::write(&path, format, &sample, scale).map_err(|reason| file_error(&path, reason))?;
            self.tell(&path, &sample)?;
        }
        if written == 0 {
            return Err(self.no_frame(since.elapsed(), "it was ended before".to_owned()));
        }
        if self.count > 1 {
            output::tell(format_args!(
                "{} written; {}",
                counted(written, "file"),
                loss::summary(&frames.stats())
            ));
        }
        Ok(if written == self.count { Exit::Done } else { Exit::Failed })
    }

    /// How to print.
    pub(crate) fn output(&self) -> Output {
        self.arguments.output()
    }

    /// Whether a sample is to be written, after the one of this epoch, number and time [ns].
    fn is_due(&self, sample: &Sample<Frame>, last: Option<(u64, u64, u64)>) -> bool {
        // Numbers and clocks of two lives of a server cannot be compared.
        let Some((_, sequence, monotonic_ns)) = last.filter(|(epoch, ..)| *epoch == sample.epoch) else {
            return true;
        };
        match self.every {
            None => true,
            Some(Every::Nth(number)) => sample.sequence >= sequence.saturating_add(number),
            Some(Every::After(span)) => {
                u128::from(sample.monotonic_ns) >= u128::from(monotonic_ns) + span.as_nanos()
            }
        }
    }

    /// The name of the file of this number, from 1.
    fn path(&self, number: u64) -> PathBuf {
        if self.count == 1 {
            return self.file.clone();
        }
        let digits = self.count.to_string().len().max(4);
        let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let (stem, ending) = (text(self.file.file_stem()), text(self.file.extension()));
        self.file.with_file_name(format!("{stem}_{number:0digits$}.{ending}"))
    }

    /// Before anything is exposed for them: that no file is there, and that their folder is.
    fn check_files(&self) -> Result<(), CommandError> {
        let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(file_error(&self.file, format!("there is no folder {}", folder.display())));
        }
        if !self.force
            && let Some(path) = (1..=self.count).map(|number| self.path(number)).find(|path| path.exists())
        {
            return Err(file_error(&path, "it is there already; --force replaces it".to_owned()));
        }
        Ok(())
    }

    fn tell(&self, path: &Path, sample: &Sample<Frame>) -> Result<(), CommandError> {
        self.output().line(format_args!("{}  {}", path.display(), frame_for_people(&sample.value)))?;
        self.output().json(&json!({
            "file": path.to_string_lossy(),
            "stream": sample.name.as_str(),
            "sequence": sample.sequence,
            "utc_ns": utc_ns(sample.utc),
            "monotonic_ns": sample.monotonic_ns,
            "frame": frame_to_json(&sample.value),
        }))?;
        Ok(())
    }

    fn no_frame(&self, waited: Duration, reason: String) -> CommandError {
        CommandError::NoFrame { name: self.arguments.stream.clone(), waited, reason }
    }
}

fn file_error(path: &Path, reason: String) -> CommandError {
    CommandError::File { path: path.display().to_string(), reason }
}

/// Why no sample of a stream comes, as far as the server tells.
///
/// # Blocking
/// For a second at most.
fn why_silent(client: &RouterClient, name: &str) -> String {
    let description = match client.describe().deadline(Duration::from_secs(1)).wait() {
        Ok(description) => description,
        Err(error) => return error.to_string(),
    };
    let Some(stream) = description.streams.iter().find(|stream| stream.name == name) else {
        return "it was removed".to_owned();
    };
    if !stream.enabled {
        return format!("it is disabled; `one-liner enable {name}` streams it again");
    }
    let start = format!("{}.start", name.rsplit_once('.').map_or(name, |(instrument, _)| instrument));
    if description.calls.iter().any(|call| call.name == start) {
        return format!("its source publishes nothing; `one-liner call {start}` may start it");
    }
    "its source publishes nothing".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reads_numbers_and_times() {
        assert_eq!(every("10"), Ok(Every::Nth(10)));
        assert_eq!(every("2s"), Ok(Every::After(Duration::from_secs(2))));
        assert!(every("0").is_err() && every("often").is_err());
    }
}
