//! `Request`: a call that is not made yet.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use router_wire::request::{REQUEST_HEADER_BYTES, RequestFlags};
use router_wire::{Arguments, BodyError, Encoding, Failure, Refused, RequestHeader, arguments, body, name};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::must_not_wait;
use crate::call_error::CallError;
use crate::call_slot::{CallSlot, Ticket};
use crate::client::RouterClient;
use crate::command::Start;
use crate::ending::Ending;
use crate::outgoing::Outgoing;
use crate::pending_call::PendingCall;
use crate::remote_error::RemoteError;

/// Bytes that exist already travel by reference, in a frame of their own, from this length.
const OWN_FRAME_BYTES: usize = 64 << 10;

/// A call of a server's method that was not sent yet: [`wait`](Request::wait) or [`start`](Request::start) send it.
///
/// `T` is what the method returns, `E` the error it refuses with.
///
/// ```no_run
/// # use router_client::RouterClient;
/// # use std::time::Duration;
/// let client = RouterClient::connect("tcp://localhost")?;
/// let reached_um: f64 =
///     client.call("stage.move_to", (1500.0,)).kw("speed", "fast").deadline(Duration::from_secs(10)).wait()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is sent before `wait` or `start`"]
pub struct Request<T, E = Refused> {
    client: RouterClient,
    target: String,
    written: Result<Written, String>,
    keyword: Vec<(String, Vec<u8>)>,
    deadline: Option<Duration>,
    detached: bool,
    returns: PhantomData<fn() -> (T, E)>,
}

/// What of the request is written already.
enum Written {
    /// Header, target and positional arguments, in one piece.
    Positional(Vec<u8>),
    /// A whole body that was made elsewhere.
    Body(Vec<u8>),
}

/// Header and target, with the body or beside it.
struct Message {
    bytes: Vec<u8>,
    body: Option<Vec<u8>>,
}

impl<T, E> Request<T, E> {
    /// A request whose positional arguments are built in place behind its header.
    pub(crate) fn by_name(client: RouterClient, target: &str, arguments: &impl Serialize) -> Self {
        let write = || {
            let mut message = start_message(target)?;
            arguments::encode_positional_into(arguments, &mut message).map_err(reason)?;
            Ok(Written::Positional(message))
        };
        Request::new(client, target.to_owned(), write())
    }

    /// A request with a body that exists.
    pub(crate) fn with_body(client: RouterClient, target: String, body: Result<Vec<u8>, BodyError>) -> Self {
        Request::new(client, target, body.map(Written::Body).map_err(reason))
    }

    fn new(client: RouterClient, target: String, written: Result<Written, String>) -> Self {
        let (keyword, deadline, detached, returns) = (Vec::new(), None, false, PhantomData);
        Request { client, target, written, keyword, deadline, detached, returns }
    }

    /// Gives the argument called `name`.
    pub fn kw(mut self, name: &str, value: impl Serialize) -> Self {
        match body::encode(&value) {
            Ok(value) => self.keyword.push((name.to_owned(), value)),
            Err(error) => self.written = Err(reason(error)),
        }
        self
    }

    /// Sets how long the call may take, from when it is started. It ends `deadline exceeded` then; a method that has
    /// not started by then never does, and one that runs is told at its next cancellation point.
    pub fn deadline(mut self, span: Duration) -> Self {
        self.deadline = Some(span);
        self
    }

    /// Lets the call run although this client is lost before it is started.
    pub fn detached(mut self) -> Self {
        self.detached = true;
        self
    }

    /// Returns where its client dialled.
    pub(crate) fn endpoint(&self) -> router_socket::Endpoint {
        self.client.endpoint().clone()
    }

    /// Returns the name of the call.
    pub fn name(&self) -> &str {
        &self.target
    }
}

impl<T: DeserializeOwned, E: RemoteError> Request<T, E> {
    /// Makes the call and waits for its outcome.
    ///
    /// # Errors
    /// [`CallError`] says how it ended, and whether the method ran.
    ///
    /// # Blocking
    /// Until the outcome: at most for the [`deadline`](Request::deadline) and 50 ms, if there is one. It also ends
    /// when the connection is lost, or does not come up within the connect timeout. In an `inline` method it is refused
    /// at once, as cancelled, and nothing is sent: the server's loop waits for no call.
    pub fn wait(self) -> Result<T, CallError<E>> {
        if let Some(by) = must_not_wait() {
            let refused = Failure::Cancelled { by, may_still_be_running: false };
            return Err(CallError::from_failure(&self.target, refused));
        }
        let (pending, prepared) = self.prepare();
        match prepared {
            Ok(start) => pending.made_and_waited_for(start),
            Err(ending) => pending.not_made(ending),
        }
    }
}

impl<T, E> Request<T, E> {
    /// Makes the call and returns at once. Whatever keeps it from being made is its outcome.
    pub fn start(self) -> PendingCall<T, E> {
        let (pending, prepared) = self.prepare();
        match prepared {
            Ok(start) => pending.made(start),
            Err(ending) => pending.ended(ending),
        }
        pending
    }

