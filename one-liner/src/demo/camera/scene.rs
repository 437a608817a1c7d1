//! What a simulated camera looks at: bright beads that drift over a faint background, and how a sensor sees
//! them.

use crate::demo::gaussian::Gaussian;

/// Beads on a background, with a clock of its own: [`advance`](Scene::advance) lets time pass.
#[derive(Debug)]
pub(crate) struct Scene {
    height: usize,
    width: usize,
    beads: Vec<Bead>,
    noise: Gaussian,
    /// Electrons per pixel and ms while [`expose`](Scene::expose) runs; kept for its memory only.
    light: Vec<f32>,
}

#[derive(Debug)]
struct Bead {
    row: f32,
    column: f32,
    /// Rows and columns per second.
    drift: (f32, f32),
    /// At its centre [electrons per ms].
    brightness: f32,
    /// Standard deviation of its image [pixels].
    radius: f32,
}

/// How the sensor turns light into numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Exposure {
    /// How long light is collected [ms].
    pub(crate) exposure_ms: f64,
    /// Counts per electron.
    pub(crate) gain: f64,
    /// Bits of a pixel's value, at most 16; brighter pixels saturate.
    pub(crate) bit_depth: u8,
}

const BACKGROUND_ELECTRONS_PER_MS: f32 = 2.0;
const READ_NOISE_ELECTRONS: f32 = 1.6;
/// Added by the sensor so that noise in the dark is not cut off at 0.
const OFFSET_COUNTS: f32 = 100.0;
/// How much a bead's path is shaken [pixels per square root of s].
const BROWNIAN: f32 = 1.5;

impl Scene {
    /// A scene of `height` by `width` pixels with `beads` beads; the same seed gives the same scene.
    pub(crate) fn new(height: usize, width: usize, beads: usize, seed: u64) -> Scene {
        let mut noise = Gaussian::seeded(seed);
        let beads = (0..beads)
            .map(|_| Bead {
                row: noise.even() * height as f32,
                column: noise.even() * width as f32,
                drift: (4.0 * noise.next(), 4.0 * noise.next()),
                brightness: 40.0 + 160.0 * noise.even(),
                radius: 2.0 + 2.5 * noise.even(),
            })
            .collect();
        Scene { height, width, beads, noise, light: vec![0.0; height * width] }
    }

    /// Lets `seconds` pass: beads drift, shiver, and turn round at the edges.
    pub(crate) fn advance(&mut self, seconds: f64) {
        let seconds = seconds as f32;
        let shake = BROWNIAN * seconds.sqrt();
        for bead in &mut self.beads {
            bead.row += bead.drift.0 * seconds + shake * self.noise.next();
            bead.column += bead.drift.1 * seconds + shake * self.noise.next();
            turn_round(&mut bead.row, &mut bead.drift.0, self.height);
            turn_round(&mut bead.column, &mut bead.drift.1, self.width);
        }
    }

    /// Fills `pixels`, u16[height, width], row-major, and returns how many of them are saturated.
    ///
    /// # Panics
    /// When there are not as many pixels as the scene has.
    pub(crate) fn expose(&mut self, exposure: Exposure, pixels: &mut [u16]) -> u64 {
        assert_eq!(pixels.len(), self.light.len(), "the scene has another shape");
        self.light.fill(BACKGROUND_ELECTRONS_PER_MS);
        for bead in &self.beads {
            bead.shine_on(&mut self.light, self.height, self.width);
        }
        let (exposure_ms, gain) = (exposure.exposure_ms as f32, exposure.gain as f32);
        let highest = ((1_u32 << exposure.bit_depth.min(16)) - 1) as f32;
        let mut saturated = 0;
        for (pixel, &light) in pixels.iter_mut().zip(&self.light) {
            // Photons arrive one by one: n of them vary by sqrt(n) (Poisson, near enough to a Gaussian here).
            let electrons = light * exposure_ms;
            let deviation = (electrons + READ_NOISE_ELECTRONS * READ_NOISE_ELECTRONS).sqrt();
            let counts = (electrons + deviation * self.noise.next()) * gain + OFFSET_COUNTS;
            saturated += u64::from(counts >= highest);
            *pixel = counts.clamp(0.0, highest) as u16;
        }
        saturated
    }
}

