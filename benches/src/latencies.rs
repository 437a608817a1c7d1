//! Percentiles of how long things took.

use std::time::{Duration, Instant};

/// How long each of many things took [us].
#[derive(Default)]
pub(crate) struct Latencies(Vec<f64>);

impl Latencies {
    /// Times `run`, `count` times, after a twentieth of that which is not counted.
    pub(crate) fn measure<E>(count: usize, mut run: impl FnMut() -> Result<(), E>) -> Result<Latencies, E> {
        for _ in 0..count / 20 {
            run()?;
        }
        let mut all = Latencies(Vec::with_capacity(count));
        for _ in 0..count {
            let start = Instant::now();
            run()?;
            all.add(start.elapsed());
        }
        Ok(all)
    }

    pub(crate) fn add(&mut self, took: Duration) {
        self.0.push(took.as_secs_f64() * 1e6);
    }

    pub(crate) fn add_us(&mut self, took_us: f64) {
        self.0.push(took_us);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The median, the 99th percentile and the longest [us].
    pub(crate) fn summary(mut self) -> Vec<f64> {
        self.0.sort_unstable_by(f64::total_cmp);
        [0.5, 0.99, 1.0].map(|share| percentile(&self.0, share)).to_vec()
    }
}

/// The value below which `share` of `sorted` is; not a number if there is none.
pub(crate) fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// The median; of an even number of values the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => (sorted[even / 2 - 1] + sorted[even / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_percentiles() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
        let mut all = Latencies::default();
        (0..=1000).rev().for_each(|us| all.add_us(f64::from(us)));
        assert_eq!(all.summary(), [500.0, 990.0, 1000.0]);
    }
}
