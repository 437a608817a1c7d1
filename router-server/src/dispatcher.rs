//! Brings calls to the queues of their instruments: for the router loop, for ticks of streams and for `stop_all`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::RwLock;
use router_client::{Call, CallInfo, Interrupted};
use router_wire::{Failure, Name};

use crate::call_entry::CallEntry;
use crate::client_table::ClientKey;
use crate::counters::Counters;
use crate::job::{Answer, Body, Job, JobKey};
use crate::job_queue::{JobQueue, NeedsWake};
use crate::registry::{NamedCall, Registry};
use crate::target::{InstrumentId, Workshop};

/// What the router loop and the server's own callers share.
pub(crate) struct Dispatcher {
    pub(crate) registry: RwLock<Registry>,
    pub(crate) counters: Counters,
    pub(crate) epoch: u64,
    stream_changes: Arc<AtomicU64>,
    /// The number of the last call that the server made itself.
    last_own_number: AtomicU64,
}

/// A call that the server makes itself; `client` is who is told to be behind it.
pub(crate) struct OwnJob<'a> {
    pub(crate) entry: Arc<CallEntry>,
    /// The named call by which it is made.
    pub(crate) preset: Option<Arc<NamedCall>>,
    pub(crate) client: &'a str,
    pub(crate) body: Body,
    pub(crate) answer: Answer,
}

impl Dispatcher {
    /// `stream_changes` counts the changes of streams.
    pub(crate) fn new(epoch: u64, stream_changes: Arc<AtomicU64>) -> Arc<Dispatcher> {
        let registry = RwLock::default();
        Arc::new(Dispatcher {
            registry,
            counters: Counters::default(),
            epoch,
            stream_changes,
            last_own_number: AtomicU64::new(0),
        })
    }

    /// Counts the changes of what is served, calls and streams.
    pub(crate) fn version(&self) -> u64 {
        self.registry.read().version().wrapping_add(self.stream_changes.load(Ordering::Relaxed))
    }

    /// Puts a job into its queue, within the queue's bounds. The caller wakes the queue when told to.
    ///
    /// A job that is not taken is answered.
    pub(crate) fn submit(&self, mut job: Job) -> Option<Arc<JobQueue>> {
        let queue = Arc::clone(&job.entry.queue);
        match queue.bounds().admit(job.key.client, job.body.bytes().len()) {
            Ok(permit) => job.permit = Some(permit),
            Err(what) => {
                job.refuse(Failure::Busy { what });
                return None;
            }
        }
        push(job)
    }

    /// Cancels what runs of `instrument` and ends what is queued, but for its urgent calls.
    pub(crate) fn clear(&self, instrument: &Name, id: InstrumentId, by: &str) {
        let entry = self.registry.read().instrument(instrument);
        let Some(entry) = entry.filter(|entry| entry.id == id) else { return };
        let why = Interrupted::Cancelled { by: by.to_owned() };
        for executor in entry.cleared_by_urgent() {
            for job in executor.queue.clear(id, &why) {
                job.refuse(Failure::Cancelled { by: by.to_owned(), may_still_be_running: false });
            }
        }
    }

    /// Makes a call for the server itself and wakes its lane at once.
    pub(crate) fn submit_own(&self, job: OwnJob, deadline: Option<Instant>) {
        if let Some(queue) = self.submit(self.own_job(job, deadline)) {
            queue.wake();
        }
    }

    /// As [`submit_own`](Dispatcher::submit_own), past the queue's bounds.
    pub(crate) fn submit_unbounded(&self, job: OwnJob<'_>, deadline: Option<Instant>) {
        if let Some(queue) = push(self.own_job(job, deadline)) {
            queue.wake();
        }
    }

    /// Runs a call of the server itself on the calling thread.
    pub(crate) fn run_here(&self, job: OwnJob) {
        self.own_job(job, None).run(&mut Workshop::new());
    }

    fn own_job(&self, job: OwnJob, deadline: Option<Instant>) -> Job {
        let OwnJob { entry, preset, client, body, answer } = job;
        let called = preset.as_ref().map_or(&entry.name, |named| &named.name);
        let info = CallInfo { name: called.shared(), client: Arc::from(client), deadline };
        let (call, control) = Call::with_control(info, None);
        let number = self.last_own_number.fetch_add(1, Ordering::Relaxed) + 1;
        let key = JobKey { client: ClientKey::SERVER, number };
        Job { entry, call, control, body, preset, key, answer, permit: None }
    }
}

/// Puts a job into its queue; returns the queue when it has to be woken. A job that is not taken is answered.
fn push(job: Job) -> Option<Arc<JobQueue>> {
    let queue = Arc::clone(&job.entry.queue);
    match queue.push(job) {
        Ok(NeedsWake(true)) => Some(queue),
        Ok(NeedsWake(false)) => None,
        Err(job) => {
            // Between its look-up and now the instrument was removed, or the server stopped.
            let by = format!("`{}` is not served any more", job.entry.name);
            job.refuse(Failure::Cancelled { by, may_still_be_running: false });
            None
        }
    }
}
