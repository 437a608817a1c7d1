//! `Link`: the connection as the calls loop has it: two DEALERs, the greeting, the pings, and what state follows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use router_socket::{Context, Endpoint, Frame, HandshakeFailure, SocketError};
use router_wire::hello::{ClientSocket, GatewayHop, PingReply};
use router_wire::{OutcomeHeader, Status, body};

use crate::call_error::GoneCause;
use crate::connection::ConnectionState;
use crate::dealer::{ConnectionEvent, Dealer};
use crate::greeting::{self, Greeting, Session};
use crate::pulse::{Pulse, Silence};
use crate::shared::Shared;
use crate::streams::ServerView;

/// How long to wait before greeting a server again that refused.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);

const NOT_ACCEPTED: &str = "nothing accepts connections there";

const RESTARTED: &str = "the server was restarted and is being greeted";

const FORGOTTEN: &str = "the server had given this client up and is being greeted again";

const UNANSWERED: &str =
    "something accepts connections there and does not answer; a server there may be stuck";

/// Called by the loop after each greeting with where the server serves its streams. Must not wait.
pub(crate) type OnServer = Box<dyn Fn(ServerView) + Send>;

/// Both sockets and everything that is known about who is at the other end.
pub(crate) struct Link {
    pub(crate) calls: Dealer,
    pub(crate) control: Dealer,
    pub(crate) session: Session,
    pulse: Pulse,
    state: ConnectionState,
    /// Why the state is not `Connected`, for programs and for people.
    cause: GoneCause,
    reason: String,
    /// The version of a server that speaks another one.
    other_version: Option<u32>,
    /// The state is `Lost` because the server was silent; its next word is answered by a greeting.
    silenced: bool,
    /// The state was `Connected` before.
    was_up: bool,
    /// Empty unless this client is a gateway.
    gateways: Vec<GatewayHop>,
    shared: Arc<Shared>,
    on_server: OnServer,
}

impl Link {
    /// Starts to connect; returns at once.
    pub(crate) fn connect(
        context: &Context,
        endpoint: &Endpoint,
        shared: Arc<Shared>,
        on_server: OnServer,
    ) -> Result<Link, SocketError> {
        let dealer = |role| Dealer::connect(context, role, endpoint, &shared.options);
        Ok(Link {
            calls: dealer(ClientSocket::Calls)?,
            control: dealer(ClientSocket::Control)?,
            session: Session::default(),
            pulse: Pulse::new(&shared.options, Instant::now()),
            state: ConnectionState::Connecting,
            cause: GoneCause::NothingListens,
            reason: NOT_ACCEPTED.to_owned(),
            other_version: None,
            silenced: false,
            was_up: false,
            gateways: Vec::new(),
            shared,
            on_server,
        })
    }

    /// Says that this client is a gateway, and for which servers it speaks; greets again where that is news.
    pub(crate) fn set_gateways(&mut self, gateways: &[GatewayHop], now: Instant) {
        if self.gateways != gateways {
            self.gateways = gateways.to_vec();
            self.calls.refresh_greeting(now);
            self.control.refresh_greeting(now);
        }
    }

    pub(crate) fn state(&self) -> ConnectionState {
        self.state
    }

    /// Why there is no connection.
    pub(crate) fn absence(&self) -> (GoneCause, &str) {
        (self.cause, &self.reason)
    }

    /// The version of the server, where it is not ours.
    pub(crate) fn other_version(&self) -> Option<u32> {
        self.other_version
    }

    pub(crate) fn dealer(&mut self, role: ClientSocket) -> &mut Dealer {
        match role {
            ClientSocket::Calls => &mut self.calls,
            ClientSocket::Control => &mut self.control,
        }
    }

    /// Which socket takes requests for `target`.
    pub(crate) fn socket_for(&self, target: &str) -> ClientSocket {
        let urgent =
            matches!(target, "router.ping" | "router.stop_all") || self.session.urgent.contains(target);
        if urgent { ClientSocket::Control } else { ClientSocket::Calls }
    }

