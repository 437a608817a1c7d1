//! `PendingCall`: a call that was made and whose outcome is still to be taken.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use router_socket::Frame;
use router_wire::reply::Progress;
use router_wire::{CallId, Failure, Refused, ServerMessage, body};
use serde::de::DeserializeOwned;

use crate::call::{is_in_inline, must_not_wait};
use crate::call_error::CallError;
use crate::call_slot::{CallSlot, Ticket};
use crate::client::RouterClient;
use crate::command::{Command, Start};
use crate::ending::{Called, Ending};
use crate::remote_error::RemoteError;

/// A call that was made. Dropping it leaves the call running, unless
/// [`cancel_on_drop`](PendingCall::cancel_on_drop) says otherwise. It keeps the client's connection.
///
/// It is a [`Future`] that needs no runtime: a thread of the client's own wakes whoever polls it.
///
/// ```no_run
/// # use router_client::RouterClient;
/// # use std::time::Duration;
/// let client = RouterClient::connect("tcp://localhost")?;
/// let mut moving = client.call::<f64>("stage.move_to", (9000.0,)).start();
/// while let Some(progress) = moving.progress_timeout(Duration::from_secs(1)) {
///     println!("{:.0} % {}", 100.0 * progress.fraction, progress.message);
/// }
/// let reached_um = moving.wait()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a call whose outcome nobody takes may fail without a sign; `drop` it if that is meant"]
pub struct PendingCall<T, E = Refused> {
    client: RouterClient,
    slot: Arc<CallSlot>,
    number: u64,
    name: String,
    /// The server, or the loop, was asked once; once is enough, and bounds what is posted.
    cancelled: AtomicBool,
    cancel_on_drop: bool,
    returns: PhantomData<fn() -> (T, E)>,
}

impl<T, E> PendingCall<T, E> {
    pub(crate) fn new(client: RouterClient, slot: Arc<CallSlot>, number: u64, name: String) -> Self {
        let cancelled = AtomicBool::new(false);
        PendingCall { client, slot, number, name, cancelled, cancel_on_drop: false, returns: PhantomData }
    }

    pub(crate) fn client(&self) -> &RouterClient {
        &self.client
    }

    /// Has the call made.
    pub(crate) fn made(&self, start: Start) {
        self.client.driving().start(start);
    }

    /// Leaves what it ends with instead of being made.
    pub(crate) fn ended(&self, ending: Ending) {
        Ticket::new(Arc::clone(&self.slot), None).end(ending);
    }

    /// Returns the name of the call.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what names this call among all calls of all clients, and by which
    /// [`RouterClient::outcome`](RouterClient::outcome) asks for it. Its epoch is known when the request has left.
    pub fn id(&self) -> CallId {
        CallId { client: self.client.identity().id, number: self.number, epoch: self.slot.epoch() }
    }

    /// Tells whether the call has ended, so that [`wait`](PendingCall::wait) returns at once.
    pub fn is_finished(&self) -> bool {
        self.look_on();
        self.slot.has_ended()
    }

    /// Has the loop turned for who looks without waiting.
    fn look_on(&self) {
        if !self.slot.has_ended() {
            self.client.driving().call_keeper();
        }
    }

    /// Asks the call to end and returns at once. A call that has not been started never is; a running method ends at
    /// its next cancellation point, if it has one. The outcome says what came of it.
    pub fn cancel(&self) {
        if !self.slot.has_ended() && !self.cancelled.swap(true, Ordering::Relaxed) {
            self.client.driving().post(Command::Cancel(self.number));
        }
    }

    /// Has the call cancelled when this value is dropped before the call has ended.
    pub fn cancel_on_drop(mut self) -> Self {
        self.cancel_on_drop = true;
        self
    }

    /// Takes the newest report, if one came since the last was taken.
    pub fn progress(&self) -> Option<Progress> {
        self.look_on();
        self.read(self.slot.progress())
    }

