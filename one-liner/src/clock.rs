//! A moment as people read it.

use std::time::{SystemTime, UNIX_EPOCH};

/// The time of day in UTC, to the millisecond: `14:03:07.250Z`.
pub(crate) fn time_of_day(moment: SystemTime) -> String {
    let ms = moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() % 86_400_000;
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}Z", ms % 1000)
}

/// Nanoseconds since 1970-01-01; negative before.
pub(crate) fn utc_ns(moment: SystemTime) -> i64 {
    let ns = |duration: std::time::Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    moment.duration_since(UNIX_EPOCH).map_or_else(|before| -ns(before.duration()), ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_moment_reads_as_time_of_day() {
        let moment = UNIX_EPOCH + Duration::from_millis(86_400_000 * 20_000 + 50_587_250);
        assert_eq!(time_of_day(moment), "14:03:07.250Z");
        assert_eq!(utc_ns(UNIX_EPOCH - Duration::from_nanos(5)), -5);
    }
}
