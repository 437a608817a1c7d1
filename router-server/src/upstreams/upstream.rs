//! `Upstream`: one server behind this one, as the router loop has it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use router_client::gateway::{UpstreamEvent, UpstreamLink};
use router_client::{ConnectError, ConnectOptions};
use router_socket::{Context, Frame, PollEntry};
use router_wire::hello::{ClientSocket, GatewayHop};
use router_wire::request::{RequestFlags, encode_cancel};
use router_wire::{
    CallId, ClientId, ClientIdentity, Enclosed, Encoding, Failure, Name, RequestHeader, body as bodies,
};

use super::passed_call::{PassedCall, Request, envelope};
use super::view::UpstreamView;
use crate::bounds::{Bounds, Limits};
use crate::client_table::ClientKey;
use crate::job::JobKey;

/// Most calls on their way through one upstream.
const MOST_CALLS: usize = 4_096;
const MOST_CALLS_OF_A_CLIENT: usize = 1_024;
/// Most bytes of their arguments.
const MOST_BYTES: usize = 256 << 20;
const MOST_BYTES_OF_A_CLIENT: usize = 64 << 20;

/// Descriptions are asked for at most this often.
const DESCRIBE_EVERY: Duration = Duration::from_millis(250);
/// And a server that could not tell after this long.
const DESCRIBE_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// What the loop is told to make an upstream of.
pub(crate) struct AddUpstream {
    pub(crate) prefix: Name,
    pub(crate) address: String,
    pub(crate) options: ConnectOptions,
    pub(crate) streams: crate::streams::UpstreamStreams,
    pub(crate) answer: Sender<Result<Arc<UpstreamView>, ConnectError>>,
}

/// One server behind this one.
pub(crate) struct Upstream {
    pub(crate) prefix: Name,
    pub(crate) link: UpstreamLink,
    /// Calls that were passed on and have not ended.
    pub(crate) calls: HashMap<JobKey, PassedCall>,
    /// Who was introduced there, in this life of the connection.
    clients: HashMap<ClientKey, Introduced>,
    by_id: HashMap<ClientId, ClientKey>,
    /// Messages that the sockets have not taken yet: of calls, of control.
    waiting: [VecDeque<Waiting>; 2],
    pub(crate) bounds: Arc<Bounds>,
    pub(crate) urgent_bounds: Arc<Bounds>,
    /// The request for the description that has not been answered.
    pub(crate) describing: Option<u64>,
    /// It serves something else than what was described last.
    pub(crate) wants_description: bool,
    /// A description is being read on another thread.
    pub(crate) reading: Arc<AtomicBool>,
    /// The next description is not asked for before.
    describe_from: Instant,
    /// Who was introduced in this life of the server, before the connection was lost.
    former: HashMap<ClientKey, ClientId>,
    former_epoch: u64,
    pub(crate) view: Arc<UpstreamView>,
    pub(crate) streams: Arc<crate::streams::UpstreamStreams>,
}

/// A description is being read for as long as this is there.
pub(crate) struct Reading(Arc<AtomicBool>);

