//! `FrameInfo`: what a frame is, beside its pixels.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::errors::FrameError;
use crate::frame_header::FRAME_HEADER_BYTES;
use crate::pixel_format::PixelFormat;

/// What a frame is, beside its pixels.
///
/// ```
/// use router_frame::{Binning, FrameInfo, PixelFormat, Region};
/// let info = FrameInfo {
///     bit_depth: 14,
///     binning: Binning { rows: 2, columns: 2 },
///     region: Some(Region { top: 512, left: 512, height: 1024, width: 1024 }),
///     ..FrameInfo::new(PixelFormat::Mono16, 512, 512)
/// };
/// assert_eq!(info.payload_bytes()?, 128 + 512 * 512 * 2);
/// # Ok::<(), router_frame::FrameError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameInfo {
    /// What stands in a pixel.
    pub format: PixelFormat,
    /// Rows of pixels.
    pub height: u32,
    /// Columns of pixels.
    pub width: u32,
    /// From the first pixel of a row to that of the next [bytes]. Rows follow each other from the top.
    pub stride_bytes: u64,
    /// How many bits of a number mean something: its largest value is 2^bit_depth - 1.
    pub bit_depth: u8,
    /// How long light was collected [s].
    pub exposure_s: Option<f64>,
    /// The camera's own count of its frames.
    pub frame_counter: Option<u64>,
    /// When the camera took it, by the camera's clock [ns since an unspecified start].
    pub hardware_time_ns: Option<u64>,
    /// How many pixels of the sensor were added up for one.
    pub binning: Binning,
    /// The part of the sensor that was read, if the camera tells.
    pub region: Option<Region>,
}

/// How many pixels of the sensor were added up for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Binning {
    /// From top to bottom.
    pub rows: u16,
    /// From left to right.
    pub columns: u16,
}

/// A part of the sensor [pixels of the sensor, not binned].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Region {
    /// Rows above it.
    pub top: u32,
    /// Columns left of it.
    pub left: u32,
    /// Its rows.
    pub height: u32,
    /// Its columns.
    pub width: u32,
}

impl FrameInfo {
    /// A frame of all bits of its format, with its rows side by side, of which nothing else is known.
    pub fn new(format: PixelFormat, height: u32, width: u32) -> FrameInfo {
        FrameInfo {
            format,
            height,
            width,
            stride_bytes: u64::from(width) * format.pixel_bytes() as u64,
            bit_depth: *format.bit_depths().end(),
            exposure_s: None,
            frame_counter: None,
            hardware_time_ns: None,
            binning: Binning { rows: 1, columns: 1 },
            region: None,
        }
    }

    /// How many bytes such a frame takes as a sample: what a publisher declares as its largest.
    ///
    /// # Errors
    /// [`FrameError`] when there can be no such frame.
    pub fn payload_bytes(&self) -> Result<usize, FrameError> {
        Ok(FRAME_HEADER_BYTES + self.pixel_block()?.most)
    }

    /// The pixels of a row, without what may stand between rows [bytes].
    pub fn row_bytes(&self) -> u64 {
        u64::from(self.width) * self.format.pixel_bytes() as u64
    }

    /// The largest value of a pixel: where it is saturated. 1 for floating point.
    pub fn largest_value(&self) -> f64 {
        if self.format == PixelFormat::F32 { 1.0 } else { (1_u64 << self.bit_depth.min(63)) as f64 - 1.0 }
    }

    /// A JSON Schema of such frames, for `StreamOptions::schema`: `describe` then tells format and shape.
    pub fn schema(&self) -> Value {
        let mut schema = frame_schema();
        schema["frame"] = json!({
            "format": self.format.name(),
            "height": self.height,
            "width": self.width,
            "bit_depth": self.bit_depth,
        });
        schema
    }

    /// `mono16[512, 512]`, and the bit depth where it is not that of the format.
    pub fn shape_text(&self) -> String {
        let FrameInfo { format, height, width, bit_depth, .. } = self;
        match bit_depth {
            all if all == format.bit_depths().end() => format!("{format}[{height}, {width}]"),
            some => format!("{format}[{height}, {width}] of {some} bits"),
        }
    }

    /// The sizes of its pixels, after a look at everything else.
    pub(crate) fn pixel_block(&self) -> Result<PixelBlock, FrameError> {
        let FrameInfo { format, height, width, stride_bytes, bit_depth, .. } = *self;
        if height == 0 || width == 0 {
            return Err(FrameError::Empty { height, width });
        }
        let depths = format.bit_depths();
        if !depths.contains(&bit_depth) {
            let (lowest, highest) = (*depths.start(), *depths.end());
            return Err(FrameError::BitDepth { format, bit_depth, lowest, highest });
        }
        let (row_bytes, element_bytes) = (self.row_bytes(), format.element().bytes());
        if stride_bytes < row_bytes || stride_bytes % element_bytes as u64 != 0 {
            return Err(FrameError::Stride { stride_bytes, row_bytes, element_bytes });
        }
        if let Some(exposure_s) = self.exposure_s
            && !(exposure_s.is_finite() && exposure_s >= 0.0)
        {
            return Err(FrameError::Exposure(exposure_s));
        }
        let Binning { rows, columns } = self.binning;
        if rows == 0 || columns == 0 {
            return Err(FrameError::Binning { rows, columns });
        }
        if let Some(Region { top, left, height, width }) = self.region {
            let ends = top.checked_add(height).and(left.checked_add(width));
            if height == 0 || width == 0 || ends.is_none() {
                return Err(FrameError::Region { top, left, height, width });
            }
        }
        let too_large = FrameError::TooLarge { height, stride_bytes };
        let most = stride_bytes.checked_mul(u64::from(height)).and_then(|most| usize::try_from(most).ok());
        // No allocation is larger than half of the addresses; with a header it is to stay below that.
        match most.filter(|most| *most < isize::MAX as usize - (1 << 32).min(isize::MAX as usize / 2)) {
            Some(most) => Ok(PixelBlock {
                least: most - (stride_bytes - row_bytes) as usize,
                most,
                row: row_bytes as usize,
            }),
            None => Err(too_large),
        }
    }
}

/// The sizes of a frame's pixels [bytes].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PixelBlock {
    /// From the first to the last pixel.
    pub(crate) least: usize,
    /// Whole rows of the stride.
    pub(crate) most: usize,
    /// A row's pixels.
    pub(crate) row: usize,
}

/// The schema of a frame of which nothing is known.
pub(crate) fn frame_schema() -> Value {
    json!({ "contentMediaType": "application/vnd.one-liner.frame", "type": "string" })
}
