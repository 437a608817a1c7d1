//! `SlotRing`: the memory of one stream, and who has which slot.

use super::geometry::{Geometry, HOLDS_BYTES};
use super::memory::{self, Mapping};
use super::writer::SlotWriter;
use crate::holds::{self, Hardware};
use crate::{CreateError, Lender, NoSlot, RingCounters, RingSize};
use parking_lot::Mutex;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use std::collections::VecDeque;
use std::sync::{Arc, Weak};

/// The slots of one stream's life: made by its publisher, offered to readers by [`Slots`](super::Slots).
///
/// A clone is the same ring. Its memory goes when the last clone, writer and held frame are gone, here and in every
/// reader; it does not shrink before.
#[derive(Clone, Debug)]
pub struct SlotRing {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    fd: OwnedFd,
    mapping: Mapping,
    geometry: Geometry,
    size: RingSize,
    /// Held for looking through the tables at most, never while memory is brought in.
    state: Mutex<State>,
}

/// Each slot is in one of these lists, or a writer has it.
#[derive(Debug)]
struct State {
    /// Never used. The next one is the last.
    cold: Vec<u32>,
    /// Retired and in nobody's table. The last one was used last, and is likeliest still in a cache.
    free: Vec<u32>,
    /// Retired, and in somebody's table at the last look.
    kept: Vec<u32>,
    /// The oldest first.
    published: VecDeque<u32>,
    writing: usize,
    tables: Vec<(TableId, Mapping)>,
    next_table: u64,
    next_stamp: u64,
    /// One bit for each slot: in somebody's table. Used while looking.
    held: Vec<u64>,
    frames: u64,
    no_slot: u64,
}

/// A reader's table in a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TableId(u64);

/// The ring has as many readers as it was made for.
#[derive(Debug)]
pub(super) struct TooManyReaders;

impl SlotRing {
    /// Makes a ring. Its memory is taken from the system slot by slot, at the first use of each.
    ///
    /// # Errors
    /// [`CreateError`]; the stream then goes over the network alone.
    pub fn create(size: RingSize) -> Result<SlotRing, CreateError> {
        let slots = size.slots()?;
        let geometry = Geometry::new(slots, size.largest_bytes)?;
        let refused = |what| move |e: rustix::io::Errno| CreateError::System { what, reason: e.to_string() };
        let (fd, mapping) = memory::create("one-liner frames", geometry.total_bytes())
            .map_err(refused("memory that can be sealed (Linux 5.1 or newer)"))?;
        // The headers alone; a page or a few.
        mapping.populate(&fd, 0, geometry.frame(0)).map_err(refused("the first pages"))?;
        let mut random = [0; 8];
        getrandom::fill(&mut random)
            .map_err(|e| CreateError::System { what: "random bytes", reason: e.to_string() })?;
        let state = State {
            cold: (0..geometry.slots()).rev().collect(),
            free: Vec::with_capacity(slots),
            kept: Vec::with_capacity(slots),
            published: VecDeque::with_capacity(slots),
            writing: 0,
            tables: Vec::new(),
            next_table: 0,
            // Not where another ring began: a descriptor of that one leads nowhere in this one. Half of all numbers
            // are left, which no stream will use up.
            next_stamp: (u64::from_le_bytes(random) >> 1) + 1,
            held: vec![0; slots.div_ceil(64)],
            frames: 0,
            no_slot: 0,
        };
        Ok(SlotRing { shared: Arc::new(Shared { fd, mapping, geometry, size, state: Mutex::new(state) }) })
    }

    /// Returns what the ring was made for.
    pub fn size(&self) -> RingSize {
        self.shared.size
    }

    /// Brings in the memory of slots until `slots` are there (at most all), so that the first frames need not wait
    /// for it; returns how many are.
    ///
    /// # Errors
    /// [`NoSlot::OutOfMemory`]; what was brought in stays.
    ///
    /// # Blocking
    /// 6 to 9 ms for 12 MB; frames can be written meanwhile.
    pub fn prefault(&self, slots: usize) -> Result<usize, NoSlot> {
        let shared = &self.shared;
        loop {
            let slot = {
                let mut state = shared.state.lock();
                let warm = shared.geometry.slots() as usize - state.cold.len();
                match state.cold.pop() {
                    Some(slot) if warm < slots => slot,
                    Some(slot) => {
                        state.cold.push(slot);
                        return Ok(warm);
                    }
                    None => return Ok(warm),
                }
            };
            let populated = shared.populate(slot);
            let mut state = shared.state.lock();
            match populated {
                // Behind those that were used: it is in no cache.
                Ok(()) => state.free.insert(0, slot),
                Err(no_slot) => {
                    state.cold.push(slot);
                    return Err(no_slot);
                }
            }
        }
    }

    /// Returns what becomes of the slots.
    pub fn counters(&self) -> RingCounters {
        let state = self.shared.state.lock();
        let slots = self.shared.geometry.slots() as usize;
        RingCounters {
            slots,
            warm: slots - state.cold.len(),
            free: state.free.len(),
            published: state.published.len(),
            kept: state.kept.len(),
            writing: state.writing,
            readers: state.tables.len(),
            frames: state.frames,
            no_slot: state.no_slot,
        }
    }

