//! What can be wrong with frames, arrays and views of them.

use thiserror::Error;

use crate::array_info::MOST_AXES;
use crate::element::ElementType;
use crate::pixel_format::PixelFormat;

/// Why bytes are no frame, or a frame cannot be as it is described.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The bytes end inside of the header.
    #[error("a frame's header has {needed} bytes, here are {there}")]
    Short {
        /// How many it has.
        needed: usize,
        /// How many are there.
        there: usize,
    },
    /// The header is of a layout that this version does not know.
    #[error(
        "frame layout version {0} is not known here, which reads version 1: one side is older than the other"
    )]
    Version(u8),
    /// There is no such pixel format.
    #[error("pixel format {0} is not known here")]
    Format(u8),
    /// There is no such flag.
    #[error("frame flags {0:#04x} are not all known here")]
    Flags(u8),
    /// The bit depth does not fit the pixel format.
    #[error("a pixel of {format} has {lowest} to {highest} bits, not {bit_depth}")]
    BitDepth {
        /// The format.
        format: PixelFormat,
        /// What was asked for.
        bit_depth: u8,
        /// The least.
        lowest: u8,
        /// The most.
        highest: u8,
    },
    /// A picture of nothing.
    #[error("a frame of {height} rows and {width} columns has no pixel")]
    Empty {
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
    },
    /// Rows overlap, or their pixels are not aligned.
    #[error(
        "the stride is {stride_bytes} bytes; rows of {row_bytes} bytes need at least that, and a multiple of {element_bytes}"
    )]
    Stride {
        /// From row to row [bytes].
        stride_bytes: u64,
        /// A row's pixels [bytes].
        row_bytes: u64,
        /// A number [bytes].
        element_bytes: usize,
    },
    /// The frame is larger than memory can be.
    #[error("a frame of {height} rows of {stride_bytes} bytes is larger than this computer's memory can be")]
    TooLarge {
        /// Rows.
        height: u32,
        /// From row to row [bytes].
        stride_bytes: u64,
    },
    /// The first pixel lies inside of the header, behind the end, or where it is not aligned.
    #[error(
        "the first pixel is at byte {offset} of {bytes}; it must be behind the header, at a multiple of 8"
    )]
    Offset {
        /// Where it is said to be.
        offset: u64,
        /// How many bytes there are.
        bytes: usize,
    },
    /// There are fewer or more bytes than the header describes.
    #[error("the pixels take {least} to {most} bytes, here are {there}")]
    Size {
        /// Without what stands behind the last row's pixels.
        least: usize,
        /// With it.
        most: usize,
        /// How many are there.
        there: usize,
    },
    /// No time that light can be collected for.
    #[error("an exposure of {0} s is none; it must be finite and not negative")]
    Exposure(f64),
    /// No number of pixels that can be added up.
    #[error("a binning of {rows} x {columns} is none; 1 x 1 means that there is none")]
    Binning {
        /// Rows.
        rows: u16,
        /// Columns.
        columns: u16,
    },
    /// A region without pixels, or one that ends beyond what 32 bits can count.
    #[error("a region of {height} rows and {width} columns from row {top}, column {left} on is none")]
    Region {
        /// Its first row.
        top: u32,
        /// Its first column.
        left: u32,
        /// Its rows.
        height: u32,
        /// Its columns.
        width: u32,
    },
}

/// Why bytes are no array, or an array cannot be as it is described.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ArrayError {
    /// The bytes end inside of the header.
    #[error("the array's header ends inside of its {0}")]
    Short(&'static str),
    /// The header is of a layout that this version does not know.
    #[error(
        "array layout version {0} is not known here, which reads version 1: one side is older than the other"
    )]
    Version(u8),
    /// There is no such kind of number.
    #[error("element type {0} is not known here")]
    ElementType(u8),
    /// More axes than are read.
    #[error("{0} axes are more than the {MOST_AXES} that an array may have")]
    Axes(usize),
    /// A name or a unit that cannot be shown.
    #[error("the {0} is no text of at most 255 bytes without control characters")]
    Text(&'static str),
    /// The array is larger than memory can be.
    #[error("an array of {0:?} elements is larger than this computer's memory can be")]
    TooLarge(Vec<u64>),
    /// The first element lies inside of the header, behind the end, or where it is not aligned.
    #[error(
        "the first element is at byte {offset} of {bytes}; it must be behind the header, at a multiple of 8"
    )]
    Offset {
        /// Where it is said to be.
        offset: u64,
        /// How many bytes there are.
        bytes: usize,
    },
    /// There are fewer or more bytes than the header describes.
    #[error("the elements take {needed} bytes, here are {there}")]
    Size {
        /// What the shape comes to.
        needed: usize,
        /// How many are there.
        there: usize,
    },
}

/// Why pixels or elements cannot be viewed in place as what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ViewError {
    /// They are other numbers.
    #[error("these are {held}, not {asked}")]
    Type {
        /// What they are.
        held: ElementType,
        /// What was asked for.
        asked: ElementType,
    },
    /// They are not as many for a pixel as was asked for.
    #[error("{format} has {held} numbers for each pixel, not {asked}")]
    Channels {
        /// The format.
        format: PixelFormat,
        /// How many it has.
        held: usize,
        /// How many were asked for.
        asked: usize,
    },
    /// They are at an address where such numbers cannot be read.
    #[error(
        "the bytes begin {past} past an address at which {asked} can be viewed in place; `aligned()` copies them to one"
    )]
    Unaligned {
        /// What was asked for.
        asked: ElementType,
        /// How far the address is from one that is aligned [bytes].
        past: usize,
    },
    /// They are little-endian and this computer is not.
    #[error("numbers travel little-endian, and this computer is not: they cannot be viewed in place")]
    ByteOrder,
    /// There is something between the rows, which this view cannot leave out.
    #[error(
        "rows of {row_bytes} bytes are {stride_bytes} bytes apart; this view needs them side by side: `packed()` copies them so"
    )]
    Stride {
        /// A row's pixels [bytes].
        row_bytes: usize,
        /// From row to row [bytes].
        stride_bytes: usize,
    },
    /// There is no such row.
    #[error("there is no row {row}: the frame has {height}")]
    Row {
        /// What was asked for.
        row: usize,
        /// How many there are.
        height: u32,
    },
}

/// Why there is no memory for a frame.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no memory for {bytes} bytes: {reason}")]
pub struct NoBuffer {
    /// How many were asked for.
    pub bytes: usize,
    /// Why there are none.
    pub reason: String,
}

/// Why a frame or an array cannot be begun.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// It cannot be as it is described.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// It cannot be as it is described.
    #[error(transparent)]
    Array(#[from] ArrayError),
    /// There is no memory for it.
    #[error(transparent)]
    NoBuffer(#[from] NoBuffer),
    /// The source of buffers gave one that cannot be used.
    #[error(
        "the buffer has {there} bytes from address {address:#x} on; {needed} at a multiple of 8 were asked for"
    )]
    Buffer {
        /// How many were asked for.
        needed: usize,
        /// How many it has.
        there: usize,
        /// Where it begins.
        address: usize,
    },
}
