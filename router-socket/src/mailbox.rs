//! How other threads reach a loop that waits on sockets: a channel that carries the messages, and a wake-up that a
//! poll can wait on. What keeps a message from being overlooked is in `doorbell.rs`.

use crate::context::Context;
use crate::doorbell::Doorbell;
use crate::error::SocketError;
use crate::poll::{PollEntry, Poller};
use crate::wake_up::{WakeUp, Waker, wake_up};
use crossbeam_channel::{Receiver, Sender, TrySendError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Makes a mailbox that holds at most `bound` messages; `None` is for messages that are bounded elsewhere.
///
/// # Errors
/// [`SocketError::WakeUp`] or [`SocketError::TooManySockets`] when the process has no descriptor left.
pub fn mailbox<T: Send>(
    context: &Context,
    bound: Option<usize>,
) -> Result<(MailSender<T>, Mailbox<T>), SocketError> {
    let (waker, wake_up) = wake_up(context)?;
    let (sender, receiver) = match bound {
        Some(bound) => crossbeam_channel::bounded(bound),
        None => crossbeam_channel::unbounded(),
    };
    let bell = Arc::new(Bell { doorbell: Doorbell::default(), waker, wake_ups: AtomicU64::new(0) });
    let mail_sender = MailSender { channel: sender, bell: Arc::clone(&bell) };
    Ok((mail_sender, Mailbox { channel: receiver, bell, wake_up, poller: Poller::default() }))
}

/// Posts to a loop from any thread.
pub struct MailSender<T> {
    channel: Sender<T>,
    bell: Arc<Bell>,
}

/// The loop's end: take what was posted, and sleep until something is or a socket is ready.
pub struct Mailbox<T> {
    channel: Receiver<T>,
    bell: Arc<Bell>,
    wake_up: WakeUp,
    poller: Poller,
}

/// A message that was not posted, and why.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PostError<T> {
    /// The mailbox holds as many messages as it may.
    #[error("the mailbox is full")]
    Full(T),
    /// The loop has ended.
    #[error("the loop has ended")]
    Closed(T),
}

/// What both ends share.
struct Bell {
    doorbell: Doorbell,
    waker: Waker,
    /// Counted by those who post.
    wake_ups: AtomicU64,
}

impl<T: Send> MailSender<T> {
    /// Posts a message, and wakes the loop if it sleeps. Never waits.
    ///
    /// # Errors
    /// [`PostError`] with the message.
    pub fn post(&self, message: T) -> Result<(), PostError<T>> {
        self.channel.try_send(message).map_err(|refused| match refused {
            TrySendError::Full(message) => PostError::Full(message),
            TrySendError::Disconnected(message) => PostError::Closed(message),
        })?;
        self.bell.doorbell.posted(|| {
            self.bell.wake_ups.fetch_add(1, Ordering::Relaxed);
            self.bell.waker.wake();
        });
        Ok(())
    }

    /// Returns how many messages wait.
    pub fn len(&self) -> usize {
        self.channel.len()
    }

    /// Tells whether no message waits.
    pub fn is_empty(&self) -> bool {
        self.channel.is_empty()
    }
}

impl<T: Send> Mailbox<T> {
    /// Takes the oldest message, if one waits.
    pub fn try_take(&mut self) -> Option<T> {
        self.channel.try_recv().ok()
    }

    /// Tells whether no message waits.
    pub fn is_empty(&self) -> bool {
        self.channel.is_empty()
    }

    /// Sleeps until a message is posted, one of `sockets` is ready, or `timeout` is over; `None` waits without end.
    ///
    /// Drain the sockets and the mailbox first: the sockets are asked once more in any case, but if a message waits
    /// already this returns at once.
    ///
    /// # Errors
    /// [`SocketError::ContextTerminated`].
    ///
    /// # Blocking
    /// For `timeout`; a signal does not end it, a post does.
    pub fn poll(
        &mut self,
        sockets: &mut [PollEntry<'_>],
        timeout: Option<Duration>,
    ) -> Result<(), SocketError> {
        let Mailbox { channel, bell, wake_up, poller } = self;
        let polled = bell.doorbell.sleep(
            || !channel.is_empty(),
            |waits| {
                let timeout = if waits { Some(Duration::ZERO) } else { timeout };
                poller.poll_with(sockets, Some(wake_up), timeout)
            },
        )?;
        // A wake-up that comes after the poll makes the next one return at once, and is emptied then.
        if polled.woken {
            wake_up.empty();
        }
        Ok(())
    }

    /// Returns how often someone who posted had to wake the loop.
    pub fn wake_ups(&self) -> u64 {
        self.bell.wake_ups.load(Ordering::Relaxed)
    }
}

impl<T> Clone for MailSender<T> {
    fn clone(&self) -> MailSender<T> {
        MailSender { channel: self.channel.clone(), bell: Arc::clone(&self.bell) }
    }
}

impl<T> std::fmt::Debug for PostError<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            PostError::Full(_) => "Full(..)",
            PostError::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> std::fmt::Debug for MailSender<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailSender").field("waiting", &self.channel.len()).finish()
    }
}

impl<T> std::fmt::Debug for Mailbox<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailbox").field("waiting", &self.channel.len()).finish()
    }
}