    /// Looks which of the slots that somebody held are free by now, as the next writer would.
    pub fn look_through(&self) {
        self.shared.state.lock().look_through(&self.shared);
    }

    pub(super) fn downgrade(&self) -> Weak<Shared> {
        Arc::downgrade(&self.shared)
    }
}

impl Lender for SlotRing {
    type Slot = SlotWriter;

    fn writer(&self, len: usize) -> Result<SlotWriter, NoSlot> {
        let shared = &self.shared;
        let largest_bytes = shared.geometry.largest_bytes();
        if len > largest_bytes {
            return Err(NoSlot::TooLarge { len, largest_bytes });
        }
        let slot = shared.take()?;
        Ok(SlotWriter::new(Arc::clone(shared), slot, len))
    }
}

impl Shared {
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(super) fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    pub(super) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// How many frames a reader may hold.
    pub(super) fn held(&self) -> usize {
        self.size.held
    }

    /// From here on, what is in `table` is held.
    pub(super) fn add_table(&self, table: Mapping) -> Result<TableId, TooManyReaders> {
        assert_eq!(table.len(), HOLDS_BYTES, "a whole table");
        let mut state = self.state.lock();
        if state.tables.len() >= self.size.readers {
            return Err(TooManyReaders);
        }
        let id = TableId(state.next_table);
        state.next_table += 1;
        state.tables.push((id, table));
        Ok(id)
    }

    /// What is in the table is held no longer.
    pub(super) fn remove_table(&self, id: TableId) {
        let mut state = self.state.lock();
        let found = state.tables.iter().position(|(other, _)| *other == id);
        // Unmapped behind the lock.
        let _table = found.map(|index| state.tables.swap_remove(index));
        drop(state);
    }

    fn populate(&self, slot: u32) -> Result<(), NoSlot> {
        let largest_bytes = self.geometry.largest_bytes();
        self.mapping
            .populate(&self.fd, self.geometry.frame(slot), self.geometry.stride_bytes())
            .map_err(|_| NoSlot::OutOfMemory { largest_bytes })
    }

    /// Takes a slot that nobody reads: one that was used before, or a new one, or the oldest frame's.
    fn take(&self) -> Result<u32, NoSlot> {
        let mut state = self.state.lock();
        if let Some(slot) = state.take_free(self, self.size.depth) {
            return Ok(slot);
        }
        let mut refused = NoSlot::AllTaken { slots: self.geometry.slots() as usize };
        if let Some(slot) = state.cold.pop() {
            state.writing += 1;
            drop(state);
            match self.populate(slot) {
                Ok(()) => return Ok(slot),
                Err(no_slot) => refused = no_slot,
            }
            state = self.state.lock();
            state.cold.push(slot);
            state.writing -= 1;
        }
        // More writers than one, or no memory: frames newer than the depth have to go.
        for depth in (0..state.published.len()).rev() {
            if let Some(slot) = state.take_free(self, depth) {
                return Ok(slot);
            }
        }
        state.no_slot += 1;
        Err(refused)
    }

    /// What a writer wrote is readable from here on.
    pub(super) fn publish(&self, slot: u32, len: usize) -> u64 {
        let mut state = self.state.lock();
        let stamp = state.next_stamp;
        state.next_stamp += 1;
        self.mapping.word(self.geometry.len(slot)).store(len as u64, std::sync::atomic::Ordering::Relaxed);
        holds::publish::<Hardware>(self.mapping.word(self.geometry.stamp(slot)), stamp);
        state.published.push_back(slot);
        state.writing -= 1;
        state.frames += 1;
        stamp
    }

    /// A writer did not publish.
    pub(super) fn give_back(&self, slot: u32) {
        let mut state = self.state.lock();
        state.free.push(slot);
        state.writing -= 1;
    }
}

impl State {
    /// Takes a slot that was used before; of the frames that can be held, `depth` stay.
    fn take_free(&mut self, ring: &Shared, depth: usize) -> Option<u32> {
        // At once and not when there is no other slot left: frames then go round in as few slots as there can be, which
        // are in a cache where that is large enough.
        while self.published.len() > depth {
            let Some(slot) = self.published.pop_front() else { break };
            holds::retire::<Hardware>(ring.mapping.word(ring.geometry.stamp(slot)));
            self.kept.push(slot);
        }
        self.look_through(ring);
        let slot = self.free.pop()?;
        self.writing += 1;
        Some(slot)
    }

    /// Moves the slots that are in no table from `kept` to `free`.
    fn look_through(&mut self, ring: &Shared) {
        if self.kept.is_empty() {
            return;
        }
        let State { held, tables, kept, free, .. } = self;
        held.fill(0);
        // What stands behind the entries that a reader was granted costs nothing.
        let entries = tables.iter().flat_map(|(_, table)| table.words(0, ring.size.held + 1));
        holds::look_through::<Hardware>(entries, ring.geometry.slots(), |slot| {
            held[slot as usize / 64] |= 1 << (slot % 64);
        });
        kept.retain(|&slot| {
            let is_held = held[slot as usize / 64] >> (slot % 64) & 1 == 1;
            if !is_held {
                free.push(slot);
            }
            is_held
        });
    }
}
