//! A tap: somebody looks at the messages of a relay and holds nothing up.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Sender, TrySendError};
use router_socket::{Frame, NamedThread, spawn};

/// A message as a relay received it.
pub struct TappedMessage {
    frames: Vec<Frame>,
}

/// What looks at the messages of a relay.
pub(super) struct Tap {
    /// Most messages that wait for it.
    pub(super) waiting: usize,
    pub(super) look: Box<dyn FnMut(&TappedMessage) + Send>,
}

/// The relay's end.
pub(super) struct TapSender {
    messages: Option<Sender<TappedMessage>>,
    dropped: Arc<AtomicU64>,
}

impl TappedMessage {
    /// Its frames.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.frames.iter().map(|frame| &**frame)
    }
}

impl fmt::Display for TappedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_BYTES: usize = 80;
        let sizes: Vec<String> = self.frames().map(|frame| frame.len().to_string()).collect();
        let first = self.frames.first().map_or(&[][..], |frame| &frame[..frame.len().min(SHOWN_BYTES)]);
        write!(f, "{} bytes: {}", sizes.join(" + "), first.escape_ascii())
    }
}

impl fmt::Debug for TappedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TappedMessage({self})")
    }
}

impl Tap {
    /// Starts its thread, which ends with the sender. What it does not take is added to `dropped`.
    ///
    /// # Errors
    /// The system's, when it has no thread left.
    pub(super) fn start(
        self,
        relay: &str,
        dropped: Arc<AtomicU64>,
    ) -> std::io::Result<(TapSender, NamedThread)> {
        let (messages, receiver) = crossbeam_channel::bounded(self.waiting);
        let (mut look, name) = (self.look, format!("tap {relay}"));
        let thread = spawn(name.clone(), move || {
            for message in receiver {
                if catch_unwind(AssertUnwindSafe(|| look(&message))).is_err() {
                    log::error!("{name} panicked: it looks at nothing any more");
                    return;
                }
            }
        })?;
        Ok((TapSender { messages: Some(messages), dropped }, thread))
    }
}

impl TapSender {
    /// Shows a message, by reference. Never waits.
    pub(super) fn show(&mut self, frames: &[Frame]) {
        let Some(messages) = &self.messages else { return };
        if messages.is_full() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        match messages.try_send(TappedMessage { frames: frames.iter().map(Frame::shared).collect() }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => drop(self.dropped.fetch_add(1, Ordering::Relaxed)),
            Err(TrySendError::Disconnected(_)) => self.messages = None,
        }
    }
}
