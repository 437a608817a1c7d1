//! The calls loop: brings requests to the server and outcomes to their callers.
//!
//! It is a value with a [`turn`](CallsLoop::turn); who turns it is in `driving.rs`. It waits in one place, for the
//! time of a poll, and never for a caller.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use router_socket::{Frame, Mailbox, SocketError};
use router_wire::hello::ClientSocket;
use router_wire::request::{encode_cancel, encode_goodbye};
use router_wire::{Failure, OutcomeHeader, Status};

use crate::answer::{self, Answer};
use crate::call_error::GoneCause;
use crate::call_slot::CallSlot;
use crate::command::{Command, Start};
use crate::connection::ConnectionState;
use crate::dealer::{Dealer, Queued};
use crate::ending::{Ending, outcome_body};
use crate::in_flight::{Flight, InFlight, Phase};
use crate::link::Link;
use crate::retrying::says_not_run;
use crate::seat::Turned;
use crate::shared::Shared;

/// Most messages taken from one source in a turn, so that none starves the others.
const MOST_PER_TURN: usize = 1000;

/// How long after its deadline a call that left may still be answered by the server, which knows more.
const DEADLINE_GRACE: Duration = Duration::from_millis(50);

/// Every so many turns the loop looks for news where a poll would tell of it.
const LOOK_EVERYWHERE_EVERY: u32 = 64;

/// How many messages a caller that turns the loop takes at most when its own outcome is there.
const MOST_BEHIND_OWN: usize = 16;

/// A loop that is so much too late did not run: the process was stopped, or the PC slept.
const AWAY: Duration = Duration::from_millis(250);

/// Everything that the loop owns; it ends every call that is left when it is dropped.
pub(crate) struct CallsLoop {
    mailbox: Mailbox<Command>,
    pub(super) link: Link,
    pub(super) in_flight: InFlight,
    /// Requests that wait for a connection, in the order of their calls.
    pub(super) waiting: VecDeque<u64>,
    pub(super) shared: Arc<Shared>,
    /// Kept for its capacity.
    frames: Vec<Frame>,
    /// When the clock was read last, and how long the loop meant to sleep since.
    last_read: Instant,
    slept: Duration,
    turns: u32,
}

/// A caller that turns the loop: the call it waits for, and until when.
pub(crate) type Own<'a> = (&'a CallSlot, Option<Instant>);

impl Turned for Box<CallsLoop> {
    fn has_work(&self) -> bool {
        let queued = |dealer: &Dealer| !dealer.queue.is_empty();
        !self.mailbox.is_empty()
            || !self.link.state().is_up()
            || self.link.awaits_ping()
            || queued(&self.link.calls)
            || queued(&self.link.control)
    }
}

impl CallsLoop {
    pub(crate) fn new(mailbox: Mailbox<Command>, link: Link, shared: Arc<Shared>) -> CallsLoop {
        let (in_flight, waiting, frames) = (InFlight::default(), VecDeque::new(), Vec::new());
        let (last_read, slept) = (Instant::now(), Duration::ZERO);
        CallsLoop { mailbox, link, in_flight, waiting, shared, frames, last_read, slept, turns: 0 }
    }

    /// Does what was posted, and then `start`. Breaks when the client is closed. Never waits.
    pub(crate) fn catch_up(&mut self, start: Option<Start>) -> ControlFlow<()> {
        let now = self.read_clock();
        self.follow_state(now);
        while self.take_commands()? {}
        if let Some(start) = start {
            self.start(start);
        }
        ControlFlow::Continue(())
    }

