//! `RouterServer`: the handles of one server's loops, lanes and streams.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use router_client::host_name;
use router_socket::named_thread::{self, NamedThread};
use router_socket::{
    Context, Endpoint, EndpointError, MailSender, Reach, ServerEndpoints, SharedContext, SocketKind, mailbox,
};
use router_wire::describe::{Description, ServerDescription};
use router_wire::status::ServerStats;
use router_wire::{HelloReply, MAX_HEADER_BYTES, PROTOCOL_VERSION};

use crate::bind_error::BindError;
use crate::bounds::ServerBounds;
use crate::dispatcher::Dispatcher;
use crate::job::server_stopped;
use crate::kept_outcomes::OutcomeLimits;
use crate::listening::Listening;
use crate::options::ServerOptions;
use crate::panic_text;
use crate::requests::utc_ns;
use crate::router_event::RouterEvent;
use crate::router_instrument::RouterInstrument;
use crate::router_loop::{RouterLoop, Settings, Turn};
use crate::socket_file::{SocketFile, check_path};
use crate::stop_hooks::StopHooks;
use crate::stop_report::StopReport;
use crate::stop_schedule::StopSchedule;
use crate::streams::{RingBounds, StreamSettings, Streams};
use crate::upstreams::UpstreamViews;

/// Makes an instrument callable and watchable from other processes and PCs.
///
/// It serves from [`bind`](RouterServer::bind) until [`stop`](RouterServer::stop) or drop. Everything can be added
/// and removed at any time, from any thread.
///
/// ```
/// use router_server::RouterServer;
/// use router_client::RouterClient;
///
/// let server = RouterServer::bind("tcp://127.0.0.1:*")?;
/// server.add_call("beep", |(times,): (usize,)| "beep ".repeat(times))?;
///
/// let client = RouterClient::connect(&server.endpoints().calls.to_string())?;
/// let beeps: String = client.call("beep", (3,)).wait()?;
/// assert_eq!(beeps, "beep beep beep ");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RouterServer {
    pub(crate) options: ServerOptions,
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) streams: Arc<Streams>,
    listening: Listening,
    /// It shares its context with others of this process, whom it reaches over `inproc`.
    pub(crate) shares_context: bool,
    pub(crate) mail: MailSender<RouterEvent>,
    pub(crate) upstreams: Arc<UpstreamViews>,
    router: Arc<RouterInstrument>,
    hooks: StopHooks,
    /// The router loop's thread, until the stop joins it.
    thread: Mutex<Option<NamedThread>>,
    /// What the stop found, once it is over.
    report: Mutex<Option<StopReport>>,
}

impl RouterServer {
    /// Serves at `address`: `tcp://127.0.0.1` (this PC only), `tcp://*` (every network), `tcp://HOST:PORT`,
    /// `tcp://HOST:*` (any free ports) or `ipc://PATH`. [`ServerEndpoints::for_server`] says which ports that means.
    ///
    /// # Errors
    /// [`BindError`]; an endpoint in use is named.
    pub fn bind(address: &str) -> Result<RouterServer, BindError> {
        RouterServer::bind_with(address, ServerOptions::default())
    }

