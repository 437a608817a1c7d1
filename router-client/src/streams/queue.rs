//! `Queue`: a subscription that keeps every sample, up to a bound.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_core::Stream;
use router_wire::{FromPayload, Name};

use super::attached::Attached;
use super::packet::Packet;
use super::queue_slot::QueueSlot;
use super::sample::{Sample, SampleError};
use super::settle::SettleError;
use super::stats::SubscriptionStats;
use super::subscription::State;

/// A subscription that keeps every sample of a stream, up to a bound in count and bytes; made by
/// `client.subscribe(name).queue(count)`.
///
/// When it is full the oldest sample is dropped, or with `keep_oldest` the newest; either is counted. Dropping
/// the queue unsubscribes. Threads may share it: each sample goes to one of them.
///
/// It is a [`Stream`] too, for any executor or none.
pub struct Queue<T> {
    attached: Attached<QueueSlot>,
    /// Values are made on the thread that takes them; none is kept.
    value: PhantomData<fn() -> T>,
}

/// What the lock shows of a queue.
enum Head {
    Packet(Packet),
    Closed,
}

impl<T: FromPayload> Queue<T> {
    pub(crate) fn new(attached: Attached<QueueSlot>) -> Queue<T> {
        Queue { attached, value: PhantomData }
    }

    /// Takes the oldest sample, and waits for one if there is none.
    ///
    /// # Errors
    /// [`SampleError::Failed`] or [`SampleError::Decode`], after which the next sample can be taken;
    /// [`SampleError::Closed`] when the client was closed and the queue is empty.
    ///
    /// # Blocking
    /// Until a sample arrives or the client is closed; a server that is away does not end it.
    pub fn recv(&self) -> Result<Sample<T>, SampleError> {
        let head = self.attached.subscription.wait(None, head);
        self.read(head.unwrap_or(Head::Closed))
    }

    /// Takes the oldest sample, and waits for one for `timeout` if there is none.
    ///
    /// # Errors
    /// [`SampleError::NothingInTime`]; otherwise as [`recv`](Queue::recv).
    ///
    /// # Blocking
    /// At most `timeout`.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Sample<T>, SampleError> {
        match self.attached.subscription.wait(Instant::now().checked_add(timeout), head) {
            Some(head) => self.read(head),
            None => Err(SampleError::NothingInTime { name: self.name().clone(), waited: timeout }),
        }
    }

    /// Takes the oldest sample if there is one.
    ///
    /// # Errors
    /// [`SampleError::NothingYet`]; otherwise as [`recv`](Queue::recv).
    pub fn try_recv(&self) -> Result<Sample<T>, SampleError> {
        match self.attached.subscription.look(head) {
            Some(head) => self.read(head),
            None => Err(SampleError::NothingYet { name: self.name().clone() }),
        }
    }

    /// Takes the samples as they come; ends when the client is closed.
    ///
    /// # Blocking
    /// Each step as [`recv`](Queue::recv).
    pub fn iter(&self) -> QueueIter<'_, T> {
        QueueIter { queue: self }
    }

    /// Takes the oldest sample, or has the task of `context` woken when one arrives; `None` when the client was
    /// closed and the queue is empty.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Sample<T>, SampleError>>> {
        let waker = context.waker().clone();
        // One task at a time polls, `&mut self`. An older waker is dropped outside of the lock.
        let (found, _older_waker) = self.attached.subscription.look(|state| match head(state) {
            None => (None, state.waker.replace(waker)),
            found => (found, None),
        });
        match found {
            Some(Head::Packet(packet)) => Poll::Ready(Some(self.attached.subscription.read(&packet))),
            Some(Head::Closed) => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    fn read(&self, head: Head) -> Result<Sample<T>, SampleError> {
        match head {
            Head::Packet(packet) => self.attached.subscription.read(&packet),
            Head::Closed => Err(SampleError::Closed { name: self.name().clone() }),
        }
    }
}

impl<T> Queue<T> {
    /// The stream.
    pub fn name(&self) -> &Name {
        self.attached.name()
    }

    /// What became of the samples so far.
    pub fn stats(&self) -> SubscriptionStats {
        self.attached.stats()
    }

    /// Waits until every sample that the source published before this call has arrived here or is counted as
    /// lost. What has arrived waits in the queue.
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

fn head(state: &mut State<QueueSlot>) -> Option<Head> {
    match state.kept.take(&mut state.account) {
        None if state.closed => Some(Head::Closed),
        packet => packet.map(Head::Packet),
    }
}

impl<T: FromPayload> Stream for Queue<T> {
    type Item = Result<Sample<T>, SampleError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Queue::poll_next(self.get_mut(), context)
    }
}

/// The samples of a [`Queue`] as they come, see [`Queue::iter`].
#[derive(Debug)]
pub struct QueueIter<'a, T> {
    queue: &'a Queue<T>,
}

impl<T: FromPayload> Iterator for QueueIter<'_, T> {
    type Item = Result<Sample<T>, SampleError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.queue.recv() {
            Err(SampleError::Closed { .. }) => None,
            sample => Some(sample),
        }
    }
}

impl<'a, T: FromPayload> IntoIterator for &'a Queue<T> {
    type Item = Result<Sample<T>, SampleError>;
    type IntoIter = QueueIter<'a, T>;

    fn into_iter(self) -> QueueIter<'a, T> {
        self.iter()
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("name", self.name()).finish_non_exhaustive()
    }
}
