//! Where the calls loop leaves what becomes of a call, and where its caller waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use router_socket::Frame;

use crate::budget::CallPermit;
use crate::ending::Ending;
use crate::onlookers::Onlookers;

/// One call, shared by its [`PendingCall`](crate::PendingCall) and the [`Ticket`] of the loop.
#[derive(Debug, Default)]
pub(crate) struct CallSlot {
    inner: Mutex<Inner>,
    changed: Condvar,
    /// The life of the server that the request was given to last; 0 before. Written by the loop.
    epoch: AtomicU64,
    /// Set behind `inner.ending`, once.
    ended: AtomicBool,
    onlookers: Arc<Onlookers>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Written once; taken by who waits.
    ending: Option<Ending>,
    ended: bool,
    /// The loop is there to be turned by who waits.
    promoted: bool,
    /// The newest report that was not taken.
    progress: Option<Frame>,
    /// Left by the task that polled last.
    waker: Option<Waker>,
}

/// What ended a wait for the outcome.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parked {
    Ended,
    Promoted,
    TimeOver,
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
        if !self.slot.has_ended() {
            self.slot.end(Ending::Closed);
        }
    }
}

impl CallSlot {
    pub(crate) fn new(onlookers: Arc<Onlookers>) -> CallSlot {
        let (inner, changed) = (Mutex::default(), Condvar::default());
        CallSlot { inner, changed, epoch: AtomicU64::new(0), ended: AtomicBool::new(false), onlookers }
    }

    /// Tells whether the outcome is there, or was.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// The life of the server that the request was given to last; 0 before.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Takes the outcome, which is there.
    pub(crate) fn take_ending(&self) -> Ending {
        self.inner.lock().ending.take().unwrap_or(Ending::Closed)
    }

    /// Waits for the outcome, or for the loop to be turned, until `until`.
    pub(crate) fn park(&self, until: Option<Instant>) -> Parked {
        let mut inner = self.inner.lock();
        loop {
            if inner.ended {
                return Parked::Ended;
            }
            if std::mem::take(&mut inner.promoted) {
                return Parked::Promoted;
            }
            match until {
                None => self.changed.wait(&mut inner),
                Some(until) if until <= Instant::now() => return Parked::TimeOver,
                Some(until) => drop(self.changed.wait_until(&mut inner, until)),
            }
        }
    }

    /// Tells who waits that the loop is there to be turned.
    pub(crate) fn promote(&self) {
        self.inner.lock().promoted = true;
        self.changed.notify_all();
    }

    /// Takes the newest report, if there is one that was not taken.
    pub(crate) fn progress(&self) -> Option<Frame> {
        self.inner.lock().progress.take()
    }

    /// Waits for a report until `end`, or until the call has ended.
    pub(crate) fn progress_until(&self, end: Instant) -> Option<Frame> {
        let mut inner = self.inner.lock();
        while inner.progress.is_none() && !inner.ended {
            if self.changed.wait_until(&mut inner, end).timed_out() {
                break;
            }
        }
        inner.progress.take()
    }

    /// What a future does: takes the outcome, or leaves whom to wake.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Ending> {
        let mut inner = self.inner.lock();
        if inner.ended {
            return Poll::Ready(inner.ending.take().unwrap_or(Ending::Closed));
        }
        match &mut inner.waker {
            Some(waker) => waker.clone_from(context.waker()),
            None => {
                inner.waker = Some(context.waker().clone());
                self.onlookers.one_more();
            }
        }
        Poll::Pending
    }

    fn end(&self, ending: Ending) {
        self.update(|inner| {
            if !inner.ended {
                inner.ended = true;
                inner.ending = Some(ending);
                self.ended.store(true, Ordering::Release);
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
            self.onlookers.one_fewer();
            self.onlookers.wake(waker);
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
        assert_eq!(slot.park(Some(Instant::now())), Parked::TimeOver);
        ticket.end(Ending::Unknown);
        assert!(slot.has_ended());
        assert_eq!(slot.park(None), Parked::Ended);
        assert!(matches!(slot.take_ending(), Ending::Unknown));
    }

    #[test]
    fn a_dropped_ticket_ends_its_call() {
        let slot = Arc::new(CallSlot::default());
        drop(Ticket::new(Arc::clone(&slot), None));
        assert_eq!(slot.park(None), Parked::Ended);
        assert!(matches!(slot.take_ending(), Ending::Closed));
    }

    #[test]
    fn who_waits_is_told_once_that_the_loop_is_there() {
        let slot = CallSlot::default();
        slot.promote();
        assert_eq!(slot.park(None), Parked::Promoted);
        assert_eq!(slot.park(Some(Instant::now())), Parked::TimeOver);
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