impl Bead {
    fn shine_on(&self, light: &mut [f32], height: usize, width: usize) {
        // Beyond four standard deviations less than 1/2000 of the brightness is left.
        let reach = 4.0 * self.radius;
        let span = |centre: f32, end: usize| {
            let first = (centre - reach).floor().max(0.0) as usize;
            let last = (centre + reach).ceil().max(0.0) as usize;
            first.min(end)..last.min(end)
        };
        let falloff = 1.0 / (2.0 * self.radius * self.radius);
        for row in span(self.row, height) {
            let row_offset = row as f32 - self.row;
            for column in span(self.column, width) {
                let column_offset = column as f32 - self.column;
                let square = row_offset * row_offset + column_offset * column_offset;
                light[row * width + column] += self.brightness * (-square * falloff).exp();
            }
        }
    }
}

fn turn_round(position: &mut f32, drift: &mut f32, end: usize) {
    let end = end as f32;
    if *position < 0.0 {
        *drift = drift.abs();
    } else if *position > end {
        *drift = -drift.abs();
    }
    *position = position.clamp(0.0, end);
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPOSURE: Exposure = Exposure { exposure_ms: 10.0, gain: 1.0, bit_depth: 16 };

    /// What the scene looks like, and how many pixels are saturated.
    fn expose(scene: &mut Scene, exposure: Exposure) -> (Vec<f64>, u64) {
        let mut pixels = vec![0; scene.height * scene.width];
        let saturated = scene.expose(exposure, &mut pixels);
        (pixels.into_iter().map(f64::from).collect(), saturated)
    }

    fn mean_and_variance(values: &[f64]) -> (f64, f64) {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64)
    }

    #[test]
    fn noise_is_shot_noise_and_exposure_and_gain_act_on_the_image() {
        /// Without beads every pixel sees `2 electrons/ms`: mean and variance follow.
        fn check(exposure_ms: f64, gain: f64) {
            let exposure = Exposure { exposure_ms, gain, ..EXPOSURE };
            let (pixels, _) = expose(&mut Scene::new(128, 128, 0, 3), exposure);
            let (mean, variance) = mean_and_variance(&pixels);
            let electrons = 2.0 * exposure_ms;
            let expect_mean = electrons * gain + 100.0 - 0.5; // 0.5: cut to whole counts
            let expect_variance = (electrons + 1.6 * 1.6) * gain * gain + 1.0 / 12.0;
            assert!((mean - expect_mean).abs() < 0.02 * expect_mean, "{exposure_ms} ms: mean {mean}");
            assert!((variance / expect_variance - 1.0).abs() < 0.05, "{exposure_ms} ms: variance {variance}");
        }
        check(10.0, 1.0);
        check(10.0, 4.0);
        check(100.0, 1.0);
    }

    #[test]
    fn bright_pixels_saturate_at_the_bit_depth() {
        fn check(bit_depth: u8, highest: f64) {
            let exposure = Exposure { exposure_ms: 1000.0, gain: 8.0, bit_depth };
            let (pixels, saturated) = expose(&mut Scene::new(64, 64, 6, 3), exposure);
            assert_eq!(pixels.iter().copied().fold(0.0, f64::max), highest);
            assert_eq!(pixels.iter().filter(|&&value| value == highest).count() as u64, saturated);
        }
        check(16, 65535.0);
        check(12, 4095.0);
    }

    #[test]
    fn beads_are_brighter_than_the_background_and_drift() {
        let mut scene = Scene::new(256, 256, 8, 11);
        let (before, saturated) = expose(&mut scene, EXPOSURE);
        assert_eq!((before.len(), saturated), (256 * 256, 0));
        assert!(before.iter().any(|&value| value > 400.0));
        let places =
            |scene: &Scene| scene.beads.iter().map(|bead| (bead.row, bead.column)).collect::<Vec<_>>();
        let start = places(&scene);
        for _ in 0..10_000 {
            scene.advance(0.1);
        }
        assert!(places(&scene).iter().zip(&start).all(|(now, then)| now != then));
        assert!(
            scene.beads.iter().all(|b| (0.0..=256.0).contains(&b.row) && (0.0..=256.0).contains(&b.column))
        );
        assert_ne!(expose(&mut scene, EXPOSURE).0, before);
    }
}
