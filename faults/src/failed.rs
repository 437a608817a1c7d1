//! Why a scenario failed, as a sentence.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// What a scenario returns.
pub(crate) type Outcome<T = ()> = Result<T, Failed>;

/// Why something did not come out as it must.
#[derive(Debug)]
pub(crate) struct Failed(pub(crate) String);

// Not `Display` itself, so that every error there is becomes one.
impl<E: Display> From<E> for Failed {
    fn from(error: E) -> Failed {
        Failed(error.to_string())
    }
}

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Longer than libzmq takes on a busy machine to forget what hostile subscribers said; streams pause meanwhile, and
/// memory is not back.
pub(crate) const LONG_PATIENCE: Duration = Duration::from_secs(120);

/// Fails with what `says` says unless `holds`.
pub(crate) fn check(holds: bool, says: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(Failed(says())) }
}

/// Returns what `look` finds, asking again until it does.
///
/// # Errors
/// `what` was not to be had within [`PATIENCE`], or what `look` fails with.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Outcome<Option<T>>) -> Outcome<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        check(Instant::now() < deadline, || format!("not within {PATIENCE:?}: {what}"))?;
        std::thread::sleep(Duration::from_millis(5));
    }
}
