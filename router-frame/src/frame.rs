//! `Frame`: a picture, by reference.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use router_wire::describe::ValueDescription;
use router_wire::{BodyError, Encoding, FromPayload, Payload, ToPayload, Written, body};

use crate::buffers::{Buffer, Buffers, HeapBuffers};
use crate::element::{Element, view};
use crate::errors::{FrameError, ViewError, WriteError};
use crate::frame_header::FRAME_HEADER_BYTES;
use crate::frame_info::{FrameInfo, frame_schema};
use crate::frame_writer::FrameWriter;
use crate::snapshot::Snapshot;
use crate::statistics::Statistics;

/// A picture: pixels and what they are. Row-major, from the top left.
///
/// It is a handle on bytes that somebody owns, a received message or a block of a [`FrameWriter`]: a clone is the same
/// picture, and the bytes live as long as one of them does. What it is can be read from it as from its [`FrameInfo`]:
/// `frame.height`, `frame.exposure_s`.
#[derive(Clone)]
pub struct Frame {
    info: FrameInfo,
    /// Where the first pixel is.
    start: usize,
    /// Header and pixels, as they travel.
    bytes: Bytes,
}

impl Frame {
    /// Reads a frame from its bytes as they travel, header and pixels. The pixels are not copied, whoever owns them:
    /// `Bytes::from_owner` takes anything that has bytes.
    ///
    /// # Errors
    /// [`FrameError`] when they are none.
    pub fn from_bytes(bytes: Bytes) -> Result<Frame, FrameError> {
        let (info, start) = FrameInfo::decode(&bytes)?;
        Ok(Frame { info, start, bytes })
    }

    /// A frame with a copy of `pixels`, rows of `info.stride_bytes`. A driver that can fill memory which it is given
    /// saves this copy with a [`FrameWriter`].
    ///
    /// # Errors
    /// [`WriteError`] when there can be no such frame, or `pixels` are not as many as it has.
    pub fn copy_from(info: &FrameInfo, pixels: &[u8]) -> Result<Frame, WriteError> {
        let block = info.pixel_block()?;
        if pixels.len() < block.least || pixels.len() > block.most {
            return Err(FrameError::Size { least: block.least, most: block.most, there: pixels.len() }.into());
        }
        // As many bytes as there are, whatever the stride says of those that are not.
        let mut buffer = HeapBuffers::new().take(FRAME_HEADER_BYTES + pixels.len())?;
        let (header, to) = buffer.bytes_mut().split_at_mut(FRAME_HEADER_BYTES);
        header.copy_from_slice(&info.encode());
        to.copy_from_slice(pixels);
        Ok(Frame::of_parts(*info, buffer.freeze()))
    }

    /// What the frame is.
    pub fn info(&self) -> &FrameInfo {
        &self.info
    }

    /// Header and pixels, as they travel.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The pixels as bytes, with what may stand between rows.
    pub fn pixels(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// The pixels of a row as bytes.
    ///
    /// # Errors
    /// [`ViewError::Row`].
    pub fn row(&self, row: usize) -> Result<&[u8], ViewError> {
        if row >= self.height as usize {
            return Err(ViewError::Row { row, height: self.height });
        }
        // Both fit: all rows together lie within the bytes.
        let (start, length) = (row * self.stride_bytes as usize, self.row_bytes() as usize);
        Ok(&self.pixels()[start..start + length])
    }

    /// The rows as bytes, from the top.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        let row_bytes = self.row_bytes() as usize;
        self.pixels().chunks(self.stride_bytes as usize).map(move |row| &row[..row_bytes])
    }

    /// The pixels as numbers in place, with what may stand between rows: `u8`, `u16` or `f32` as the format has them.
    ///
    /// # Errors
    /// [`ViewError`].
    pub fn elements<T: Element>(&self) -> Result<&[T], ViewError> {
        view(self.format.element(), self.pixels())
    }

