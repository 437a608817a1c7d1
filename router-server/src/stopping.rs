//! The stop of the router loop: calls are cancelled and answered, the listeners close, the last answers leave.

use std::time::{Duration, Instant};

use router_client::Interrupted;

use crate::job::{JobKey, server_stopped};
use crate::router_loop::RouterLoop;
use crate::stop_schedule::StopSchedule;

/// How long calls that were cancelled by the server's stop have to return with an outcome of their own.
const GRACE_AT_STOP: Duration = Duration::from_millis(250);
/// How long answers may take to leave after the stop.
const FLUSH_AT_STOP: Duration = Duration::from_millis(200);
/// How long clients have to read the last answers before their connections end: with IMMEDIATE=1 libzmq throws away
/// what a client has received and not read yet when its connection ends.
const READ_AT_STOP: Duration = Duration::from_millis(50);
/// How long the system may take to give the listening ports back.
const UNBIND_AT_STOP: Duration = Duration::from_millis(200);

/// A stop that goes on.
pub(super) struct Stopping {
    /// When everything is over, whatever is left: what follows is moved forward to here.
    pub(super) by: Instant,
    /// When calls that have not returned are answered all the same.
    pub(super) answer_all_at: Instant,
    /// When the listeners are closed; `None` until every call is answered.
    pub(super) close_at: Option<Instant>,
    /// When the loop ends though the system has not given the ports back; `None` until every call is answered
    /// and the listeners were closed.
    pub(super) end_at: Option<Instant>,
    /// Listeners that libzmq has not closed yet.
    pub(super) open_listeners: usize,
}

impl RouterLoop {
    pub(super) fn begin_to_stop(&mut self, schedule: StopSchedule) {
        if self.stopping.is_some() {
            return;
        }
        let by = schedule.loops_by;
        let answer_all_at = (Instant::now() + GRACE_AT_STOP).min(by);
        self.stopping = Some(Stopping { by, answer_all_at, close_at: None, end_at: None, open_listeners: 0 });
        self.leave_upstreams();
        self.end_all_parked();
        for (key, call) in &self.in_flight {
            match call.entry.queue.take(*key) {
                Some(job) => job.refuse(server_stopped(false)),
                None => call.control.interrupt(Interrupted::ServerStopping),
            }
        }
    }

    pub(super) fn has_stopped(&mut self) -> bool {
        let Some(stopping) = &self.stopping else { return false };
        let now = Instant::now();
        let (end_at, ports_are_free) = (stopping.end_at, stopping.open_listeners == 0);
        if now >= stopping.answer_all_at {
            let unanswered: Vec<JobKey> =
                self.in_flight.iter().filter(|(_, call)| !call.answered).map(|(key, _)| *key).collect();
            for key in unanswered {
                self.answer_before_return(key, &server_stopped(true));
            }
        }
        let all_answered = self.in_flight.values().all(|call| call.answered);
        match end_at {
            Some(end_at) => all_answered && (ports_are_free || now >= end_at),
            None => all_answered && self.answers_are_read(now) && self.close_listeners(now),
        }
    }

    /// Whether clients had the time to read the last answers; where there are no clients, they have.
    fn answers_are_read(&mut self, now: Instant) -> bool {
        let pause = if self.clients.stats(now).is_empty() { Duration::ZERO } else { READ_AT_STOP };
        match &mut self.stopping {
            Some(stopping) => now >= *stopping.close_at.get_or_insert((now + pause).min(stopping.by)),
            None => false,
        }
    }

    /// Closes the listeners; `true` when their ports are free at once. Not before every call is answered: libzmq ends
    /// the connections that a listener accepted together with it, and gives what was sent on them the linger to leave.
    fn close_listeners(&mut self, now: Instant) -> bool {
        self.limit_flush();
        self.settings.socket_files.clear();
        let mut open = 0;
        for set in self.settings.listening.all() {
            let unbound = self.socket.unbind(&set.calls);
            // A name of inproc is free at once, and nothing tells of it.
            open += usize::from(unbound.is_ok() && set.calls.inproc_name().is_none());
        }
        if let Some(stopping) = &mut self.stopping {
            stopping.end_at = Some((now + UNBIND_AT_STOP).min(stopping.by));
            stopping.open_listeners = open;
        }
        open == 0
    }

    pub(super) fn limit_flush(&self) {
        let left = self.stopping.as_ref().map_or(FLUSH_AT_STOP, |stopping| StopSchedule::until(stopping.by));
        if let Err(error) = self.socket.set_linger(left.min(FLUSH_AT_STOP)) {
            log::warn!("the last answers may not leave: {error}");
        }
    }
}
