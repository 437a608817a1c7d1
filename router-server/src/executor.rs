//! The threads behind a queue: a lane has one for life, a pool several.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use router_socket::named_thread::{self, NamedThread};

use crate::job::Job;
use crate::job_queue::{JobQueue, Work};
use crate::panic_text::panic_text;
use crate::stop_schedule::StopSchedule;
use crate::target::Workshop;

/// A queue with its threads.
pub(crate) struct Executor {
    pub(crate) queue: Arc<JobQueue>,
    threads: Mutex<Vec<NamedThread>>,
}

impl Executor {
    /// Starts `count` threads on `queue`, named after it.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub(crate) fn start(queue: Arc<JobQueue>, count: usize) -> std::io::Result<Executor> {
        let executor = Executor { queue, threads: Mutex::default() };
        for index in 0..count {
            let name = match count {
                1 => executor.queue.name().to_owned(),
                _ => format!("{} {}", executor.queue.name(), index + 1),
            };
            let queue = Arc::clone(&executor.queue);
            match named_thread::spawn(name, move || work(&queue)) {
                Ok(thread) => executor.threads.lock().push(thread),
                Err(error) => return Err(error), // those that run end with the executor
            }
        }
        Ok(executor)
    }

    /// Ends the threads when what they run has returned; returns what was queued.
    pub(crate) fn close(&self) -> Vec<Job> {
        self.queue.close()
    }

    /// Waits until `deadline` for the closed executor's threads; returns those that hang in user code.
    ///
    /// # Blocking
    /// Until `deadline` at most.
    pub(crate) fn join(&self, deadline: Instant) -> Vec<String> {
        let threads = std::mem::take(&mut *self.threads.lock());
        let running = self.queue.running();
        threads
            .into_iter()
            .filter_map(|thread| {
                let name = thread.name().to_owned();
                let left = StopSchedule::until(deadline);
                thread.join_within(left).err().map(|_| {
                    let calls: Vec<_> = running.iter().map(|call| call.name.as_str()).collect();
                    format!(
                        "{name} (in {})",
                        if calls.is_empty() { "user code".to_owned() } else { calls.join(", ") }
                    )
                })
            })
            .collect()
    }

    /// Whether every thread has ended.
    pub(crate) fn is_finished(&self) -> bool {
        self.threads.lock().iter().all(NamedThread::is_finished)
    }
}

/// Without its executor a queue gets no more jobs; its threads end when what they run has returned.
impl Drop for Executor {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn work(queue: &JobQueue) {
    let mut workshop = Workshop::new();
    let mut finished = None;
    loop {
        match queue.next(finished.take()) {
            Work::Task(task) => {
                // An instrument's own drop may panic; its lane goes on.
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| task(&mut workshop))) {
                    log::error!("on the lane {}: {}", queue.name(), panic_text(panic));
                }
            }
            Work::Job(job, run) => {
                finished = Some(run);
                job.run(&mut workshop);
            }
            Work::End => return,
        }
    }
}
