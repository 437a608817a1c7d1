//! A camera's frame and an array of numbers as they travel: a short header and, aligned behind it, the values.
//!
//! A [`Frame`] is a handle: cloning it copies nothing, and views of its pixels are views of the bytes that were
//! received. A [`FrameWriter`] lets a camera's driver fill the bytes that will be sent.
//!
//! ```
//! use router_frame::{FrameInfo, FrameWriter, PixelFormat};
//!
//! // In the driver: once for the camera, then for each exposure.
//! let info = FrameInfo { exposure_s: Some(0.02), ..FrameInfo::new(PixelFormat::Mono16, 2, 3) };
//! let mut writer = FrameWriter::new();
//! let mut open = writer.begin(&info)?;
//! open.elements_mut::<u16>()?.copy_from_slice(&[1, 2, 3, 4, 5, 60_000]);
//! open.set_frame_counter(7);
//! let frame = open.finish()?; // publisher.publish(&frame)
//!
//! // In the viewer, which received it.
//! assert_eq!((frame.height, frame.width, frame.frame_counter), (2, 3, Some(7)));
//! assert_eq!(frame.row_elements::<u16>(1)?, [4, 5, 60_000]);
//! assert_eq!(frame.statistics().max, 60_000.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `server.add_publisher::<Frame>("camera.frame", info.payload_bytes()?)` and `client.subscribe::<Frame>("camera.frame")`
//! take it as it is. As the answer of a call, or as a part of another value, it is a [`Snapshot`].
//!
//! # Layout
//!
//! | file | holds |
//! |---|---|
//! | `frame.rs`, `statistics.rs` | [`Frame`] and what its pixels come to |
//! | `frame_info.rs`, `frame_header.rs`, `pixel_format.rs` | what a frame is, and as 128 bytes |
//! | `frame_writer.rs`, `open_frame.rs`, `buffers.rs` | filling a frame in place, and where its memory comes from |
//! | `nd_array.rs`, `array_info.rs`, `array_header.rs` | [`NdArray`]: any number of axes, with names and units |
//! | `element.rs` | numbers that bytes can be viewed as |
//! | `snapshot.rs` | a frame in calls and in other values |
//! | `ndarray_views.rs`, `image_buffers.rs` | views for the crates `ndarray` and `image`, features of these names |
//! | `errors.rs` | what can be wrong with each |

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod array_header;
mod array_info;
mod buffers;
mod element;
mod errors;
mod frame;
mod frame_header;
mod frame_info;
mod frame_writer;
#[cfg(feature = "image")]
mod image_buffers;
mod nd_array;
#[cfg(feature = "ndarray")]
mod ndarray_views;
mod open_array;
mod open_frame;
mod pixel_format;
mod snapshot;
mod statistics;

pub use array_info::{ArrayInfo, Axis, MOST_AXES};
pub use buffers::{Buffer, Buffers, HeapBuffer, HeapBuffers};
pub use element::{Element, ElementType};
pub use errors::{ArrayError, FrameError, NoBuffer, ViewError, WriteError};
pub use frame::Frame;
pub use frame_header::FRAME_HEADER_BYTES;
pub use frame_info::{Binning, FrameInfo, Region};
pub use frame_writer::FrameWriter;
pub use nd_array::NdArray;
pub use open_array::OpenArray;
pub use open_frame::OpenFrame;
pub use pixel_format::{BayerPattern, PixelFormat};
pub use snapshot::Snapshot;
pub use statistics::Statistics;
