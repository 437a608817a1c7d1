//! Buffers for the crate `image`, without a copy.

use image::flat::{FlatSamples, SampleLayout};
use image::{ImageBuffer, Luma, Pixel, Rgb};

use crate::element::Element;
use crate::errors::ViewError;
use crate::frame::Frame;

impl Frame {
    /// An image of one number for each pixel over the pixels in place: `u8`, `u16` or `f32` as the format has them. Of a
    /// Bayer format it is the mosaic.
    ///
    /// # Errors
    /// [`ViewError`]; [`ViewError::Stride`] when something stands between rows, which such a buffer cannot leave out.
    pub fn luma<T: Element + image::Primitive>(&self) -> Result<ImageBuffer<Luma<T>, &[T]>, ViewError>
    where
        Luma<T>: Pixel<Subpixel = T>,
    {
        self.image_of::<Luma<T>, T>(1)
    }

    /// An image of red, green and blue over the pixels in place.
    ///
    /// # Errors
    /// As [`luma`](Frame::luma).
    pub fn rgb(&self) -> Result<ImageBuffer<Rgb<u8>, &[u8]>, ViewError> {
        self.image_of::<Rgb<u8>, u8>(3)
    }

    /// The pixels in place, also where something stands between rows.
    ///
    /// # Errors
    /// [`ViewError`] when they are other numbers, or at no aligned address.
    pub fn flat_samples<T: Element>(&self) -> Result<FlatSamples<&[T]>, ViewError> {
        let channels = self.format.channels();
        let layout = SampleLayout {
            channels: channels as u8,
            channel_stride: 1,
            width: self.width,
            width_stride: channels,
            height: self.height,
            height_stride: self.stride_bytes as usize / size_of::<T>(),
        };
        Ok(FlatSamples { samples: self.elements()?, layout, color_hint: None })
    }

    fn image_of<P: Pixel<Subpixel = T>, T: Element>(
        &self,
        asked: usize,
    ) -> Result<ImageBuffer<P, &[T]>, ViewError> {
        let held = self.format.channels();
        if held != asked {
            return Err(ViewError::Channels { format: self.format, held, asked });
        }
        let elements = self.elements::<T>()?;
        if !self.is_packed() {
            let (row_bytes, stride_bytes) = (self.row_bytes() as usize, self.stride_bytes as usize);
            return Err(ViewError::Stride { row_bytes, stride_bytes });
        }
        let image = ImageBuffer::from_raw(self.width, self.height, elements);
        Ok(image.expect("the pixels are as many as height and width say"))
    }
}
