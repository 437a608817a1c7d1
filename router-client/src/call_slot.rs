//! Where the calls loop leaves what becomes of a call, and where its caller waits for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use router_socket::Frame;

use crate::budget::CallPermit;
use crate::ending::Ending;

/// One call, shared by its [`PendingCall`](crate::PendingCall) and the [`Ticket`] of the loop.
#[derive(Debug, Default)]
pub(crate) struct CallSlot {
    inner: Mutex<Inner>,
    changed: Condvar,
    /// The life of the server that the request was given to last; 0 before. Written by the loop.
    epoch: AtomicU64,
}

#[derive(Debug, Default)]
struct Inner {
    /// Written once; taken by who waits.
    ending: Option<Ending>,
    ended: bool,
    /// The newest report that was not taken.
    progress: Option<Frame>,
    /// Left by the task that polled last.
    waker: Option<Waker>,
}

/// The writing end of a slot. However it is dropped, its call has ended: nobody waits for ever.
#[derive(Debug)]
pub(crate) struct Ticket {
    slot: Arc<CallSlot>,
    _permit: Option<CallPermit>,
}

impl Ticket {
    pub(crate) fn new(slot: Arc<CallSlot>, permit: Option<CallPermit>) -> Ticket {
        Ticket { slot, _permit: permit }
    }

    /// Leaves the outcome and wakes who waits.
    pub(crate) fn end(self, ending: Ending) {
        self.slot.end(ending);
    }

    /// Notes to which life of the server the request is given.
    pub(crate) fn goes_to(&self, epoch: u64) {
        self.slot.epoch.store(epoch, Ordering::Relaxed);
    }

    /// Leaves a report; it replaces one that nobody has taken.
    pub(crate) fn progress(&self, report: Frame) {
        self.slot.update(|inner| inner.progress = Some(report));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.slot.end(Ending::Closed);
    }
}

impl CallSlot {
    /// Tells whether the outcome is there, or was.
    pub(crate) fn has_ended(&self) -> bool {
        self.inner.lock().ended
    }

    /// The life of the server that the request was given to last; 0 before.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Waits for the outcome.
    pub(crate) fn wait(&self) -> Ending {
        let mut inner = self.inner.lock();
        while !inner.ended {
            self.changed.wait(&mut inner);
        }
        inner.ending.take().unwrap_or(Ending::Closed)
    }

    /// Waits for the outcome until `end`.
    pub(crate) fn wait_until(&self, end: Instant) -> Option<Ending> {
        let mut inner = self.inner.lock();
        while !inner.ended {
            if self.changed.wait_until(&mut inner, end).timed_out() && !inner.ended {
                return None;
            }
        }
        Some(inner.ending.take().unwrap_or(Ending::Closed))
    }

    /// Takes the newest report, if there is one that was not taken.
    pub(crate) fn progress(&self) -> Option<Frame> {
        self.inner.lock().progress.take()
    }

    /// Waits for a report until `end`, or until the call has ended.
    pub(crate) fn progress_until(&self, end: Instant) -> Option<Frame> {
        let mut inner = self.inner.lock();
        loop {
            if inner.progress.is_some() || inner.ended {
                return inner.progress.take();
            }
            if self.changed.wait_until(&mut inner, end).timed_out() {
                return inner.progress.take();
            }
        }
    }

    /// What a future does: takes the outcome, or leaves whom to wake.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Ending> {
        let mut inner = self.inner.lock();
        if inner.ended {
            return Poll::Ready(inner.ending.take().unwrap_or(Ending::Closed));
        }
        match &mut inner.waker {
            Some(waker) => waker.clone_from(context.waker()),
            None => inner.waker = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    fn end(&self, ending: Ending) {
        self.update(|inner| {
            if !inner.ended {
                inner.ended = true;
                inner.ending = Some(ending);
            }
        });
    }

    fn update(&self, change: impl FnOnce(&mut Inner)) {
        let mut inner = self.inner.lock();
        change(&mut inner);
        let waker = if inner.ended { inner.waker.take() } else { None };
        drop(inner);
        self.changed.notify_all();
        if let Some(waker) = waker {
            // The executor's code, which runs on the thread of the loop: its panic must not end that.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_first_ending_stays() {
        let slot = Arc::new(CallSlot::default());
        let ticket = Ticket::new(Arc::clone(&slot), None);
        assert!(!slot.has_ended());
        assert!(slot.wait_until(Instant::now()).is_none());
        ticket.end(Ending::Unknown);
        assert!(slot.has_ended());
        assert!(matches!(slot.wait(), Ending::Unknown));
    }

    #[test]
    fn a_dropped_ticket_ends_its_call() {
        let slot = Arc::new(CallSlot::default());
        drop(Ticket::new(Arc::clone(&slot), None));
        assert!(matches!(slot.wait(), Ending::Closed));
    }

    #[test]
    fn the_newest_report_is_kept_and_taken_once() {
        let slot = Arc::new(CallSlot::default());
        let ticket = Ticket::new(Arc::clone(&slot), None);
        ticket.progress(Frame::copy_from(b"old"));
        ticket.progress(Frame::copy_from(b"new"));
        assert_eq!(slot.progress().as_deref(), Some(&b"new"[..]));
        assert!(slot.progress().is_none());
        let writer = std::thread::spawn(move || ticket.progress(Frame::copy_from(b"later")));
        let found = slot.progress_until(Instant::now() + Duration::from_secs(20));
        assert_eq!(found.as_deref(), Some(&b"later"[..]));
        writer.join().unwrap();
    }
}
