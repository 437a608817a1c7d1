//! The 128 bytes in front of a frame's pixels; docs/protocol.md has them as a table.

use crate::errors::FrameError;
use crate::frame_info::{Binning, FrameInfo, Region};
use crate::pixel_format::PixelFormat;

/// The size of a frame's header [bytes]. Pixels behind it are as aligned as it is, up to 128 bytes.
pub const FRAME_HEADER_BYTES: usize = 128;

const LAYOUT_VERSION: u8 = 1;
const HAS_EXPOSURE: u8 = 1;
const HAS_COUNTER: u8 = 2;
const HAS_HARDWARE_TIME: u8 = 4;
const HAS_REGION: u8 = 8;
const ALL_FLAGS: u8 = HAS_EXPOSURE | HAS_COUNTER | HAS_HARDWARE_TIME | HAS_REGION;

/// Pixels begin at a multiple of this, counted from the header.
const ALIGNMENT: usize = 8;

impl FrameInfo {
    /// The header's bytes.
    pub(crate) fn encode(&self) -> [u8; FRAME_HEADER_BYTES] {
        let mut header = [0; FRAME_HEADER_BYTES];
        let flag = |is_there: bool, flag: u8| if is_there { flag } else { 0 };
        header[0] = LAYOUT_VERSION;
        header[1] = self.format.code();
        header[2] = self.bit_depth;
        header[3] = flag(self.exposure_s.is_some(), HAS_EXPOSURE)
            | flag(self.frame_counter.is_some(), HAS_COUNTER)
            | flag(self.hardware_time_ns.is_some(), HAS_HARDWARE_TIME)
            | flag(self.region.is_some(), HAS_REGION);
        let region = self.region.unwrap_or(Region { top: 0, left: 0, height: 0, width: 0 });
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(4, &(FRAME_HEADER_BYTES as u32).to_le_bytes());
        put(8, &self.height.to_le_bytes());
        put(12, &self.width.to_le_bytes());
        put(16, &self.stride_bytes.to_le_bytes());
        put(24, &self.frame_counter.unwrap_or(0).to_le_bytes());
        put(32, &self.hardware_time_ns.unwrap_or(0).to_le_bytes());
        put(40, &self.exposure_s.unwrap_or(0.0).to_le_bytes());
        put(48, &self.binning.rows.to_le_bytes());
        put(50, &self.binning.columns.to_le_bytes());
        put(56, &region.top.to_le_bytes());
        put(60, &region.left.to_le_bytes());
        put(64, &region.height.to_le_bytes());
        put(68, &region.width.to_le_bytes());
        header
    }

    /// Reads a header, and returns it with where the pixels begin. Allocates nothing, whatever it says.
    ///
    /// # Errors
    /// [`FrameError`] when the bytes are no frame, or fewer or more than it says.
    pub(crate) fn decode(frame: &[u8]) -> Result<(FrameInfo, usize), FrameError> {
        let Some((header, _)) = frame.split_first_chunk::<FRAME_HEADER_BYTES>() else {
            return Err(FrameError::Short { needed: FRAME_HEADER_BYTES, there: frame.len() });
        };
        if header[0] != LAYOUT_VERSION {
            return Err(FrameError::Version(header[0]));
        }
        let format = PixelFormat::from_code(header[1]).ok_or(FrameError::Format(header[1]))?;
        let flags = header[3];
        if flags & !ALL_FLAGS != 0 {
            return Err(FrameError::Flags(flags));
        }
        let has = |flag: u8| flags & flag != 0;
        let info = FrameInfo {
            format,
            bit_depth: header[2],
            height: u32::from_le_bytes(at(header, 8)),
            width: u32::from_le_bytes(at(header, 12)),
            stride_bytes: u64::from_le_bytes(at(header, 16)),
            frame_counter: has(HAS_COUNTER).then(|| u64::from_le_bytes(at(header, 24))),
            hardware_time_ns: has(HAS_HARDWARE_TIME).then(|| u64::from_le_bytes(at(header, 32))),
            exposure_s: has(HAS_EXPOSURE).then(|| f64::from_le_bytes(at(header, 40))),
            binning: Binning {
                rows: u16::from_le_bytes(at(header, 48)),
                columns: u16::from_le_bytes(at(header, 50)),
            },
            region: has(HAS_REGION).then(|| Region {
                top: u32::from_le_bytes(at(header, 56)),
                left: u32::from_le_bytes(at(header, 60)),
                height: u32::from_le_bytes(at(header, 64)),
                width: u32::from_le_bytes(at(header, 68)),
            }),
        };
        let offset = u32::from_le_bytes(at(header, 4));
        let wrong = FrameError::Offset { offset: u64::from(offset), bytes: frame.len() };
        let start = usize::try_from(offset).map_err(|_| wrong.clone())?;
        if start < FRAME_HEADER_BYTES || start > frame.len() || start % ALIGNMENT != 0 {
            return Err(wrong);
        }
        let (block, there) = (info.pixel_block()?, frame.len() - start);
        if there < block.least || there > block.most {
            return Err(FrameError::Size { least: block.least, most: block.most, there });
        }
        Ok((info, start))
    }
}

fn at<const N: usize>(header: &[u8; FRAME_HEADER_BYTES], offset: usize) -> [u8; N] {
    header[offset..offset + N].try_into().expect("a slice of N bytes")
}
