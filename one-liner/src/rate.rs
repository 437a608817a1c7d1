//! How often a stream really comes.

use std::time::Duration;

/// The periods between samples of one span.
#[derive(Debug, Default)]
pub(crate) struct RateMeter {
    /// The source's clock at the newest sample, and which life of the source that was [ns].
    newest: Option<(SourceLife, u64)>,
    periods_ms: Vec<f64>,
}

/// Epoch and incarnation: clocks of two lives of a source cannot be compared.
type SourceLife = (u64, u64);

/// What the periods of a span come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rate {
    /// Samples per second [Hz].
    pub(crate) rate_hz: f64,
    /// The shortest period [ms].
    pub(crate) shortest_ms: f64,
    /// The longest period [ms].
    pub(crate) longest_ms: f64,
    /// Standard deviation of the periods [ms].
    pub(crate) deviation_ms: f64,
    /// How many periods were measured.
    pub(crate) periods: usize,
}

impl RateMeter {
    /// A sample came, which `life` of the source took at `monotonic_ns` of its own clock; `numbers` is how far
    /// its sequence number is from the one before, 1 unless samples were lost between.
    pub(crate) fn push(&mut self, life: SourceLife, monotonic_ns: u64, numbers: u64) {
        let before = self.newest.replace((life, monotonic_ns));
        if let Some((_, before_ns)) = before.filter(|(before, _)| *before == life) {
            let gap = Duration::from_nanos(monotonic_ns.saturating_sub(before_ns));
            self.periods_ms.push(gap.as_secs_f64() * 1e3 / numbers.max(1) as f64);
        }
    }

    /// What the span since the last report comes to; `None` when there was no period in it.
    pub(crate) fn report(&mut self) -> Option<Rate> {
        let periods = std::mem::take(&mut self.periods_ms);
        let count = periods.len() as f64;
        let sum_ms: f64 = periods.iter().sum();
        if sum_ms <= 0.0 {
            return None;
        }
        let mean_ms = sum_ms / count;
        let variance = periods.iter().map(|period| (period - mean_ms).powi(2)).sum::<f64>() / count;
        Some(Rate {
            rate_hz: 1e3 / mean_ms,
            shortest_ms: periods.iter().copied().fold(f64::INFINITY, f64::min),
            longest_ms: periods.iter().copied().fold(0.0, f64::max),
            deviation_ms: variance.sqrt(),
            periods: periods.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_steady_stream_has_its_rate() {
        let mut meter = RateMeter::default();
        (0..5).for_each(|tick| meter.push((1, 1), tick * 100 * MS, 1));
        let rate = meter.report().unwrap();
        assert_eq!(
            (rate.rate_hz, rate.shortest_ms, rate.longest_ms, rate.deviation_ms),
            (10.0, 100.0, 100.0, 0.0)
        );
        assert_eq!(rate.periods, 4);
        assert_eq!(meter.report(), None, "each span by itself");
        meter.push((1, 1), 500 * MS, 1);
        assert_eq!(meter.report().unwrap().rate_hz, 10.0, "spans join without a gap");
    }

    #[test]
    fn lost_samples_and_a_new_life_do_not_look_like_a_slow_source() {
        let mut meter = RateMeter::default();
        meter.push((1, 1), 0, 1);
        meter.push((1, 1), 300 * MS, 3);
        meter.push((2, 1), 9000 * MS, 1);
        meter.push((2, 1), 9100 * MS, 1);
        let rate = meter.report().unwrap();
        assert_eq!((rate.rate_hz, rate.periods), (10.0, 2));
    }
}
