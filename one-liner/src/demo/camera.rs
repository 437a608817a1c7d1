//! The instrument `camera`: a simulated 16-bit monochrome camera that pushes its frames by itself.

mod acquisition;
mod scene;
mod sensor;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use router_client::{Call, Interrupted, RemoteError, interface};
use router_frame::{Frame, FrameInfo, Snapshot, WriteError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use acquisition::Acquisition;
use sensor::Sensor;

/// A simulated camera. Dropping it ends its acquisition thread.
pub(crate) struct Camera {
    sensor: Arc<Mutex<Sensor>>,
    acquisition: Acquisition,
}

/// What the camera is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CameraStatus {
    /// Whether it pushes frames.
    pub(crate) running: bool,
    /// Rows.
    pub(crate) height: u32,
    /// Columns.
    pub(crate) width: u32,
    /// Bits of a pixel's value.
    pub(crate) bit_depth: u8,
    /// How long light is collected [ms].
    pub(crate) exposure_ms: f64,
    /// Counts per electron.
    pub(crate) gain: f64,
    /// Frames asked for [Hz].
    pub(crate) frame_rate_hz: f64,
    /// Exposures since the camera was opened.
    pub(crate) frames: u64,
    /// Saturated pixels of the newest frame.
    pub(crate) saturated_pixels: u64,
}

/// Why the camera refuses.
#[derive(Debug, Clone, PartialEq, Error, RemoteError)]
pub(crate) enum CameraError {
    /// A setting is beyond what the camera can do; nothing changed.
    #[error("{setting} {value} is outside {lowest}..={highest}")]
    OutOfRange {
        /// Which setting, with its unit.
        setting: String,
        /// What was asked for.
        value: f64,
        /// The lowest there is.
        lowest: f64,
        /// The highest there is.
        highest: f64,
    },
    /// A pixel has 12 or 16 bits.
    #[error("bit_depth {bit_depth} is neither 12 nor 16")]
    BitDepth {
        /// What was asked for.
        bit_depth: u8,
    },
    /// There is no memory for a frame.
    #[error("{reason}")]
    NoFrame {
        /// Why.
        reason: String,
    },
    /// The call was cancelled or its deadline passed.
    #[error(transparent)]
    Interrupted(#[interrupted] Interrupted),
}

impl Camera {
    /// A camera that gives each frame to `push` on a thread of its own, which ends when `push` returns
    /// `false` or the camera is dropped. It begins stopped.
    pub(crate) fn open(
        push: impl FnMut(Result<&Frame, &WriteError>) -> bool + Send + 'static,
    ) -> std::io::Result<Camera> {
        let sensor = Arc::new(Mutex::new(Sensor::new(0xbead)));
        let acquisition = Acquisition::spawn(sensor.clone(), push)?;
        Ok(Camera { sensor, acquisition })
    }

    /// What the frames of a camera are as it is opened; none is larger, whatever is set.
    pub(crate) fn first_frame_info() -> FrameInfo {
        sensor::Settings::default().frame_info()
    }
}

/// A simulated camera: 512 x 512 pixels of 16 bits, shot noise, drifting beads.
#[interface]
impl Camera {
    /// Exposes one frame and returns it; takes as long as the exposure. Frames that are pushed go on.
    pub fn snap(&self, call: &Call) -> Result<Snapshot, CameraError> {
        let exposure_ms = self.sensor.lock().exposure_ms();
        call.sleep(Duration::from_secs_f64(exposure_ms / 1000.0))?;
        let frame = self.sensor.lock().expose();
        Ok(Snapshot(frame.map_err(|error| CameraError::NoFrame { reason: error.to_string() })?))
    }

    /// Collects light for `exposure_ms` [ms, 0.1..=1000] per frame; frames come no faster than that.
    #[call(concurrent)]
    pub fn set_exposure_ms(&self, exposure_ms: f64) -> Result<(), CameraError> {
        in_range("exposure_ms", exposure_ms, 0.1, 1000.0)?;
        self.sensor.lock().change(|settings| settings.exposure.exposure_ms = exposure_ms);
        self.acquisition.settings_changed();
        Ok(())
    }

    /// Makes `gain` [counts/electron, 0.1..=32] counts of an electron.
    #[call(concurrent)]
    pub fn set_gain(&self, #[arg(unit = "counts/electron")] gain: f64) -> Result<(), CameraError> {
        in_range("gain", gain, 0.1, 32.0)?;
        self.sensor.lock().change(|settings| settings.exposure.gain = gain);
        Ok(())
    }

