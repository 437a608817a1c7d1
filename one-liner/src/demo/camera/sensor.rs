//! The sensor of a simulated camera: its settings, its scene, and the count of its exposures.

use std::time::Instant;

use super::scene::{Exposure, Scene};
use super::{CameraFrame, CameraStatus};

/// Rows of the sensor.
pub(super) const HEIGHT: usize = 512;
/// Columns of the sensor.
pub(super) const WIDTH: usize = 512;
const BEADS: usize = 24;

/// What exposes: one at a time, whoever asks.
#[derive(Debug)]
pub(super) struct Sensor {
    settings: Settings,
    scene: Scene,
    /// When the scene's time was last moved on.
    scene_time: Instant,
    frames: u64,
    saturated_pixels: u64,
}

/// What can be set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Settings {
    /// How light becomes numbers.
    pub(super) exposure: Exposure,
    /// Frames asked for [Hz].
    pub(super) frame_rate_hz: f64,
}

impl Sensor {
    /// A sensor that looks at the scene that `seed` gives.
    pub(super) fn new(seed: u64) -> Sensor {
        Sensor {
            settings: Settings {
                exposure: Exposure { exposure_ms: 20.0, gain: 2.0, bit_depth: 16 },
                frame_rate_hz: 10.0,
            },
            scene: Scene::new(HEIGHT, WIDTH, BEADS, seed),
            scene_time: Instant::now(),
            frames: 0,
            saturated_pixels: 0,
        }
    }

    /// Changes the settings for the next exposure.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
    }

    /// How long the next exposure takes [ms].
    pub(super) fn exposure_ms(&self) -> f64 {
        self.settings.exposure.exposure_ms
    }

    /// Time from frame to frame [s]: what was asked for, or the exposure where that is longer.
    pub(super) fn period_s(&self) -> f64 {
        (1.0 / self.settings.frame_rate_hz).max(self.settings.exposure.exposure_ms / 1000.0)
    }

    /// The image as it is now. Whoever calls has waited for the exposure already.
    pub(super) fn expose(&mut self) -> CameraFrame {
        let now = Instant::now();
        self.scene.advance((now - self.scene_time).as_secs_f64());
        self.scene_time = now;
        let exposure = self.settings.exposure;
        let (data, saturated_pixels) = self.scene.expose(exposure);
        let frame_counter = self.frames;
        self.frames += 1;
        self.saturated_pixels = saturated_pixels;
        CameraFrame {
            height: HEIGHT as u32,
            width: WIDTH as u32,
            bit_depth: exposure.bit_depth,
            exposure_ms: exposure.exposure_ms,
            gain: exposure.gain,
            frame_counter,
            data,
        }
    }

    /// What the camera tells of itself.
    pub(super) fn status(&self, running: bool) -> CameraStatus {
        CameraStatus {
            running,
            height: HEIGHT as u32,
            width: WIDTH as u32,
            bit_depth: self.settings.exposure.bit_depth,
            exposure_ms: self.settings.exposure.exposure_ms,
            gain: self.settings.exposure.gain,
            frame_rate_hz: self.settings.frame_rate_hz,
            frames: self.frames,
            saturated_pixels: self.saturated_pixels,
        }
    }
}
