//! `OpenArray`: an array that is being filled.

use crate::array_info::ArrayInfo;
use crate::buffers::{Buffer, HeapBuffer};
use crate::element::{Element, view_mut};
use crate::errors::ViewError;
use crate::nd_array::NdArray;

/// An array that is being filled; [`finish`](OpenArray::finish) makes it one. Dropped before that, it never was.
#[derive(Debug)]
pub struct OpenArray<B: Buffer = HeapBuffer> {
    info: ArrayInfo,
    /// Where the first element is; the header stands before it.
    start: usize,
    buffer: B,
}

impl<B: Buffer> OpenArray<B> {
    pub(crate) fn new(info: ArrayInfo, start: usize, buffer: B) -> OpenArray<B> {
        OpenArray { info, start, buffer }
    }

    /// The elements as bytes, the last axis fastest.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.buffer.bytes_mut()[self.start..]
    }

    /// The elements as numbers, the last axis fastest.
    ///
    /// # Errors
    /// [`ViewError::Type`]; [`ViewError::ByteOrder`].
    pub fn elements_mut<T: Element>(&mut self) -> Result<&mut [T], ViewError> {
        let element = self.info.element;
        view_mut(element, self.bytes_mut())
    }

    /// The array, which never changes any more.
    pub fn finish(self) -> NdArray {
        NdArray::of_parts(self.info, self.start, self.buffer.freeze())
    }
}