    /// The pixels of a row as numbers in place; those of a colour follow each other.
    ///
    /// # Errors
    /// [`ViewError`].
    pub fn row_elements<T: Element>(&self, row: usize) -> Result<&[T], ViewError> {
        view(self.format.element(), self.row(row)?)
    }

    /// Whether its numbers are at an address where they can be viewed in place. They are, unless somebody wrapped
    /// bytes that begin anywhere.
    pub fn is_aligned(&self) -> bool {
        self.pixels().as_ptr().addr().is_multiple_of(self.format.element().bytes())
    }

    /// The same frame, copied to an aligned address if it is not at one.
    ///
    /// # Errors
    /// [`WriteError::NoBuffer`] when there is no memory for a copy.
    pub fn aligned(self) -> Result<Frame, WriteError> {
        if self.is_aligned() { Ok(self) } else { Frame::copy_from(&self.info, self.pixels()) }
    }

    /// Whether its rows are side by side.
    pub fn is_packed(&self) -> bool {
        self.stride_bytes == self.row_bytes()
    }

    /// The same frame, copied with its rows side by side and aligned, if it is not so.
    ///
    /// # Errors
    /// [`WriteError::NoBuffer`] when there is no memory for a copy.
    pub fn packed(self) -> Result<Frame, WriteError> {
        if self.is_packed() {
            return self.aligned();
        }
        let info = FrameInfo { stride_bytes: self.row_bytes(), ..self.info };
        let mut open = FrameWriter::new().begin(&info)?;
        let row_bytes = self.row_bytes() as usize;
        for (to, from) in open.bytes_mut().chunks_mut(row_bytes).zip(self.rows()) {
            to.copy_from_slice(from);
        }
        Ok(open.finish()?)
    }

    /// The smallest and largest value and their mean, of all pixels and colours. Reads every pixel.
    pub fn statistics(&self) -> Statistics {
        Statistics::of(self)
    }

    pub(crate) fn of_parts(info: FrameInfo, bytes: Bytes) -> Frame {
        Frame { info, start: FRAME_HEADER_BYTES, bytes }
    }
}

impl Deref for Frame {
    type Target = FrameInfo;

    fn deref(&self) -> &FrameInfo {
        &self.info
    }
}

/// Equal when they are the same picture; what stands between rows does not matter.
impl PartialEq for Frame {
    fn eq(&self, other: &Frame) -> bool {
        let same_info =
            FrameInfo { stride_bytes: 0, ..self.info } == FrameInfo { stride_bytes: 0, ..other.info };
        same_info && self.rows().eq(other.rows())
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({}", self.info.shape_text())?;
        match self.frame_counter {
            Some(counter) => write!(f, ", frame {counter})"),
            None => f.write_str(")"),
        }
    }
}

impl ToPayload for Frame {
    fn to_payload(&self, _packet: &mut Vec<u8>) -> Result<Written, BodyError> {
        Ok(Written::Shared(Encoding::Frame, self.bytes.clone()))
    }

    fn describe() -> Option<ValueDescription> {
        Some(ValueDescription { type_name: "Frame".into(), unit: None, schema: frame_schema() })
    }
}

/// A frame in place, or a copy of a [`Snapshot`]: what a camera's `snap` returns may be streamed as it is.
impl FromPayload for Frame {
    fn from_payload(encoding: Encoding, payload: &Payload) -> Result<Frame, BodyError> {
        let expected = "a frame";
        match encoding {
            Encoding::Frame => Frame::from_bytes(payload.to_bytes()).map_err(|error| BodyError::Decode {
                expected,
                got: format!("{} bytes", payload.len()),
                reason: error.to_string(),
            }),
            Encoding::MessagePack => {
                Snapshot::from_payload(encoding, payload).map(Frame::from).map_err(|_| BodyError::Decode {
                    expected,
                    got: body::preview(payload),
                    reason: String::new(),
                })
            }
            other => Err(BodyError::Decode {
                expected,
                got: format!("{} bytes of {other:?}", payload.len()),
                reason: String::new(),
            }),
        }
    }
}
