//! `one-liner demo`: serves this computer, a simulated stage and a simulated camera.

use std::time::{Duration, Instant};

use clap::Args;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use router_server::{RouterServer, ServerEndpoints, ServerOptions, StopReport};
use router_wire::status::ServerStats;
use serde::Serialize;
use serde_json::json;

use crate::demo::addresses::{self, Listening, PortChoice};
use crate::demo::behind::{self, Behind};
use crate::demo::live_table::LiveTable;
use crate::demo::{Instruments, program};
use crate::exit::{CommandError, Exit};
use crate::output::Output;
use crate::{ctrl_c, duration};

/// Serve this computer, a simulated stage and a simulated camera, until Ctrl-C
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// End after this time, such as 10s or 2min
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    span: Option<Duration>,
    /// Where to listen: 127.0.0.1 for this computer only, `*` for every network, or an address of this computer
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    bind: String,
    /// The port of calls (5555 unless given); samples and frames take the next two
    #[arg(long, value_name = "PORT", value_parser = addresses::port)]
    calls_port: Option<PortChoice>,
    /// The port of small streams
    #[arg(long, value_name = "PORT", value_parser = addresses::port)]
    samples_port: Option<PortChoice>,
    /// The port of large streams
    #[arg(long, value_name = "PORT", value_parser = addresses::port)]
    frames_port: Option<PortChoice>,
    /// Serve the names of another server too, under PREFIX: with rig2=tcp://rig2, its stage.stop is rig2.stage.stop
    /// here. That server may start later; may be given several times
    #[arg(long = "upstream", value_name = "PREFIX=ADDRESS", value_parser = behind::behind)]
    upstreams: Vec<Behind>,
    /// Print JSON lines on stdout: that it started, its counters every second, how it stopped
    #[arg(long)]
    json: bool,
}

/// The counters as one JSON line.
#[derive(Serialize)]
struct StatsEvent<'a> {
    event: &'static str,
    #[serde(flatten)]
    stats: &'a ServerStats,
}

impl Demo {
    /// Serves until Ctrl-C or its time is over.
    ///
    /// # Errors
    /// When it cannot listen, or stdout is closed.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        let presses = ctrl_c::listen()?;
        let end = self.span.and_then(|span| Instant::now().checked_add(span));
        let (bind, calls) = (self.bind.as_str(), self.calls_port);
        let listening = Listening { bind, calls, samples: self.samples_port, frames: self.frames_port };
        let wanted = listening.endpoints().map_err(CommandError::Usage)?;
        let options = ServerOptions { name: "one-liner demo".to_owned(), ..ServerOptions::default() };
        let failed = |error: Box<dyn std::error::Error>| CommandError::Serve(error.to_string());
        let instruments = Instruments::open().map_err(failed)?;
        let server = RouterServer::bind_at(&wanted, options)
            .map_err(|error| CommandError::Serve(addresses::bind_error(&error, &wanted)))?;
        instruments.serve(&server).map_err(failed)?;
        behind::add(&server, &self.upstreams).map_err(|(text, is_usage)| {
            if is_usage { CommandError::Usage(text) } else { CommandError::Serve(text) }
        })?;
        let served = self.announce(server.endpoints()).and_then(|()| self.show(&server, &presses, end));
        // Also when nobody reads the table any more: instruments are brought to rest, not dropped in mid-air.
        let report = server.stop();
        served?;
        self.print_report(&report)?;
        Ok(if report.is_clean() { Exit::Done } else { Exit::Failed })
    }

    /// How to print.
    pub(crate) fn output(&self) -> Output {
        Output { json: self.json }
    }

    /// Says where it listens, who can reach it, and what to try.
    fn announce(&self, endpoints: &ServerEndpoints) -> Result<(), CommandError> {
        let output = self.output();
        let connect = addresses::connect_address(endpoints);
        let upstreams: Vec<_> = { &self.upstreams }
            .iter()
            .map(|Behind { prefix, address }| json!({ "prefix": prefix, "address": address }))
            .collect();
        output.json(&json!({
            "event": "started",
            "connect": connect,
            "calls": endpoints.calls.to_string(),
            "samples": endpoints.samples.to_string(),
            "frames": endpoints.frames.to_string(),
            "reach": addresses::reach_word(endpoints),
            "pid": std::process::id(),
            "upstreams": upstreams,
        }))?;
        output.line(format_args!(
            "serving host, stage and camera\n  calls    {}\n  samples  {}\n  frames   {}\n  reached by {}",
            endpoints.calls,
            endpoints.samples,
            endpoints.frames,
            addresses::who_can_reach(endpoints)
        ))?;
        for Behind { prefix, address } in &self.upstreams {
            output.line(format_args!("serving {prefix}.* of the server at {address}"))?;
        }
        output.line("")?;
        let program = program::program();
        let to = if connect == DEFAULT_CONNECT { String::new() } else { format!(" --connect {connect}") };
        output.line("in a second terminal:")?;
        for example in
            ["call stage.move_to 1500", "watch stage.position_um", "watch host.cpu_percent --count 3 --json"]
        {
            output.line(format_args!("  {program} {example}{to}"))?;
        }
        output.line("")?;
        Ok(())
    }

    /// Draws the table until Ctrl-C or `end`, and a last time then.
    fn show(
        &self,
        server: &RouterServer,
        presses: &Receiver<()>,
        end: Option<Instant>,
    ) -> Result<(), CommandError> {
        let mut table = LiveTable::new();
        let interval = if self.json { Duration::from_secs(1) } else { table.interval() };
        let mut due = Instant::now() + Duration::from_secs(1);
        loop {
            let woken = presses.recv_deadline(end.map_or(due, |end| end.min(due)));
            let is_over =
                woken != Err(RecvTimeoutError::Timeout) || end.is_some_and(|end| Instant::now() >= end);
            let stats = server.stats();
            if self.json {
                self.output().json(&StatsEvent { event: "stats", stats: &stats })?;
            } else {
                table.draw(&stats, &server.upstreams())?;
            }
            if is_over {
                return Ok(());
            }
            due += interval;
        }
    }

    fn print_report(&self, report: &StopReport) -> Result<(), CommandError> {
        self.output().line(report)?;
        self.output().json(&json!({
            "event": "stopped",
            "took_ms": report.took.as_secs_f64() * 1e3,
            "set_apart": report.set_apart,
            "overrun_hooks": report.overrun_hooks,
            "panicked_hooks": report.panicked_hooks,
        }))?;
        Ok(())
    }
}

/// What a client connects to that is told nothing else.
const DEFAULT_CONNECT: &str = "tcp://localhost:5555";
