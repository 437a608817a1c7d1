//! `FrameWriter`: frames that are filled where they are sent from.

use crate::array_info::ArrayInfo;
use crate::buffers::{Buffer, Buffers, HeapBuffers};
use crate::errors::WriteError;
use crate::frame_header::FRAME_HEADER_BYTES;
use crate::frame_info::FrameInfo;
use crate::open_array::OpenArray;
use crate::open_frame::OpenFrame;

/// Makes frames and arrays that are filled where they are sent from, in memory that is used again.
///
/// One writer for each camera: its memory is of its frames' size. `B` says where the memory comes from.
///
/// ```
/// use router_frame::{FrameInfo, FrameWriter, PixelFormat};
/// let mut writer = FrameWriter::new();
/// let mut open = writer.begin(&FrameInfo::new(PixelFormat::Mono8, 480, 640))?;
/// open.bytes_mut().fill(0x40); // the driver's: `camera.read_into(open.bytes_mut())`
/// let frame = open.finish()?;
/// assert_eq!(frame.statistics().mean, 64.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct FrameWriter<B = HeapBuffers> {
    buffers: B,
}

impl FrameWriter {
    /// A writer into memory of this process.
    pub fn new() -> FrameWriter {
        FrameWriter::default()
    }
}

impl<B: Buffers> FrameWriter<B> {
    /// A writer into memory that comes from `buffers`.
    pub fn into_buffers(buffers: B) -> FrameWriter<B> {
        FrameWriter { buffers }
    }

    /// Begins a frame. What its pixels hold before they are filled is undefined: zeros, or an older frame of this writer.
    ///
    /// # Errors
    /// [`WriteError`] when there can be no such frame, or there is no memory for it.
    pub fn begin(&mut self, info: &FrameInfo) -> Result<OpenFrame<B::Buffer>, WriteError> {
        let bytes = FRAME_HEADER_BYTES + info.pixel_block()?.most;
        Ok(OpenFrame::new(*info, self.take(bytes)?))
    }

    /// Begins an array; as [`begin`](FrameWriter::begin).
    ///
    /// # Errors
    /// [`WriteError`] when there can be no such array, or there is no memory for it.
    pub fn begin_array(&mut self, info: &ArrayInfo) -> Result<OpenArray<B::Buffer>, WriteError> {
        let header = info.encode()?;
        let mut buffer = self.take(header.len() + info.element_bytes()?)?;
        buffer.bytes_mut()[..header.len()].copy_from_slice(&header);
        Ok(OpenArray::new(info.clone(), header.len(), buffer))
    }

    fn take(&mut self, bytes: usize) -> Result<B::Buffer, WriteError> {
        let mut buffer = self.buffers.take(bytes)?;
        let given = buffer.bytes_mut();
        let address = given.as_ptr().addr();
        if given.len() != bytes || address % 8 != 0 {
            return Err(WriteError::Buffer { needed: bytes, there: given.len(), address });
        }
        Ok(buffer)
    }
}
