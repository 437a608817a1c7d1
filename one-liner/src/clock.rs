//! A moment as people read it.

use std::time::{SystemTime, UNIX_EPOCH};

/// The time of day in UTC, to the millisecond: `14:03:07.250Z`.
pub(crate) fn time_of_day(moment: SystemTime) -> String {
    let ms = moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() % 86_400_000;
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}Z", ms % 1000)
}

/// Date and time of day in UTC, to the microsecond: `2026-11-21T14:03:07.250000Z`.
pub(crate) fn date_and_time(moment: SystemTime) -> String {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // The civil calendar in eras of 400 years that begin on 1 March (Howard Hinnant, chrono-compatible algorithms).
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = 400 * era + year_of_era + u64::from(month <= 2);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let us = since.subsec_micros();
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{us:06}Z")
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
    fn a_moment_reads_as_a_date() {
        fn check(seconds: u64, expect: &str) {
            assert_eq!(date_and_time(UNIX_EPOCH + Duration::from_secs(seconds)), expect);
        }
        check(0, "1970-01-01T00:00:00.000000Z");
        check(951_827_696, "2000-02-29T12:34:56.000000Z");
        check(4_107_542_399, "2100-02-28T23:59:59.000000Z");
        check(1_795_242_328, "2026-11-21T06:25:28.000000Z");
    }

    #[test]
    fn a_moment_reads_as_time_of_day() {
        let moment = UNIX_EPOCH + Duration::from_millis(86_400_000 * 20_000 + 50_587_250);
        assert_eq!(time_of_day(moment), "14:03:07.250Z");
        assert_eq!(utc_ns(UNIX_EPOCH - Duration::from_nanos(5)), -5);
    }
}
