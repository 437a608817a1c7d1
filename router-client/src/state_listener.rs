//! `StateListener`: a function that is told when the connection's state changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use router_socket::NamedThread;

use crate::connection::ConnectionState;
use crate::shared::Shared;

/// How long a dropped listener waits for its function to return.
const PATIENCE: Duration = Duration::from_millis(200);

/// Keeps a function listening, from [`RouterClient::on_state`](crate::RouterClient::on_state); dropping it ends that.
///
/// # Blocking
/// Dropping waits up to 200 ms for a function that runs, unless that function itself drops it.
#[must_use = "dropping a listener ends it"]
pub struct StateListener {
    ended: Arc<AtomicBool>,
    shared: Arc<Shared>,
    thread: Option<NamedThread>,
}

impl StateListener {
    /// Starts the thread that waits for changes; it ends with the client.
    pub(crate) fn start(
        shared: Arc<Shared>,
        mut listen: impl FnMut(ConnectionState) + Send + 'static,
    ) -> std::io::Result<StateListener> {
        let ended = Arc::new(AtomicBool::new(false));
        let mut seen = shared.connection.changes();
        let (listened, end) = (Arc::clone(&shared), Arc::clone(&ended));
        let thread = router_socket::spawn("client state", move || {
            while let Some(state) = listened.connection.next_change(&mut seen, || end.load(Ordering::Acquire))
            {
                listen(state);
            }
        })?;
        Ok(StateListener { ended, shared, thread: Some(thread) })
    }
}

impl Drop for StateListener {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        self.shared.connection.nudge();
        if let Some(thread) = self.thread.take() {
            // One that hangs in the user's function is left to itself.
            let _ = thread.join_within(PATIENCE);
        }
    }
}

impl std::fmt::Debug for StateListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StateListener").finish_non_exhaustive()
    }
}
