//! The loop that owns the ROUTER socket: it takes requests, hands calls to their queues and sends answers.
//!
//! Requests are in `requests.rs`, answers in `answers.rs`. The loop never blocks outside `poll`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use router_client::gateway::UpstreamEvent;
use router_client::{CallControl, Interrupted};
use router_socket::{Frame, MailSender, Mailbox, Monitor, PollEntry, Socket, SocketEvent};
use router_wire::hello::{ClientSocket, GatewayHop};
use router_wire::reply::Progress;
use router_wire::{ClientId, Failure, HelloReply};

use crate::bounds::{Permit, ServerBounds};
use crate::call_entry::CallEntry;
use crate::client_table::{ClientKey, ClientTable};
use crate::dispatcher::Dispatcher;
use crate::greeting_names::GreetingNames;
use crate::job::JobKey;
use crate::job_queue::JobQueue;
use crate::kept_outcomes::{KeptOutcomes, OutcomeLimits};
use crate::listening::Listening;
use crate::memory::{self, Storms};
use crate::parked::Parked;
use crate::router_event::RouterEvent;
use crate::socket_file::SocketFile;
use crate::stopping::Stopping;
use crate::table::Table;
use crate::timers::{Due, Timers};
use crate::upstreams::Upstream;

/// Messages taken from one source before the others have their turn.
const MESSAGES_PER_TURN: usize = 1000;
const LOOK_FOR_LOST_CLIENTS_EVERY: Duration = Duration::from_millis(250);
/// For so long a flood of messages may keep pings from being read before their clients are taken for lost.
const FLOOD_EXCUSES_FOR: Duration = Duration::from_secs(1);
/// The router loop as a value: whoever owns it calls [`turn`](RouterLoop::turn).
pub(crate) struct RouterLoop {
    pub(super) socket: Socket,
    monitor: Monitor,
    mailbox: Mailbox<RouterEvent>,
    /// Handed to every job, which posts its outcome.
    pub(super) mail: MailSender<RouterEvent>,
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) settings: Settings,
    pub(super) bounds: ServerBounds,
    pub(super) clients: ClientTable,
    pub(super) in_flight: Table<JobKey, InFlight>,
    /// Requests for names that may still come.
    pub(super) parked: Vec<Parked>,
    /// They are being looked at again.
    pub(super) parks_again: bool,
    /// How calls ended.
    pub(super) outcomes: KeptOutcomes,
    /// The servers behind this one.
    pub(super) upstreams: Vec<Upstream>,
    /// For which servers this one speaks to them: itself, and those that are its clients.
    pub(super) gateways: Vec<GatewayHop>,
    /// Counts the changes of which calls of the servers behind are urgent or idempotent.
    pub(super) changes_behind: u64,
    pub(super) greeting_names: GreetingNames,
    /// Kept for its capacity.
    pub(super) upstream_events: Vec<UpstreamEvent>,
    pub(super) timers: Timers,
    /// Queues with a sleeping worker; woken once at the end of the turn, so that a burst of calls costs one wake-up.
    pub(super) wakes: Vec<Arc<JobQueue>>,
    /// The frames of the message being read; kept for its capacity.
    frames: Vec<Frame>,
    storms: Storms,
    /// When nothing was left to read last.
    drained_at: Instant,
    pub(super) stopping: Option<Stopping>,
}

/// What the loop is told when it is made.
pub(crate) struct Settings {
    pub(crate) listening: Listening,
    /// Until the listeners are closed.
    pub(crate) socket_files: Vec<SocketFile>,
    pub(crate) hello: HelloReply,
    pub(crate) max_body_bytes: usize,
    pub(crate) stalled_client_bytes: usize,
    /// For so long after the start a request waits for a name that is not there yet.
    pub(crate) names_may_come_for: Duration,
    /// How many connections to the sockets of streams have ended.
    pub(crate) stream_connections_ended: Box<dyn Fn() -> u64 + Send>,
    pub(crate) outcomes: OutcomeLimits,
    /// The zero of the server's monotonic clock.
    pub(crate) started: Instant,
}

/// A call between its request and its outcome.
pub(crate) struct InFlight {
    pub(super) entry: Arc<CallEntry>,
    pub(super) control: CallControl,
    pub(super) reply_to: ClientSocket,
    /// The id of its client, if that has said who it is.
    pub(super) owner: Option<ClientId>,
    /// It was asked in JSON.
    pub(super) json: bool,
    pub(super) detached: bool,
    /// Its client has its outcome already, though the method has not returned.
    pub(super) answered: bool,
    pub(super) last_progress: Option<Instant>,
    /// What it reported last.
    pub(super) reported: Option<Progress>,
    /// A timer will look for its newest progress report.
    pub(super) progress_timer: bool,
    pub(super) _permit: Permit,
}

/// Whether the loop goes on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Again,
    Ended,
}