impl Reading {
    pub(crate) fn begin(flag: &Arc<AtomicBool>) -> Reading {
        flag.store(true, Ordering::Relaxed);
        Reading(Arc::clone(flag))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

struct Introduced {
    id: ClientId,
    /// On the sockets of calls and control.
    on: [bool; 2],
}

struct Waiting {
    /// The call whose request this is.
    request: Option<JobKey>,
    message: VecDeque<Frame>,
}

impl Upstream {
    /// Starts to connect; returns at once.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub(crate) fn connect(context: &Context, add: AddUpstream) -> Result<Upstream, ConnectError> {
        let AddUpstream { prefix, address, options, streams, .. } = add;
        let streams = Arc::new(streams);
        let served = Arc::clone(&streams);
        let on_server = Box::new(move |epoch, samples, frames| served.server(epoch, samples, frames));
        let link = UpstreamLink::connect(context, &address, options, on_server)?;
        let limits = Limits {
            calls: MOST_CALLS,
            calls_per_client: MOST_CALLS_OF_A_CLIENT,
            bytes: MOST_BYTES,
            bytes_per_client: MOST_BYTES_OF_A_CLIENT,
            reserved_per_client: 0,
        };
        let what = format!("the way to `{prefix}`");
        let view = UpstreamView::new(prefix.clone(), link.endpoint().to_string());
        Ok(Upstream {
            prefix,
            link,
            calls: HashMap::new(),
            clients: HashMap::new(),
            by_id: HashMap::new(),
            waiting: Default::default(),
            bounds: Bounds::new(what.clone(), limits),
            urgent_bounds: Bounds::new(what, Limits::urgent()),
            describing: None,
            wants_description: false,
            reading: Arc::default(),
            describe_from: Instant::now(),
            former: HashMap::new(),
            former_epoch: 0,
            view,
            streams,
        })
    }

    /// As people read it: `rig2 (tcp://rig2:5555)`.
    pub(crate) fn label(&self) -> String {
        format!("`{}` ({})", self.prefix, self.link.endpoint())
    }

    /// Whether requests leave; else why they do not.
    pub(crate) fn check_up(&self) -> Result<(), Failure> {
        if self.link.state().is_up() {
            return Ok(());
        }
        Err(Failure::Unreachable { server: self.label(), reason: self.link.reason() })
    }

    /// Takes what has come and sends what is due. Returns whether more may be waiting.
    pub(crate) fn turn(&mut self, gateways: &[GatewayHop], events: &mut Vec<UpstreamEvent>) -> bool {
        self.link.set_gateways(gateways);
        let more = self.link.turn(events);
        let state = self.link.state();
        if state.is_up() {
            self.flush();
            let may_ask = self.describing.is_none() && !self.reading.load(Ordering::Relaxed);
            if self.wants_description && may_ask && Instant::now() >= self.describe_from {
                self.ask_description();
            }
        } else {
            self.view.set_state(state, self.link.reason());
        }
        self.view.in_flight.store(self.calls.len() as u64, Ordering::Relaxed);
        let queued = self.waiting.iter().map(VecDeque::len).sum::<usize>();
        self.view.queued.store(queued as u64, Ordering::Relaxed);
        self.view.set_round_trip(self.link.round_trip());
        more
    }

    /// Sends a request of a client on, who is introduced first where it is not known yet.
    ///
    /// # Errors
    /// The deadline has passed already.
    pub(crate) fn pass_on(
        &mut self,
        key: JobKey,
        identity: &ClientIdentity,
        request: &Request<'_>,
        mut call: PassedCall,
    ) -> Result<(), Failure> {
        let id = self.introduce(key.client, identity, call.socket);
        let epoch = self.link.epoch();
        call.there = CallId { client: id, number: key.number, epoch };
        let Some(frames) = request.frames(id, epoch, Instant::now()) else {
            return Err(Failure::DeadlineExceeded { may_still_be_running: false });
        };
        self.view.passed_on.fetch_add(1, Ordering::Relaxed);
        call.sent = self.send(call.socket, Some(key), frames);
        self.calls.insert(key, call);
        Ok(())
    }

    /// Asks for a call to be cancelled. `true`: it had not left, and never will.
    pub(crate) fn cancel(&mut self, key: JobKey) -> bool {
        let Some(call) = self.calls.get(&key) else { return false };
        let socket = call.socket;
        if !call.sent {
            self.waiting[index(socket)].retain(|waiting| waiting.request != Some(key));
            return true;
        }
        if let Some(known) = self.clients.get(&key.client) {
            let cancel = encode_cancel(self.link.epoch(), key.number);
            let frames = [envelope(Enclosed::Message, known.id), Frame::copy_from(&cancel)];
            self.send(socket, None, frames.into());
        }
        false
    }

    /// A call has ended; what is kept of its client goes with its last one.
    pub(crate) fn finished(&mut self, key: JobKey) -> Option<PassedCall> {
        let call = self.calls.remove(&key)?;
        let is_known = self.clients.contains_key(&key.client);
        if !is_known && !self.calls.keys().any(|other| other.client == key.client) {
            self.by_id.retain(|_, client| *client != key.client);
        }
        Some(call)
    }

    /// Tells that a client of this server is lost.
    pub(crate) fn client_is_lost(&mut self, client: ClientKey) {
        // It is introduced again when it comes back.
        let Some(known) = self.clients.remove(&client) else { return };
        let unanswered = self.calls.keys().any(|key| key.client == client);
        if !unanswered {
            self.by_id.remove(&known.id);
        }
        // Behind its requests on each socket: a queued call must not start after the news of its client.
        let on_none = known.on == [false, false]; // introduced before the connection broke
        for (socket, introduced) in [ClientSocket::Calls, ClientSocket::Control].into_iter().zip(known.on) {
            if introduced || on_none {
                self.send(socket, None, [envelope(Enclosed::Lost, known.id)].into());
            }
        }
    }

    /// The client that an answer is for.
    pub(crate) fn client(&self, id: ClientId) -> Option<ClientKey> {
        self.by_id.get(&id).copied()
    }

    /// The connection is lost: returns the calls that end with it, whether they had left or not.
    pub(crate) fn lose(&mut self) -> Vec<(JobKey, PassedCall)> {
        self.former_epoch = self.link.epoch();
        self.former.extend(self.clients.drain().map(|(client, known)| (client, known.id)));
        self.by_id.clear();
        self.describing = None;
        self.waiting.iter_mut().for_each(VecDeque::clear);
        self.calls.drain().collect()
    }

    /// It was greeted. Where it is the server that was lost, it is told which of its clients `is_here` no more: it may
    /// not have missed this one.
    pub(crate) fn is_back(&mut self, is_here: impl Fn(ClientKey) -> bool) {
        let former = std::mem::take(&mut self.former);
        if self.link.epoch() != self.former_epoch {
            return;
        }
        for (client, id) in former {
            if is_here(client) || self.clients.contains_key(&client) {
                // Under the same id when it calls again, and lost there when it is lost here.
                self.by_id.insert(id, client);
                self.clients.entry(client).or_insert(Introduced { id, on: [false, false] });
                continue;
            }
            for socket in [ClientSocket::Calls, ClientSocket::Control] {
                self.send(socket, None, [envelope(Enclosed::Lost, id)].into());
            }
        }
    }

    /// It could not tell what it serves: it is asked again, not at once.
    pub(crate) fn ask_description_later(&mut self) {
        self.wants_description = true;
        self.describe_from = Instant::now() + DESCRIBE_AGAIN_AFTER;
    }

    /// Asks what it serves.
    fn ask_description(&mut self) {
        self.wants_description = false;
        self.describe_from = Instant::now() + DESCRIBE_EVERY;
        let number = self.link.next_own_call();
        let header = RequestHeader {
            flags: RequestFlags::default(),
            encoding: Encoding::MessagePack,
            lease: 0,
            epoch: self.link.epoch(),
            call: number,
            deadline_us: 0,
        };
        let mut message = Vec::with_capacity(64);
        header.encode("router.describe", &mut message);
        self.send(ClientSocket::Calls, None, [Frame::from_vec(message)].into());
        self.describing = Some(number);
    }

    /// What a poll of the loop is to wait for.
    pub(crate) fn poll_entries<'a>(&'a self, entries: &mut Vec<PollEntry<'a>>) {
        self.link.poll_entries(entries);
    }

