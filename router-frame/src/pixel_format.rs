//! `PixelFormat`: what stands in a pixel.

use std::fmt;
use std::ops::RangeInclusive;

use crate::element::ElementType;

/// What stands in a pixel, and in which container. Numbers of more than one byte are little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PixelFormat {
    /// Brightness, 8 bits.
    Mono8,
    /// Brightness, 10 bits in the lower bits of 16.
    Mono10,
    /// Brightness, 12 bits in the lower bits of 16.
    Mono12,
    /// Brightness, up to 16 bits.
    Mono16,
    /// Behind a mosaic of colour filters, 8 bits.
    Bayer8(BayerPattern),
    /// Behind a mosaic of colour filters, up to 16 bits.
    Bayer16(BayerPattern),
    /// Red, green and blue, 8 bits each.
    Rgb8,
    /// A value of any meaning, 32 bits of floating point.
    F32,
}

/// The colours of the first two pixels of the first two rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BayerPattern {
    /// Red green / green blue.
    Rggb,
    /// Blue green / green red.
    Bggr,
    /// Green red / blue green.
    Grbg,
    /// Green blue / red green.
    Gbrg,
}

use BayerPattern::*;

/// All, with their codes and names.
const ALL: [(PixelFormat, u8, &str); 14] = [
    (PixelFormat::Mono8, 1, "mono8"),
    (PixelFormat::Mono10, 2, "mono10"),
    (PixelFormat::Mono12, 3, "mono12"),
    (PixelFormat::Mono16, 4, "mono16"),
    (PixelFormat::Rgb8, 5, "rgb8"),
    (PixelFormat::F32, 6, "f32"),
    (PixelFormat::Bayer8(Rggb), 16, "bayer_rggb8"),
    (PixelFormat::Bayer8(Bggr), 17, "bayer_bggr8"),
    (PixelFormat::Bayer8(Grbg), 18, "bayer_grbg8"),
    (PixelFormat::Bayer8(Gbrg), 19, "bayer_gbrg8"),
    (PixelFormat::Bayer16(Rggb), 32, "bayer_rggb16"),
    (PixelFormat::Bayer16(Bggr), 33, "bayer_bggr16"),
    (PixelFormat::Bayer16(Grbg), 34, "bayer_grbg16"),
    (PixelFormat::Bayer16(Gbrg), 35, "bayer_gbrg16"),
];

impl PixelFormat {
    /// The format of this name, as [`name`](PixelFormat::name) tells it.
    pub fn from_name(name: &str) -> Option<PixelFormat> {
        ALL.iter().find(|(.., other)| *other == name).map(|(format, ..)| *format)
    }

    /// Its name: `mono16`, `bayer_rggb8`.
    pub fn name(self) -> &'static str {
        self.row().2
    }

    /// The kind of number that it consists of.
    pub fn element(self) -> ElementType {
        match self {
            PixelFormat::Mono8 | PixelFormat::Bayer8(_) | PixelFormat::Rgb8 => ElementType::U8,
            PixelFormat::Mono10 | PixelFormat::Mono12 | PixelFormat::Mono16 | PixelFormat::Bayer16(_) => {
                ElementType::U16
            }
            PixelFormat::F32 => ElementType::F32,
        }
    }

    /// How many numbers a pixel has: 3 of a colour, else 1.
    pub fn channels(self) -> usize {
        if self == PixelFormat::Rgb8 { 3 } else { 1 }
    }

    /// The size of a pixel [bytes].
    pub fn pixel_bytes(self) -> usize {
        self.channels() * self.element().bytes()
    }

    /// How many bits of a number may mean something; the last is what a frame has unless it is told.
    pub fn bit_depths(self) -> RangeInclusive<u8> {
        match self {
            PixelFormat::Mono8 | PixelFormat::Bayer8(_) | PixelFormat::Rgb8 => 1..=8,
            PixelFormat::Mono10 => 10..=10,
            PixelFormat::Mono12 => 12..=12,
            PixelFormat::Mono16 | PixelFormat::Bayer16(_) => 1..=16,
            PixelFormat::F32 => 32..=32,
        }
    }

    pub(crate) fn code(self) -> u8 {
        self.row().1
    }

    pub(crate) fn from_code(code: u8) -> Option<PixelFormat> {
        ALL.iter().find(|(_, other, _)| *other == code).map(|(format, ..)| *format)
    }

    fn row(self) -> &'static (PixelFormat, u8, &'static str) {
        ALL.iter().find(|(format, ..)| *format == self).expect("all formats are in the table")
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_has_a_code_and_a_name_of_its_own() {
        for (format, code, name) in ALL {
            assert_eq!(PixelFormat::from_code(code), Some(format));
            assert_eq!(PixelFormat::from_name(name), Some(format));
            assert!(*format.bit_depths().end() as usize <= 8 * format.element().bytes(), "{format}");
        }
        let all_patterns = [Rggb, Bggr, Grbg, Gbrg];
        for pattern in all_patterns {
            assert!(PixelFormat::Bayer8(pattern).name().ends_with('8'));
            assert!(PixelFormat::Bayer16(pattern).name().ends_with("16"));
        }
        assert_eq!((PixelFormat::Rgb8.pixel_bytes(), PixelFormat::Mono10.pixel_bytes()), (3, 2));
        assert_eq!(PixelFormat::from_code(0), None);
    }
}
