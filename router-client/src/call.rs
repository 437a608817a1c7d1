//! The call that a method is running, as the method sees it.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use router_wire::reply::Progress;

use crate::call_control::{CallControl, CallInfo, OnProgress};
use crate::interrupted::Interrupted;

/// The call that a method is running: its cancellation points, its progress, and who asked for it.
///
/// A method takes it as an argument of type `&Call`, at any place; it is no argument of the remote call.
/// Cloning it is cheap, and every clone is the same call, so that a method may hand it to a thread of its own.
///
/// ```
/// use std::time::Duration;
/// use router_client::{Call, Interrupted};
///
/// fn expose(call: &Call, frames: u32) -> Result<u32, Interrupted> {
///     for frame in 0..frames {
///         call.progress(f64::from(frame) / f64::from(frames), format!("frame {frame} of {frames}"))?;
///         call.sleep(Duration::from_millis(1))?;
///     }
///     Ok(frames)
/// }
/// assert_eq!(expose(&Call::local("expose"), 3), Ok(3));
/// ```
#[derive(Clone, Debug)]
pub struct Call {
    control: CallControl,
}

impl Call {
    /// A call without a server, for calling a method directly: without a deadline, never interrupted, and its
    /// progress goes nowhere.
    pub fn local(method: &str) -> Call {
        let info = CallInfo { name: Arc::from(method), client: Arc::from("this program"), deadline: None };
        Call::with_control(info, None).0
    }

    /// A call and the server's side of it, for servers. `on_progress` is called by the method's thread when a
    /// report is there and [`CallControl::take_progress`] has taken the one before.
    pub fn with_control(info: CallInfo, on_progress: Option<OnProgress>) -> (Call, CallControl) {
        let control = CallControl::new(info, on_progress);
        (Call { control: control.clone() }, control)
    }

    /// For generated code: says that this thread runs the `inline` method `method` until the answer is dropped. A wait
    /// for the outcome of a call is refused meanwhile.
    #[doc(hidden)]
    pub fn enter_inline(method: &'static str) -> InlineRun {
        InlineRun { before: INLINE.replace(Some(method)) }
    }

    /// A cancellation point: goes on, or says why the method is to end. Costs a look at an atomic, and at the
    /// clock if there is a deadline.
    ///
    /// # Errors
    /// [`Interrupted`]; the first reason there was, and the same at every later point.
    pub fn check(&self) -> Result<(), Interrupted> {
        self.control.check()
    }

    /// A cancellation point that lasts `duration`.
    ///
    /// # Errors
    /// [`Interrupted`], as soon as the call is interrupted or its deadline passes.
    ///
    /// # Blocking
    /// For `duration`; an interruption or the deadline ends it at once.
    pub fn sleep(&self, duration: Duration) -> Result<(), Interrupted> {
        self.control.sleep(duration)
    }

    /// Tells the caller how far the call is (`fraction` from 0.0 to 1.0) and what is being done, and is a
    /// cancellation point. Never waits: at most 20 reports a second leave the server, the newest is kept.
    ///
    /// # Errors
    /// [`Interrupted`]; the report is then dropped.
    pub fn progress(&self, fraction: f64, message: impl Into<String>) -> Result<(), Interrupted> {
        self.check()?;
        let fraction = if fraction.is_nan() { 0.0 } else { fraction.clamp(0.0, 1.0) };
        self.control.report(Progress { fraction, message: message.into() });
        Ok(())
    }

    /// The full name under which it was called: `stage.move_to`, or that of a named call, not of its target. `ping` and
    /// whoever is cancelled by this call are told the same.
    pub fn name(&self) -> &str {
        &self.control.info().name
    }

    /// Who called: `alice@scope-3 napari pid 4411`.
    pub fn client(&self) -> &str {
        &self.control.info().client
    }

    /// When it is to have ended, if its caller set a deadline.
    pub fn deadline(&self) -> Option<Instant> {
        self.control.info().deadline
    }

    /// The time left until the deadline: zero once it has passed, `None` without one.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

thread_local! {
    /// The inline method that this thread is in. Written by [`InlineRun`], read by who would wait for a call.
    static INLINE: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// A run of an inline method on this thread.
#[doc(hidden)]
#[derive(Debug)]
#[must_use = "the run ends when this is dropped"]
pub struct InlineRun {
    /// The inline method that called this one.
    before: Option<&'static str>,
}

impl Drop for InlineRun {
    fn drop(&mut self) {
        INLINE.set(self.before);
    }
}

/// Whether this thread is in an inline method and so must not wait for the outcome of a call. An inline method runs in the
/// router loop, which would have to bring the outcome: a wait for the own server would hold up every client of it until
/// the waiting one takes it for lost, after 3 s.
///
/// Said wherever the method runs (in a stream's thread, or on the lane, to which a slow one moves), so that it does not
/// depend on the load whether a method works.
pub(crate) fn is_in_inline() -> bool {
    INLINE.get().is_some()
}

/// Why this thread must not wait for the outcome of a call, if it must not: it is in an inline method.
pub(crate) fn must_not_wait() -> Option<String> {
    let method = INLINE.get()?;
    Some(format!(
        "by the inline method `{method}`, which would wait for it in the server's loop: remove `inline` there"
    ))
}
