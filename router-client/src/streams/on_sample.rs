//! `OnSample`: a subscription whose samples go to a closure, on a thread of its own.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use router_socket::{NamedThread, named_thread};
use router_wire::{FromPayload, Name};

use super::attached::{Attached, SubscribeError};
use super::queue_slot::QueueSlot;
use super::sample::{Sample, SampleError};
use super::settle::SettleError;
use super::stats::SubscriptionStats;
use super::subscription::Subscription;

/// A subscription whose samples go to a closure; made by `client.subscribe(name).on_sample(closure)`.
///
/// The closure runs on a thread of the subscription's own behind a queue: one that is slow or hangs loses its
/// own samples, counted as dropped, and delays nobody else. A panic in it is caught and counted, and it is
/// called again for the next sample.
///
/// Dropping this unsubscribes and waits for the closure to return, for at most 100 ms; a closure that hangs is
/// then left to itself and is not called again when it returns. It may be dropped from the closure itself.
pub struct OnSample {
    attached: Attached<QueueSlot>,
    /// Taken by drop.
    thread: Option<NamedThread>,
    /// Counted by the thread.
    panics: Arc<AtomicU64>,
}

/// How long drop waits for the closure.
const JOIN_WITHIN: Duration = Duration::from_millis(100);

impl OnSample {
    pub(crate) fn start<T: FromPayload>(
        attached: Attached<QueueSlot>,
        closure: impl FnMut(Result<Sample<T>, SampleError>) + Send + 'static,
    ) -> Result<OnSample, SubscribeError> {
        let panics = Arc::new(AtomicU64::new(0));
        let (subscription, counter) = (Arc::clone(&attached.subscription), Arc::clone(&panics));
        let thread = named_thread::spawn(format!("on_sample {}", attached.name()), move || {
            run(&subscription, &counter, closure);
        })
        .map_err(|reason| SubscribeError::Thread { name: attached.name().clone(), reason })?;
        Ok(OnSample { attached, thread: Some(thread), panics })
    }

    /// The stream.
    pub fn name(&self) -> &Name {
        self.attached.name()
    }

    /// What became of the samples so far; `received` are those that the closure was called with.
    pub fn stats(&self) -> SubscriptionStats {
        self.attached.stats()
    }

    /// How often the closure panicked.
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// Waits until every sample that the source published before this call has arrived here or is counted as
    /// lost. The closure may still have to be called with some of them: they are `waiting`.
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

/// Calls the closure with each sample until the subscription is closed.
fn run<T: FromPayload>(
    subscription: &Subscription<QueueSlot>,
    panics: &AtomicU64,
    mut closure: impl FnMut(Result<Sample<T>, SampleError>),
) {
    let next = || {
        subscription.wait(None, |state| match state.abandoned {
            true => Some(None),
            false => match state.kept.take(&mut state.account) {
                None if state.closed => Some(None),
                packet => packet.map(Some),
            },
        })
    };
    while let Some(Some(packet)) = next() {
        // The closure is its caller's: what it leaves half-done when it panics, it finds again.
        if catch_unwind(AssertUnwindSafe(|| closure(subscription.read(&packet)))).is_err() {
            panics.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for OnSample {
    fn drop(&mut self) {
        self.attached.subscription.abandon();
        if let Some(thread) = self.thread.take() {
            // One that still runs is in the closure, or drops this itself; either way it ends by itself.
            let _ = thread.join_within(JOIN_WITHIN);
        }
    }
}

impl fmt::Debug for OnSample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnSample")
            .field("name", self.name())
            .field("panics", &self.panics())
            .finish_non_exhaustive()
    }
}
