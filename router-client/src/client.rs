//! `RouterClient`: calls a server's functions and receives its streams.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use router_socket::{Context, Endpoint, EndpointError, NamedThread, SharedContext, mailbox};
use router_wire::{BodyError, ClientIdentity};
use serde::Serialize;

use crate::calls_loop::CallsLoop;
use crate::command::Command;
use crate::connection::{ConnectionState, NotConnected};
use crate::counters::ClientCounters;
use crate::driving::Driving;
use crate::identity;
use crate::link::Link;
use crate::onlookers::Onlookers;
use crate::options::{ConnectError, ConnectOptions};
use crate::remote_error::RemoteError;
use crate::request::Request;
use crate::server_clock::ServerClock;
use crate::shared::Shared;
use crate::state_listener::StateListener;
use crate::streams::{SamplesError, SamplesHandle};

/// How long the last handle waits for the loop, which waits for no one and keeps its sockets for 200 ms at most.
const JOIN_WITHIN: Duration = Duration::from_secs(1);

/// A client of one server. Clones are handles to the same connection and may be used by any thread; when the last is
/// dropped, with the last [`PendingCall`](crate::PendingCall) and subscription, the client says goodbye.
///
/// ```no_run
/// use router_client::RouterClient;
/// use std::time::Duration;
///
/// let client = RouterClient::connect("tcp://localhost")?;
/// let beeps: String = client.call("beep", (3,)).deadline(Duration::from_secs(1)).wait()?;
/// let position_um: f64 = client.call("stage.position_um", ()).wait()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct RouterClient {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    driving: Arc<Driving>,
    samples: Arc<SamplesHandle>,
    /// Taken when the last handle is dropped.
    thread: Option<NamedThread>,
}

impl RouterClient {
    /// Makes a client of the server at `address`: `tcp://HOST[:PORT]` (the calls port, 5555 unless given) or
    /// `ipc://PATH`. Returns at once: the server may start later, and come and go.
    ///
    /// # Errors
    /// [`ConnectError`] for an address that is none, or when the system has no socket or thread left.
    pub fn connect(address: &str) -> Result<RouterClient, ConnectError> {
        RouterClient::connect_with(address, ConnectOptions::default())
    }

    /// Does what [`connect`](RouterClient::connect) does, with options.
    ///
    /// # Errors
    /// As [`connect`](RouterClient::connect).
    pub fn connect_with(address: &str, options: ConnectOptions) -> Result<RouterClient, ConnectError> {
        let endpoint = Endpoint::for_client(address)?;
        if endpoint.inproc_name().is_some() {
            return Err(EndpointError::NeedsContext { address: address.to_owned() }.into());
        }
        let context = Context::new(options.io_threads)?;
        RouterClient::dial(&context, endpoint, options)
    }

    /// Makes a client of a server of this process that was given the same context, by its `inproc` address; see
    /// `RouterServer::bind_in`. Returns at once: the server may start later, and come and go.
    ///
    /// # Errors
    /// As [`connect`](RouterClient::connect).
    pub fn connect_in(context: &SharedContext, address: &str) -> Result<RouterClient, ConnectError> {
        RouterClient::connect_in_with(context, address, ConnectOptions::default())
    }

    /// Does what [`connect_in`](RouterClient::connect_in) does, with options; the number of I/O threads is that of the
    /// context.
    ///
    /// # Errors
    /// As [`connect`](RouterClient::connect).
    pub fn connect_in_with(
        context: &SharedContext,
        address: &str,
        options: ConnectOptions,
    ) -> Result<RouterClient, ConnectError> {
        RouterClient::dial(context.context(), Endpoint::for_client(address)?, options)
    }

    fn dial(
        context: &Context,
        endpoint: Endpoint,
        options: ConnectOptions,
    ) -> Result<RouterClient, ConnectError> {
        let identity = identity::identify(options.name.as_deref()).map_err(system("get random numbers"))?;
        let samples = Arc::new(SamplesHandle::start(context)?);
        let (sender, mailbox) = mailbox(context, None)?; // bounded by the budget, and one cancel for each call
        let shared = Arc::new(Shared::new(endpoint, identity, options));
        let streams = Arc::clone(&samples);
        let link = Link::connect(
            context,
            &shared.endpoint,
            Arc::clone(&shared),
            Box::new(move |view| streams.server(view)),
        )?;
        let calls_loop = CallsLoop::new(mailbox, link, Arc::clone(&shared));
        let driving = Arc::new(Driving::new(calls_loop, sender, Arc::new(Onlookers::default())));
        let keeper = Arc::clone(&driving);
        let thread = router_socket::spawn("client calls", move || keeper.keep())
            .map_err(system("start the thread of the calls loop"))?;
        Ok(RouterClient { inner: Arc::new(Inner { shared, driving, samples, thread: Some(thread) }) })
    }

