//! A server's process, as the suite has it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use router_wire::status::ServerStats;

use crate::child::Child;
use crate::failed::{LONG_PATIENCE, Outcome, check, until};
use crate::outcomes::Outcomes;

/// Loopback, any free ports.
pub(crate) const ANYWHERE: &str = "tcp://127.0.0.1:*";

/// A server that runs, with what it was started with.
pub(crate) struct Server {
    pub(crate) child: Child,
    /// Where it listens, as it says.
    pub(crate) endpoints: String,
    with: Vec<(String, String)>,
    namespace: Option<String>,
}

impl Server {
    /// Starts a server at loopback.
    pub(crate) fn start(with: &[(&str, &str)]) -> Outcome<Server> {
        Server::start_at(ANYWHERE, with)
    }

    /// Starts a server at `endpoints`, three or one address.
    pub(crate) fn start_at(endpoints: &str, with: &[(&str, &str)]) -> Outcome<Server> {
        Server::spawn(None, endpoints, with)
    }

    /// Starts a server that listens on every network of the host `namespace`.
    pub(crate) fn start_on(namespace: &str, with: &[(&str, &str)]) -> Outcome<Server> {
        Server::spawn(Some(namespace), "tcp://*", with)
    }

    fn spawn(namespace: Option<&str>, endpoints: &str, with: &[(&str, &str)]) -> Outcome<Server> {
        let with: Vec<_> = with.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let namespace = namespace.map(str::to_owned);
        let child = launch(namespace.as_deref(), endpoints, &with)?;
        let endpoints = child.hears("endpoints")?;
        child.hears("epoch")?;
        Ok(Server { child, endpoints, with, namespace })
    }

    /// What clients are given.
    pub(crate) fn address(&self) -> &str {
        self.endpoints.split(' ').next().unwrap_or_default()
    }

    /// Its three ports.
    pub(crate) fn ports(&self) -> Outcome<Vec<u16>> {
        let ports =
            self.endpoints.split(' ').map(|endpoint| endpoint.rsplit(':').next().unwrap_or(endpoint).parse());
        Ok(ports.collect::<Result<_, _>>()?)
    }

    /// Ends it as a power cut would and starts it again at the same endpoints; returns the new epoch. What the old one
    /// said is added to `outcomes`.
    pub(crate) fn kill_and_restart(&mut self, outcomes: &mut Outcomes) -> Outcome<String> {
        outcomes.hear(&self.child.kill());
        self.restart()
    }

    /// Starts it again at the same endpoints after it was killed; returns the new epoch.
    pub(crate) fn restart(&mut self) -> Outcome<String> {
        self.child = launch(self.namespace.as_deref(), &self.endpoints, &self.with)?;
        self.child.hears("epoch")
    }

    /// Memory in use now [bytes], with what is free given back.
    pub(crate) fn resident(&mut self) -> Outcome<u64> {
        self.child.ask("resident")
    }

    /// Waits until it uses at most `more` bytes beyond the `before` that it used; the time is that which it takes to
    /// notice that clients are gone. Returns what it uses then. `what` it is, for whoever reads that it did not.
    pub(crate) fn memory_is_back(&mut self, what: &str, before: u64, more: u64) -> Outcome<u64> {
        let deadline = Instant::now() + LONG_PATIENCE;
        loop {
            let after = self.resident()?;
            if after <= before + more {
                return Ok(after);
            }
            check(Instant::now() < deadline, || {
                format!("the {what} used {before} bytes before and {after} after; {more} more are allowed")
            })?;
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What it has counted.
    pub(crate) fn stats(&mut self) -> Outcome<ServerStats> {
        self.child.ask("stats")
    }

    /// One of its counters.
    pub(crate) fn counter(&mut self, name: &str) -> Outcome<u64> {
        let stats = self.stats()?;
        Ok(*stats.counters.get(name).ok_or_else(|| format!("the server does not count `{name}`"))?)
    }

    /// Waits until a stream has this many subscribers.
    pub(crate) fn wait_for_subscribers(&mut self, stream: &str, count: u64) -> Outcome {
        until("everyone listens", || {
            let stats = self.stats()?;
            let found = stats.streams.iter().find(|found| found.name == stream);
            Ok(found.is_some_and(|found| found.subscribers == count).then_some(()))
        })
    }
}

fn launch(namespace: Option<&str>, endpoints: &str, with: &[(String, String)]) -> Outcome<Child> {
    let mut all = vec![("endpoints", endpoints)];
    all.extend(with.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    match namespace {
        Some(namespace) => Child::start_on(namespace, "server", &all),
        None => Child::start("server", &all),
    }
}

/// An address whose ports stay free while its server is away: below those that the system gives to whoever connects.
pub(crate) fn lasting_address() -> Outcome<String> {
    const FIRST: u16 = 20_000;
    const GROUPS: u32 = 3_000;
    let start = std::process::id() % GROUPS;
    for group in (start..GROUPS).chain(0..start) {
        let port = FIRST + 3 * group as u16;
        let ports = [port, port + 1, port + 2];
        if ports.iter().all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()) {
            return Ok(format!("tcp://127.0.0.1:{port}"));
        }
    }
    Err("no three ports in a row are free".into())
}
