//! Numbers that nobody else gives.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Not given by anyone else: what answers it reaches every subscriber of the stream.
pub(super) fn new() -> u64 {
    static START: LazyLock<u64> = LazyLock::new(|| {
        // Where the system has no random bytes, the address of a static differs between most processes.
        static SOMEWHERE: u8 = 0;
        getrandom::u64().unwrap_or((&raw const SOMEWHERE).addr() as u64)
    });
    static COUNT: AtomicU64 = AtomicU64::new(0);
    START.wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed))
}
