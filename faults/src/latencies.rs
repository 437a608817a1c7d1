//! How long things took: median, 99th percentile, longest.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What was measured since the last look, unsorted.
#[derive(Debug, Default)]
pub(crate) struct Measured(Vec<Duration>);

/// A summary of [`Measured`].
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Latencies {
    pub(crate) count: u64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) max_us: u64,
}

impl Measured {
    pub(crate) fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// Sums up what was added since the last time.
    pub(crate) fn take(&mut self) -> Latencies {
        let mut sorted = std::mem::take(&mut self.0);
        sorted.sort_unstable();
        let at = |share: f64| {
            let index = (share * sorted.len().saturating_sub(1) as f64).round() as usize;
            sorted.get(index).map_or(0, |took| took.as_micros() as u64)
        };
        Latencies { count: sorted.len() as u64, p50_us: at(0.5), p99_us: at(0.99), max_us: at(1.0) }
    }
}

/// `p50 / p99 / max` [ms].
impl std::fmt::Display for Latencies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |us: u64| match us as f64 / 1000.0 {
            short if short < 10.0 => format!("{short:.1}"),
            long => format!("{long:.0}"),
        };
        write!(f, "{} / {} / {}", ms(self.p50_us), ms(self.p99_us), ms(self.max_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_what_was_added_since_the_last_look() {
        let mut measured = Measured::default();
        (0..=100).rev().for_each(|ms| measured.add(Duration::from_millis(ms)));
        assert_eq!(measured.take().to_string(), "50 / 99 / 100");
        assert_eq!(measured.take().count, 0);
    }
}