    /// Takes room for the call, and writes its message; or says what it ends with.
    #[allow(clippy::result_large_err, reason = "the error is moved once, to whoever waits for the outcome")]
    fn prepare(self) -> (PendingCall<T, E>, Result<Start, Ending>) {
        let started = Instant::now();
        let Request { client, target, written, keyword, deadline, detached, .. } = self;
        let number = client.shared().next_call();
        let slot = Arc::new(CallSlot::new(Arc::clone(client.driving().onlookers())));
        let pending = PendingCall::new(client, Arc::clone(&slot), number, target);
        let (shared, target) = (pending.client().shared(), pending.name());
        let busy = |what: String| {
            shared.counters.busy.add_one();
            Ending::Failed(Failure::Busy { what })
        };
        let write = || {
            let message =
                finish(target, written, &keyword).map_err(|reason| Ending::NotWritten { reason })?;
            let in_place = message.bytes.len() - REQUEST_HEADER_BYTES - target.len();
            let bytes = message.body.as_ref().map_or(in_place, Vec::len);
            let limit = shared.options.max_body_bytes;
            if bytes > limit {
                return Err(Ending::TooLarge { bytes, limit });
            }
            let permit = shared.budget.take_call().map_err(busy)?;
            let flags = RequestFlags { body_in_own_frame: message.body.is_some(), detached };
            let header = RequestHeader { flags, call: number, ..EMPTY_HEADER };
            let Message { bytes, body } = message;
            let request = Outgoing::new(header, target.len(), bytes, body, &shared.budget).map_err(busy)?;
            let ticket = Ticket::new(slot, Some(permit));
            let deadline = deadline.and_then(|span| started.checked_add(span));
            Ok(Start { number, ticket, request, started, deadline })
        };
        let start = write();
        (pending, start)
    }
}

/// Epoch, time left and number follow.
const EMPTY_HEADER: RequestHeader = RequestHeader {
    flags: RequestFlags { body_in_own_frame: false, detached: false },
    encoding: Encoding::MessagePack,
    lease: 0,
    epoch: 0,
    call: 0,
    deadline_us: 0,
};

fn start_message(target: &str) -> Result<Vec<u8>, String> {
    const SMALL_BODY: usize = 64;
    name::check(target).map_err(|error| error.to_string())?;
    let mut message = Vec::with_capacity(REQUEST_HEADER_BYTES + target.len() + SMALL_BODY);
    EMPTY_HEADER.encode(target, &mut message);
    Ok(message)
}

fn finish(
    target: &str,
    written: Result<Written, String>,
    keyword: &[(String, Vec<u8>)],
) -> Result<Message, String> {
    match written? {
        Written::Positional(mut bytes) => {
            arguments::encode_keyword_into(keyword, &mut bytes).map_err(reason)?;
            Ok(Message { bytes, body: None })
        }
        Written::Body(body) => {
            let body = if keyword.is_empty() { body } else { with_keywords(&body, keyword)? };
            let mut bytes = start_message(target)?;
            if body.len() >= OWN_FRAME_BYTES {
                return Ok(Message { bytes, body: Some(body) });
            }
            bytes.extend_from_slice(&body);
            Ok(Message { bytes, body: None })
        }
    }
}

fn with_keywords(body: &[u8], keyword: &[(String, Vec<u8>)]) -> Result<Vec<u8>, String> {
    let mut arguments = Arguments::decode(body).map_err(reason)?;
    arguments.keyword.extend(keyword.iter().map(|(name, value)| (name.as_str(), value.as_slice())));
    Ok(arguments.to_body())
}

fn reason(error: BodyError) -> String {
    match error {
        BodyError::Encode(reason) => reason,
        other => other.to_string(),
    }
}

impl<T, E> std::fmt::Debug for Request<T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("target", &self.target)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router_wire::ClientMessage;

    #[test]
    fn both_ways_to_write_a_request_give_the_same_bytes() {
        let keyword = [("speed".to_owned(), body::encode("fast").unwrap())];
        let mut positional = start_message("stage.move_to").unwrap();
        arguments::encode_positional_into(&(1500.0,), &mut positional).unwrap();
        let in_place = finish("stage.move_to", Ok(Written::Positional(positional)), &keyword).unwrap();

        let made_elsewhere = arguments::encode(&(1500.0,), &[]).unwrap();
        let copied = finish("stage.move_to", Ok(Written::Body(made_elsewhere)), &keyword).unwrap();
        assert_eq!(in_place.bytes, copied.bytes);

        let ClientMessage::Request { target, body, .. } = ClientMessage::decode(&copied.bytes).unwrap()
        else {
            panic!("no request");
        };
        assert_eq!(target, "stage.move_to");
        let arguments = Arguments::decode(body).unwrap();
        assert_eq!(arguments.take::<f64>(0, "target_um").unwrap(), 1500.0);
        assert_eq!(arguments.take::<&str>(1, "speed").unwrap(), "fast");
    }

    #[test]
    fn a_large_body_that_exists_has_a_frame_of_its_own() {
        let message = finish("a", Ok(Written::Body(vec![0; OWN_FRAME_BYTES])), &[]).unwrap();
        assert_eq!(message.body.map(|body| body.len()), Some(OWN_FRAME_BYTES));
        assert!(finish("a..b", Ok(Written::Body(Vec::new())), &[]).is_err());
    }
}
