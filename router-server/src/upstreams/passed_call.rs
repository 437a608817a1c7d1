//! A call that was passed on to the server behind, and the frames of messages that are passed on.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use router_socket::Frame;
use router_wire::hello::ClientSocket;
use router_wire::{CallId, ClientId, Enclosed, Envelope, Failure, RequestHeader};

use crate::bounds::Permit;

/// Bodies up to this length are copied behind their new header; a reference costs more.
const COPIED_BYTES: usize = 2 << 10;

/// A call between its request and its outcome, at the gateway.
pub(crate) struct PassedCall {
    pub(crate) reply_to: ReplyTo,
    /// The request has left; until then nothing has run.
    pub(crate) sent: bool,
    pub(crate) socket: ClientSocket,
    /// As its client's calls are known here; `None`: nobody will ask for its outcome.
    pub(crate) owner: Option<ClientId>,
    /// As it is known at the server behind; written when it is sent there.
    pub(crate) there: CallId,
    /// It was asked in JSON.
    pub(crate) json: bool,
    /// Of the server, and of this upstream.
    pub(crate) _permits: (Option<Permit>, Permit),
}

/// Who waits for the outcome.
pub(crate) enum ReplyTo {
    /// The client, by the socket that its request came by.
    Client(ClientSocket),
    /// A `router.stop_all` of this server, with the body of the outcome.
    StopAll(Sender<Result<Vec<u8>, Failure>>),
}

/// A request as it came, to be passed on.
pub(crate) struct Request<'a> {
    pub(crate) header: RequestHeader,
    /// The name at the server behind.
    pub(crate) target: &'a str,
    pub(crate) body: RequestBody<'a>,
    /// When its deadline passes.
    pub(crate) deadline: Option<Instant>,
}

/// The body of a request.
pub(crate) enum RequestBody<'a> {
    /// What stands behind `start` in a received frame.
    Received { frame: &'a Frame, start: usize },
    /// Made here.
    Made(Vec<u8>),
}

impl RequestBody<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            RequestBody::Received { frame, start } => frame.len().saturating_sub(*start),
            RequestBody::Made(bytes) => bytes.len(),
        }
    }
}

/// A frame that names the client, alone or before a message.
pub(crate) fn envelope(enclosed: Enclosed, client: ClientId) -> Frame {
    Frame::copy_from(&Envelope { enclosed, client }.encode())
}

impl Request<'_> {
    /// The frames of the request of `client` to a server of `epoch`; `None` when its deadline has passed.
    pub(crate) fn frames(&self, client: ClientId, epoch: u64, now: Instant) -> Option<VecDeque<Frame>> {
        let deadline_us = match self.deadline {
            None => 0,
            Some(deadline) => match deadline.saturating_duration_since(now) {
                Duration::ZERO => return None,
                left => u64::try_from(left.as_micros()).unwrap_or(u64::MAX).max(1),
            },
        };
        let mut header = RequestHeader { epoch, deadline_us, ..self.header };
        let (in_place, own) = match &self.body {
            RequestBody::Made(bytes) => (bytes.as_slice(), None),
            RequestBody::Received { frame, start } if self.body.len() <= COPIED_BYTES => {
                (frame.get(*start..).unwrap_or_default(), None)
            }
            RequestBody::Received { frame, start: 0 } => (&[][..], Some(frame.shared())),
            RequestBody::Received { frame, start } => (&[][..], Some(frame.shared().without_first(*start))),
        };
        header.flags.body_in_own_frame = own.is_some();
        let mut message = Vec::with_capacity(64 + self.target.len() + in_place.len());
        header.encode(self.target, &mut message);
        message.extend_from_slice(in_place);
        Some([envelope(Enclosed::Message, client), Frame::from_vec(message)].into_iter().chain(own).collect())
    }
}
