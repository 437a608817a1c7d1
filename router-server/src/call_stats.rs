//! How often a call ended, how, and how long it took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use router_wire::status::CallStats;

/// Eight buckets for each doubling of the time: a percentile is off by at most 9 %.
const BUCKETS_PER_DOUBLING: usize = 8;
/// From 1 ns to 2^40 ns, about 18 minutes; longer calls count in the last bucket.
const BUCKETS: usize = 40 * BUCKETS_PER_DOUBLING;

/// Counters of one call, written by the threads that run it.
pub(crate) struct CallRecorder {
    count: AtomicU64,
    errors: AtomicU64,
    buckets: Box<[AtomicU64]>,
}

impl Default for CallRecorder {
    fn default() -> Self {
        let buckets = (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        CallRecorder { count: AtomicU64::new(0), errors: AtomicU64::new(0), buckets }
    }
}

impl CallRecorder {
    pub(crate) fn record(&self, elapsed: Duration, ok: bool) {
        self.count.fetch_add(1, Ordering::Relaxed);
        if !ok {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
        self.buckets[bucket(elapsed)].fetch_add(1, Ordering::Relaxed);
    }

    /// A call that ended without being run.
    pub(crate) fn record_not_run(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, name: &str) -> CallStats {
        CallStats {
            name: name.to_owned(),
            count: self.count.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
            p50_us: self.percentile_us(0.50),
            p99_us: self.percentile_us(0.99),
        }
    }

    fn percentile_us(&self, share: f64) -> f64 {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        if total == 0 {
            return 0.0;
        }
        let rank = (share * total as f64).ceil() as u64;
        let mut below = 0;
        let index = counts.iter().position(|count| {
            below += count;
            below >= rank
        });
        bucket_middle_ns(index.unwrap_or(BUCKETS - 1)) / 1e3
    }
}

fn bucket(elapsed: Duration) -> usize {
    let nanoseconds = (elapsed.as_nanos() as f64).max(1.0);
    ((nanoseconds.log2() * BUCKETS_PER_DOUBLING as f64) as usize).min(BUCKETS - 1)
}

fn bucket_middle_ns(index: usize) -> f64 {
    ((index as f64 + 0.5) / BUCKETS_PER_DOUBLING as f64).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_a_tenth() {
        let recorder = CallRecorder::default();
        for microseconds in 1..=1000 {
            recorder.record(Duration::from_micros(microseconds), microseconds % 10 != 0);
        }
        let stats = recorder.read("stage.position_um");
        assert_eq!((stats.count, stats.errors), (1000, 100));
        assert!((stats.p50_us / 500.0 - 1.0).abs() < 0.1, "{}", stats.p50_us);
        assert!((stats.p99_us / 990.0 - 1.0).abs() < 0.1, "{}", stats.p99_us);
        assert_eq!(CallRecorder::default().read("x").p99_us, 0.0);
    }
}
