//! `NdArray`: numbers along named axes, by reference.

use std::fmt;

use bytes::Bytes;
use router_wire::describe::ValueDescription;
use router_wire::{BodyError, Encoding, FromPayload, Payload, ToPayload, Written};

use crate::array_info::{ArrayInfo, Axis, array_schema};
use crate::element::{Element, view};
use crate::errors::{ArrayError, ViewError, WriteError};
use crate::frame_writer::FrameWriter;

/// Numbers along any number of named axes, with units: a spectrum, a line scan, a stack of pictures.
///
/// Row-major: the last axis varies fastest. It is a handle as a [`Frame`](crate::Frame) is: cloning copies nothing.
///
/// ```
/// use router_frame::{Axis, NdArray};
/// let spectrum = NdArray::copy_from(vec![Axis::new("wavelength", "nm", 3)], "counts", &[7_u32, 9, 4])?;
/// assert_eq!((spectrum.axes()[0].unit.as_str(), spectrum.elements::<u32>()?), ("nm", &[7, 9, 4][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct NdArray {
    info: ArrayInfo,
    /// Where the first element is.
    start: usize,
    /// Header and elements, as they travel.
    bytes: Bytes,
}

impl NdArray {
    /// Reads an array from its bytes as they travel, header and elements. The elements are not copied.
    ///
    /// # Errors
    /// [`ArrayError`] when they are none.
    pub fn from_bytes(bytes: Bytes) -> Result<NdArray, ArrayError> {
        let (info, start) = ArrayInfo::decode(&bytes)?;
        Ok(NdArray { info, start, bytes })
    }

    /// An array with a copy of `elements`, the last axis fastest. [`FrameWriter::begin_array`] saves this copy.
    ///
    /// # Errors
    /// [`WriteError`] when there can be no such array, or `elements` are not as many as it has.
    pub fn copy_from<T: Element>(
        axes: Vec<Axis>,
        unit: impl Into<String>,
        elements: &[T],
    ) -> Result<NdArray, WriteError> {
        let info = ArrayInfo { element: T::TYPE, axes, unit: unit.into() };
        let (needed, there) = (info.element_bytes()?, size_of_val(elements));
        if needed != there {
            return Err(ArrayError::Size { needed, there }.into());
        }
        let mut open = FrameWriter::new().begin_array(&info)?;
        for (bytes, element) in open.bytes_mut().chunks_exact_mut(size_of::<T>()).zip(elements) {
            bytes.copy_from_slice(bytemuck::bytes_of(element));
            if cfg!(target_endian = "big") {
                bytes.reverse();
            }
        }
        Ok(open.finish())
    }

    /// What the array is.
    pub fn info(&self) -> &ArrayInfo {
        &self.info
    }

    /// Its axes.
    pub fn axes(&self) -> &[Axis] {
        &self.info.axes
    }

    /// The unit of its numbers; empty when they have none.
    pub fn unit(&self) -> &str {
        &self.info.unit
    }

    /// The length of each axis.
    pub fn shape(&self) -> Vec<usize> {
        // They fit: their product does, or one of them is 0 and the others do by themselves.
        self.info.axes.iter().map(|axis| axis.length as usize).collect()
    }

    /// Header and elements, as they travel.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The elements as bytes.
    pub fn element_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// The elements as numbers in place, the last axis fastest.
    ///
    /// # Errors
    /// [`ViewError`].
    pub fn elements<T: Element>(&self) -> Result<&[T], ViewError> {
        view(self.info.element, self.element_bytes())
    }

    /// The same array, copied to an aligned address if it is not at one.
    ///
    /// # Errors
    /// [`WriteError::NoBuffer`] when there is no memory for a copy.
    pub fn aligned(self) -> Result<NdArray, WriteError> {
        if self.element_bytes().as_ptr().addr().is_multiple_of(self.info.element.bytes()) {
            return Ok(self);
        }
        let mut open = FrameWriter::new().begin_array(&self.info)?;
        open.bytes_mut().copy_from_slice(self.element_bytes());
        Ok(open.finish())
    }

    pub(crate) fn of_parts(info: ArrayInfo, start: usize, bytes: Bytes) -> NdArray {
        NdArray { info, start, bytes }
    }
}

impl PartialEq for NdArray {
    fn eq(&self, other: &NdArray) -> bool {
        self.info == other.info && self.element_bytes() == other.element_bytes()
    }
}

impl fmt::Debug for NdArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NdArray({})", self.info.shape_text())
    }
}

impl ToPayload for NdArray {
    fn to_payload(&self, _packet: &mut Vec<u8>) -> Result<Written, BodyError> {
        Ok(Written::Shared(Encoding::Array, self.bytes.clone()))
    }

    fn describe() -> Option<ValueDescription> {
        Some(ValueDescription { type_name: "NdArray".into(), unit: None, schema: array_schema() })
    }
}

impl FromPayload for NdArray {
    fn from_payload(encoding: Encoding, payload: &Payload) -> Result<NdArray, BodyError> {
        let unreadable =
            |got: String, reason: String| BodyError::Decode { expected: "an array", got, reason };
        match encoding {
            Encoding::Array => NdArray::from_bytes(payload.to_bytes())
                .map_err(|error| unreadable(format!("{} bytes", payload.len()), error.to_string())),
            other => Err(unreadable(format!("{} bytes of {other:?}", payload.len()), String::new())),
        }
    }
}
