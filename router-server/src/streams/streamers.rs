//! The streamers of a server, by frequency.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use parking_lot::Mutex;
use router_socket::{MailSender, NamedThread, spawn};

use super::frequency::Frequency;
use super::proxy::ProxyCommand;
use super::route::Seat;
use super::source::{Ingress, Source};
use super::streamer::{Activity, Command, Streamer};
use crate::stop_schedule::StopSchedule;

/// A function that runs for longer than this, and than two periods, is taken to hang: new streams of its frequency
/// get another thread.
const HANGS_AFTER: Duration = Duration::from_secs(1);

/// Starts a thread for each frequency, and ends it with its last stream.
pub(crate) struct Streamers {
    ingress: Ingress,
    proxy: MailSender<ProxyCommand>,
    threads: Mutex<Threads>,
}

#[derive(Default)]
struct Threads {
    running: Vec<Thread>,
    last_id: u64,
    stopped: bool,
}

struct Thread {
    id: u64,
    frequency: Frequency,
    commands: Sender<Command>,
    activity: Arc<Activity>,
    thread: NamedThread,
    /// How many streams are there or on their way; without one it is told to end.
    streams: usize,
}

/// Why there is no streamer.
#[derive(Debug)]
pub(crate) enum SeatError {
    Thread(io::Error),
    Stopped,
}

impl Streamers {
    pub(crate) fn new(ingress: Ingress, proxy: MailSender<ProxyCommand>) -> Streamers {
        Streamers { ingress, proxy, threads: Mutex::default() }
    }

    /// Whether a seat would need a new thread: then a source can be connected for it before.
    pub(crate) fn needs_thread(&self, frequency: Frequency) -> bool {
        self.threads.lock().at(frequency).is_none()
    }

    /// Takes a place at the thread of `frequency`; starts one if there is none. It is given back with
    /// [`leave`](Streamers::leave).
    ///
    /// # Errors
    /// [`SeatError`].
    pub(crate) fn seat(&self, frequency: Frequency, source: Option<Source>) -> Result<Seat, SeatError> {
        let mut threads = self.threads.lock();
        if threads.stopped {
            return Err(SeatError::Stopped);
        }
        threads.running.retain(|thread| !thread.thread.is_finished());
        if let Some(thread) = threads.at(frequency) {
            thread.streams += 1;
            return Ok(Seat { streamer: thread.id, commands: thread.commands.clone() });
        }
        let id = threads.last_id + 1;
        let (commands, receiver) = crossbeam_channel::unbounded();
        let activity = Arc::new(Activity::default());
        let streamer = {
            let (proxy, ingress) = (self.proxy.clone(), self.ingress.clone());
            Streamer::new(frequency, receiver, proxy, ingress, source, Arc::clone(&activity))
        };
        let thread = spawn(frequency.to_string(), move || streamer.run()).map_err(SeatError::Thread)?;
        threads.last_id = id;
        let seat = Seat { streamer: id, commands: commands.clone() };
        threads.running.push(Thread { id, frequency, commands, activity, thread, streams: 1 });
        Ok(seat)
    }

    /// Gives a place back. What was sent to the thread before is done before it ends.
    pub(crate) fn leave(&self, seat: &Seat) {
        let mut threads = self.threads.lock();
        if let Some(thread) = threads.running.iter_mut().find(|thread| thread.id == seat.streamer) {
            thread.streams -= 1;
            if thread.streams == 0 {
                let _ = thread.commands.send(Command::End); // it may have ended with the server
            }
        }
    }

    /// Tells every thread to end; afterwards there are no seats.
    pub(crate) fn end(&self) {
        let mut threads = self.threads.lock();
        threads.stopped = true;
        for thread in &threads.running {
            let _ = thread.commands.send(Command::End); // it may have ended by itself
        }
    }

    /// Waits until `deadline` for the threads; names those that hang, and in what.
    ///
    /// # Blocking
    /// Until `deadline` at most.
    pub(crate) fn join(&self, deadline: Instant) -> Vec<String> {
        let running = std::mem::take(&mut self.threads.lock().running);
        let join = |thread: Thread| {
            let hangs = thread.thread.join_within(StopSchedule::until(deadline)).err()?;
            let stream = thread.activity.running().map(|(name, _)| format!(" (in {name})"));
            Some(hangs.name + &stream.unwrap_or_default())
        };
        running.into_iter().filter_map(join).collect()
    }

    #[cfg(test)]
    pub(super) fn thread_names(&self) -> Vec<String> {
        let mut threads = self.threads.lock();
        threads.running.retain(|thread| !thread.thread.is_finished());
        threads.running.iter().map(|thread| thread.thread.name().to_owned()).collect()
    }
}

impl Threads {
    /// The thread of a frequency that takes streams: not one that ends or hangs.
    fn at(&mut self, frequency: Frequency) -> Option<&mut Thread> {
        let takes = |thread: &&mut Thread| {
            thread.frequency == frequency
                && thread.streams > 0
                && !thread.hangs()
                && !thread.thread.is_finished()
        };
        self.running.iter_mut().find(takes)
    }
}

impl Thread {
    fn hangs(&self) -> bool {
        let limit = HANGS_AFTER.as_secs_f64().max(2.0 / self.frequency.hz());
        self.activity.running().is_some_and(|(_, running)| running.as_secs_f64() > limit)
    }
}
