//! How many bytes a stream brings.

use std::time::Duration;

/// The sizes of the values of one span.
#[derive(Debug, Default)]
pub(crate) struct SizeMeter {
    count: u64,
    sum_bytes: u64,
    smallest_bytes: u64,
    largest_bytes: u64,
}

/// What the sizes of a span come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sizes {
    /// Bytes per second.
    pub(crate) bytes_per_s: f64,
    /// Of one value [bytes].
    pub(crate) mean_bytes: f64,
    /// Of the smallest value [bytes].
    pub(crate) smallest_bytes: u64,
    /// Of the largest value [bytes].
    pub(crate) largest_bytes: u64,
}

impl SizeMeter {
    /// A value of `bytes` came.
    pub(crate) fn push(&mut self, bytes: usize) {
        let bytes = bytes as u64;
        self.smallest_bytes = if self.count == 0 { bytes } else { self.smallest_bytes.min(bytes) };
        self.largest_bytes = self.largest_bytes.max(bytes);
        self.sum_bytes += bytes;
        self.count += 1;
    }

    /// What the span since the last report, which was `length` long, comes to; `None` when no value came in it.
    pub(crate) fn report(&mut self, length: Duration) -> Option<Sizes> {
        let SizeMeter { count, sum_bytes, smallest_bytes, largest_bytes } = std::mem::take(self);
        let seconds = length.as_secs_f64();
        if count == 0 || seconds == 0.0 {
            return None;
        }
        Some(Sizes {
            bytes_per_s: sum_bytes as f64 / seconds,
            mean_bytes: sum_bytes as f64 / count as f64,
            smallest_bytes,
            largest_bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_span_has_its_own_sizes() {
        let mut meter = SizeMeter::default();
        assert_eq!(meter.report(Duration::from_secs(1)), None);
        [100, 300, 200].into_iter().for_each(|bytes| meter.push(bytes));
        let expect = Sizes { bytes_per_s: 300.0, mean_bytes: 200.0, smallest_bytes: 100, largest_bytes: 300 };
        assert_eq!(meter.report(Duration::from_secs(2)), Some(expect));
        meter.push(0);
        let empty = Sizes { bytes_per_s: 0.0, mean_bytes: 0.0, smallest_bytes: 0, largest_bytes: 0 };
        assert_eq!(meter.report(Duration::from_secs(1)), Some(empty), "a value may have no bytes");
    }
}
