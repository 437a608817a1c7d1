//! How the threads of a client turn its calls loop: a caller that waits, and the keeper when no caller does.
//!
//! The keeper is the loop's own thread, for what nobody waits for: pings, reconnects, futures, progress. While callers
//! turn the loop it stands by, and takes the loop when none has for [`STAND_BY`].

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use router_socket::MailSender;

use crate::call::is_in_inline;
use crate::call_slot::{CallSlot, Parked};
use crate::calls_loop::CallsLoop;
use crate::command::{Command, Start};
use crate::ending::Ending;
use crate::onlookers::Onlookers;
use crate::seat::{Duty, Next, Seat};

/// How long the loop may stay in its seat, unturned, before the keeper turns it: what comes meanwhile waits so long. A
/// caller that calls again within it needs no hand-over.
const STAND_BY: Duration = Duration::from_millis(2);

/// A caller that waits. One call has one waiter at a time.
#[derive(Debug, Clone)]
struct Waiter(Arc<CallSlot>);

impl PartialEq for Waiter {
    fn eq(&self, other: &Waiter) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The calls loop of one client, and how its handles reach it.
pub(crate) struct Driving {
    /// Held for a look and a move of the loop's box.
    seat: Mutex<Seat<Box<CallsLoop>, Waiter>>,
    sender: MailSender<Command>,
    onlookers: Arc<Onlookers>,
}

/// The loop, taken out of its seat; it is put back however this ends.
pub(crate) struct Taken<'a> {
    driving: &'a Driving,
    loop_: Option<Box<CallsLoop>>,
    has_ended: bool,
}

impl Driving {
    pub(crate) fn new(
        calls_loop: CallsLoop,
        sender: MailSender<Command>,
        onlookers: Arc<Onlookers>,
    ) -> Driving {
        Driving { seat: Mutex::new(Seat::new(Box::new(calls_loop))), sender, onlookers }
    }

    /// Has the loop do something: here, if nobody turns it. What a loop that has ended does not take is dropped, which
    /// ends the call in it.
    pub(crate) fn post(&self, command: Command) {
        let _ = self.sender.post(command);
        // Who turns the loop takes it, or sees it on putting the loop back.
        match self.take() {
            Some(mut taken) => taken.catch_up(None),
            None => self.call_keeper(),
        }
    }

    /// Makes a call whose outcome nobody waits for yet.
    pub(crate) fn start(&self, start: Start) {
        match self.take() {
            Some(mut taken) => taken.catch_up(Some(start)),
            None => self.post(Command::Start(start)),
        }
    }

    /// Makes a call and waits for its outcome.
    ///
    /// # Blocking
    /// Until the outcome.
    pub(crate) fn call(&self, start: Start, slot: &Arc<CallSlot>) -> Ending {
        let waiter = Waiter(Arc::clone(slot));
        let taken = self.seat.lock().take_or_wait(&waiter);
        let taken = taken.map(|loop_| self.taken(loop_));
        let taken = match taken {
            Some(mut taken) => {
                taken.catch_up(Some(start));
                Some(taken)
            }
            None => {
                let _ = self.sender.post(Command::Start(start));
                None
            }
        };
        self.wait_with(taken, waiter, None);
        slot.take_ending()
    }

    /// Waits for the outcome of a call that was made.
    ///
    /// # Blocking
    /// Until the outcome, or `until`.
    pub(crate) fn wait(&self, slot: &Arc<CallSlot>, until: Option<Instant>) -> Option<Ending> {
        if !slot.has_ended() {
            self.wait_with(None, Waiter(Arc::clone(slot)), until);
        }
        slot.has_ended().then(|| slot.take_ending())
    }

    /// Turns the loop, if it is there, or parks until the loop or the outcome is.
    fn wait_with(&self, taken: Option<Taken<'_>>, waiter: Waiter, until: Option<Instant>) {
        let slot = &waiter.0;
        let mut is_among_waiters = taken.is_none();
        let mut taken = taken;
        loop {
            if let Some(mut taken) = taken.take()
                && taken.turn_for(slot, until).is_break()
            {
                break;
            }
            if slot.has_ended() {
                break;
            }
            let loop_ = self.seat.lock().take_or_wait(&waiter);
            is_among_waiters = loop_.is_none();
            if let Some(loop_) = loop_ {
                taken = Some(self.taken(loop_));
                continue;
            }
            match slot.park(until) {
                Parked::Promoted => {}
                Parked::Ended | Parked::TimeOver => break,
            }
        }
        if is_among_waiters {
            let next = self.seat.lock().leave(&waiter, self.onlookers.any());
            self.tell(next);
        }
    }

