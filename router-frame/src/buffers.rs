//! Where a frame's memory comes from.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::errors::NoBuffer;

/// A source of memory for frames: the heap, or slots that another process reads too.
pub trait Buffers {
    /// What it gives.
    type Buffer: Buffer;

    /// Gives memory of exactly `bytes` bytes, whatever they hold.
    ///
    /// # Errors
    /// [`NoBuffer`] when there is none.
    fn take(&mut self, bytes: usize) -> Result<Self::Buffer, NoBuffer>;
}

/// Memory that is filled, and then never changes any more.
pub trait Buffer {
    /// The bytes to fill; they begin at a multiple of 8.
    fn bytes_mut(&mut self) -> &mut [u8];

    /// The bytes as they are from now on, whose owner gives the memory back when nobody holds them any more.
    fn freeze(self) -> Bytes;
}

/// Memory of this process, used again and again: the system gives and clears memory for a large frame page by page, which
/// takes longer than to fill it.
///
/// A block comes back when the last handle on its frame is dropped, the last subscriber's connection among them. Up to
/// as many blocks are kept as were told; a camera never waits for one.
#[derive(Debug)]
pub struct HeapBuffers {
    kept: Arc<Kept>,
}

/// Blocks that nobody uses.
#[derive(Debug)]
struct Kept {
    most: usize,
    /// Held to push or to pop one.
    blocks: Mutex<Vec<Vec<u128>>>,
}

/// A block of [`HeapBuffers`].
#[derive(Debug)]
pub struct HeapBuffer {
    /// 16 bytes each: as aligned as any number needs.
    block: Vec<u128>,
    bytes: usize,
    kept: Arc<Kept>,
}

/// One is filled, one or two are on their way, one is shown.
const KEPT: usize = 4;

impl HeapBuffers {
    /// Keeps up to four blocks.
    pub fn new() -> HeapBuffers {
        HeapBuffers::keeping(KEPT)
    }

    /// Keeps up to `most` blocks.
    pub fn keeping(most: usize) -> HeapBuffers {
        HeapBuffers { kept: Arc::new(Kept { most, blocks: Mutex::default() }) }
    }
}

impl Default for HeapBuffers {
    fn default() -> HeapBuffers {
        HeapBuffers::new()
    }
}

impl Buffers for HeapBuffers {
    type Buffer = HeapBuffer;

    fn take(&mut self, bytes: usize) -> Result<HeapBuffer, NoBuffer> {
        let lines = bytes.div_ceil(size_of::<u128>());
        let kept = {
            let mut blocks = self.kept.blocks.lock().unwrap_or_else(PoisonError::into_inner);
            // Of another size: of a camera whose region was changed.
            blocks.retain(|block| block.len() == lines);
            blocks.pop()
        };
        let block = match kept {
            Some(block) => block,
            None => {
                let mut block = Vec::new();
                let no_buffer =
                    |error: std::collections::TryReserveError| NoBuffer { bytes, reason: error.to_string() };
                block.try_reserve_exact(lines).map_err(no_buffer)?;
                block.resize(lines, 0);
                block
            }
        };
        Ok(HeapBuffer { block, bytes, kept: Arc::clone(&self.kept) })
    }
}

impl Buffer for HeapBuffer {
    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.block)[..self.bytes]
    }

    fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for HeapBuffer {
    fn as_ref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.block)[..self.bytes]
    }
}

impl Drop for HeapBuffer {
    fn drop(&mut self) {
        let block = std::mem::take(&mut self.block);
        let mut blocks = self.kept.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        if blocks.len() < self.kept.most {
            blocks.push(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_comes_back_when_nobody_holds_its_frame_and_only_then() {
        let mut buffers = HeapBuffers::keeping(1);
        let mut first = buffers.take(100).unwrap();
        first.bytes_mut().fill(7);
        let address = first.bytes_mut().as_ptr();
        assert_eq!((first.bytes_mut().len(), address.addr() % 16), (100, 0));
        let frozen = first.freeze();
        let part = frozen.slice(50..);
        drop(frozen);
        let mut second = buffers.take(100).unwrap();
        assert_ne!(second.bytes_mut().as_ptr(), address, "the first is still held");
        assert_eq!(part[0], 7);
        drop(part);
        drop(second);
        assert_eq!(buffers.kept.blocks.lock().unwrap().len(), 1, "no more than told are kept");
        assert_eq!(buffers.take(97).unwrap().bytes_mut().as_ptr(), address, "the first came back first");
        drop(buffers.take(200));
        assert_eq!(buffers.kept.blocks.lock().unwrap()[0].len(), 13, "blocks of another size go");
    }

    #[test]
    fn memory_that_there_is_not_is_an_error() {
        let error = HeapBuffers::new().take(isize::MAX as usize - 100).unwrap_err();
        assert!(error.to_string().starts_with("no memory for 9"), "{error}");
    }
}
