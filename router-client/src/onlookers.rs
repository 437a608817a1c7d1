//! Who wants to know of a call's end without waiting for it on a thread: futures, and threads that wait for progress.
//!
//! Whoever turns the calls loop leaves their wakers here. They are code of an executor, which only the keeper's thread
//! runs: a caller that turns the loop runs nobody's code but its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Waker;
use std::thread::Thread;

use parking_lot::Mutex;

/// Shared by a client's calls and its keeper.
#[derive(Debug, Default)]
pub(crate) struct Onlookers {
    /// Calls that a future polls or whose progress is waited for. Written by them, read by whoever leaves the loop.
    count: AtomicUsize,
    /// At most one for each call in flight.
    wakers: Mutex<Vec<Waker>>,
    /// `wakers` is not empty.
    to_wake: AtomicBool,
    keeper: OnceLock<Thread>,
}

impl Onlookers {
    /// The calling thread is the keeper's.
    pub(crate) fn keeper_is_here(&self) {
        let _ = self.keeper.set(std::thread::current()); // it is told once
    }

    /// Has the keeper look at what there is to do; one that is about to sleep does not.
    pub(crate) fn call_keeper(&self) {
        if let Some(keeper) = self.keeper.get() {
            keeper.unpark();
        }
    }

    /// Whether anybody looks on.
    pub(crate) fn any(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn one_more(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn one_fewer(&self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }

    /// Has the keeper wake a task.
    pub(crate) fn wake(&self, waker: Waker) {
        let mut wakers = self.wakers.lock();
        wakers.push(waker);
        self.to_wake.store(true, Ordering::Release);
        drop(wakers);
        self.call_keeper();
    }

    /// Whether there are tasks to wake.
    pub(crate) fn has_tasks_to_wake(&self) -> bool {
        self.to_wake.load(Ordering::Acquire)
    }

    /// By the keeper: wakes the tasks.
    pub(crate) fn wake_tasks(&self) {
        let taken = {
            let mut wakers = self.wakers.lock();
            self.to_wake.store(false, Ordering::Release);
            std::mem::take(&mut *wakers)
        };
        for waker in taken {
            // The executor's code: its panic must not end this thread.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }
}