impl RouterLoop {
    pub(crate) fn new(
        mut socket: Socket,
        (mail, mailbox): (MailSender<RouterEvent>, Mailbox<RouterEvent>),
        dispatcher: Arc<Dispatcher>,
        bounds: ServerBounds,
        settings: Settings,
    ) -> Result<RouterLoop, router_socket::SocketError> {
        let monitor = socket.monitor()?;
        let mut timers = Timers::default();
        timers.add(Instant::now() + LOOK_FOR_LOST_CLIENTS_EVERY, Due::LostClients);
        let outcomes = KeptOutcomes::new(settings.outcomes);
        let mut router_loop = RouterLoop {
            socket,
            monitor,
            mailbox,
            mail,
            dispatcher,
            settings,
            bounds,
            clients: ClientTable::default(),
            in_flight: Table::default(),
            parked: Vec::new(),
            parks_again: false,
            outcomes,
            upstreams: Vec::new(),
            gateways: Vec::new(),
            changes_behind: 0,
            greeting_names: GreetingNames::default(),
            upstream_events: Vec::new(),
            timers,
            wakes: Vec::new(),
            frames: Vec::new(),
            storms: Storms::new(),
            drained_at: Instant::now(),
            stopping: None,
        };
        router_loop.refresh_gateways();
        Ok(router_loop)
    }

    /// Takes what waits, does what is due, and sleeps when there was nothing.
    ///
    /// # Blocking
    /// Until a message, an event or a moment comes.
    pub(crate) fn turn(&mut self) -> Turn {
        let requests = self.take_requests();
        let events = self.take_events();
        let more_behind = self.turn_upstreams();
        let may_be_more = requests.max(events) == MESSAGES_PER_TURN;
        // A loop that sleeps is told of news; one that has no time to sleep looks for them.
        if may_be_more || !self.monitor.is_quiet() {
            self.take_monitor_events();
        }
        self.do_what_is_due(requests < MESSAGES_PER_TURN);
        self.wakes.drain(..).for_each(|queue| queue.wake());
        if self.has_stopped() {
            return Turn::Ended;
        }
        // What is to go to a server behind goes with its next turn.
        let goes_behind = requests + events > 0 && !self.upstreams.is_empty();
        if !may_be_more && !more_behind && !goes_behind {
            self.sleep();
        }
        Turn::Again
    }

    /// Closes the socket; what was sent has 200 ms to leave, and what the schedule of the stop has left at most.
    ///
    /// # Blocking
    /// For as long, when this is the last owner of the context.
    pub(crate) fn close(self) {
        self.limit_flush();
    }

    fn take_requests(&mut self) -> usize {
        let mut frames = std::mem::take(&mut self.frames);
        let mut taken = 0;
        while taken < MESSAGES_PER_TURN {
            match self.socket.try_recv_message(&mut frames) {
                Ok(true) => {
                    taken += 1;
                    let whole = self.socket.discarded_frames() == 0;
                    self.receive(&mut frames, whole);
                }
                Ok(false) => break,
                Err(error) => {
                    log::error!("the calls socket failed: {error}");
                    break;
                }
            }
        }
        frames.clear();
        self.frames = frames;
        taken
    }

    fn take_events(&mut self) -> usize {
        let mut taken = 0;
        while taken < MESSAGES_PER_TURN {
            let Some(event) = self.mailbox.try_take() else { break };
            taken += 1;
            match event {
                RouterEvent::Finished { key, reply } => self.finished(key, reply),
                RouterEvent::Progress { key } => self.progress(key, Instant::now()),
                RouterEvent::Clients { answer } => {
                    let _ = answer.send(self.clients.stats(Instant::now()));
                }
                RouterEvent::Stop(schedule) => self.begin_to_stop(schedule),
                RouterEvent::NamesChanged => self.look_for_parked(),
                RouterEvent::AddUpstream(add) => self.add_upstream(*add),
                RouterEvent::RemoveUpstream { prefix, answer } => {
                    let _ = answer.send(self.remove_upstream(prefix.as_str()).map(Box::new));
                }
            }
        }
        taken
    }

    fn take_monitor_events(&mut self) {
        let counters = &self.dispatcher.counters;
        for _ in 0..MESSAGES_PER_TURN {
            match self.monitor.try_next() {
                Some(SocketEvent::HandshakeFailed { .. }) => counters.failed_handshakes.add(1),
                Some(SocketEvent::Disconnected { .. }) => counters.disconnects.add(1),
                Some(SocketEvent::Closed { .. }) => {
                    if let Some(stopping) = &mut self.stopping {
                        stopping.open_listeners = stopping.open_listeners.saturating_sub(1);
                    }
                }
                Some(_) => {}
                None => return,
            }
        }
    }

