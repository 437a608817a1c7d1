//! `OpenFrame`: a frame that is being filled.

use crate::buffers::{Buffer, HeapBuffer};
use crate::element::{Element, view_mut};
use crate::errors::{FrameError, ViewError};
use crate::frame::Frame;
use crate::frame_header::FRAME_HEADER_BYTES;
use crate::frame_info::FrameInfo;

/// A frame that is being filled; [`finish`](OpenFrame::finish) makes it one. Dropped before that, it never was.
#[derive(Debug)]
pub struct OpenFrame<B: Buffer = HeapBuffer> {
    info: FrameInfo,
    buffer: B,
}

impl<B: Buffer> OpenFrame<B> {
    pub(crate) fn new(info: FrameInfo, buffer: B) -> OpenFrame<B> {
        OpenFrame { info, buffer }
    }

    /// What it will be.
    pub fn info(&self) -> &FrameInfo {
        &self.info
    }

    /// The pixels as bytes: `height` rows of `stride_bytes`.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.buffer.bytes_mut()[FRAME_HEADER_BYTES..]
    }

    /// The pixels as numbers, `u8`, `u16` or `f32` as the format has them: rows of `stride_bytes`.
    ///
    /// # Errors
    /// [`ViewError::Type`]; [`ViewError::ByteOrder`].
    pub fn elements_mut<T: Element>(&mut self) -> Result<&mut [T], ViewError> {
        let element = self.info.format.element();
        view_mut(element, self.bytes_mut())
    }

    /// Sets the camera's own count of its frames.
    pub fn set_frame_counter(&mut self, frame_counter: u64) {
        self.info.frame_counter = Some(frame_counter);
    }

    /// Sets when the camera took it, by its own clock [ns].
    pub fn set_hardware_time_ns(&mut self, hardware_time_ns: u64) {
        self.info.hardware_time_ns = Some(hardware_time_ns);
    }

    /// Sets how long light was collected [s].
    pub fn set_exposure_s(&mut self, exposure_s: f64) {
        self.info.exposure_s = Some(exposure_s);
    }

    /// The frame, which never changes any more.
    ///
    /// # Errors
    /// [`FrameError::Exposure`].
    pub fn finish(mut self) -> Result<Frame, FrameError> {
        self.info.pixel_block()?;
        self.buffer.bytes_mut()[..FRAME_HEADER_BYTES].copy_from_slice(&self.info.encode());
        Ok(Frame::of_parts(self.info, self.buffer.freeze()))
    }
}
