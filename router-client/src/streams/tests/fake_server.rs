//! Two XPUB sockets that a test publishes on, and a client without calls.

use std::sync::Arc;
use std::time::{Duration, Instant};

use router_socket::{Context, Endpoint, Frame, PollEntry, Socket, SocketError, SocketKind, poll};
use router_wire::sample::{self, mark_last_value};
use router_wire::{FromPayload, Name, SampleHeader, SampleStatus, body};

use super::super::packet::Place;
use super::super::testing;
use super::super::{SamplesHandle, ServerView, StreamClient, Subscribe};
use crate::CallError;

/// Longer than anything takes on a machine with both cores busy.
pub(super) const SOON: Duration = Duration::from_secs(20);

/// What answers the request to declare.
type Answer = dyn Fn(&Name, u64) -> Result<(), CallError> + Send + Sync;

pub(super) struct FakeServer {
    pub(super) context: Context,
    samples: (Socket, Endpoint),
    frames: (Socket, Endpoint),
    pub(super) epoch: u64,
    pub(super) incarnation: u64,
}

pub(super) struct FakeClient {
    samples: SamplesHandle,
    answer: Box<Answer>,
}

impl FakeServer {
    pub(super) fn start() -> FakeServer {
        let context = Context::new(1).unwrap();
        let any: Endpoint = "tcp://127.0.0.1:*".parse().unwrap();
        let (samples, frames) = (listen(&context, &any), listen(&context, &any));
        FakeServer {
            context,
            samples,
            frames,
            epoch: testing::LIFE.epoch,
            incarnation: testing::LIFE.incarnation,
        }
    }

    /// Another life of the server, at the same ports, with the next epoch.
    pub(super) fn restart(self) -> FakeServer {
        let FakeServer { context, samples: (samples, at), frames: (frames, frames_at), epoch, .. } = self;
        drop((samples, frames));
        let (samples, frames) = (listen(&context, &at), listen(&context, &frames_at));
        FakeServer { context, samples, frames, epoch: epoch + 1, incarnation: 1 }
    }

    fn view(&self) -> ServerView {
        ServerView {
            epoch: self.epoch,
            samples: self.samples.1.clone(),
            frames: self.frames.1.clone(),
            slots: None,
            by_ipv6: false,
        }
    }

    /// A client that has been greeted.
    pub(super) fn client(&self) -> Arc<FakeClient> {
        let client = self.ungreeted_client(|_, _| Ok(()));
        self.greet(&client);
        client
    }

    /// What was subscribed to before this is known to the loop before anything can arrive.
    pub(super) fn greet(&self, client: &FakeClient) {
        client.samples.server(self.view());
    }

    /// A client whose requests to declare are answered by `answer`.
    pub(super) fn ungreeted_client(
        &self,
        answer: impl Fn(&Name, u64) -> Result<(), CallError> + Send + Sync + 'static,
    ) -> Arc<FakeClient> {
        let samples = SamplesHandle::start(&self.context).unwrap();
        Arc::new(FakeClient { samples, answer: Box::new(answer) })
    }

    /// Waits for the next subscription or unsubscription: `+name` or `-name`.
    pub(super) fn next_subscription(&mut self, place: Place) -> String {
        let deadline = Instant::now() + SOON;
        let socket = &mut self.at(place).0;
        loop {
            if let Some(frame) = socket.try_recv().unwrap() {
                let sign = if frame[0] == 1 { '+' } else { '-' };
                return format!("{sign}{}", sample::split_topic(&frame[1..]).unwrap().0);
            }
            assert!(Instant::now() < deadline, "no subscription at {place:?}");
            poll(&mut [PollEntry::readable(socket)], Some(Duration::from_millis(100))).unwrap();
        }
    }

    /// Whether a subscription waits that nobody asked for.
    pub(super) fn has_subscription(&mut self, place: Place) -> bool {
        self.at(place).0.events_readable().unwrap()
    }

    /// Publishes the sample `sequence`, whose value is its sequence number.
    pub(super) fn sample(&mut self, place: Place, name: &str, sequence: u64) {
        self.packet(place, name, self.header(sequence), &body::encode(&sequence).unwrap());
    }

    /// The same, marked as sent for a new subscriber.
    pub(super) fn last_value(&mut self, place: Place, name: &str, sequence: u64) {
        let mut packet = packet(name, &self.header(sequence), &body::encode(&sequence).unwrap());
        mark_last_value(&mut packet);
        self.raw(place, vec![packet]);
    }

    /// Publishes what is not a value.
    pub(super) fn status(
        &mut self,
        place: Place,
        name: &str,
        status: SampleStatus,
        sequence: u64,
        payload: &[u8],
    ) {
        self.packet(place, name, SampleHeader { status, ..self.header(sequence) }, payload);
    }

    pub(super) fn packet(&mut self, place: Place, name: &str, header: SampleHeader, payload: &[u8]) {
        self.raw(place, vec![packet(name, &header, payload)]);
    }

    /// Publishes a message of these frames.
    pub(super) fn raw(&mut self, place: Place, frames: Vec<Vec<u8>>) {
        let last = frames.len() - 1;
        let socket = &mut self.at(place).0;
        for (index, bytes) in frames.into_iter().enumerate() {
            socket.try_send(Frame::from_vec(bytes), index < last).unwrap();
        }
    }

    pub(super) fn header(&self, sequence: u64) -> SampleHeader {
        SampleHeader { epoch: self.epoch, incarnation: self.incarnation, ..testing::header(sequence) }
    }

    fn at(&mut self, place: Place) -> &mut (Socket, Endpoint) {
        match place {
            Place::Samples => &mut self.samples,
            Place::Frames | Place::Asked | Place::Slots => &mut self.frames,
        }
    }
}

impl FakeClient {
    pub(super) fn subscribe<T: FromPayload>(self: &Arc<Self>, name: &str) -> Subscribe<T> {
        let client: Arc<dyn StreamClient> = Arc::clone(self) as Arc<dyn StreamClient>;
        Subscribe::new(client, name)
    }

    pub(super) fn samples(&self) -> &SamplesHandle {
        &self.samples
    }
}

impl StreamClient for FakeClient {
    fn samples(&self) -> &SamplesHandle {
        &self.samples
    }

    fn queue_bytes(&self) -> usize {
        256 << 20
    }

    fn ask_to_declare(&self, name: &Name, token: u64, _deadline: Duration) -> Result<(), CallError> {
        (self.answer)(name, token)
    }

    fn ask_newest(&self, name: &Name, token: u64) -> bool {
        (self.answer)(name, token).is_ok()
    }
}

pub(super) fn packet(name: &str, header: &SampleHeader, payload: &[u8]) -> Vec<u8> {
    let mut packet = sample::start_packet(name);
    packet.extend_from_slice(payload);
    sample::finish_packet(&mut packet, name, header);
    packet
}

/// The socket of an earlier server is closed by libzmq in its own time: its port may be in use for a moment.
fn listen(context: &Context, endpoint: &Endpoint) -> (Socket, Endpoint) {
    let deadline = Instant::now() + SOON;
    loop {
        let socket = context.socket(SocketKind::XPub).unwrap();
        socket.set_xpub_verboser(true).unwrap();
        socket.set_send_hwm(0).unwrap();
        match socket.bind(endpoint) {
            Ok(real) => return (socket, real),
            Err(SocketError::AddressInUse { .. }) if Instant::now() < deadline => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}
