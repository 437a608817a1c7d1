//! Durations as people write them: `2s`, `500ms`, `1.5 min`.

use std::time::Duration;

/// Reads a duration; a number without a unit is seconds.
///
/// # Errors
/// A text that says how a duration is written.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration; write one such as 2s, 500ms or 1.5min");
    let text = text.trim();
    let unit_at = text.find(|character: char| character.is_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" | "" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(wrong()),
    };
    if seconds <= 0.0 {
        return Err(format!("`{text}` is no time at all; write one such as 2s, 500ms or 1.5min"));
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

/// A duration for people: `12 us`, `3.4 ms`, `2.10 s`, `5 min 02 s`.
pub(crate) fn for_people(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        _ if seconds < 0.001 => format!("{:.0} us", seconds * 1e6),
        _ if seconds < 1.0 => format!("{:.1} ms", seconds * 1e3),
        _ if seconds < 60.0 => format!("{seconds:.2} s"),
        _ if seconds < 3600.0 => {
            format!("{:.0} min {:02.0} s", (seconds / 60.0).floor(), (seconds % 60.0).floor())
        }
        _ => format!("{:.0} h {:02.0} min", (seconds / 3600.0).floor(), (seconds % 3600.0 / 60.0).floor()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        fn check(text: &str, expect_ms: u64) {
            assert_eq!(parse(text), Ok(Duration::from_millis(expect_ms)), "{text}");
        }
        check("2s", 2000);
        check("500ms", 500);
        check("1.5 min", 90_000);
        check("2m", 120_000);
        check("1h", 3_600_000);
        check("3", 3000);
        check("0.25", 250);
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "s", "fast", "2 parsecs", "-1s", "0s", "NaN", "1e300h", "inf"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_written() {
        fn check(micros: u64, expect: &str) {
            assert_eq!(for_people(Duration::from_micros(micros)), expect);
        }
        check(12, "12 us");
        check(3_400, "3.4 ms");
        check(2_100_000, "2.10 s");
        check(302_000_000, "5 min 02 s");
        check(3_725_000_000, "1 h 02 min");
    }
}
