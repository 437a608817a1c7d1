//! `View`: how much of a stream a subscription asks for, as it stands in the subscription's topic.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

/// Longest text of a view [bytes].
pub const MAX_VIEW_BYTES: usize = 128;

/// A part of a stream that a subscription asks for instead of all of it. What it leaves out is left out where the
/// stream is served, so that it costs no line, and is counted as skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum View {
    /// At most so many samples a second, the newest each time: `pause_us=100000` for 10 Hz.
    Paced {
        /// Time between two samples at least [us], 1 or more.
        pause_us: u64,
    },
    /// The samples whose number is divisible by this, 2 or more: `nth=10`.
    EveryNth {
        /// One of so many.
        nth: u64,
    },
    /// The newest sample, each time that the subscriber asks for it (`router.newest`): `asked=` and 16 hexadecimal
    /// digits that nobody else has.
    Asked {
        /// Who asks.
        asker: u64,
    },
    /// All samples, large ones by what leads to them in memory that the server and the subscriber share: `slots`. For
    /// a subscriber that has attached to the stream's ring.
    Slots,
}

/// Why a text is no view.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{text}` is no view of a stream; one is `pause_us=100000`, `nth=10`, `slots` or `asked=` with 16 hexadecimal digits"
)]
pub struct ViewError {
    /// The text, as far as it can be shown.
    pub text: String,
}

impl View {
    /// Reads what [`Display`](fmt::Display) writes, and nothing else: one view has one text.
    ///
    /// # Errors
    /// A [`ViewError`].
    pub fn parse(text: &str) -> Result<View, ViewError> {
        let number = |text: &str| text.parse::<u64>().ok();
        let view = match text.split_once('=') {
            Some(("pause_us", us)) => {
                number(us).filter(|&us| us > 0).map(|pause_us| View::Paced { pause_us })
            }
            Some(("nth", nth)) => number(nth).filter(|&nth| nth > 1).map(|nth| View::EveryNth { nth }),
            Some(("asked", asker)) => u64::from_str_radix(asker, 16).ok().map(|asker| View::Asked { asker }),
            None if text == "slots" => Some(View::Slots),
            _ => None,
        };
        let is_the_text = |view: &View| view.to_string() == text;
        view.filter(is_the_text).ok_or_else(|| ViewError { text: text.chars().take(40).collect() })
    }

    /// The view of at most `max_hz` samples a second; `None` unless that is a number above 0. Rates above 1 MHz are
    /// 1 MHz, and those below one in a year are that.
    pub fn paced(max_hz: f64) -> Option<View> {
        const LONGEST_PAUSE_US: f64 = 365.25 * 86_400e6;
        if max_hz.is_nan() || max_hz <= 0.0 {
            return None;
        }
        // In range, so that the cast is exact but for its rounding.
        Some(View::Paced { pause_us: (1e6 / max_hz).clamp(1.0, LONGEST_PAUSE_US).round() as u64 })
    }

    /// The time between two samples at least, where it has one.
    pub fn pause(&self) -> Option<Duration> {
        match *self {
            View::Paced { pause_us } => Some(Duration::from_micros(pause_us)),
            _ => None,
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            View::Paced { pause_us } => write!(f, "pause_us={pause_us}"),
            View::EveryNth { nth } => write!(f, "nth={nth}"),
            View::Asked { asker } => write!(f, "asked={asker:016x}"),
            View::Slots => f.write_str("slots"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_has_one_text() {
        for (text, expect) in [
            ("pause_us=100000", Some(View::Paced { pause_us: 100_000 })),
            ("nth=10", Some(View::EveryNth { nth: 10 })),
            ("asked=00000000000000ff", Some(View::Asked { asker: 255 })),
            ("slots", Some(View::Slots)),
            ("slots=", None),
            ("pause_us=0", None),
            ("pause_us=010", None),
            ("pause_us=+10", None),
            ("nth=1", None),
            ("nth=-2", None),
            ("asked=ff", None),
            ("asked=00000000000000FF", None),
            ("asked=000000000000000ff", None),
            ("", None),
            ("nth", None),
            ("all", None),
        ] {
            assert_eq!(View::parse(text).ok(), expect, "{text}");
        }
    }

    #[test]
    fn rates_are_pauses() {
        for (hz, pause_us) in [(10.0, Some(100_000)), (0.5, Some(2_000_000)), (3e9, Some(1)), (0.0, None)] {
            assert_eq!(View::paced(hz), pause_us.map(|pause_us| View::Paced { pause_us }), "{hz} Hz");
        }
        assert_eq!(View::paced(f64::NAN), None);
        assert_eq!(View::paced(-1.0), None);
        assert_eq!(View::paced(10.0).unwrap().pause(), Some(Duration::from_millis(100)));
        assert_eq!(View::paced(f64::MIN_POSITIVE), View::paced(1e-300));
    }
}
