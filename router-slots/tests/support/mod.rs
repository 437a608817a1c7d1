//! A service on its thread, frames that prove where they come from, and waiting with a deadline.
#![allow(dead_code, unreachable_pub)]

pub mod processes;
pub mod raw;

use router_slots::{Lender, LentSlot, RingSize, SlotConnection, SlotDescriptor, SlotReader, SlotRing, Slots};
use std::ops::Deref;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Far more than anything here takes on a busy machine.
pub const LONG: Duration = Duration::from_secs(30);

/// Slots whose loop runs until this is dropped.
pub struct Serving {
    slots: Option<Slots>,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    pub fn start() -> Serving {
        let (slots, slots_loop) = Slots::listen(0x5eed).unwrap();
        let thread = std::thread::Builder::new().name("slots".into()).spawn(|| slots_loop.run()).unwrap();
        Serving { slots: Some(slots), thread: Some(thread) }
    }

    pub fn connect(&self) -> SlotConnection {
        SlotConnection::connect(self.address()).unwrap()
    }

    /// A connection with one reader.
    pub fn attach(&self, key: &str) -> (SlotConnection, SlotReader) {
        let mut connection = self.connect();
        let reader = connection.attach_within(key, LONG).unwrap();
        (connection, reader)
    }
}

impl Deref for Serving {
    type Target = Slots;

    fn deref(&self) -> &Slots {
        self.slots.as_ref().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.slots.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

pub fn ring(largest_bytes: usize, depth: usize, readers: usize, held: usize) -> SlotRing {
    SlotRing::create(RingSize { largest_bytes, depth, readers, held }).unwrap()
}

/// Fills a frame so that every 8 bytes say whose they are and where.
pub fn fill(bytes: &mut [u8], number: u64) {
    for (index, word) in bytes.chunks_mut(8).enumerate() {
        word.copy_from_slice(&pattern(number, index)[..word.len()]);
    }
}

/// Returns the number of the frame whose every byte is right; the first wrong word otherwise.
pub fn check(bytes: &[u8]) -> Result<u64, String> {
    let first: [u8; 8] = bytes[..8].try_into().unwrap();
    let number = u64::from_le_bytes(first);
    for (index, word) in bytes.chunks(8).enumerate() {
        if word != &pattern(number, index)[..word.len()] {
            return Err(format!("word {index} of {} is {word:?} in frame {number}", bytes.len() / 8));
        }
    }
    Ok(number)
}

fn pattern(number: u64, index: usize) -> [u8; 8] {
    number.wrapping_add((index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_le_bytes()
}

/// Publishes a frame of `len` bytes.
pub fn publish(ring: &SlotRing, len: usize, number: u64) -> SlotDescriptor {
    let mut writer = ring.writer(len).unwrap();
    fill(&mut writer, number);
    writer.publish()
}

pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {LONG:?}: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// How many descriptors this process has open.
pub fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// How many mappings of shared memory of ours this process has.
pub fn mappings() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.contains("memfd:one-liner")).count()
}
