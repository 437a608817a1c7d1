//! A queue of jobs in front of one thread (a lane) or several (a pool).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use router_client::{Call, CallControl, Interrupted};
use router_wire::status::RunningCall;

use crate::bounds::Bounds;
use crate::job::{Job, JobKey};
use crate::target::{InstrumentId, Workshop};

/// Something to do on the queue's thread that is no call: build or drop an instrument.
pub(crate) type Task = Box<dyn FnOnce(&mut Workshop) + Send>;

/// What a worker takes.
pub(crate) enum Work {
    Task(Task),
    /// A call, and what [`JobQueue::next`] is told when it has ended.
    Job(Job, RunId),
    /// The queue is closed and the worker is to end.
    End,
}

/// Names one run of a worker: a call's own number comes from its client, which may use it twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunId(u64);

/// Jobs in arrival order, and what runs now. Bounded by [`Bounds`], whose permits the jobs hold.
pub(crate) struct JobQueue {
    name: String,
    bounds: Arc<Bounds>,
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    tasks: VecDeque<(AfterClose, Task)>,
    running: Vec<Running>,
    last_run: u64,
    sleepers: usize,
    closed: bool,
    /// A worker has been told to end: nobody would do another task.
    ended: bool,
}

/// What becomes of a task that waits when its queue is closed.
#[derive(PartialEq, Eq)]
enum AfterClose {
    Dropped,
    Done,
}

/// A call that a worker of this queue runs.
struct Running {
    run: RunId,
    instrument: InstrumentId,
    control: CallControl,
    since: Instant,
    call: Call,
}

