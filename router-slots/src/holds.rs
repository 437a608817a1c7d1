//! The protocol between who reuses a slot and those who hold it, apart from the memory it is in.
//!
//! These are hazard pointers (M. Michael, "Hazard pointers: safe memory reclamation for lock-free objects", IEEE
//! TPDS 15(6), 2004) with the frame's stamp as the pointer that is read again. A slot has a **stamp**: which frame is
//! in it, or [`RETIRED`]. Only the publisher writes stamps. A reader has **entries**: which slot it holds, or none.
//! Only the reader writes its entries.
//!
//! - To hold, a reader writes its entry, passes a fence, and reads the stamp: the frame's, and it is held.
//! - To reuse, the publisher writes [`RETIRED`], passes a fence, and reads all entries: in none, and it is free.
//!
//! Of two SeqCst fences one is first. If it is the reader's, the publisher sees the entry and leaves the slot alone; if
//! it is the publisher's, the reader sees that the stamp is another. A stamp never comes back, so that a reader that
//! slept in between for any time sees that too. Nobody waits, and no step of a reader is undone by anyone: a
//! reader that dies between two steps has an entry that names a slot, or not, until its table is taken away.
//!
//! Reading the frame comes after reading its stamp (acquire), which comes after writing the frame (release). Writing
//! the next frame comes after reading an entry that is empty again (acquire), which comes after the reading (release).
//!
//! What is in the other side's memory is read with relaxed loads and a fence: the only loads that the documentation of
//! `std::sync::atomic` allows in memory that is mapped read-only.

use std::sync::atomic::{AtomicU64, Ordering, fence};

/// The stamp of a slot without a frame.
pub(crate) const RETIRED: u64 = 0;

/// An entry that holds nothing.
const NOTHING: u64 = 0;

/// The atomic operations of the protocol, so that loom can stand in for the hardware.
pub(crate) trait Memory {
    type Word;
    fn load_relaxed(word: &Self::Word) -> u64;
    fn store_relaxed(word: &Self::Word, value: u64);
    fn store_release(word: &Self::Word, value: u64);
    /// Makes `to` of `from`; tells whether it was `from`.
    fn exchange(word: &Self::Word, from: u64, to: u64) -> bool;
    fn fence(order: Ordering);
}

/// What became of an attempt to hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// Held, by the entry of this index.
    Held(usize),
    /// The slot has another frame, or none.
    Lost,
    /// No entry is empty.
    NoEntry,
}

/// Reader: holds `slot` if its frame is still the one of `expected`.
pub(crate) fn hold<M: Memory>(entries: &[M::Word], slot: u32, stamp: &M::Word, expected: u64) -> Attempt {
    if expected == RETIRED {
        return Attempt::Lost;
    }
    let word = u64::from(slot) + 1;
    let empty = |entry: &&M::Word| M::load_relaxed(entry) == NOTHING && M::exchange(entry, NOTHING, word);
    let Some((index, entry)) = entries.iter().enumerate().find(|(_, entry)| empty(entry)) else {
        return Attempt::NoEntry;
    };
    M::fence(Ordering::SeqCst);
    let found = M::load_relaxed(stamp);
    M::fence(Ordering::Acquire);
    if found != expected {
        give_back::<M>(entry);
        return Attempt::Lost;
    }
    Attempt::Held(index)
}

/// Reader: holds no longer what `entry` holds. Everything that was read in the slot comes before.
pub(crate) fn give_back<M: Memory>(entry: &M::Word) {
    M::store_release(entry, NOTHING);
}

/// Publisher: makes readable what was written into a slot.
pub(crate) fn publish<M: Memory>(stamp: &M::Word, value: u64) {
    M::store_release(stamp, value);
}

/// Publisher: from here on nobody begins to hold the slot. Who holds it is known behind [`look_through`].
pub(crate) fn retire<M: Memory>(stamp: &M::Word) {
    M::store_relaxed(stamp, RETIRED);
}