    /// As [`bind`](RouterServer::bind), with choices of its own.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn bind_with(address: &str, options: ServerOptions) -> Result<RouterServer, BindError> {
        RouterServer::bind_at(&ServerEndpoints::for_server(address)?, options)
    }

    /// As [`bind_with`](RouterServer::bind_with), with the three endpoints given one by one.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn bind_at(wanted: &ServerEndpoints, options: ServerOptions) -> Result<RouterServer, BindError> {
        RouterServer::serve_at(std::slice::from_ref(wanted), None, options)
    }

    /// Serves at several addresses at once. A client is told the streams of the address that it dialled: one that came
    /// by `ipc` gets its samples by `ipc`.
    ///
    /// ```
    /// use router_server::{RouterServer, ServerOptions};
    ///
    /// let folder = std::env::temp_dir().join(format!("rig-{}", std::process::id()));
    /// let addresses = ["tcp://127.0.0.1:*".to_owned(), format!("ipc://{}", folder.display())];
    /// let server = RouterServer::bind_all(&addresses, ServerOptions::default())?;
    /// assert_eq!(server.all_endpoints().len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`BindError`]; an endpoint in use is named, and none is listened at then.
    pub fn bind_all(
        addresses: &[impl AsRef<str>],
        options: ServerOptions,
    ) -> Result<RouterServer, BindError> {
        RouterServer::serve_at(&all_for_server(addresses)?, None, options)
    }

    /// Serves clients of this process that are given the same context, at an `inproc` address; no byte is copied and
    /// no port is opened. Server and client may start and end in any order.
    ///
    /// ```
    /// use router_client::RouterClient;
    /// use router_server::{RouterServer, ServerOptions, SharedContext};
    ///
    /// let context = SharedContext::new()?;
    /// let client = RouterClient::connect_in(&context, "inproc://rig")?;
    /// let server = RouterServer::bind_in(&context, "inproc://rig", ServerOptions::default())?;
    /// server.add_call("double", |(number,): (f64,)| 2.0 * number)?;
    /// assert_eq!(client.call::<f64>("double", (21.0,)).wait()?, 42.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`BindError`]; a name that another server of this process has is an address in use.
    pub fn bind_in(
        context: &SharedContext,
        address: &str,
        options: ServerOptions,
    ) -> Result<RouterServer, BindError> {
        RouterServer::bind_all_in(context, &[address], options)
    }

    /// As [`bind_all`](RouterServer::bind_all), `inproc` addresses among them. [`ServerOptions::io_threads`] is that of
    /// the context then.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn bind_all_in(
        context: &SharedContext,
        addresses: &[impl AsRef<str>],
        options: ServerOptions,
    ) -> Result<RouterServer, BindError> {
        RouterServer::serve_at(&all_for_server(addresses)?, Some(context), options)
    }

    fn serve_at(
        wanted: &[ServerEndpoints],
        shared: Option<&SharedContext>,
        options: ServerOptions,
    ) -> Result<RouterServer, BindError> {
        RouterServer::start(wanted, shared, options).map_err(BindError::with_holder)
    }

    fn start(
        wanted: &[ServerEndpoints],
        shared: Option<&SharedContext>,
        options: ServerOptions,
    ) -> Result<RouterServer, BindError> {
        for endpoint in wanted.iter().flat_map(|set| [&set.calls, &set.samples, &set.frames]) {
            check_path(endpoint)?;
        }
        if shared.is_none()
            && let Some(set) = wanted.iter().find(|set| set.calls.inproc_name().is_some())
        {
            return Err(EndpointError::NeedsContext { address: set.calls.to_string() }.into());
        }
        panic_text::remember_places();
        let started = Instant::now();
        let epoch = random_epoch()?;
        // Calls have a context, and with it an I/O thread, of their own: frames do not delay an urgent call, and the
        // stop can wait for the last answers while an application still holds a publisher.
        let calls_context = shared.map_or_else(|| Context::new(1), |shared| Ok(shared.context().clone()))?;
        let socket = calls_context.socket(SocketKind::Router)?;
        socket.set_router_mandatory(true)?;
        socket.set_max_message_bytes((options.max_body_bytes + MAX_HEADER_BYTES) as u64)?;
        socket.set_send_hwm(ANSWERS_PER_CLIENT)?;
        socket.set_recv_hwm(REQUESTS_PER_CLIENT)?;
        let calls: Vec<Endpoint> =
            wanted.iter().map(|set| socket.bind(&set.calls)).collect::<Result<_, _>>()?;
        let socket_files = wanted.iter().filter_map(|set| SocketFile::of(&set.calls)).collect();
        let bounds = RingBounds { readers: options.shared_memory_readers, held: options.shared_memory_held };
        let stream_settings = StreamSettings {
            epoch,
            started,
            stalled_subscriber_bytes: options.stalled_subscriber_bytes,
            shares: options.shared_memory.then_some(bounds),
        };
        let shares_context = shared.is_some();
        let streams_context =
            shared.map_or_else(|| Context::new(options.io_threads), |shared| Ok(shared.context().clone()))?;
        let samples: Vec<Endpoint> = wanted.iter().map(|set| set.samples.clone()).collect();
        let frames: Vec<Endpoint> = wanted.iter().map(|set| set.frames.clone()).collect();
        let (streams, samples, frames) =
            Streams::start(&streams_context, &samples, &frames, stream_settings)?;
        let streams = Arc::new(streams);
        let sets = calls.into_iter().zip(samples).zip(frames);
        let sets = sets.map(|((calls, samples), frames)| ServerEndpoints { calls, samples, frames });
        let listening = Listening::at(sets.collect()).ok_or(BindError::NoAddress)?;

        let dispatcher = Dispatcher::new(epoch, streams.changes());
        let (mail, inbox) = mailbox(&calls_context, None)?;
        let changes = mail.clone();
        let tell = Box::new(move || drop(changes.post(RouterEvent::NamesChanged)));
        dispatcher.registry.write().on_change(tell);
        let bounds = ServerBounds::new(&options);
        let description = ServerDescription {
            name: options.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol_version: PROTOCOL_VERSION,
            epoch,
            host: host_name(),
            pid: std::process::id(),
            started_utc_ns: utc_ns(SystemTime::now()),
        };
        let settings = Settings {
            listening: listening.clone(),
            socket_files,
            hello: HelloReply {
                protocol_version: PROTOCOL_VERSION,
                version: description.version.clone(),
                epoch,
                server: description.name.clone(),
                samples: listening.first().samples.to_string(),
                frames: listening.first().frames.to_string(),
                slots: streams.slots_address(),
                max_body_bytes: options.max_body_bytes as u64,
                max_unconfirmed_bytes: options.stalled_client_bytes as u64,
                urgent: Vec::new(),
                idempotent: Vec::new(),
                registry_version: 0,
            },
            max_body_bytes: options.max_body_bytes,
            stalled_client_bytes: options.stalled_client_bytes,
            names_may_come_for: options.names_may_come_for,
            stream_connections_ended: streams.connections_ended(),
            outcomes: OutcomeLimits {
                outcomes: options.outcomes_kept,
                bytes: options.outcomes_kept_bytes,
                time: options.outcomes_kept_for,
            },
            started,
        };
        let router_loop =
            RouterLoop::new(socket, (mail.clone(), inbox), Arc::clone(&dispatcher), bounds, settings)?;
        let upstreams = Arc::<UpstreamViews>::default();
        let router = Arc::new(RouterInstrument {
            upstreams: Arc::clone(&upstreams),
            dispatcher: Arc::clone(&dispatcher),
            streams: Arc::downgrade(&streams),
            mail: mail.clone(),
            description,
            started,
        });
        drop(calls_context);
        let thread = named_thread::spawn("router", move || run(router_loop))?;
        let server = RouterServer {
            options,
            dispatcher,
            streams,
            listening,
            shares_context,
            mail,
            upstreams,
            router,
            hooks: StopHooks::default(),
            thread: Mutex::new(Some(thread)),
            report: Mutex::new(None),
        };
        server.add_router_instrument(Arc::clone(&server.router))?;
        Ok(server)
    }

    /// Where it listens, with the real ports; the first address where there are several.
    pub fn endpoints(&self) -> &ServerEndpoints {
        self.listening.first()
    }

    /// Every address where it listens, in the order in which they were given, with the real ports.
    pub fn all_endpoints(&self) -> &[ServerEndpoints] {
        self.listening.all()
    }

    /// Who can reach it: this PC only, or whoever is on its networks.
    pub fn reach(&self) -> Reach {
        self.listening.reach()
    }

    /// This life of the server.
    pub fn epoch(&self) -> u64 {
        self.dispatcher.epoch
    }

    /// What it serves.
    pub fn describe(&self) -> Description {
        self.router.describe()
    }

    /// How it is: counters of calls, streams, lanes and clients.
    ///
    /// # Blocking
    /// For one turn of the router loop; a second at most.
    pub fn stats(&self) -> ServerStats {
        self.router.stats()
    }

    /// Runs `hook` when the server stops for any reason it can see, with the default time limit; the hook added last
    /// runs first. `name` stands in the [`StopReport`].
    pub fn on_stop(&self, name: impl Into<String>, hook: impl FnOnce() + Send + 'static) {
        self.on_stop_within(name, self.options.hook_time_limit, hook);
    }

    /// As [`on_stop`](RouterServer::on_stop), with a time limit of its own.
    pub fn on_stop_within(
        &self,
        name: impl Into<String>,
        time_limit: Duration,
        hook: impl FnOnce() + Send + 'static,
    ) {
        self.hooks.add(name.into(), time_limit, Box::new(hook));
    }

    /// Ends the server: closes the listeners, cancels and answers calls in flight, runs the stop hooks, flushes
    /// answers and joins every thread. A thread inside user code that does not return is set apart and named in the
    /// report. Dropping the server does the same.
    ///
    /// # Blocking
    /// For 1 s at most, plus the sum of the hooks' time limits: every wait ends at a moment that is fixed when the stop
    /// begins, so that no two add up. A second call waits for the first and returns its
    /// report.
    pub fn stop(&self) -> StopReport {
        let mut kept = self.report.lock();
        if let Some(report) = &*kept {
            return report.clone();
        }
        let started = Instant::now();
        let schedule = StopSchedule::from(started);
        let mut report = StopReport::default();
        let _ = self.mail.post(RouterEvent::Stop(schedule));
        let executors = self.dispatcher.registry.write().close();
        for executor in &executors {
            for job in executor.close() {
                job.refuse(server_stopped(false));
            }
            executor.queue.interrupt_running(None, &router_client::Interrupted::ServerStopping);
        }
        let schedule = schedule.later(self.hooks.run(&mut report));
        report.set_apart.extend(self.streams.stop(schedule));
        let lanes = executors.iter().flat_map(|executor| executor.join(schedule.user_code_by));
        report.set_apart.extend(lanes);
        if let Some(thread) = self.thread.lock().take() {
            let left = StopSchedule::until(schedule.end_by);
            report.set_apart.extend(thread.join_within(left).err().map(|still| still.name));
        }
        report.took = started.elapsed();
        *kept = Some(report.clone());
        report
    }
}

/// Answers that may wait in libzmq for one client; their bytes are bounded by `stalled_client_bytes`.
const ANSWERS_PER_CLIENT: i32 = 10_000;
/// Requests that may wait in libzmq for one client while the router loop is busy.
const REQUESTS_PER_CLIENT: i32 = 1_000;

impl Drop for RouterServer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for RouterServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RouterServer").field("endpoints", &self.listening.all()).finish_non_exhaustive()
    }
}

fn all_for_server(addresses: &[impl AsRef<str>]) -> Result<Vec<ServerEndpoints>, BindError> {
    let sets = addresses.iter().map(|address| ServerEndpoints::for_server(address.as_ref()));
    let sets: Vec<ServerEndpoints> = sets.collect::<Result<_, _>>()?;
    if sets.is_empty() { Err(BindError::NoAddress) } else { Ok(sets) }
}

fn run(mut router_loop: RouterLoop) {
    while router_loop.turn() == Turn::Again {}
    router_loop.close();
}

fn random_epoch() -> Result<u64, BindError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| BindError::Random(error.to_string()))?;
    // 0 means "not yet greeted" in a request.
    Ok(u64::from_le_bytes(bytes).max(1))
}