impl JobQueue {
    pub(crate) fn new(name: impl Into<String>, bounds: Arc<Bounds>) -> Arc<JobQueue> {
        Arc::new(JobQueue { name: name.into(), bounds, state: Mutex::default(), ready: Condvar::new() })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn bounds(&self) -> &Arc<Bounds> {
        &self.bounds
    }

    /// Appends a job. The caller wakes a worker afterwards when told to, once for many jobs.
    ///
    /// # Errors
    /// Gives the job back when the queue is closed.
    #[allow(clippy::result_large_err, reason = "a job that is refused is answered by who pushed it")]
    pub(crate) fn push(&self, job: Job) -> Result<NeedsWake, Job> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(job);
        }
        state.jobs.push_back(job);
        Ok(NeedsWake(state.sleepers > 0))
    }

    /// Appends a task, done before any job pushed later, and wakes a worker. It is done although the queue is closed
    /// meanwhile.
    ///
    /// # Errors
    /// Gives the task back when the queue is closed.
    pub(crate) fn push_task(&self, task: Task) -> Result<(), Task> {
        self.push_if(|state| !state.closed, AfterClose::Done, task)
    }

    /// As [`push_task`](JobQueue::push_task), for what must not be begun after the stop: it is dropped then.
    ///
    /// # Errors
    /// Gives the task back when the queue is closed.
    pub(crate) fn push_build(&self, task: Task) -> Result<(), Task> {
        self.push_if(|state| !state.closed, AfterClose::Dropped, task)
    }

    /// As [`push_task`](JobQueue::push_task), also into a closed queue as long as its worker goes on.
    ///
    /// # Errors
    /// Gives the task back when no worker would do it.
    pub(crate) fn push_disposal(&self, task: Task) -> Result<(), Task> {
        self.push_if(|state| !state.ended, AfterClose::Done, task)
    }

    fn push_if(
        &self,
        takes: impl Fn(&State) -> bool,
        after_close: AfterClose,
        task: Task,
    ) -> Result<(), Task> {
        let mut state = self.state.lock();
        if !takes(&state) {
            return Err(task);
        }
        state.tasks.push_back((after_close, task));
        drop(state);
        self.ready.notify_all();
        Ok(())
    }

    /// Wakes one worker that sleeps.
    pub(crate) fn wake(&self) {
        self.ready.notify_one();
    }

    /// The next thing to do. `finished` is the run that the worker has just ended.
    ///
    /// # Blocking
    /// Until there is something or the queue is closed and empty.
    pub(crate) fn next(&self, finished: Option<RunId>) -> Work {
        let mut state = self.state.lock();
        if let Some(run) = finished {
            state.running.retain(|running| running.run != run);
        }
        loop {
            if let Some((_, task)) = state.tasks.pop_front() {
                return Work::Task(task);
            }
            if let Some(job) = state.jobs.pop_front() {
                state.last_run += 1;
                let run = RunId(state.last_run);
                state.running.push(Running::of(&job, run));
                return Work::Job(job, run);
            }
            if state.closed {
                state.ended = true;
                return Work::End;
            }
            state.sleepers += 1;
            self.ready.wait(&mut state);
            state.sleepers -= 1;
        }
    }

    /// Takes a job out that has not begun.
    pub(crate) fn take(&self, key: JobKey) -> Option<Job> {
        let mut state = self.state.lock();
        let at = state.jobs.iter().position(|job| job.key == key)?;
        state.jobs.remove(at)
    }

    /// Interrupts what runs of `instrument` and takes its queued calls out; the ticks of streams stay queued.
    ///
    /// Both happen at once: no worker can begin a queued call in between.
    pub(crate) fn clear(&self, instrument: InstrumentId, why: &Interrupted) -> Vec<Job> {
        let mut state = self.state.lock();
        let (taken, kept) = std::mem::take(&mut state.jobs)
            .into_iter()
            .partition(|job| job.entry.instrument_id == instrument && !job.is_tick());
        state.jobs = kept;
        let controls = state.controls_of(Some(instrument));
        drop(state);
        // A call that a worker has taken but not begun is among the running ones and sees this before it begins.
        controls.iter().for_each(|control| control.interrupt(why.clone()));
        taken.into()
    }

    /// Takes every queued job of `instrument` out, ticks too.
    pub(crate) fn take_all_of(&self, instrument: InstrumentId) -> Vec<Job> {
        let mut state = self.state.lock();
        let (taken, kept) = std::mem::take(&mut state.jobs)
            .into_iter()
            .partition(|job| job.entry.instrument_id == instrument);
        state.jobs = kept;
        taken.into()
    }

    /// Interrupts what runs now, of one instrument or of all.
    pub(crate) fn interrupt_running(&self, instrument: Option<InstrumentId>, why: &Interrupted) {
        let controls = self.state.lock().controls_of(instrument);
        controls.iter().for_each(|control| control.interrupt(why.clone()));
    }

    /// Takes no more jobs; workers end when what is queued was taken. Returns what was queued.
    pub(crate) fn close(&self) -> Vec<Job> {
        let mut state = self.state.lock();
        state.closed = true;
        let left = std::mem::take(&mut state.jobs);
        let (kept, dropped): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut state.tasks)
            .into_iter()
            .partition(|(after_close, _)| *after_close == AfterClose::Done);
        state.tasks = kept;
        drop(state);
        self.ready.notify_all();
        drop(dropped); // whoever waits for them is told by that
        left.into()
    }

    /// What runs now.
    pub(crate) fn running(&self) -> Vec<RunningCall> {
        let state = self.state.lock();
        let describe = |running: &Running| RunningCall {
            name: running.call.name().to_owned(),
            client: running.call.client().to_owned(),
            running_ms: running.since.elapsed().as_secs_f64() * 1e3,
        };
        state.running.iter().map(describe).collect()
    }

    /// How many jobs wait, and the bytes of their bodies.
    pub(crate) fn queued(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.jobs.len(), state.jobs.iter().map(|job| job.body.bytes().len()).sum())
    }
}

impl State {
    fn controls_of(&self, instrument: Option<InstrumentId>) -> Vec<CallControl> {
        let of = |running: &&Running| instrument.is_none_or(|id| id == running.instrument);
        self.running.iter().filter(of).map(|running| running.control.clone()).collect()
    }
}

/// Whether a worker sleeps and must be woken for the job just pushed.
#[must_use]
pub(crate) struct NeedsWake(pub(crate) bool);

impl Running {
    fn of(job: &Job, run: RunId) -> Running {
        Running {
            run,
            instrument: job.entry.instrument_id,
            control: job.control.clone(),
            since: Instant::now(),
            call: job.call.clone(),
        }
    }
}