    /// Ends the connection; what waits is dropped.
    pub(crate) fn close(&mut self) {
        if self.link.state().is_up() {
            self.flush();
        }
        self.link.say_goodbye();
    }

    /// The id by which the client is known there; it is introduced where it is not.
    fn introduce(&mut self, client: ClientKey, identity: &ClientIdentity, socket: ClientSocket) -> ClientId {
        let known = self.clients.entry(client).or_insert_with(|| {
            let mut id = identity.id;
            // Two ways to this server may bring one client twice; it is two clients then.
            while self.by_id.get(&id).is_some_and(|other| *other != client) {
                id.1 = id.1.wrapping_add(client.0).wrapping_add(1);
            }
            self.by_id.insert(id, client);
            Introduced { id, on: [false, false] }
        });
        let id = known.id;
        if !std::mem::replace(&mut known.on[index(socket)], true) {
            let identity = ClientIdentity { id, ..identity.clone() };
            let text = bodies::encode(&identity).expect("an identity is plain data");
            let frames = [envelope(Enclosed::Identity, id), Frame::from_vec(text)];
            self.send(socket, None, frames.into());
        }
        id
    }

    /// Sends a message, or has it wait behind others. `true`: it has left.
    fn send(&mut self, socket: ClientSocket, request: Option<JobKey>, message: VecDeque<Frame>) -> bool {
        let waiting = &mut self.waiting[index(socket)];
        if !waiting.is_empty() {
            waiting.push_back(Waiting { request, message });
            return false;
        }
        match self.link.try_send(socket, message) {
            Ok(()) => true,
            Err(message) => {
                waiting.push_back(Waiting { request, message });
                false
            }
        }
    }

    fn flush(&mut self) {
        for socket in [ClientSocket::Control, ClientSocket::Calls] {
            while let Some(Waiting { request, message }) = self.waiting[index(socket)].pop_front() {
                if let Err(message) = self.link.try_send(socket, message) {
                    self.waiting[index(socket)].push_front(Waiting { request, message });
                    break;
                }
                if let Some(call) = request.and_then(|key| self.calls.get_mut(&key)) {
                    call.sent = true;
                }
            }
        }
    }
}

fn index(socket: ClientSocket) -> usize {
    match socket {
        ClientSocket::Calls => 0,
        ClientSocket::Control => 1,
    }
}