    /// Has the loop turned by the keeper if nobody turns it: somebody looks on.
    pub(crate) fn call_keeper(&self) {
        let next = self.seat.lock().call_keeper();
        self.tell(next);
    }

    pub(crate) fn onlookers(&self) -> &Arc<Onlookers> {
        &self.onlookers
    }

    /// Keeps the loop turning until it ends: what the keeper's thread runs.
    pub(crate) fn keep(&self) {
        self.onlookers.keeper_is_here();
        let mut seen = 0;
        loop {
            if self.onlookers.has_tasks_to_wake() {
                self.onlookers.wake_tasks();
            }
            let duty = self.seat.lock().duty(&mut seen);
            match duty {
                Duty::Turn(loop_) => self.keep_turning(loop_),
                Duty::End(loop_) => {
                    drop(loop_);
                    return self.onlookers.wake_tasks();
                }
                Duty::StandBy => std::thread::park_timeout(STAND_BY),
                Duty::Rest => std::thread::park(),
            }
        }
    }

    /// Turns the loop until a caller could, or tasks are to be woken.
    fn keep_turning(&self, loop_: Box<CallsLoop>) {
        let mut taken = self.taken(loop_);
        while taken.turn() && !self.onlookers.has_tasks_to_wake() {
            if self.seat.lock().has_waiters() {
                return;
            }
        }
        drop(taken);
        // This thread is the one to turn it again.
        self.call_keeper();
    }

    /// Takes the loop, if nobody turns it and this thread may.
    fn take(&self) -> Option<Taken<'_>> {
        // An inline method is in a loop already, which has no time for another.
        if is_in_inline() {
            return None;
        }
        let loop_ = self.seat.lock().take()?;
        Some(self.taken(loop_))
    }

    fn taken(&self, loop_: Box<CallsLoop>) -> Taken<'_> {
        Taken { driving: self, loop_: Some(loop_), has_ended: false }
    }

    fn tell(&self, next: Next<Waiter>) {
        match next {
            Next::Nobody => {}
            Next::Waiter(waiter) => waiter.0.promote(),
            Next::Keeper => self.onlookers.call_keeper(),
        }
    }
}

impl Taken<'_> {
    /// Does what was posted, and then `start`: a thread's own calls stay in order.
    fn catch_up(&mut self, start: Option<Start>) {
        if let Some(loop_) = &mut self.loop_ {
            self.has_ended |= loop_.catch_up(start).is_break();
        }
    }

    /// Turns the loop until the outcome is there or `until` has come: breaks then, and continues when the loop has
    /// ended and others see to the outcome.
    fn turn_for(&mut self, slot: &CallSlot, until: Option<Instant>) -> ControlFlow<()> {
        let Some(loop_) = &mut self.loop_ else { return ControlFlow::Continue(()) };
        while !self.has_ended {
            if slot.has_ended() || until.is_some_and(|until| until <= Instant::now()) {
                return ControlFlow::Break(());
            }
            self.has_ended = loop_.turn(Some((slot, until))).is_break();
        }
        ControlFlow::Continue(())
    }

    /// One turn, for nobody in particular; `false` when the loop has ended.
    fn turn(&mut self) -> bool {
        if let Some(loop_) = &mut self.loop_ {
            self.has_ended |= loop_.turn(None).is_break();
        }
        !self.has_ended
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let Some(loop_) = self.loop_.take() else { return };
        // After a panic nobody knows what is in it: its calls end.
        let has_ended = self.has_ended || std::thread::panicking();
        let mut seat = self.driving.seat.lock();
        let next = match has_ended {
            true => seat.put_ended(loop_),
            false => seat.put(loop_, self.driving.onlookers.any()),
        };
        drop(seat);
        self.driving.tell(next);
    }
}