    /// Takes what happened to the connections since the last turn; tells whether anything did.
    ///
    /// Where a poll would have told of news, they are looked for only when `looks_everywhere` says so.
    pub(crate) fn take_events(&mut self, now: Instant, looks_everywhere: bool) -> bool {
        self.try_other_addresses(now);
        let mut had_events = false;
        for role in [ClientSocket::Control, ClientSocket::Calls] {
            if !looks_everywhere && !self.dealer(role).may_have_events(now) {
                continue;
            }
            while let Some(event) = self.dealer(role).next_event(now) {
                had_events = true;
                match event {
                    ConnectionEvent::Accepted => self.give_reason(GoneCause::NoAnswer, UNANSWERED),
                    ConnectionEvent::NotAccepted => {
                        self.give_reason(GoneCause::NothingListens, NOT_ACCEPTED);
                    }
                    ConnectionEvent::Ended { was_greeted } => {
                        self.other_version = None;
                        self.silenced = false;
                        if role == ClientSocket::Calls {
                            self.pulse.calls_socket_ended();
                        }
                        if was_greeted {
                            self.give_reason(GoneCause::NothingListens, "the connection ended");
                        }
                    }
                    // Silence during the handshake is told by the connection that was accepted.
                    ConnectionEvent::NotMade(HandshakeFailure::NoDetail { .. }) => {}
                    ConnectionEvent::NotMade(why) => {
                        let reason = format!("what listens there is no such server: {why}");
                        self.give_reason(GoneCause::NoAnswer, reason);
                    }
                }
            }
        }
        had_events
    }

    /// Where a name's address accepts nothing, the other one is tried; both sockets go to the same one.
    fn try_other_addresses(&mut self, now: Instant) {
        let way = |dealer: &Dealer| dealer.is_accepted().then(|| dealer.is_by_ipv6());
        self.calls.try_other_address(now, way(&self.control));
        self.control.try_other_address(now, way(&self.calls));
    }

    /// Sends what is due: hellos and pings.
    pub(crate) fn send_due(&mut self, now: Instant) {
        let Link { calls, control, gateways, shared, .. } = self;
        for dealer in [control, calls] {
            let hello = |role| {
                let number = shared.next_call();
                (number, greeting::hello(&shared.identity, role, &shared.endpoint, gateways, number))
            };
            dealer.greet_if_due(now, hello);
        }
        if self.control.greeted.is_none() {
            return;
        }
        if let Some(received_bytes) = self.pulse.due(now) {
            let number = self.shared.next_call();
            let message = greeting::ping(self.session.epoch, number, received_bytes);
            let sent = !self.control.is_blocked() && self.control.try_send(Frame::from_vec(message));
            self.pulse.tried(now, sent.then_some(number));
        }
    }

    /// A well-formed message of `bytes` came through `role`.
    pub(crate) fn heard(&mut self, role: ClientSocket, bytes: u64, now: Instant) {
        self.pulse.heard(now);
        if role == ClientSocket::Calls {
            self.pulse.received(bytes);
        }
        if self.silenced {
            // The server may have given this client up meanwhile, as this client did the server.
            self.silenced = false;
            self.greet_again("the server answers again and is being greeted", now);
        }
    }

    /// Whether the answer to a ping is on its way, and the time it takes is measured.
    pub(crate) fn awaits_ping(&self) -> bool {
        self.pulse.awaits_answer()
    }

    /// This process did not run for `gap`.
    pub(crate) fn was_away(&mut self, gap: Duration) {
        self.pulse.was_away(gap);
    }