    /// Begins a call by name. `args` that serialise as a sequence (a tuple, an array) give one argument an element,
    /// `()` none; anything else is the only argument.
    ///
    /// ```no_run
    /// # let client = router_client::RouterClient::connect("tcp://localhost")?;
    /// let reached_um = client.call::<f64>("stage.move_to", (1500.0,)).wait()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn call<T>(&self, name: &str, args: impl Serialize) -> Request<T> {
        Request::by_name(self.clone(), name, &args)
    }

    /// Begins a call whose body was made elsewhere: `[positional, keyword]` in MessagePack, as
    /// [`arguments::encode`](router_wire::arguments::encode) makes it. For generated code.
    pub fn request<T, E: RemoteError>(
        &self,
        name: String,
        args_body: Result<Vec<u8>, BodyError>,
    ) -> Request<T, E> {
        Request::with_body(self.clone(), name, args_body)
    }

    /// Returns how the connection is.
    pub fn state(&self) -> ConnectionState {
        self.shared().connection.view().state
    }

    /// Waits until the connection is such that `wanted` says yes.
    ///
    /// # Errors
    /// [`NotConnected`] when it was not in time, or the client was closed; it says why there is no connection.
    ///
    /// # Blocking
    /// For `timeout`; each change of the state is looked at at once.
    pub fn wait_state(
        &self,
        wanted: impl FnMut(ConnectionState) -> bool,
        timeout: Duration,
    ) -> Result<ConnectionState, NotConnected> {
        let connection = &self.shared().connection;
        connection.wait_state(Instant::now().checked_add(timeout), wanted).map_err(|state| NotConnected {
            endpoint: self.endpoint().to_string(),
            state,
            reason: connection.view().reason.clone(),
            waited: timeout,
        })
    }

    /// Waits until the server answers.
    ///
    /// # Errors
    /// [`NotConnected`] when it did not in time.
    ///
    /// # Blocking
    /// For `timeout`; the connection ends it.
    pub fn wait_connected(&self, timeout: Duration) -> Result<(), NotConnected> {
        self.wait_state(|state| state == ConnectionState::Connected, timeout).map(drop)
    }

    /// Has `listen` called with the new state after each change, on a thread of its own. It may miss a state that
    /// was left again at once. It holds until the listener is dropped or the client ends, which is `Lost` as well.
    ///
    /// # Errors
    /// The system's, when it has no thread left.
    pub fn on_state(
        &self,
        listen: impl FnMut(ConnectionState) + Send + 'static,
    ) -> io::Result<StateListener> {
        StateListener::start(Arc::clone(&self.inner.shared), listen)
    }

    /// Returns why there is no connection, or was none last, for a person.
    pub fn reason(&self) -> String {
        self.shared().connection.view().reason.clone()
    }

    /// Returns which life of the server greeted this client last; 0 before the first.
    pub fn epoch(&self) -> u64 {
        self.shared().connection.view().epoch
    }

    /// Returns how long the last ping took that was answered.
    pub fn round_trip(&self) -> Option<Duration> {
        self.shared().connection.view().round_trip
    }

    /// Returns what the pings told of the server's clock: by how much it is ahead of this PC's, with the uncertainty, and
    /// when a sample was acquired on this PC's clock. `None` before the first answer; a ping leaves every 500 ms unless
    /// set.
    pub fn server_clock(&self) -> Option<ServerClock> {
        self.shared().connection.view().clock.read(Instant::now(), SystemTime::now())
    }

    /// Returns who this client says it is.
    pub fn identity(&self) -> &ClientIdentity {
        &self.shared().identity
    }

    /// Returns what was dialled.
    pub fn endpoint(&self) -> &Endpoint {
        &self.shared().endpoint
    }

    /// Returns what this client counted.
    pub fn counters(&self) -> ClientCounters {
        let samples = self.inner.samples.counters();
        ClientCounters {
            malformed_samples: samples.malformed_samples(),
            refused_sockets: samples.refused_sockets(),
            late_in_memory: samples.late_in_memory(),
            ..self.shared().counters.snapshot()
        }
    }

    /// Ends the client for every handle: says goodbye, ends calls in flight, and with them whoever waits for a call or
    /// a sample on another thread. Dropping the last handle does the same.
    pub fn close(&self) {
        self.driving().post(Command::Close);
        let _ = self.inner.samples.close();
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    pub(crate) fn samples_handle(&self) -> &SamplesHandle {
        &self.inner.samples
    }

    /// The calls loop.
    pub(crate) fn driving(&self) -> &Driving {
        &self.inner.driving
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.driving.post(Command::Close); // a loop that has ended needs none
        if let Some(thread) = self.thread.take() {
            // Not in time: only the loop's own thread, in a waker that drops the last handle, or a system without
            // processor time. It ends by itself.
            let _ = thread.join_within(JOIN_WITHIN);
        }
        let _ = self.samples.close();
    }
}

impl From<SamplesError> for ConnectError {
    fn from(error: SamplesError) -> ConnectError {
        match error {
            SamplesError::Socket(error) => ConnectError::Socket(error),
            SamplesError::Thread(reason) => system("start the thread of the samples loop")(reason),
        }
    }
}

fn system(action: &'static str) -> impl Fn(io::Error) -> ConnectError {
    move |reason| ConnectError::System { action, reason }
}

impl std::fmt::Debug for RouterClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RouterClient")
            .field("endpoint", &self.endpoint().to_string())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