    /// Gives a pixel `bit_depth` bits [12 or 16]: where it saturates.
    #[call(concurrent)]
    pub fn set_bit_depth(&self, bit_depth: u8) -> Result<(), CameraError> {
        if bit_depth != 12 && bit_depth != 16 {
            return Err(CameraError::BitDepth { bit_depth });
        }
        self.sensor.lock().change(|settings| settings.exposure.bit_depth = bit_depth);
        Ok(())
    }

    /// Pushes `frame_rate_hz` [Hz, 0.1..=100] frames per second, as far as the exposure allows.
    #[call(concurrent)]
    pub fn set_frame_rate_hz(&self, frame_rate_hz: f64) -> Result<(), CameraError> {
        in_range("frame_rate_hz", frame_rate_hz, 0.1, 100.0)?;
        self.sensor.lock().change(|settings| settings.frame_rate_hz = frame_rate_hz);
        self.acquisition.settings_changed();
        Ok(())
    }

    /// Starts to push frames; running already is no error.
    pub fn start(&self) {
        self.acquisition.start();
    }

    /// Stops pushing frames and cancels a running `snap`; stopped already is no error.
    #[call(urgent, clears_lane)]
    pub fn stop(&self) {
        self.acquisition.stop();
    }

    /// What the camera is doing.
    #[call(concurrent)]
    pub fn status(&self) -> CameraStatus {
        // Asked first: the acquisition thread takes the sensor's lock while it holds its own.
        let running = self.acquisition.is_running();
        self.sensor.lock().status(running)
    }
}

fn in_range(setting: &str, value: f64, lowest: f64, highest: f64) -> Result<(), CameraError> {
    if (lowest..=highest).contains(&value) {
        return Ok(());
    }
    Err(CameraError::OutOfRange { setting: setting.to_owned(), value, lowest, highest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::Receiver;

    const LONG: Duration = Duration::from_secs(20);

    fn camera() -> (Camera, Receiver<Frame>) {
        let (send, frames) = crossbeam_channel::unbounded();
        (Camera::open(move |frame| send.send(frame.unwrap().clone()).is_ok()).unwrap(), frames)
    }

    #[test]
    fn a_started_camera_pushes_frames_until_it_is_stopped() {
        let (camera, frames) = camera();
        camera.set_exposure_ms(1.0).unwrap();
        camera.set_frame_rate_hz(100.0).unwrap();
        assert!(!camera.status().running);
        camera.start();
        let counters: Vec<_> = (0..3).map(|_| frames.recv_timeout(LONG).unwrap().frame_counter).collect();
        assert_eq!(counters, [Some(0), Some(1), Some(2)]);
        camera.stop();
        let before = camera.status();
        assert!(!before.running && before.frames >= 3);
        while frames.try_recv().is_ok() {}
        let snapped = camera.snap(&Call::local("camera.snap")).unwrap();
        assert_eq!(snapped.frame_counter, Some(before.frames));
        assert!(frames.is_empty(), "nothing is pushed after stop");
        camera.start();
        assert_eq!(frames.recv_timeout(LONG).unwrap().frame_counter, Some(before.frames + 1));
    }

    #[test]
    fn a_frame_is_what_it_says() {
        let (camera, _frames) = camera();
        let largest_bytes = Camera::first_frame_info().payload_bytes().unwrap();
        camera.set_bit_depth(12).unwrap();
        camera.set_exposure_ms(50.0).unwrap();
        let frame = camera.snap(&Call::local("camera.snap")).unwrap();
        assert_eq!((frame.height, frame.width, frame.bit_depth), (512, 512, 12));
        assert_eq!(frame.exposure_s, Some(0.05));
        assert!(frame.statistics().max < 4096.0 && frame.statistics().mean > 100.0);
        assert_eq!(frame.bytes().len(), largest_bytes);
        let later = camera.snap(&Call::local("camera.snap")).unwrap();
        assert!(later.hardware_time_ns.unwrap() >= frame.hardware_time_ns.unwrap() + 50_000_000);
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let (camera, _frames) = camera();
        let text = camera.set_exposure_ms(2000.0).unwrap_err().to_string();
        assert_eq!(text, "exposure_ms 2000 is outside 0.1..=1000");
        assert_eq!(camera.set_bit_depth(14), Err(CameraError::BitDepth { bit_depth: 14 }));
        assert!(camera.set_gain(f64::NAN).is_err());
    }

    #[test]
    fn dropping_the_camera_ends_its_thread() {
        let (camera, frames) = camera();
        camera.start();
        drop(camera);
        while frames.recv_timeout(LONG).is_ok() {}
        assert_eq!(frames.recv_timeout(LONG), Err(crossbeam_channel::RecvTimeoutError::Disconnected));
    }
}