    fn do_what_is_due(&mut self, socket_was_drained: bool) {
        let now = Instant::now();
        if socket_was_drained {
            self.drained_at = now;
        }
        while let Some(due) = self.timers.pop_due(now) {
            match due {
                Due::Deadline(key) => self.deadline_passed(key),
                Due::Progress(key) => self.progress_due(key, now),
                Due::NamesHaveCome => self.look_for_parked(),
                Due::LostClients => {
                    self.timers.add(now + LOOK_FOR_LOST_CLIENTS_EVERY, Due::LostClients);
                    let counters = &self.dispatcher.counters;
                    let ended = counters.disconnects.get() + counters.failed_handshakes.get();
                    if self.storms.is_over(ended + (self.settings.stream_connections_ended)(), now) {
                        memory::give_back();
                    }
                    self.outcomes.tidy(now);
                    self.tell_of_forgotten_clients(now);
                    // After a pause of this process the pings that came meanwhile still wait in the socket.
                    let flooded_for = now.saturating_duration_since(self.drained_at);
                    if socket_was_drained || flooded_for > FLOOD_EXCUSES_FOR {
                        for client in self.clients.find_lost(now) {
                            self.client_is_lost(client);
                        }
                        for client in self.clients.silent_with_held_answers(now) {
                            self.give_up_held_answers(client);
                        }
                    }
                }
            }
        }
        self.tidy_timers();
    }

    /// Drops timers of calls that have ended, where they are most of all.
    fn tidy_timers(&mut self) {
        let (in_flight, parked, upstreams) = (&self.in_flight, &self.parked, &self.upstreams);
        let behind = upstreams.iter().map(|upstream| upstream.calls.len()).sum::<usize>();
        if !self.timers.need_tidying(in_flight.len() + parked.len() + behind) {
            return;
        }
        let waiting: HashSet<JobKey> = parked.iter().map(|parked| parked.key).collect();
        self.timers.tidy(|key| {
            in_flight.contains_key(&key)
                || waiting.contains(&key)
                || upstreams.iter().any(|upstream| upstream.calls.contains_key(&key))
        });
    }

    fn deadline_passed(&mut self, key: JobKey) {
        let Some(call) = self.in_flight.get(&key) else {
            if !self.end_parked(key, Interrupted::DeadlineExceeded) {
                self.deadline_passed_behind(key);
            }
            return;
        };
        if call.control.info().deadline.is_none_or(|deadline| deadline > Instant::now()) {
            return; // the timer of an earlier call of the same number
        }
        let queue = Arc::clone(&call.entry.queue);
        match queue.take(key) {
            Some(job) => job.refuse(Failure::DeadlineExceeded { may_still_be_running: false }),
            None => {
                call.control.interrupt(Interrupted::DeadlineExceeded);
                self.answer_before_return(key, &Failure::DeadlineExceeded { may_still_be_running: true });
            }
        }
    }

    /// Ends a lost client's queued calls. Running ones go on, unless their method says otherwise.
    pub(super) fn client_is_lost(&mut self, client: ClientKey) {
        self.dispatcher.counters.lost_clients.add(1);
        for behind in self.clients.behind(client) {
            if self.clients.mark_lost(behind) {
                self.client_is_lost(behind);
            }
        }
        self.end_parked_of(client);
        for upstream in &mut self.upstreams {
            upstream.client_is_lost(client);
        }
        if self.clients.is_gateway(client) {
            self.refresh_gateways();
        }
        let Some(lost) = self.clients.get(client) else { return };
        for number in lost.in_flight.iter().copied().collect::<Vec<_>>() {
            let key = JobKey { client, number };
            let Some(call) = self.in_flight.get(&key) else { continue };
            if !call.detached
                && let Some(job) = call.entry.queue.take(key)
            {
                job.refuse(Failure::ClientLost);
            } else if call.entry.description.cancel_on_client_lost {
                call.control.interrupt(Interrupted::ClientLost);
            }
        }
        self.shrink_held_answers(client);
    }

    /// Whether new calls are refused.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    fn sleep(&mut self) {
        let mut next = self.timers.next();
        if let Some(stopping) = &self.stopping {
            let due = stopping.end_at.or(stopping.close_at).unwrap_or(stopping.answer_all_at);
            next = Some(next.map_or(due, |next| next.min(due)));
        }
        let now = Instant::now();
        let next = next.into_iter().chain(self.upstreams_due(now)).min();
        let timeout = next.map(|at| at.saturating_duration_since(now));
        self.upstreams_sleep(timeout);
        let mut own = [PollEntry::readable(&self.socket), self.monitor.poll_entry()];
        if self.upstreams.is_empty() {
            if let Err(error) = self.mailbox.poll(&mut own, timeout) {
                log::error!("the router loop could not wait: {error}");
            }
            return;
        }
        let own_count = own.len();
        let mut entries = Vec::from(own);
        RouterLoop::upstream_entries(&self.upstreams, &mut entries);
        if let Err(error) = self.mailbox.poll(&mut entries, timeout) {
            log::error!("the router loop could not wait: {error}");
        }
        let writable: Vec<bool> = entries.split_off(own_count).iter().map(PollEntry::is_writable).collect();
        drop(entries);
        self.unblock_upstreams(&writable);
    }
}
