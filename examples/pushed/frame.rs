//! A picture, as server and client both know it.

use serde::{Deserialize, Serialize};

/// A picture of 8 bits.
#[derive(Debug, Serialize, Deserialize)]
pub struct Frame {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// u8[height, width], row-major.
    #[serde(with = "serde_bytes")]
    pub pixels: Vec<u8>,
}