/// Publisher: calls `held` with each slot that is in an entry. Retired slots without such a call may be written.
///
/// An entry is somebody else's memory: it may have any value, and another one at the next look. One entry is one
/// call at most, so a table of K entries never costs more than K slots.
pub(crate) fn look_through<'a, M: Memory>(
    entries: impl Iterator<Item = &'a M::Word>,
    slots: u32,
    mut held: impl FnMut(u32),
) where
    M::Word: 'a,
{
    M::fence(Ordering::SeqCst);
    for entry in entries {
        let word = M::load_relaxed(entry);
        if (1..=u64::from(slots)).contains(&word) {
            held((word - 1) as u32);
        }
    }
    M::fence(Ordering::Acquire);
}

/// What a program runs on.
pub(crate) struct Hardware;

impl Memory for Hardware {
    type Word = AtomicU64;

    fn load_relaxed(word: &AtomicU64) -> u64 {
        word.load(Ordering::Relaxed)
    }

    fn store_relaxed(word: &AtomicU64, value: u64) {
        word.store(value, Ordering::Relaxed);
    }

    fn store_release(word: &AtomicU64, value: u64) {
        word.store(value, Ordering::Release);
    }

    fn exchange(word: &AtomicU64, from: u64, to: u64) -> bool {
        word.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn fence(order: Ordering) {
        fence(order);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicU64 as LoomWord;

    struct Loom;

    impl Memory for Loom {
        type Word = LoomWord;

        fn load_relaxed(word: &LoomWord) -> u64 {
            word.load(Ordering::Relaxed)
        }

        fn store_relaxed(word: &LoomWord, value: u64) {
            word.store(value, Ordering::Relaxed);
        }

        fn store_release(word: &LoomWord, value: u64) {
            word.store(value, Ordering::Release);
        }

        fn exchange(word: &LoomWord, from: u64, to: u64) -> bool {
            word.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        }

        fn fence(order: Ordering) {
            loom::sync::atomic::fence(order);
        }
    }

    /// A slot: loom reports each read of `frame` that is not ordered with each write to it.
    struct Slot {
        stamp: LoomWord,
        frame: UnsafeCell<u64>,
    }

    struct Shared {
        slots: Vec<Slot>,
        entries: Vec<LoomWord>,
    }

    // SAFETY: for the test alone; loom's cell panics where an access to the frame is not exclusive or ordered.
    unsafe impl Sync for Shared {}
    // SAFETY: as above.
    unsafe impl Send for Shared {}

    fn write(slot: &Slot, stamp: u64) {
        // SAFETY: loom's cell panics if somebody reads or writes it meanwhile.
        slot.frame.with_mut(|frame| unsafe { *frame = stamp });
        publish::<Loom>(&slot.stamp, stamp);
    }

    fn reuse_if_free(shared: &Shared, index: usize, stamp: u64) -> bool {
        let slot = &shared.slots[index];
        retire::<Loom>(&slot.stamp);
        let mut taken = false;
        look_through::<Loom>(shared.entries.iter(), shared.slots.len() as u32, |held| {
            taken |= held as usize == index;
        });
        if !taken {
            write(slot, stamp);
        }
        !taken
    }

    /// A reader that has a descriptor of each frame that there will ever be, and holds what it gets.
    fn read(shared: &Shared, entries: std::ops::Range<usize>, index: u32, stamp: u64) {
        let entries = &shared.entries[entries];
        let slot = &shared.slots[index as usize];
        if let Attempt::Held(entry) = hold::<Loom>(entries, index, &slot.stamp, stamp) {
            // SAFETY: loom's cell panics if somebody writes it meanwhile.
            assert_eq!(slot.frame.with(|frame| unsafe { *frame }), stamp, "a torn or another frame");
            loom::thread::yield_now();
            // SAFETY: as above.
            assert_eq!(slot.frame.with(|frame| unsafe { *frame }), stamp, "overwritten while held");
            give_back::<Loom>(&entries[entry]);
        }
    }

    /// Two threads in every order; three in every order with three changes of who runs at most.
    fn model(
        slots: usize,
        entries: usize,
        threads: usize,
        run: impl Fn(Arc<Shared>) + Send + Sync + 'static,
    ) {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = (threads > 2).then_some(3);
        model.check(move || {
            let slots = (0..slots).map(|_| Slot { stamp: LoomWord::new(0), frame: UnsafeCell::new(0) });
            let entries = (0..entries).map(|_| LoomWord::new(0));
            let shared = Shared { slots: slots.collect(), entries: entries.collect() };
            write(&shared.slots[0], 10);
            run(Arc::new(shared));
        });
    }

    #[test]
    fn a_held_frame_is_not_overwritten() {
        model(1, 1, 2, |shared| {
            let reader = Arc::clone(&shared);
            let reader = loom::thread::spawn(move || {
                read(&reader, 0..1, 0, 10);
                read(&reader, 0..1, 0, 11);
            });
            let _ = reuse_if_free(&shared, 0, 11) || reuse_if_free(&shared, 0, 11);
            reader.join().unwrap();
            assert!(reuse_if_free(&shared, 0, 12), "what everybody gave back is free");
        });
    }

    #[test]
    fn two_readers_of_one_slot() {
        model(1, 2, 3, |shared| {
            let readers = [0..1, 1..2].map(|entries| {
                let shared = Arc::clone(&shared);
                loom::thread::spawn(move || read(&shared, entries, 0, 10))
            });
            reuse_if_free(&shared, 0, 11);
            for reader in readers {
                reader.join().unwrap();
            }
        });
    }

    #[test]
    fn two_threads_of_a_reader_share_its_entries() {
        model(1, 2, 3, |shared| {
            let threads = [(), ()].map(|()| {
                let shared = Arc::clone(&shared);
                loom::thread::spawn(move || read(&shared, 0..2, 0, 10))
            });
            reuse_if_free(&shared, 0, 11);
            for thread in threads {
                thread.join().unwrap();
            }
        });
    }

    #[test]
    fn a_reader_that_died_while_it_held_blocks_its_slot_alone() {
        model(2, 1, 2, |shared| {
            let dying = Arc::clone(&shared);
            let dying = loom::thread::spawn(move || {
                let _ = hold::<Loom>(&dying.entries, 0, &dying.slots[0].stamp, 10);
            });
            assert!(reuse_if_free(&shared, 1, 20), "nobody holds this one");
            reuse_if_free(&shared, 0, 11);
            dying.join().unwrap();
        });
    }

    #[test]
    fn garbage_in_an_entry_is_one_slot_at_most() {
        for (word, expected) in [(0, None), (1, Some(0)), (3, Some(2)), (4, None), (u64::MAX, None)] {
            let entries = [AtomicU64::new(word)];
            let mut found = Vec::new();
            look_through::<Hardware>(entries.iter(), 3, |slot| found.push(slot));
            assert_eq!(found, Vec::from_iter(expected), "an entry of {word} among 3 slots");
        }
    }

    #[test]
    fn each_outcome_of_an_attempt() {
        let stamp = AtomicU64::new(7);
        let entries = [AtomicU64::new(0), AtomicU64::new(0)];
        let hold = |expected| hold::<Hardware>(&entries, 0, &stamp, expected);
        assert_eq!(hold(6), Attempt::Lost);
        assert_eq!(hold(RETIRED), Attempt::Lost);
        assert_eq!(hold(7), Attempt::Held(0));
        assert_eq!(hold(7), Attempt::Held(1));
        assert_eq!(hold(7), Attempt::NoEntry);
        give_back::<Hardware>(&entries[0]);
        assert_eq!(hold(7), Attempt::Held(0));
    }
}
