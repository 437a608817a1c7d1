//! The call that a method is running, as the method sees it.

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

    /// The full name under which it was called: `stage.move_to`.
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
