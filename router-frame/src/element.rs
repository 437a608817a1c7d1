//! `Element`: numbers that bytes can be viewed as, in place.

use std::fmt;

use bytemuck::{Pod, PodCastError};

use crate::errors::ViewError;

/// A kind of number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ElementType {
    /// Unsigned, 8 bits.
    U8,
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 16 bits.
    U16,
    /// Signed, 16 bits.
    I16,
    /// Unsigned, 32 bits.
    U32,
    /// Signed, 32 bits.
    I32,
    /// Unsigned, 64 bits.
    U64,
    /// Signed, 64 bits.
    I64,
    /// Floating point, 32 bits.
    F32,
    /// Floating point, 64 bits.
    F64,
}

/// All, in the order of their codes from 1 on, with their names.
const ALL: [(ElementType, &str, usize); 10] = [
    (ElementType::U8, "u8", 1),
    (ElementType::I8, "i8", 1),
    (ElementType::U16, "u16", 2),
    (ElementType::I16, "i16", 2),
    (ElementType::U32, "u32", 4),
    (ElementType::I32, "i32", 4),
    (ElementType::U64, "u64", 8),
    (ElementType::I64, "i64", 8),
    (ElementType::F32, "f32", 4),
    (ElementType::F64, "f64", 8),
];

impl ElementType {
    /// Its size [bytes].
    pub fn bytes(self) -> usize {
        ALL[self as usize].2
    }

    /// Its name, as Rust and numpy write it but for numpy's `float32` and `uint16`: `u16`, `f32`.
    pub fn name(self) -> &'static str {
        ALL[self as usize].1
    }

    pub(crate) fn code(self) -> u8 {
        self as u8 + 1
    }

    pub(crate) fn from_code(code: u8) -> Option<ElementType> {
        let index = usize::from(code).checked_sub(1)?;
        ALL.get(index).map(|(element, ..)| *element)
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A number that bytes can be viewed as: `u8` to `u64`, `i8` to `i64`, `f32` and `f64`.
pub trait Element: Pod + PartialOrd + Default + sealed::Sealed {
    /// Which one it is.
    const TYPE: ElementType;
}

macro_rules! elements {
    ($($number:ty => $variant:ident),*) => { $(
        impl sealed::Sealed for $number {}
        impl Element for $number {
            const TYPE: ElementType = ElementType::$variant;
        }
    )* };
}

elements!(
    u8 => U8, i8 => I8, u16 => U16, i16 => I16, u32 => U32, i32 => I32, u64 => U64, i64 => I64, f32 => F32, f64 => F64
);

/// Views `bytes`, which hold numbers of the type `held`, as `T`; what remains behind the last whole one is left out.
pub(crate) fn view<T: Element>(held: ElementType, bytes: &[u8]) -> Result<&[T], ViewError> {
    check::<T>(held)?;
    let whole = bytes.len() - bytes.len() % size_of::<T>();
    bytemuck::try_cast_slice(&bytes[..whole]).map_err(|error| unaligned::<T>(bytes.as_ptr(), error))
}

/// As [`view`], to be written.
pub(crate) fn view_mut<T: Element>(held: ElementType, bytes: &mut [u8]) -> Result<&mut [T], ViewError> {
    check::<T>(held)?;
    let (whole, address) = (bytes.len() - bytes.len() % size_of::<T>(), bytes.as_ptr());
    bytemuck::try_cast_slice_mut(&mut bytes[..whole]).map_err(|error| unaligned::<T>(address, error))
}

fn check<T: Element>(held: ElementType) -> Result<(), ViewError> {
    if T::TYPE != held {
        return Err(ViewError::Type { held, asked: T::TYPE });
    }
    if cfg!(target_endian = "big") && held.bytes() > 1 {
        return Err(ViewError::ByteOrder);
    }
    Ok(())
}

fn unaligned<T: Element>(address: *const u8, error: PodCastError) -> ViewError {
    debug_assert_eq!(error, PodCastError::TargetAlignmentGreaterAndInputNotAligned);
    ViewError::Unaligned { asked: T::TYPE, past: address.addr() % align_of::<T>() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_names_and_sizes_belong_together() {
        for (index, (element, name, bytes)) in ALL.into_iter().enumerate() {
            assert_eq!(element as usize, index, "{name}");
            assert_eq!(ElementType::from_code(element.code()), Some(element));
            assert_eq!((element.name(), element.bytes()), (name, bytes));
        }
        assert_eq!((ElementType::from_code(0), ElementType::from_code(11)), (None, None));
        assert_eq!((f64::TYPE.bytes(), <u16 as Element>::TYPE.name()), (size_of::<f64>(), "u16"));
    }

    #[test]
    fn only_what_is_there_is_viewed_and_only_where_it_is_aligned() {
        let numbers = [1_u16, 2, 3, 4];
        let bytes: &[u8] = bytemuck::cast_slice(&numbers);
        assert_eq!(view::<u16>(ElementType::U16, bytes), Ok(&numbers[..]));
        assert_eq!(view::<u16>(ElementType::U16, &bytes[2..7]), Ok(&numbers[1..3]));
        let error = view::<u16>(ElementType::U16, &bytes[1..]).unwrap_err();
        assert_eq!(error, ViewError::Unaligned { asked: ElementType::U16, past: 1 });
        let error = view::<i16>(ElementType::U16, bytes).unwrap_err();
        assert_eq!(error, ViewError::Type { held: ElementType::U16, asked: ElementType::I16 });
    }
}
