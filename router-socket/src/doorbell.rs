//! The protocol between those who post and the one who sleeps, apart from what it rings and what it carries.
//!
//! Many posts cost one wake-up, and a post to a loop that is awake costs none. What must not happen is a message in
//! the channel and a loop that sleeps: either the one who posts sees `sleeping`, or the loop, having said that it
//! sleeps, sees the message. Both sides write, then pass a SeqCst fence, then read what the other wrote; of two such
//! fences one is first, so at least one of the reads sees the other's write. The loom test below tries every order.

use std::sync::atomic::{AtomicBool, Ordering, fence};

/// Tells whether the loop sleeps. Written by the loop, and by whoever wakes it.
pub(crate) struct Doorbell<M: Memory = Hardware> {
    sleeping: M::Flag,
}

/// The atomic operations of the protocol, so that loom can stand in for the hardware.
pub(crate) trait Memory {
    /// A flag that is false at first.
    type Flag: Default;
    fn store(flag: &Self::Flag, value: bool);
    fn load(flag: &Self::Flag) -> bool;
    /// Makes a flag that is true false; tells whether it was true.
    fn clear(flag: &Self::Flag) -> bool;
    fn fence();
}

impl<M: Memory> Default for Doorbell<M> {
    fn default() -> Doorbell<M> {
        Doorbell { sleeping: M::Flag::default() }
    }
}

impl<M: Memory> Doorbell<M> {
    /// Wakes the loop if it sleeps. Called after the message is in the channel.
    pub(crate) fn posted(&self, wake: impl FnOnce()) {
        M::fence();
        // Read before writing: while the loop is awake, all who post share one cache line that nobody changes.
        if M::load(&self.sleeping) && M::clear(&self.sleeping) {
            wake();
        }
    }

    /// Sleeps unless a message waits; `sleep` gets what `waits` said, and must not wait if it is true.
    ///
    /// `sleep` returns when woken; it may also return for another reason.
    pub(crate) fn sleep<R>(&self, waits: impl FnOnce() -> bool, sleep: impl FnOnce(bool) -> R) -> R {
        M::store(&self.sleeping, true);
        M::fence();
        let slept = sleep(waits());
        M::store(&self.sleeping, false);
        slept
    }
}

/// What a program runs on.
pub(crate) struct Hardware;

impl Memory for Hardware {
    type Flag = AtomicBool;

    fn store(flag: &AtomicBool, value: bool) {
        flag.store(value, Ordering::Relaxed);
    }

    fn load(flag: &AtomicBool) -> bool {
        flag.load(Ordering::Relaxed)
    }

    // An exchange that fails writes nothing. A swap would be as right; loom, which does not order a swap before the
    // stores that follow what it read, reports a lost wake-up for it.
    fn clear(flag: &AtomicBool) -> bool {
        flag.compare_exchange(true, false, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn fence() {
        fence(Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom::sync::atomic::{AtomicBool as LoomBool, AtomicUsize as LoomUsize};
    use loom::sync::{Arc, Condvar, Mutex};

    struct Loom;

    #[derive(Default)]
    struct LoomFlag(LoomBool);

    impl Memory for Loom {
        type Flag = LoomFlag;

        fn store(flag: &LoomFlag, value: bool) {
            flag.0.store(value, Ordering::Relaxed);
        }

        fn load(flag: &LoomFlag) -> bool {
            flag.0.load(Ordering::Relaxed)
        }

        fn clear(flag: &LoomFlag) -> bool {
            flag.0.compare_exchange(true, false, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        }

        fn fence() {
            loom::sync::atomic::fence(Ordering::SeqCst);
        }
    }

    /// A descriptor that stays readable until emptied.
    #[derive(Default)]
    struct Bell {
        rung: Mutex<bool>,
        ringing: Condvar,
    }

    impl Bell {
        fn ring(&self) {
            *self.rung.lock().unwrap() = true;
            self.ringing.notify_one();
        }

        fn wait_and_empty(&self) {
            let mut rung = self.rung.lock().unwrap();
            while !*rung {
                rung = self.ringing.wait(rung).unwrap();
            }
            *rung = false;
        }

        fn empty(&self) {
            *self.rung.lock().unwrap() = false;
        }
    }

    /// Only counts, with the weakest order a channel may have.
    #[derive(Default)]
    struct Channel(LoomUsize);

    impl Channel {
        fn put(&self) {
            self.0.fetch_add(1, Ordering::Release);
        }

        fn waiting(&self) -> usize {
            self.0.load(Ordering::Acquire)
        }
    }

    /// A lost wake-up leaves the loop waiting for a bell that nobody rings, which loom reports as a deadlock.
    fn every_post_arrives(posters: usize, posts: usize) {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(move || {
            let shared = Arc::new((Doorbell::<Loom>::default(), Bell::default(), Channel::default()));
            let threads: Vec<_> = (0..posters)
                .map(|_| {
                    let shared = Arc::clone(&shared);
                    loom::thread::spawn(move || {
                        let (doorbell, bell, channel) = &*shared;
                        for _ in 0..posts {
                            channel.put();
                            doorbell.posted(|| bell.ring());
                        }
                    })
                })
                .collect();

            let (doorbell, bell, channel) = &*shared;
            let mut taken = 0;
            while taken < posters * posts {
                taken = channel.waiting();
                if taken == posters * posts {
                    break;
                }
                doorbell.sleep(
                    || channel.waiting() > taken,
                    |waits| if waits { bell.empty() } else { bell.wait_and_empty() },
                );
            }
            for thread in threads {
                thread.join().unwrap();
            }
        });
    }

    #[test]
    fn one_poster_two_posts() {
        every_post_arrives(1, 2);
    }

    #[test]
    fn two_posters_one_post_each() {
        every_post_arrives(2, 1);
    }
}