    /// Does what there is to do, and sleeps if that was nothing. Breaks when the client is closed. It does not sleep when
    /// the outcome of `own` is there, nor beyond its time, and takes little of what is there for others then.
    pub(crate) fn turn(&mut self, own: Option<Own<'_>>) -> ControlFlow<()> {
        let now = self.read_clock();
        self.turns = self.turns.wrapping_add(1);
        // What was empty when it was looked at last is found by the poll; a loop that has no time to sleep looks.
        let looks_everywhere = self.turns.is_multiple_of(LOOK_EVERYWHERE_EVERY);
        let had_events = self.link.take_events(now, looks_everywhere);
        // Before the state is looked at: what came before a connection ended is an answer, not an unknown outcome.
        let mut busy = false;
        for socket in [ClientSocket::Control, ClientSocket::Calls] {
            if had_events || looks_everywhere || !self.link.dealer(socket).socket.is_quiet() {
                let received = self.receive(socket, own, now);
                busy |= received.map_or(ControlFlow::Break(()), ControlFlow::Continue)?;
            }
        }
        self.follow_state(now);
        if self.take_commands()? {
            busy = true;
            let now = self.read_clock();
            self.follow_state(now);
        }
        self.link.send_due(now);
        while let Some(number) = self.in_flight.take_due(now) {
            self.look_at(number, now);
        }
        self.flush();
        if busy || own.is_some_and(|(slot, _)| slot.has_ended()) {
            ControlFlow::Continue(())
        } else {
            let until = own.and_then(|(_, until)| until);
            self.sleep(now, until).map_or(ControlFlow::Break(()), ControlFlow::Continue)
        }
    }

    fn take_commands(&mut self) -> ControlFlow<(), bool> {
        for taken in 0..MOST_PER_TURN {
            match self.mailbox.try_take() {
                Some(Command::Start(start)) => self.start(start),
                Some(Command::Cancel(number)) => self.cancel(number),
                Some(Command::Close) => {
                    self.say_goodbye();
                    return ControlFlow::Break(());
                }
                None => return ControlFlow::Continue(taken > 0),
            }
        }
        ControlFlow::Continue(true)
    }

    fn start(&mut self, start: Start) {
        let Start { number, ticket, request, started, deadline } = start;
        if let Some(theirs) = self.link.other_version() {
            return ticket.end(Ending::VersionMismatch { theirs });
        }
        let queued = self.waiting.len() + self.link.calls.queue.len() + self.link.control.queue.len();
        let limit = self.shared.options.max_queued_requests;
        if queued >= limit {
            self.shared.counters.busy.add_one();
            let what = format!("{limit} requests of this client wait for the connection, its limit");
            return ticket.end(Ending::Failed(Failure::Busy { what }));
        }
        let socket = self.link.socket_for(request.target());
        let made_for = if self.link.state().is_up() { self.link.session.epoch } else { 0 };
        let phase = Phase::Unsent { request, since: started, made_for, pause_until: None };
        let flight = Flight { ticket, deadline, phase, times_sent: 0, retries: 0, unknown_since: None };
        self.in_flight.insert(number, flight);
        if self.link.state().is_up() {
            self.link.dealer(socket).queue.push_back(Queued::Request(number));
            self.flush_socket(socket);
            if let Some(deadline) = deadline {
                self.in_flight.look_at(number, deadline);
            }
        } else {
            self.waiting.push_back(number);
            self.look_at(number, started);
        }
    }

    fn cancel(&mut self, number: u64) {
        let Some(flight) = self.in_flight.get_mut(number) else { return };
        match &flight.phase {
            &Phase::Sent { socket, .. } => {
                self.link.dealer(socket).queue.push_back(Queued::Cancel(number));
                self.flush_socket(socket);
            }
            Phase::Unsent { .. } => {
                let (by, may_still_be_running) = ("by its caller".to_owned(), flight.may_have_run());
                self.end_unsent(number, Ending::Failed(Failure::Cancelled { by, may_still_be_running }));
            }
        }
    }

    /// Sends what waits in the queues as far as the sockets take it.
    fn flush(&mut self) {
        self.flush_socket(ClientSocket::Control);
        self.flush_socket(ClientSocket::Calls);
    }

