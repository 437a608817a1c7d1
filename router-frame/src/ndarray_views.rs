//! Views for the crate `ndarray`, without a copy.

use ndarray::{ArrayView2, ArrayView3, ArrayViewD, ArrayViewMut2, Axis, IxDyn, ShapeBuilder};

use crate::buffers::Buffer;
use crate::element::{Element, view, view_mut};
use crate::errors::ViewError;
use crate::frame::Frame;
use crate::frame_info::FrameInfo;
use crate::nd_array::NdArray;
use crate::open_frame::OpenFrame;

const FITS: &str = "the pixels are as many as height and stride say";

impl Frame {
    /// The pixels in place, `[height, width]`: of one number each, whatever stands between rows is left out.
    ///
    /// # Errors
    /// [`ViewError`] when they are other numbers, more than one for each pixel, or at no aligned address.
    pub fn view<T: Element>(&self) -> Result<ArrayView2<'_, T>, ViewError> {
        one_channel(self)?;
        let elements = view::<T>(self.format.element(), self.pixels())?;
        let shape = (self.height as usize, self.width as usize).strides((stride::<T>(self), 1));
        Ok(ArrayView2::from_shape(shape, elements).expect(FITS))
    }

    /// The pixels in place, `[height, width, channels]`.
    ///
    /// # Errors
    /// [`ViewError`] when they are other numbers, or at no aligned address.
    pub fn view_channels<T: Element>(&self) -> Result<ArrayView3<'_, T>, ViewError> {
        let elements = view::<T>(self.format.element(), self.pixels())?;
        let channels = self.format.channels();
        let shape = (self.height as usize, self.width as usize, channels);
        Ok(ArrayView3::from_shape(shape.strides((stride::<T>(self), channels, 1)), elements).expect(FITS))
    }
}

impl<B: Buffer> OpenFrame<B> {
    /// The pixels to fill, `[height, width]`.
    ///
    /// # Errors
    /// [`ViewError`] when they are other numbers, or more than one for each pixel.
    pub fn view_mut<T: Element>(&mut self) -> Result<ArrayViewMut2<'_, T>, ViewError> {
        let info = *self.info();
        one_channel(&info)?;
        let elements = view_mut::<T>(info.format.element(), self.bytes_mut())?;
        let shape = (info.height as usize, info.width as usize).strides((stride::<T>(&info), 1));
        Ok(ArrayViewMut2::from_shape(shape, elements).expect(FITS))
    }
}

impl NdArray {
    /// The elements in place, in the array's own shape.
    ///
    /// # Errors
    /// [`ViewError`] when they are other numbers, or at no aligned address.
    pub fn view<T: Element>(&self) -> Result<ArrayViewD<'_, T>, ViewError> {
        let elements = self.elements::<T>()?;
        Ok(ArrayViewD::from_shape(IxDyn(&self.shape()), elements)
            .expect("as many elements as the shape says"))
    }

    /// The axis of this name, for `view.sum_axis(axis)`.
    pub fn axis(&self, name: &str) -> Option<Axis> {
        self.axes().iter().position(|axis| axis.name == name).map(Axis)
    }
}

/// From row to row, in numbers.
fn stride<T>(info: &FrameInfo) -> usize {
    info.stride_bytes as usize / size_of::<T>()
}

fn one_channel(info: &FrameInfo) -> Result<(), ViewError> {
    match info.format.channels() {
        1 => Ok(()),
        held => Err(ViewError::Channels { format: info.format, held, asked: 1 }),
    }
}
