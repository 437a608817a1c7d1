//! Normally distributed noise, cheap enough for every pixel of a camera.

/// A xorshift64* generator: fast and even, not for secrets.
#[derive(Debug, Clone)]
pub(crate) struct Gaussian(u64);

impl Gaussian {
    /// The same seed gives the same noise.
    pub(crate) fn seeded(seed: u64) -> Gaussian {
        Gaussian(seed | 1)
    }

    /// The next number: mean 0, standard deviation 1, never beyond 3.5.
    ///
    /// Four 16-bit numbers of one draw are added (Irwin-Hall); the tails beyond 3.5 are missing, which no
    /// image shows.
    pub(crate) fn next(&mut self) -> f32 {
        // The sum of four evenly distributed numbers of 0..65536 has a standard deviation of
        // 65536 * sqrt(4 / 12) = 37837.
        const MEAN: f32 = 2.0 * 65535.0;
        const DEVIATION: f32 = 37_837.2;
        let bits = self.bits();
        let sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
        (sum as f32 - MEAN) / DEVIATION
    }

    /// The next number of 0.0..1.0, evenly distributed.
    pub(crate) fn even(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1_u64 << 24) as f32
    }

    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_is_0_and_deviation_1() {
        let mut noise = Gaussian::seeded(7);
        let values: Vec<f64> = (0..100_000).map(|_| f64::from(noise.next())).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
        assert!(mean.abs() < 0.02, "{mean}");
        assert!((variance - 1.0).abs() < 0.02, "{variance}");
        assert!(values.iter().all(|value| value.abs() < 3.5));
    }

    #[test]
    fn even_numbers_fill_their_range() {
        let mut noise = Gaussian::seeded(7);
        let values: Vec<f32> = (0..10_000).map(|_| noise.even()).collect();
        assert!(values.iter().all(|value| (0.0..1.0).contains(value)));
        assert!(values.iter().any(|&value| value < 0.01) && values.iter().any(|&value| value > 0.99));
    }
}