    pub(super) fn flush_socket(&mut self, socket: ClientSocket) {
        while !self.link.dealer(socket).is_blocked() {
            let Some(&queued) = self.link.dealer(socket).queue.front() else { return };
            let left = match queued {
                Queued::Request(number) => self.send_request(socket, number),
                Queued::Cancel(number) => {
                    let cancel = encode_cancel(self.link.session.epoch, number);
                    self.link.dealer(socket).try_send(Frame::copy_from(&cancel))
                }
            };
            if left {
                self.link.dealer(socket).queue.pop_front();
            }
        }
    }

    /// `false` when the socket takes no more; the request then stays first in the queue.
    fn send_request(&mut self, socket: ClientSocket, number: u64) -> bool {
        let (epoch, limit) = (self.link.session.epoch, self.link.session.max_body_bytes);
        let Some(flight) = self.in_flight.get_mut(number) else { return true };
        let may_still_be_running = flight.may_have_run();
        let Phase::Unsent { request, .. } = &mut flight.phase else { return true };
        let bytes = request.body_bytes();
        if bytes > limit {
            self.end_not_run(number, Ending::TooLarge { bytes, limit });
            return true;
        }
        let left = flight.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            self.end(number, Ending::Failed(Failure::DeadlineExceeded { may_still_be_running }));
            return true;
        }
        // 0 would mean none.
        let deadline_us = left.map_or(0, |left| u64::try_from(left.as_micros()).unwrap_or(u64::MAX).max(1));
        let may_run_again = self.link.session.idempotent.contains(request.target());
        let dealer = self.link.dealer(socket);
        flight.ticket.goes_to(epoch);
        let sent = if may_run_again {
            request.try_send_copy(&mut dealer.socket, epoch, deadline_us)
        } else {
            request.try_send(&mut dealer.socket, epoch, deadline_us)
        };
        if !dealer.took(&sent) {
            return false;
        }
        let left = std::mem::replace(&mut flight.phase, Phase::Sent { socket, again: None });
        if let (true, Phase::Unsent { request, .. }) = (may_run_again, left) {
            flight.phase = Phase::Sent { socket, again: Some(request) };
        }
        flight.times_sent += 1;
        self.shared.counters.requests_sent.add_one();
        true
    }

    fn receive(
        &mut self,
        socket: ClientSocket,
        own: Option<Own<'_>>,
        now: Instant,
    ) -> Result<bool, SocketError> {
        let mut frames = std::mem::take(&mut self.frames);
        let (mut taken, mut most) = (0, MOST_PER_TURN);
        while taken < most && self.link.dealer(socket).socket.try_recv_message(&mut frames)? {
            taken += 1;
            let bytes: usize = frames.iter().map(|frame| frame.len()).sum();
            self.take_answer(socket, answer::read(&mut frames), bytes as u64, now);
            if most == MOST_PER_TURN && own.is_some_and(|(slot, _)| slot.has_ended()) {
                // Others' answers that are there already, if there are any to come.
                most = if self.in_flight.is_empty() { taken } else { taken + MOST_BEHIND_OWN };
            }
        }
        self.frames = frames;
        Ok(taken > 0)
    }

    fn take_answer(&mut self, socket: ClientSocket, answer: Answer, bytes: u64, now: Instant) {
        if !matches!(answer, Answer::Malformed { .. }) {
            self.link.heard(socket, bytes, now);
        }
        match answer {
            Answer::Progress { call, report } => match self.in_flight.get_mut(call) {
                Some(Flight { ticket, phase: Phase::Sent { .. }, .. }) => ticket.progress(report),
                _ => self.shared.counters.answers_without_call.add_one(),
            },
            Answer::Outcome { header, message, body } => {
                let read = || outcome_body(&message, body.as_ref());
                if !self.link.take_outcome(socket, &header, read) {
                    self.take_outcome(header, message, body, now);
                }
            }
            Answer::Malformed { outcome_of, reason } => {
                self.shared.counters.malformed_messages.add_one();
                // An outcome that cannot be read ends its call all the same: no other will come.
                if let Some(flight) = outcome_of.and_then(|call| self.in_flight.remove_sent(call)) {
                    flight.ticket.end(Ending::Malformed { reason });
                }
            }
        }
    }

    fn take_outcome(&mut self, header: OutcomeHeader, message: Frame, body: Option<Frame>, now: Instant) {
        let number = header.call;
        if header.status == Status::OtherEpoch && self.in_flight.get_mut(number).is_some() {
            self.link.other_epoch(header.epoch, now);
        }
        if self.is_sent_again(number, header.status, now) {
            return;
        }
        let Some(flight) = self.in_flight.remove_sent(number) else {
            return self.shared.counters.answers_without_call.add_one();
        };
        self.shared.counters.outcomes.add_one();
        if flight.times_sent > 1 && says_not_run(header.status) {
            // That is true of its last request; an earlier one may have been run.
            self.shared.counters.unknown_outcomes.add_one();
            return flight.ticket.end(Ending::Unknown);
        }
        flight.ticket.end(Ending::Answered { header, message, body });
    }

    /// Finds the state of the connection and does what a change of it means for the calls.
    fn follow_state(&mut self, now: Instant) {
        let before = self.link.update_state(now);
        if self.link.other_version().is_some() {
            self.refuse_waiting();
        }
        let Some(before) = before else { return };
        let state = self.link.state();
        if state.is_up() && !before.is_up() {
            self.release(now);
        }
        if state == ConnectionState::Lost {
            self.lose(now);
        }
    }

    /// The connection is up: what waited for it goes to the sockets.
    fn release(&mut self, now: Instant) {
        let epoch = self.link.session.epoch;
        while let Some(number) = self.waiting.pop_front() {
            let Some(Flight { phase: Phase::Unsent { request, made_for, .. }, deadline, .. }) =
                self.in_flight.get_mut(number)
            else {
                continue;
            };
            if *made_for != 0 && *made_for != epoch {
                // An old move is never delivered to a restarted server.
                let reason = "the server was restarted before the request left".to_owned();
                self.end_not_run(number, Ending::ServerGone { cause: GoneCause::Restarted, reason });
                continue;
            }
            let deadline = *deadline;
            let socket = self.link.socket_for(request.target());
            self.link.dealer(socket).queue.push_back(Queued::Request(number));
            if let Some(deadline) = deadline {
                self.in_flight.look_at(number, deadline.max(now));
            }
        }
        self.flush();
    }

    /// The connection is lost: what left has an unknown outcome, what did not waits for the next connection.
    fn lose(&mut self, now: Instant) {
        self.shared.counters.times_lost.add_one();
        for number in self.in_flight.sent_or_pausing() {
            let phase = self.in_flight.get_mut(number).map(|flight| &mut flight.phase);
            if let Some(Phase::Unsent { pause_until, .. }) = phase {
                *pause_until = None;
                self.waiting.push_back(number);
            } else if !self.send_again(number, None, true, now) {
                self.end_unknown(number);
            }
        }
        for role in [ClientSocket::Control, ClientSocket::Calls] {
            for queued in self.link.dealer(role).queue.drain(..) {
                if let Queued::Request(number) = queued {
                    self.waiting.push_back(number);
                }
            }
        }
        for number in self.in_flight.wait_from(now) {
            self.look_at(number, now);
        }
    }

    /// The server speaks another version: nothing will ever go to it.
    fn refuse_waiting(&mut self) {
        while let Some(number) = self.waiting.pop_front() {
            let ending = self.no_server(false);
            self.end_not_run(number, ending);
        }
    }

    /// A moment has come that matters to a call: ends it if it is over, else has it looked at again.
    fn look_at(&mut self, number: u64, now: Instant) {
        let is_up = self.link.state().is_up();
        if is_up {
            self.end_pause(number, now);
        }
        let Some(flight) = self.in_flight.get_mut(number) else { return };
        let (deadline, may_have_run) = (flight.deadline, flight.may_have_run());
        let (left, end) = match &flight.phase {
            Phase::Sent { .. } => (true, deadline.and_then(|deadline| deadline.checked_add(DEADLINE_GRACE))),
            Phase::Unsent { .. } if is_up => (false, deadline),
            Phase::Unsent { since, .. } => {
                let timeout = since.checked_add(self.shared.options.connect_timeout);
                (false, [deadline, timeout].into_iter().flatten().min())
            }
        };
        let deadline_first = deadline.is_some() && end == deadline;
        let exceeded = Ending::Failed(Failure::DeadlineExceeded { may_still_be_running: may_have_run });
        match end {
            Some(end) if end > now => self.in_flight.look_at(number, end),
            Some(_) if left => self.end(number, exceeded),
            Some(_) if is_up || (may_have_run && deadline_first) => self.end_unsent(number, exceeded),
            Some(_) => self.end_unsent(number, self.no_server(deadline_first)),
            None => {}
        }
    }

    fn no_server(&self, deadline_first: bool) -> Ending {
        let (cause, reason) = self.link.absence();
        match self.link.other_version() {
            Some(theirs) => Ending::VersionMismatch { theirs },
            None if deadline_first => Ending::ServerGone {
                cause: GoneCause::DeadlineFirst,
                reason: format!("the call's deadline passed before there was a connection ({reason})"),
            },
            None => Ending::ServerGone { cause, reason: reason.to_owned() },
        }
    }

    fn end(&mut self, number: u64, ending: Ending) {
        if let Some(flight) = self.in_flight.remove(number) {
            flight.ticket.end(ending);
        }
    }

    /// Ends a call as one that was not run; of one that had left before that is not known.
    fn end_not_run(&mut self, number: u64, ending: Ending) {
        match self.in_flight.get_mut(number) {
            Some(flight) if flight.may_have_run() => self.end_unknown(number),
            _ => self.end(number, ending),
        }
    }

    fn end_unknown(&mut self, number: u64) {
        self.shared.counters.unknown_outcomes.add_one();
        self.end(number, Ending::Unknown);
    }

    /// Ends a call whose request still waits, and takes that out of its queue, which is bounded.
    fn end_unsent(&mut self, number: u64, ending: Ending) {
        for queue in [&mut self.link.calls.queue, &mut self.link.control.queue] {
            queue.retain(|queued| *queued != Queued::Request(number));
        }
        self.waiting.retain(|waiting| *waiting != number);
        match ending {
            Ending::Failed(_) => self.end(number, ending),
            _ => self.end_not_run(number, ending),
        }
    }

    fn sleep(&mut self, now: Instant, until: Option<Instant>) -> Result<(), SocketError> {
        let due = [self.link.next_due(now), self.in_flight.next_look(), until].into_iter().flatten().min();
        let timeout = due.map(|due| due.saturating_duration_since(now));
        self.slept = timeout.unwrap_or(Duration::MAX);
        let [calls, calls_events] = self.link.calls.poll_entries();
        let [control, control_events] = self.link.control.poll_entries();
        let mut entries = [calls, control, calls_events, control_events];
        self.mailbox.poll(&mut entries, timeout)?;
        let (calls, control) = (entries[0].is_writable(), entries[1].is_writable());
        if calls {
            self.link.calls.unblock();
        }
        if control {
            self.link.control.unblock();
        }
        Ok(())
    }

    /// Reads the clock. What passed beyond what the loop meant to sleep is no silence of the server.
    fn read_clock(&mut self) -> Instant {
        let now = Instant::now();
        let slept = std::mem::take(&mut self.slept);
        let gap = (now - self.last_read).saturating_sub(slept);
        if gap > AWAY {
            self.link.was_away(gap);
        }
        self.last_read = now;
        now
    }

    fn say_goodbye(&mut self) {
        self.flush();
        let goodbye = encode_goodbye(self.link.session.epoch);
        for dealer in [&mut self.link.calls, &mut self.link.control] {
            if dealer.greeted.is_some() {
                dealer.try_send(Frame::copy_from(&goodbye));
            }
        }
    }
}

impl Drop for CallsLoop {
    fn drop(&mut self) {
        self.shared.connection.close();
    }
}
