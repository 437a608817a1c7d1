//! `Streamer`: one thread for all streams of one frequency.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use parking_lot::Mutex;
use router_socket::MailSender;
use router_wire::Name;

use super::frequency::Frequency;
use super::options::SMALL_SAMPLE_BYTES;
use super::periodic::PeriodicStream;
use super::proxy::ProxyCommand;
use super::punctual;
use super::source::{Ingress, Source};
use super::tick::TickOutcome;

/// How long to wait before connecting a source is tried again.
const CONNECT_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What reaches a streamer. Unbounded: one outcome for each stream at most, and what the application asks for.
pub(crate) enum Command {
    /// A stream comes, new or from another frequency.
    Add(Box<PeriodicStream>),
    /// A stream was removed.
    Remove { incarnation: u64 },
    /// A stream goes to where its route leads, unless it is on its way there already.
    Release { incarnation: u64 },
    /// What a lane returned.
    TickDone(TickOutcome),
    /// Nothing comes any more.
    End,
}

/// The loop of one streamer. It waits for its commands, until the next tick is due.
pub(crate) struct Streamer {
    pub(super) frequency: Frequency,
    pub(super) commands: Receiver<Command>,
    pub(super) proxy: MailSender<ProxyCommand>,
    pub(super) ingress: Ingress,
    /// For samples up to 64 KiB.
    pub(super) source: Option<Source>,
    pub(super) activity: Arc<Activity>,
    streams: Vec<PeriodicStream>,
    /// Outcomes of ticks whose streams are on their way here.
    early: Vec<TickOutcome>,
    start: Instant,
    /// The tick that is due next, counted from `start`.
    next_tick: u64,
    connect_at: Instant,
}

/// What a streamer is doing. Written by it, read by whoever wants to know whether it hangs.
#[derive(Default)]
pub(crate) struct Activity(Mutex<Option<(Name, Instant)>>);

impl Streamer {
    pub(super) fn new(
        frequency: Frequency,
        commands: Receiver<Command>,
        proxy: MailSender<ProxyCommand>,
        ingress: Ingress,
        source: Option<Source>,
        activity: Arc<Activity>,
    ) -> Streamer {
        let start = Instant::now();
        Streamer {
            frequency,
            commands,
            proxy,
            ingress,
            source,
            activity,
            streams: Vec::new(),
            early: Vec::new(),
            start,
            next_tick: 0,
            connect_at: start,
        }
    }

    /// Runs until it is told to end.
    pub(super) fn run(mut self) {
        punctual::wake_this_thread_punctually();
        loop {
            let due = self.due();
            let command = match due {
                Some(due) => self.commands.recv_deadline(self.wakes_for(due)),
                None => self.commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match command {
                Ok(Command::End) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(command) => self.obey(command),
                Err(RecvTimeoutError::Timeout) => {
                    due.inspect(|&due| punctual::spin_until(due)); // is over already where nobody asked for it
                    self.tick(Instant::now());
                }
            }
        }
    }

    /// When the next tick is due; never without streams.
    fn due(&self) -> Option<Instant> {
        if self.streams.is_empty() { None } else { self.frequency.due(self.start, self.next_tick) }
    }

    /// When to wake for a tick that is due at `due`: before it, if a stream has the last moment spun.
    fn wakes_for(&self, due: Instant) -> Instant {
        if self.streams.iter().any(|stream| stream.spins) {
            #[cfg(test)]
            punctual::WOKEN_AHEAD.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            punctual::ahead_of(due, self.frequency)
        } else {
            due
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Add(stream) => self.add(*stream),
            Command::Remove { incarnation } => {
                self.streams.retain(|stream| stream.stream.incarnation != incarnation);
            }
            Command::Release { incarnation } => self.release(incarnation),
            Command::TickDone(done) => self.finish(done),
            Command::End => {} // taken before
        }
    }

    fn add(&mut self, mut stream: PeriodicStream) {
        self.early.retain(|done| !done.stream.has_ended());
        if stream.stream.has_ended() {
            return; // removed on its way
        }
        self.connect(Instant::now());
        // The newest tick is its first one, so that a stream that comes to an idle streamer starts at once.
        stream.joined = self.frequency.tick_at(self.start, Instant::now()).max(self.next_tick);
        let incarnation = stream.stream.incarnation;
        self.streams.push(stream);
        let (early, kept) = self.early.drain(..).partition(|done| done.stream.incarnation == incarnation);
        self.early = kept;
        for done in early {
            self.finish(done);
        }
    }

    /// Hands a stream to another streamer, through the proxy, so that no sample overtakes another.
    fn release(&mut self, incarnation: u64) {
        let Some(index) = self.streams.iter().position(|stream| stream.stream.incarnation == incarnation)
        else {
            return;
        };
        let released = self.streams.swap_remove(index);
        let (stream, route) = (Arc::clone(&released.stream), Arc::clone(&released.route));
        let on = Box::new(move || route.send(Command::Add(Box::new(released))));
        let _ = self.proxy.post(ProxyCommand::Move { stream, on }); // one that ended with the server needs nothing
    }

    fn finish(&mut self, done: TickOutcome) {
        let source = self.source.as_mut();
        match self.streams.iter_mut().find(|stream| stream.stream.incarnation == done.stream.incarnation) {
            Some(stream) => stream.finish(done, source),
            None if done.stream.has_ended() => {}
            None => self.early.push(done),
        }
    }

    /// Runs the newest tick that is due; those before it were missed.
    fn tick(&mut self, now: Instant) {
        self.connect(now);
        let newest = self.frequency.tick_at(self.start, now).max(self.next_tick);
        let oldest = std::mem::replace(&mut self.next_tick, newest + 1);
        for stream in &mut self.streams {
            if !stream.stream.wants_ticks() {
                continue;
            }
            let missed = newest.saturating_sub(oldest.max(stream.joined));
            if missed > 0 {
                stream.stream.miss_ticks(missed);
            }
            self.activity.begin(&stream.stream.name);
            stream.run(self.source.as_mut());
            self.activity.end();
        }
    }

    /// A streamer that was started by a change of frequency connects by itself.
    fn connect(&mut self, now: Instant) {
        if self.source.is_none() && now >= self.connect_at {
            self.source = Source::connect(&self.ingress, SMALL_SAMPLE_BYTES).ok();
            self.connect_at = Instant::now() + CONNECT_AGAIN_AFTER;
        }
    }
}

impl Activity {
    fn begin(&self, name: &Name) {
        *self.0.lock() = Some((name.clone(), Instant::now()));
    }

    fn end(&self) {
        *self.0.lock() = None;
    }

    /// Whose function runs, and for how long already.
    pub(super) fn running(&self) -> Option<(Name, Duration)> {
        self.0.lock().as_ref().map(|(name, since)| (name.clone(), since.elapsed()))
    }
}
