//! What both sides know.

/// The streams, and how many bytes a frame of each has: 640 x 480, 1080p and 12 megapixels of 8 bits.
pub const FRAME_SIZES: [(&str, usize); 3] =
    [("frames.vga", 640 * 480), ("frames.full_hd", 1920 * 1080), ("frames.12_mp", 4096 * 3000)];
