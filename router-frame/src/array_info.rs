//! `ArrayInfo`: what an array is, beside its elements.

use serde_json::{Value, json};

use crate::element::ElementType;
use crate::errors::ArrayError;

/// The most axes that an array may have.
pub const MOST_AXES: usize = 16;

/// What an array is, beside its elements. They are row-major: the last axis varies fastest.
///
/// ```
/// use router_frame::{ArrayInfo, Axis, ElementType};
/// let info = ArrayInfo {
///     element: ElementType::F32,
///     axes: vec![Axis::new("delay", "ps", 100), Axis::new("wavelength", "nm", 2048)],
///     unit: "counts".into(),
/// };
/// assert_eq!(info.payload_bytes()?, 64 + 4 * 100 * 2048);
/// # Ok::<(), router_frame::ArrayError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrayInfo {
    /// The kind of its numbers.
    pub element: ElementType,
    /// Its axes, at most 16; none makes it a single number.
    pub axes: Vec<Axis>,
    /// The unit of its numbers: `counts`; empty when they have none.
    pub unit: String,
}

/// An axis of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// What it is: `wavelength`; empty when it has no name. At most 255 bytes.
    pub name: String,
    /// The unit of what it is: `nm`; empty when it has none. At most 255 bytes.
    pub unit: String,
    /// How many places it has.
    pub length: u64,
}

impl Axis {
    /// An axis with `length` places.
    pub fn new(name: impl Into<String>, unit: impl Into<String>, length: u64) -> Axis {
        Axis { name: name.into(), unit: unit.into(), length }
    }
}

impl ArrayInfo {
    /// How many bytes such an array takes as a sample: what a publisher declares as its largest.
    ///
    /// # Errors
    /// [`ArrayError`] when there can be no such array.
    pub fn payload_bytes(&self) -> Result<usize, ArrayError> {
        Ok(self.encode()?.len() + self.element_bytes()?)
    }

    /// `f32[delay 100, wavelength 2048]`.
    pub fn shape_text(&self) -> String {
        let axis = |axis: &Axis| format!("{} {}", axis.name, axis.length).trim_start().to_owned();
        let axes: Vec<_> = self.axes.iter().map(axis).collect();
        format!("{}[{}]", self.element, axes.join(", "))
    }

    /// A JSON Schema of such arrays, for `StreamOptions::schema`.
    pub fn schema(&self) -> Value {
        let axis = |axis: &Axis| json!({ "name": axis.name, "unit": axis.unit, "length": axis.length });
        let mut schema = array_schema();
        schema["array"] = json!({
            "element": self.element.name(),
            "axes": self.axes.iter().map(axis).collect::<Vec<_>>(),
            "unit": self.unit,
        });
        schema
    }

    /// What its elements take [bytes].
    pub(crate) fn element_bytes(&self) -> Result<usize, ArrayError> {
        let lengths = || self.axes.iter().map(|axis| axis.length);
        let too_large = || ArrayError::TooLarge(lengths().collect());
        // Also where one is 0: views multiply the others.
        let bytes = lengths()
            .filter(|length| *length != 0)
            .try_fold(self.element.bytes() as u64, |bytes, length| bytes.checked_mul(length))
            .and_then(|bytes| isize::try_from(bytes).ok())
            .filter(|bytes| *bytes < isize::MAX / 2)
            .ok_or_else(too_large)?;
        Ok(if lengths().any(|length| length == 0) { 0 } else { bytes as usize })
    }
}

/// The schema of an array of which nothing is known.
pub(crate) fn array_schema() -> Value {
    json!({ "contentMediaType": "application/vnd.one-liner.array", "type": "string" })
}
