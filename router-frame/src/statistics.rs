//! What a frame's pixels come to.

use crate::element::ElementType;
use crate::frame::Frame;

/// The smallest and largest value and their mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    /// The smallest value; not a number when there is none.
    pub min: f64,
    /// The largest value; not a number when there is none.
    pub max: f64,
    /// The mean of all values; not a number when there is none.
    pub mean: f64,
    /// How many values are finite; only floating point has others, which count nowhere else.
    pub finite: u64,
}

impl Statistics {
    pub(crate) fn of(frame: &Frame) -> Statistics {
        match frame.format.element() {
            ElementType::U8 => integers(frame.rows().flatten().copied().map(u64::from)),
            ElementType::U16 => {
                let value = |pair: &[u8]| u64::from(u16::from_le_bytes([pair[0], pair[1]]));
                integers(frame.rows().flat_map(|row| row.chunks_exact(2)).map(value))
            }
            _ => {
                let value =
                    |bytes: &[u8]| f64::from(f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
                floats(frame.rows().flat_map(|row| row.chunks_exact(4)).map(value))
            }
        }
    }
}

fn integers(values: impl Iterator<Item = u64>) -> Statistics {
    // 2^48 pixels of 16 bits fit into the sum.
    let (mut min, mut max, mut sum, mut count) = (u64::MAX, 0, 0_u64, 0_u64);
    values.for_each(|value| {
        min = min.min(value);
        max = max.max(value);
        sum += value;
        count += 1;
    });
    // A frame has a pixel.
    Statistics { min: min as f64, max: max as f64, mean: sum as f64 / count as f64, finite: count }
}

fn floats(values: impl Iterator<Item = f64>) -> Statistics {
    let (mut min, mut max, mut sum, mut count) = (f64::NAN, f64::NAN, 0.0, 0_u64);
    values.filter(|value| value.is_finite()).for_each(|value| {
        min = min.min(value);
        max = max.max(value);
        sum += value;
        count += 1;
    });
    Statistics { min, max, mean: sum / count as f64, finite: count }
}
