//! How many samples a second a stream really makes.

/// Measures over the last second, or over two samples where that is longer. Times are monotonic [ns].
#[derive(Debug, Default)]
pub(crate) struct RateMeter {
    /// Counts per tenth of a second: those of the last second and the current one.
    tenths: [Tenth; TENTHS],
    previous_ns: Option<u64>,
    last_ns: Option<u64>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Tenth {
    number: u64,
    count: u64,
    first_ns: u64,
}

const TENTHS: usize = 11;
const TENTH_NS: u64 = 100_000_000;

impl RateMeter {
    /// A sample was made.
    pub(crate) fn record(&mut self, now_ns: u64) {
        let number = now_ns / TENTH_NS;
        let tenth = &mut self.tenths[number as usize % TENTHS];
        if tenth.number != number || tenth.count == 0 {
            *tenth = Tenth { number, count: 0, first_ns: now_ns };
        }
        tenth.count += 1;
        self.previous_ns = self.last_ns.replace(now_ns);
    }

    /// The rate now [Hz].
    pub(crate) fn hz(&self, now_ns: u64) -> f64 {
        let oldest = (now_ns / TENTH_NS).saturating_sub(TENTHS as u64 - 1);
        let recent = self.tenths.iter().filter(|tenth| tenth.count > 0 && tenth.number >= oldest);
        let (count, first_ns) = recent
            .fold((0, u64::MAX), |(count, first), tenth| (count + tenth.count, first.min(tenth.first_ns)));
        let (Some(last_ns), Some(previous_ns)) = (self.last_ns, self.previous_ns) else { return 0.0 };
        let silent_ns = now_ns.saturating_sub(last_ns);
        if count < 2 {
            return per_second(1, (last_ns - previous_ns).max(silent_ns));
        }
        let period_ns = (last_ns - first_ns) / (count - 1);
        if silent_ns <= period_ns + period_ns / 2 {
            per_second(count - 1, last_ns - first_ns)
        } else {
            per_second(count, now_ns.saturating_sub(first_ns))
        }
    }
}

fn per_second(count: u64, ns: u64) -> f64 {
    count as f64 / (ns.max(1) as f64 * 1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    fn check(period_ns: u64, samples: u64, silence_ns: u64, expect_hz: f64) {
        let mut meter = RateMeter::default();
        let start_ns = 5 * SECOND_NS;
        for sample in 0..samples {
            meter.record(start_ns + sample * period_ns);
        }
        let hz = meter.hz(start_ns + samples.saturating_sub(1) * period_ns + silence_ns);
        assert!((hz - expect_hz).abs() <= 0.02 * expect_hz, "{hz} is not {expect_hz} Hz");
    }

    #[test]
    fn the_last_second_or_two_samples_count() {
        check(SECOND_NS / 10_000, 50_000, 0, 10_000.0);
        check(SECOND_NS / 30, 100, SECOND_NS / 60, 30.0);
        check(SECOND_NS, 5, 0, 1.0);
        check(10 * SECOND_NS, 3, SECOND_NS, 0.1);
        check(SECOND_NS / 100, 1_000, 20 * SECOND_NS, 0.05);
        check(SECOND_NS, 1, 0, 0.0);
        check(SECOND_NS, 0, 0, 0.0);
    }
}
