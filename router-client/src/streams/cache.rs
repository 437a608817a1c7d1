//! `Cache`: a subscription that keeps the newest sample.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use router_wire::{FromPayload, Name};

use super::attached::Attached;
use super::cache_slot::CacheSlot;
use super::packet::Packet;
use super::sample::{Sample, SampleError};
use super::settle::SettleError;
use super::stats::SubscriptionStats;

/// How long an answer to a question for the newest sample is waited for: a frame of 12 MB takes 100 ms over 1 Gbit/s.
const ANSWER_WITHIN: Duration = Duration::from_millis(100);
/// How long a sample is waited for until it is asked for again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A subscription that keeps the newest sample of a stream; made by `client.subscribe(name).cache()`.
///
/// It never falls behind and never holds more than one sample. Dropping it unsubscribes. Threads may share it.
///
/// A sample counts as `received` when it is returned for the first time, and as `replaced` when a newer one
/// came before that.
///
/// Small samples come as they are made. Large ones (of streams that declare more than 64 KiB) come over a network when
/// they are looked for, so that a viewer that looks 10 times a second costs the line 10 frames a second and not all that
/// the camera makes: each method asks the server for its newest and waits for the answer. What comes is at most one
/// round trip and one frame old, and what was made between two looks counts as `skipped`. A
/// [`queue`](super::Subscribe::queue) of the same client on the same stream makes all of them come. On the server's own
/// machine they are in memory that both see
/// ([`through_memory`](super::SubscriptionStats::through_memory)): there they come as they are made, and nobody is asked.
pub struct Cache<T> {
    attached: Attached<CacheSlot>,
    /// Values are made on the thread that asks for them; none is kept.
    value: PhantomData<fn() -> T>,
}

impl<T: FromPayload> Cache<T> {
    pub(crate) fn new(attached: Attached<CacheSlot>) -> Cache<T> {
        Cache { attached, value: PhantomData }
    }

    /// The newest sample; asked again, the same one until a newer arrives or it is [taken](Cache::take). Its
    /// times tell how old it is: it stays here also while the server cannot be reached.
    ///
    /// # Errors
    /// [`SampleError::NothingYet`]; [`SampleError::Failed`] when the newest sample is an error;
    /// [`SampleError::Decode`]; [`SampleError::Closed`] when there is nothing and the client was closed.
    ///
    /// # Blocking
    /// Not at all for small samples. For large ones over a network one round trip, 100 ms at most; after a question
    /// that was not answered in that time not at all, until something comes again.
    pub fn latest(&self) -> Result<Sample<T>, SampleError> {
        self.attached.freshen(ANSWER_WITHIN);
        self.read(self.attached.subscription.look(|state| state.kept.latest(&mut state.account)))
    }

    /// Takes the newest sample out: what is returned next is newer.
    ///
    /// # Errors
    /// As [`latest`](Cache::latest).
    ///
    /// # Blocking
    /// As [`latest`](Cache::latest).
    pub fn take(&self) -> Result<Sample<T>, SampleError> {
        self.attached.freshen(ANSWER_WITHIN);
        self.read(self.attached.subscription.look(|state| state.kept.take(&mut state.account)))
    }

    /// Waits for a sample that none of the methods here has returned yet; it stays, as with
    /// [`latest`](Cache::latest).
    ///
    /// # Errors
    /// [`SampleError::NothingInTime`]; otherwise as [`latest`](Cache::latest).
    ///
    /// # Blocking
    /// Until a sample arrives, the client is closed or `timeout` is over.
    pub fn wait_newer(&self, timeout: Duration) -> Result<Sample<T>, SampleError> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            self.attached.freshen(timeout.min(ANSWER_WITHIN));
            // An answer, or the sample that was to follow it, may be lost with a connection: it is asked for again.
            let again = Instant::now() + ASK_AGAIN_AFTER;
            let until = deadline.map_or(again, |deadline| deadline.min(again));
            let found = self.attached.subscription.wait(Some(until), |state| {
                match state.kept.newer(&mut state.account) {
                    None if state.closed => Some(None),
                    packet => packet.map(Some),
                }
            });
            match found {
                Some(packet) => return self.read(packet),
                None if deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
                    return Err(SampleError::NothingInTime { name: self.name().clone(), waited: timeout });
                }
                None => {}
            }
        }
    }

    fn read(&self, packet: Option<Packet>) -> Result<Sample<T>, SampleError> {
        let subscription = &self.attached.subscription;
        match packet {
            Some(packet) => subscription.read(&packet),
            None if subscription.look(|state| state.closed) => {
                Err(SampleError::Closed { name: self.name().clone() })
            }
            None => Err(SampleError::NothingYet { name: self.name().clone() }),
        }
    }
}

impl<T> Cache<T> {
    /// The stream.
    pub fn name(&self) -> &Name {
        self.attached.name()
    }

    /// What became of the samples so far.
    pub fn stats(&self) -> SubscriptionStats {
        self.attached.stats()
    }

    /// Waits until every sample that the source published before this call has arrived here or is counted as
    /// lost.
    ///
    /// # Errors
    /// A [`SettleError`] when the server is gone or has no such stream, or nothing came back in time.
    ///
    /// # Blocking
    /// At most `timeout`.
    pub fn settle(&self, timeout: Duration) -> Result<SubscriptionStats, SettleError> {
        self.attached.settle(timeout)
    }
}

impl<T> fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("name", self.name()).finish_non_exhaustive()
    }
}
