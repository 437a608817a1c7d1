//! The sensor of a simulated camera: its settings, its scene, and the count of its exposures.

use std::time::Instant;

use router_frame::{Frame, FrameInfo, FrameWriter, PixelFormat, WriteError};

use super::CameraStatus;
use super::scene::{Exposure, Scene};

/// Rows of the sensor.
pub(super) const HEIGHT: usize = 512;
/// Columns of the sensor.
pub(super) const WIDTH: usize = 512;
const BEADS: usize = 24;

/// What exposes: one at a time, whoever asks.
#[derive(Debug)]
pub(super) struct Sensor {
    /// Makes frames in the memory from which they are sent.
    writer: FrameWriter,
    opened: Instant,
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

impl Default for Settings {
    fn default() -> Settings {
        Settings { exposure: Exposure { exposure_ms: 20.0, gain: 2.0, bit_depth: 16 }, frame_rate_hz: 10.0 }
    }
}

impl Settings {
    /// What its frames are.
    pub(super) fn frame_info(&self) -> FrameInfo {
        let exposure = self.exposure;
        FrameInfo {
            bit_depth: exposure.bit_depth,
            exposure_s: Some(exposure.exposure_ms / 1e3),
            ..FrameInfo::new(PixelFormat::Mono16, HEIGHT as u32, WIDTH as u32)
        }
    }
}

impl Sensor {
    /// A sensor that looks at the scene that `seed` gives.
    pub(super) fn new(seed: u64) -> Sensor {
        Sensor {
            writer: FrameWriter::new(),
            opened: Instant::now(),
            settings: Settings::default(),
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
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(super) fn expose(&mut self) -> Result<Frame, WriteError> {
        let mut open = self.writer.begin(&self.settings.frame_info())?;
        let now = Instant::now();
        self.scene.advance((now - self.scene_time).as_secs_f64());
        self.scene_time = now;
        let pixels = open.elements_mut::<u16>().expect("pixels of 16 bits were asked for");
        self.saturated_pixels = self.scene.expose(self.settings.exposure, pixels);
        open.set_frame_counter(self.frames);
        open.set_hardware_time_ns((now - self.opened).as_nanos() as u64);
        self.frames += 1;
        Ok(open.finish()?)
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
