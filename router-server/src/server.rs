//! `RouterServer`: the handles of one server's loops, lanes and streams.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use router_client::host_name;
use router_socket::named_thread::{self, NamedThread};
use router_socket::{Context, MailSender, Reach, ServerEndpoints, SocketKind, mailbox};
use router_wire::describe::{Description, ServerDescription};
use router_wire::status::ServerStats;
use router_wire::{HelloReply, MAX_HEADER_BYTES, PROTOCOL_VERSION};

use crate::bind_error::BindError;
use crate::bounds::ServerBounds;
use crate::dispatcher::Dispatcher;
use crate::job::server_stopped;
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
use crate::streams::{StreamSettings, Streams};
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
    endpoints: ServerEndpoints,
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
        RouterServer::start(wanted, options).map_err(BindError::with_holder)
    }

    fn start(wanted: &ServerEndpoints, options: ServerOptions) -> Result<RouterServer, BindError> {
        for endpoint in [&wanted.calls, &wanted.samples, &wanted.frames] {
            check_path(endpoint)?;
        }
        panic_text::remember_places();
        let started = Instant::now();
        let epoch = random_epoch()?;
        // Calls have a context, and with it an I/O thread, of their own: frames do not delay an urgent call, and the
        // stop can wait for the last answers while an application still holds a publisher.
        let calls_context = Context::new(1)?;
        let socket = calls_context.socket(SocketKind::Router)?;
        socket.set_router_mandatory(true)?;
        socket.set_max_message_bytes((options.max_body_bytes + MAX_HEADER_BYTES) as u64)?;
        socket.set_send_hwm(ANSWERS_PER_CLIENT)?;
        socket.set_recv_hwm(REQUESTS_PER_CLIENT)?;
        let calls = socket.bind(&wanted.calls)?;
        let socket_file = SocketFile::of(&wanted.calls);
        let stream_settings =
            StreamSettings { epoch, started, stalled_subscriber_bytes: options.stalled_subscriber_bytes };
        let streams_context = Context::new(options.io_threads)?;
        let (streams, samples, frames) =
            Streams::start(&streams_context, &wanted.samples, &wanted.frames, stream_settings)?;
        let streams = Arc::new(streams);
        let endpoints = ServerEndpoints { calls, samples, frames };

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
            endpoint: endpoints.calls.clone(),
            socket_file,
            hello: HelloReply {
                protocol_version: PROTOCOL_VERSION,
                version: description.version.clone(),
                epoch,
                server: description.name.clone(),
                samples: endpoints.samples.to_string(),
                frames: endpoints.frames.to_string(),
                max_body_bytes: options.max_body_bytes as u64,
                max_unconfirmed_bytes: options.stalled_client_bytes as u64,
                urgent: Vec::new(),
                registry_version: 0,
            },
            max_body_bytes: options.max_body_bytes,
            stalled_client_bytes: options.stalled_client_bytes,
            names_may_come_for: options.names_may_come_for,
            stream_connections_ended: streams.connections_ended(),
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
            endpoints,
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

    /// Where it listens, with the real ports.
    pub fn endpoints(&self) -> &ServerEndpoints {
        &self.endpoints
    }

    /// Who can reach it: this PC only, or whoever is on its networks.
    pub fn reach(&self) -> Reach {
        self.endpoints.reach()
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
        f.debug_struct("RouterServer").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
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
