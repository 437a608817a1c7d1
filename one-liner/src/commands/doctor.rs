//! `one-liner doctor ADDRESS`: why a server cannot be used, one line for each thing that was looked at.

use std::net::IpAddr;

use clap::Args;
use router_client::RouterClient;
use router_server::Endpoint;
use router_wire::HelloReply;

use crate::doctor::check::{Check, Verdict};
use crate::doctor::network::{self, PortOf};
use crate::doctor::{server, streams};
use crate::exit::{CommandError, Exit};
use crate::output::Output;
use crate::target::Target;

/// Look at everything between here and a server, from its address to its samples, and say what to do
///
/// Each line is ok, warn or fail; below each that is not ok stands what to do. Exits with 0 when nothing failed, 1 when
/// a server answers and something failed, 2 when the address is none, 3 when no server answers. With --json each check
/// is one object.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The server's address, tcp://HOST[:PORT]; that of --connect unless given
    address: Option<String>,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// Checks are printed as they are made: some take seconds.
struct Report {
    output: Output,
    worst: Verdict,
}

impl Doctor {
    /// Looks at one thing after another, for as long as the ones before let it.
    ///
    /// # Errors
    /// When stdout is closed.
    pub(crate) fn run(mut self) -> Result<Exit, CommandError> {
        if let Some(address) = self.address.take() {
            self.target.connect = address;
        }
        let mut report = Report { output: self.target.output(), worst: Verdict::Ok };
        let endpoint = match Endpoint::for_client(&self.target.connect) {
            Ok(endpoint) => endpoint,
            Err(error) => {
                let fix = "write tcp://HOST, or tcp://HOST:PORT with the port of calls";
                report.add(&Check::fail("address", error, fix))?;
                return Ok(Exit::WrongUsage);
            }
        };
        report.add(&Check::ok("address", &endpoint).number("calls", endpoint.to_string()))?;
        let Some(addresses) = addresses(&mut report, &endpoint)? else { return Ok(Exit::NoAnswer) };
        if !port(&mut report, &endpoint, PortOf::Calls, &addresses)? {
            return Ok(Exit::NoAnswer);
        }
        let client = self.target.client()?;
        let greeting = match server::hello(&client) {
            Ok((checks, greeting)) => {
                report.add_all(&checks)?;
                greeting
            }
            Err(check) => {
                report.add(&check)?;
                return Ok(Exit::NoAnswer);
            }
        };
        served(&mut report, &client, &endpoint, &greeting)?;
        Ok(if report.worst == Verdict::Fail { Exit::Failed } else { Exit::Done })
    }
}

impl Report {
    fn add(&mut self, check: &Check) -> Result<(), CommandError> {
        self.worst = self.worst.max(check.verdict);
        check.print(self.output)
    }

    fn add_all(&mut self, checks: &[Check]) -> Result<(), CommandError> {
        checks.iter().try_for_each(|check| self.add(check))
    }
}

/// What is dialled for the host of `endpoint`, nothing for a path; `None` when the host has no address.
fn addresses(report: &mut Report, endpoint: &Endpoint) -> Result<Option<Vec<IpAddr>>, CommandError> {
    let Some(host) = endpoint.host() else { return Ok(Some(Vec::new())) };
    match network::host(host) {
        Ok((check, addresses)) => {
            report.add(&check)?;
            Ok(Some(addresses))
        }
        Err(check) => {
            report.add(&check)?;
            Ok(None)
        }
    }
}

/// Whether one of the ports can be used.
fn port(
    report: &mut Report,
    endpoint: &Endpoint,
    of: PortOf,
    addresses: &[IpAddr],
) -> Result<bool, CommandError> {
    let (Ok(mut checks) | Err(mut checks)) = network::port(endpoint, of, addresses);
    checks.extend(network::path(endpoint));
    report.add_all(&checks)?;
    Ok(checks.iter().all(|check| check.verdict != Verdict::Fail))
}

/// Looks at a server that answers.
fn served(
    report: &mut Report,
    client: &RouterClient,
    dialled: &Endpoint,
    greeting: &HelloReply,
) -> Result<(), CommandError> {
    let description = match server::description(client) {
        Ok((check, description)) => {
            report.add(&check)?;
            report.add_all(server::upstreams(&description.upstreams).as_slice())?;
            Some(description)
        }
        Err(check) => {
            report.add(&check)?;
            None
        }
    };
    match server::pings(client) {
        Ok(checks) => report.add_all(&checks)?,
        Err(check) => report.add(&check)?,
    }
    for (of, told) in [(PortOf::Samples, &greeting.samples), (PortOf::Frames, &greeting.frames)] {
        let Some(endpoint) = served_at(dialled, told) else { continue };
        if let Some(check) = server::reach(dialled, &endpoint, of.word()) {
            report.add(&check)?;
            continue;
        }
        let addresses = match endpoint.host().map(network::host) {
            Some(Ok((_, addresses))) => addresses,
            Some(Err(check)) => {
                report.add(&check)?;
                continue;
            }
            None => Vec::new(),
        };
        if !port(report, &endpoint, of, &addresses)? {
            continue;
        }
        let stream = description.as_ref().and_then(|description| streams::representative(description, of));
        match stream {
            Some(stream) => report.add(&streams::arrives(client, stream, of))?,
            None => report.add(&Check::ok("stream", format_args!("none is served through {}", of.word())))?,
        }
    }
    Ok(())
}

/// Where a client that dialled `dialled` finds what the server tells it serves at `told`.
fn served_at(dialled: &Endpoint, told: &str) -> Option<Endpoint> {
    let endpoint: Endpoint = told.parse().ok()?;
    match (endpoint.host(), endpoint.port()) {
        (Some("*" | "0.0.0.0" | "::"), Some(port)) => Some(dialled.with_port(port)),
        _ => Some(endpoint),
    }
}
