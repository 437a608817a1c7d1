//! The bytes in front of an array's elements; docs/protocol.md has them as a table.

use crate::array_info::{ArrayInfo, Axis, MOST_AXES};
use crate::element::ElementType;
use crate::errors::ArrayError;

const LAYOUT_VERSION: u8 = 1;
/// Elements begin at a multiple of this, counted from the header, as written; a multiple of 8 is read.
const WRITTEN_ALIGNMENT: usize = 64;
const READ_ALIGNMENT: usize = 8;

impl ArrayInfo {
    /// The header's bytes, up to the first element.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, ArrayError> {
        if self.axes.len() > MOST_AXES {
            return Err(ArrayError::Axes(self.axes.len()));
        }
        let mut header = vec![LAYOUT_VERSION, self.element.code(), self.axes.len() as u8, 0, 0, 0, 0, 0];
        for axis in &self.axes {
            header.extend_from_slice(&axis.length.to_le_bytes());
            put_text(&mut header, &axis.name, "name of an axis")?;
            put_text(&mut header, &axis.unit, "unit of an axis")?;
        }
        put_text(&mut header, &self.unit, "unit")?;
        let start = header.len().next_multiple_of(WRITTEN_ALIGNMENT);
        header.resize(start, 0);
        header[4..8].copy_from_slice(&(start as u32).to_le_bytes());
        Ok(header)
    }

    /// Reads a header, and returns it with where the elements begin. Allocates names and units of at most 16 axes,
    /// whatever else it says.
    ///
    /// # Errors
    /// [`ArrayError`] when the bytes are no array, or fewer or more than it says.
    pub(crate) fn decode(array: &[u8]) -> Result<(ArrayInfo, usize), ArrayError> {
        let mut rest = array;
        let [version, element, axes, _reserved] = take(&mut rest, "kind")?;
        if version != LAYOUT_VERSION {
            return Err(ArrayError::Version(version));
        }
        let element = ElementType::from_code(element).ok_or(ArrayError::ElementType(element))?;
        if usize::from(axes) > MOST_AXES {
            return Err(ArrayError::Axes(axes.into()));
        }
        let offset = u32::from_le_bytes(take(&mut rest, "offset")?);
        let mut info = ArrayInfo { element, axes: Vec::with_capacity(axes.into()), unit: String::new() };
        for _ in 0..axes {
            let length = u64::from_le_bytes(take(&mut rest, "axes")?);
            let name = take_text(&mut rest, "name of an axis")?;
            info.axes.push(Axis { name, unit: take_text(&mut rest, "unit of an axis")?, length });
        }
        info.unit = take_text(&mut rest, "unit")?;
        let wrong = ArrayError::Offset { offset: offset.into(), bytes: array.len() };
        let start = usize::try_from(offset).map_err(|_| wrong.clone())?;
        if start < array.len() - rest.len() || start > array.len() || start % READ_ALIGNMENT != 0 {
            return Err(wrong);
        }
        let (needed, there) = (info.element_bytes()?, array.len() - start);
        if needed != there {
            return Err(ArrayError::Size { needed, there });
        }
        Ok((info, start))
    }
}

fn is_showable(text: &str) -> bool {
    text.len() <= usize::from(u8::MAX) && !text.chars().any(char::is_control)
}

fn put_text(header: &mut Vec<u8>, text: &str, what: &'static str) -> Result<(), ArrayError> {
    if !is_showable(text) {
        return Err(ArrayError::Text(what));
    }
    header.push(text.len() as u8);
    header.extend_from_slice(text.as_bytes());
    Ok(())
}

fn take<const N: usize>(rest: &mut &[u8], what: &'static str) -> Result<[u8; N], ArrayError> {
    let (taken, left) = rest.split_first_chunk::<N>().ok_or(ArrayError::Short(what))?;
    *rest = left;
    Ok(*taken)
}

fn take_text(rest: &mut &[u8], what: &'static str) -> Result<String, ArrayError> {
    let [length] = take(rest, what)?;
    let (text, left) = rest.split_at_checked(length.into()).ok_or(ArrayError::Short(what))?;
    *rest = left;
    let text = std::str::from_utf8(text).ok().filter(|text| is_showable(text));
    text.map(str::to_owned).ok_or(ArrayError::Text(what))
}