    /// Takes the newest report, or waits for the next one. `None` when there was none in time, or the call has ended.
    ///
    /// # Blocking
    /// For `timeout`; a report and the outcome end it. In an `inline` method not at all.
    pub fn progress_timeout(&self, timeout: Duration) -> Option<Progress> {
        if is_in_inline() {
            return self.progress();
        }
        // The keeper turns the loop for who waits for more than the outcome.
        let driving = self.client.driving();
        driving.onlookers().one_more();
        driving.call_keeper();
        let report = self.slot.progress_until(end_of(timeout));
        driving.onlookers().one_fewer();
        self.read(report)
    }

    fn read(&self, report: Option<Frame>) -> Option<Progress> {
        let report = report?;
        let Ok(ServerMessage::Progress { body, .. }) = ServerMessage::decode(&report) else { return None };
        let progress = body::decode(body);
        if progress.is_err() {
            self.client.shared().counters.malformed_messages.add_one();
        }
        progress.ok()
    }
}

impl<T: DeserializeOwned, E: RemoteError> PendingCall<T, E> {
    /// Has the call made, and waits for its outcome.
    pub(crate) fn made_and_waited_for(&self, start: Start) -> Result<T, CallError<E>> {
        self.result(self.client.driving().call(start, &self.slot))
    }

    /// The outcome of a call that was not made.
    pub(crate) fn not_made(&self, ending: Ending) -> Result<T, CallError<E>> {
        self.result(ending)
    }

    /// Waits for the outcome.
    ///
    /// # Errors
    /// [`CallError`] says how the call ended, and whether the method ran.
    ///
    /// # Blocking
    /// Until the outcome: at most for the request's deadline and 50 ms, if it has one. It also ends when the
    /// connection is lost, or does not come up within the connect timeout. In an `inline` method it never waits: a call
    /// that has not ended is cancelled. While it waits, this thread may send and receive for the client's other threads.
    pub fn wait(self) -> Result<T, CallError<E>> {
        if let Some(refused) = self.refused_in_loop() {
            return self.result(refused);
        }
        let ending = self.client.driving().wait(&self.slot, None).unwrap_or(Ending::Closed);
        self.result(ending)
    }

    /// Waits for the outcome, and gives the call back if there was none in time.
    ///
    /// # Errors
    /// The call itself, which goes on. The inner error is that of [`wait`](PendingCall::wait).
    ///
    /// # Blocking
    /// For `timeout`; the outcome ends it. In an `inline` method not at all, as [`wait`](PendingCall::wait).
    pub fn wait_timeout(self, timeout: Duration) -> Result<Result<T, CallError<E>>, Self> {
        if let Some(refused) = self.refused_in_loop() {
            return Ok(self.result(refused));
        }
        match self.client.driving().wait(&self.slot, Some(end_of(timeout))) {
            Some(ending) => Ok(self.result(ending)),
            None => Err(self),
        }
    }

    /// What ends this call when its caller is in an inline method and the outcome is not there.
    fn refused_in_loop(&self) -> Option<Ending> {
        let by = must_not_wait()?;
        if self.slot.has_ended() {
            return None;
        }
        self.cancel();
        Some(Ending::Failed(Failure::Cancelled { by, may_still_be_running: true }))
    }

    fn result(&self, ending: Ending) -> Result<T, CallError<E>> {
        ending.into_result(&Called { name: &self.name, id: self.id(), endpoint: self.client.endpoint() })
    }
}

/// A span beyond the end of the clock is as good as a year.
fn end_of(timeout: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    let now = Instant::now();
    now.checked_add(timeout).unwrap_or(now + YEAR)
}

impl<T: DeserializeOwned, E: RemoteError> Future for PendingCall<T, E> {
    type Output = Result<T, CallError<E>>;

    /// After the outcome was taken, every further poll says [`CallError::Closed`].
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.slot.poll(context);
        if polled.is_pending() {
            self.client.driving().call_keeper();
        }
        polled.map(|ending| self.result(ending))
    }
}

impl<T, E> Drop for PendingCall<T, E> {
    fn drop(&mut self) {
        if self.cancel_on_drop {
            self.cancel();
        }
    }
}

impl<T, E> std::fmt::Debug for PendingCall<T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PendingCall")
            .field("name", &self.name)
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}