    /// Takes the outcome of a hello or a ping; `false` when it is that of a call.
    pub(crate) fn take_outcome<'a>(
        &mut self,
        role: ClientSocket,
        header: &OutcomeHeader,
        body: impl FnOnce() -> &'a [u8],
    ) -> bool {
        if self.dealer(role).take_hello(header.call) {
            self.greeted(role, greeting::read(&self.shared.endpoint, header, body()), Instant::now());
            return true;
        }
        let Some(sent) = self.pulse.answered(header.call) else { return false };
        let now = Instant::now();
        self.shared.connection.note(|view| view.round_trip = Some(now - sent));
        if header.status == Status::OtherEpoch {
            self.other_epoch(header.epoch, now);
        } else if let Ok(reply) = body::decode_as::<PingReply>(header.encoding, body()) {
            self.shared.connection.note(|view| view.clock.take(&reply, sent, now));
            if reply.epoch != self.session.epoch {
                self.other_epoch(reply.epoch, now);
            } else if reply.registry_version != self.session.registry_version {
                self.control.refresh_greeting(now);
            }
        }
        true
    }

    /// A server of `epoch` refused what was meant for another.
    pub(crate) fn other_epoch(&mut self, epoch: u64, now: Instant) {
        // A refusal from before the greeting that stands is old news.
        if epoch != self.session.epoch && self.is_greeted() {
            // No epoch at all is what a server says that had given this client up and forgotten it.
            let reason = if epoch == 0 { FORGOTTEN } else { RESTARTED };
            self.greet_again(reason, now);
        }
    }

    /// Finds the state, and tells the one before when it is another.
    pub(crate) fn update_state(&mut self, now: Instant) -> Option<ConnectionState> {
        let silence = self.pulse.silence(now);
        let state = match silence {
            _ if !self.is_greeted() && !self.was_up && self.other_version.is_none() => {
                ConnectionState::Connecting
            }
            _ if !self.is_greeted() => ConnectionState::Lost,
            Silence::None => ConnectionState::Connected,
            Silence::Stale => ConnectionState::Stale,
            Silence::Lost => ConnectionState::Lost,
        };
        if state == self.state {
            return None;
        }
        match silence {
            Silence::Lost if state == ConnectionState::Lost && self.is_greeted() => {
                self.silenced = true;
                self.give_reason(GoneCause::NoAnswer, silent_for(self.shared.options.lost_after));
            }
            Silence::Stale if state == ConnectionState::Stale => {
                self.give_reason(GoneCause::NoAnswer, silent_for(self.shared.options.stale_after));
            }
            _ => {}
        }
        self.was_up |= state.is_up();
        let before = std::mem::replace(&mut self.state, state);
        let epoch = self.session.epoch;
        self.shared.connection.note(|view| view.epoch = epoch);
        self.shared.connection.set_state(state);
        Some(before)
    }

    /// When time alone makes something due.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Instant> {
        let hello = |dealer: &Dealer| if dealer.is_blocked() { None } else { dealer.next_hello() };
        let pulse = self.control.greeted.map(|_| self.pulse.next(now));
        let looks = [self.calls.next_look(now), self.control.next_look(now)];
        [hello(&self.calls), hello(&self.control), pulse].into_iter().chain(looks).flatten().min()
    }

    fn is_greeted(&self) -> bool {
        self.calls.greeted.is_some() && self.calls.greeted == self.control.greeted
    }

    fn greet_again(&mut self, reason: &str, now: Instant) {
        self.give_reason(GoneCause::Restarted, reason);
        self.calls.greet_again(now);
        self.control.greet_again(now);
    }

    fn greeted(&mut self, role: ClientSocket, greeting: Greeting, now: Instant) {
        match greeting {
            Greeting::Welcome(session) => self.welcomed(role, *session, now),
            Greeting::OtherVersion { theirs } => {
                self.other_version = Some(theirs);
                let ours = router_wire::PROTOCOL_VERSION;
                let reason = format!(
                    "this client speaks protocol version {ours}, the server version {theirs}; update the older one"
                );
                self.give_reason(GoneCause::NoAnswer, reason);
                self.dealer(role).greet_later(now + REFUSED_PAUSE);
            }
            // A greeting that stands is not ended by the refusal of a later one.
            Greeting::Refused { .. } if self.dealer(role).greeted.is_some() => {}
            Greeting::Refused { reason } => {
                self.give_reason(GoneCause::NoAnswer, reason);
                self.dealer(role).greet_later(now + REFUSED_PAUSE);
            }
        }
    }

    /// Keeps why there is no connection, or will be none.
    fn give_reason(&mut self, cause: GoneCause, reason: impl Into<String>) {
        self.cause = cause;
        self.reason = reason.into();
        self.shared.connection.note(|view| view.reason.clone_from(&self.reason));
    }

    fn welcomed(&mut self, role: ClientSocket, session: Session, now: Instant) {
        self.other_version = None;
        let was_greeted = self.dealer(role).greeted.replace(session.epoch).is_some();
        let other = match role {
            ClientSocket::Calls => &mut self.control,
            ClientSocket::Control => &mut self.calls,
        };
        if other.greeted.is_some_and(|epoch| epoch != session.epoch) {
            other.greet_again(now);
            self.give_reason(GoneCause::Restarted, RESTARTED);
        }
        if self.session.epoch != 0 && self.session.epoch != session.epoch {
            self.shared.counters.epoch_changes.add_one();
        }
        self.session = session;
        if !was_greeted {
            self.pulse.ping_now(now);
        }
        if let (ClientSocket::Calls, Some(server)) = (role, &self.session.server) {
            (self.on_server)(ServerView { by_ipv6: self.calls.is_by_ipv6(), ..server.clone() });
        }
    }
}

fn silent_for(span: Duration) -> String {
    format!("the server has not answered for {} ms", span.as_millis())
}
