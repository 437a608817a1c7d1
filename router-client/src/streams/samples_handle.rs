//! `SamplesHandle`: how the client owns and reaches its samples loop.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use router_slots::SlotAddress;
use router_socket::{
    Context, Endpoint, MailSender, NamedThread, SocketError, StillRunning, mailbox, named_thread,
};
use router_wire::Topic;
use thiserror::Error;

use super::samples_loop::SamplesLoop;
use super::subscription::Deliver;
use super::token;

/// The samples loop on its thread. Dropped, it closes every subscription and joins the thread.
pub(crate) struct SamplesHandle {
    sender: MailSender<Command>,
    /// Tells this client's questions for samples from others'.
    asker: u64,
    counters: Arc<SamplesCounters>,
    /// Taken by the first `close`.
    thread: Mutex<Option<NamedThread>>,
}

/// Where a greeted server serves its streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerView {
    /// The life of the server.
    pub(crate) epoch: u64,
    /// Where small streams are, as it is to be dialled.
    pub(crate) samples: Endpoint,
    /// Where large ones are.
    pub(crate) frames: Endpoint,
    /// Where it shares memory with processes on its machine.
    pub(crate) slots: Option<SlotAddress>,
    /// A host name in them is taken for its IPv6 address.
    pub(crate) by_ipv6: bool,
}

/// Counted by the samples loop, read by anyone.
#[derive(Debug, Default)]
pub(crate) struct SamplesCounters {
    malformed: AtomicU64,
    refused_sockets: AtomicU64,
    late_in_memory: AtomicU64,
}

/// What reaches the samples loop. Not bounded: there are at most two commands for each subscription that the
/// program makes, and one for each greeting.
pub(crate) enum Command {
    /// A server was greeted.
    Server(ServerView),
    /// A subscription begins.
    Subscribe { topic: Topic, subscription: Arc<dyn Deliver> },
    /// A subscription was dropped.
    Unsubscribe { topic: Topic, number: u64 },
    /// The client closes.
    Close,
}

/// Why there is no samples loop.
#[derive(Debug, Error)]
pub(crate) enum SamplesError {
    /// No socket or wake-up could be made.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// No thread could be started.
    #[error("no thread could be started for samples: {0}")]
    Thread(#[from] io::Error),
}

/// How long `close` waits for the loop, which never blocks outside of poll.
const JOIN_WITHIN: Duration = Duration::from_secs(1);

impl SamplesHandle {
    /// Starts the loop, which is connected to nothing until [`server`](Self::server).
    pub(crate) fn start(context: &Context) -> Result<SamplesHandle, SamplesError> {
        let (sender, mailbox) = mailbox(context, None)?;
        let counters = Arc::new(SamplesCounters::default());
        let asker = token::new();
        let mut samples = SamplesLoop::new(context, mailbox, asker, Arc::clone(&counters))?;
        let thread = named_thread::spawn("client samples", move || while samples.turn(None) {})?;
        Ok(SamplesHandle { sender, asker, counters, thread: Mutex::new(Some(thread)) })
    }

    /// A server was greeted; call it after each hello.
    pub(crate) fn server(&self, view: ServerView) {
        let _ = self.sender.post(Command::Server(view)); // a closed loop has no use for it
    }

    /// Begins a subscription; `false` when the client was closed.
    pub(crate) fn subscribe(&self, topic: Topic, subscription: Arc<dyn Deliver>) -> bool {
        self.sender.post(Command::Subscribe { topic, subscription }).is_ok()
    }

    /// Ends a subscription.
    pub(crate) fn unsubscribe(&self, topic: Topic, number: u64) {
        let _ = self.sender.post(Command::Unsubscribe { topic, number }); // a closed loop has ended it already
    }

    /// Closes every subscription and ends the loop; the second time it does nothing.
    ///
    /// # Errors
    /// [`StillRunning`] when the loop does not end, which only a system without processor time can cause.
    ///
    /// # Blocking
    /// At most a second.
    pub(crate) fn close(&self) -> Result<(), StillRunning> {
        let _ = self.sender.post(Command::Close); // a closed loop has ended already
        let thread = self.thread.lock().take();
        thread.map_or(Ok(()), |thread| thread.join_within(JOIN_WITHIN))
    }

    /// Who asks for samples of this client, in the topics under which they come.
    pub(crate) fn asker(&self) -> u64 {
        self.asker
    }

    /// What the loop counted.
    pub(crate) fn counters(&self) -> &SamplesCounters {
        &self.counters
    }
}

impl Drop for SamplesHandle {
    fn drop(&mut self) {
        let _ = self.close(); // there is nobody left to tell
    }
}

impl SamplesCounters {
    /// Messages that were no packets; they were ignored.
    pub(crate) fn malformed_samples(&self) -> u64 {
        self.malformed.load(Ordering::Relaxed)
    }

    /// How often the process had no socket left for a large stream, or the server told an endpoint that cannot
    /// be dialled.
    pub(crate) fn refused_sockets(&self) -> u64 {
        self.refused_sockets.load(Ordering::Relaxed)
    }

    /// Samples that were in shared memory no longer when they were to be read; they are lost.
    pub(crate) fn late_in_memory(&self) -> u64 {
        self.late_in_memory.load(Ordering::Relaxed)
    }

    pub(super) fn count_late_in_memory(&self) {
        self.late_in_memory.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_malformed(&self) {
        self.malformed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_refused_socket(&self) {
        self.refused_sockets.fetch_add(1, Ordering::Relaxed);
    }
}
