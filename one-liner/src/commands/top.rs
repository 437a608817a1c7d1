//! `one-liner top`: what a server is doing, drawn over in place.

use std::time::{Duration, Instant, SystemTime};

use clap::Args;
use router_client::{CallError, Payload, PendingCall, RouterClient, SubscriptionStats};
use router_wire::ClientIdentity;
use router_wire::describe::{ServerDescription, UpstreamDescription};
use router_wire::status::{LaneStatus, ServerStats};
use serde::de::DeserializeOwned;
use serde_json::{Map, json};

use crate::awaited_server::AwaitedServer;
use crate::clock::{time_of_day, utc_ns};
use crate::commands::stream_arguments::{Limit, find_stream};
use crate::exit::{CommandError, Exit};
use crate::output::Output;
use crate::target::Target;
use crate::top::changes::{Change, Counters};
use crate::top::equation;
use crate::top::page::Table;
use crate::top::screen::Screen;
use crate::value::tame;
use crate::{ctrl_c, duration, name, tables, upstreams};

/// Show what a server is doing: streams, lanes, calls, clients, servers behind it and the counters that change, until Ctrl-C
///
/// Waits for a server that is not there yet, and goes on when it goes and comes again. On a terminal each refresh
/// replaces the one before, and what does not fit is cut; elsewhere the whole tables are printed each time. With
/// --json each refresh is one object.
#[derive(Debug, Args)]
pub(crate) struct Top {
    /// Receive these streams too, each through a queue of 1,000 samples, and show what became of every one:
    /// received + replaced + dropped + lost + skipped + waiting = last - first + 1
    #[arg(long, value_name = "STREAM", num_args = 1..)]
    watch: Vec<String>,
    /// How often it is refreshed
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "1s")]
    every: Duration,
    /// End after this time, such as 10s, counted from when the server is there; it is waited for no longer either
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    span: Option<Duration>,
    #[command(flatten)]
    target: Target,
}

/// How often Ctrl-C is looked for while the server is asked; its answer wakes us at once.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// What is shown.
struct Shown {
    server: ServerDescription,
    /// The newest there are; they stay when the server does not answer.
    stats: ServerStats,
    changes: Vec<Change>,
    /// How the servers behind it are.
    upstreams: Vec<UpstreamDescription>,
    subscriptions: Vec<(String, SubscriptionStats)>,
    /// Why there are no newer ones, and since when.
    silence: Option<(String, Instant)>,
}

/// What the server said at a refresh.
struct Answers {
    server: ServerDescription,
    stats: ServerStats,
    upstreams: Vec<UpstreamDescription>,
}

impl Top {
    /// Shows it until the end.
    ///
    /// # Errors
    /// When there is no server, or no stream of a name to watch, or stdout is closed.
    pub(crate) fn run(self) -> Result<Exit, CommandError> {
        for stream in &self.watch {
            name::check(stream)?;
        }
        let presses = ctrl_c::listen()?;
        let client = self.target.patient_client()?;
        let ends = if self.span.is_some() { "" } else { " (Ctrl-C ends)" };
        let awaited = Limit::new(&presses, self.span);
        let mut server = AwaitedServer::of(&client, &awaited, ends);
        let description = server.description()?;
        let mut watched = Vec::new();
        for name in &self.watch {
            find_stream(&mut server, &client, &awaited, name)?;
            // Every sample is taken as soon as it is there, however long a refresh takes.
            watched.push(client.subscribe::<Payload>(name).on_sample(drop)?);
        }
        let limit = Limit::new(&presses, self.span);

        let screen = if self.output().json { None } else { Some(Screen::enter()?) };
        let mut counters = Counters::default();
        let mut shown = Shown {
            server: description.server,
            stats: ServerStats::default(),
            changes: Vec::new(),
            upstreams: description.upstreams,
            subscriptions: Vec::new(),
            silence: None,
        };
        let mut due = Instant::now();
        loop {
            match ask(&client, &shown, &limit) {
                None => return Ok(Exit::Done),
                Some(Ok(Answers { server, stats, upstreams })) => {
                    shown.changes = counters.look(server.epoch, &stats.counters);
                    (shown.server, shown.stats, shown.silence) = (server, stats, None);
                    shown.upstreams = upstreams;
                }
                Some(Err(error)) => {
                    shown.changes.clear();
                    let since = shown.silence.take().map_or_else(Instant::now, |(_, since)| since);
                    shown.silence = Some((error.to_string(), since));
                }
            }
            shown.subscriptions =
                watched.iter().map(|stream| (stream.name().to_string(), stream.stats())).collect();
            match &screen {
                Some(screen) => {
                    screen.draw(shown.head(&client), shown.tables(client.identity(), screen.width()))?
                }
                None => self.output().json(&shown.to_json(&client))?,
            }
            // What took longer than a refresh is not caught up with.
            due = (due + self.every).max(Instant::now() + LOOK_EVERY.min(self.every));
            if limit.is_over_after(due.saturating_duration_since(Instant::now())) {
                return Ok(Exit::Done);
            }
        }
    }

    /// How to print.
    pub(crate) fn output(&self) -> Output {
        self.target.output()
    }
}

/// Who the server is, where that is another one than was `shown`, what it counted and how those behind it are, or why
/// that is not known; `None` when the end comes first.
fn ask(client: &RouterClient, shown: &Shown, limit: &Limit<'_>) -> Option<Result<Answers, CallError>> {
    let stats = match wait(client.stats().deadline(ANSWER_WITHIN).start(), limit)? {
        Ok(stats) => stats,
        Err(error) => return Some(Err(error)),
    };
    let (server, known) = if client.epoch() == shown.server.epoch {
        (shown.server.clone(), shown.upstreams.clone())
    } else {
        match wait(client.describe().deadline(ANSWER_WITHIN).start(), limit)? {
            Ok(description) => (description.server, description.upstreams),
            Err(error) => return Some(Err(error)),
        }
    };
    let question = |name: &str| wait(client.call(name, ()).deadline(ANSWER_WITHIN).start(), limit);
    let upstreams = upstreams::ask_with(&known, question)?;
    Some(upstreams.map(|upstreams| Answers { server, stats, upstreams }))
}

/// The answer; `None` when the end comes first.
fn wait<T: DeserializeOwned>(mut pending: PendingCall<T>, limit: &Limit<'_>) -> Option<Result<T, CallError>> {
    loop {
        pending = match pending.wait_timeout(LOOK_EVERY) {
            Ok(answer) => return Some(answer),
            Err(running) => running,
        };
        if limit.is_over() {
            return None;
        }
    }
}

impl Shown {
    /// Which server, and how the connection to it is.
    fn head(&self, client: &RouterClient) -> Vec<String> {
        let ServerDescription { name, host, pid, version, .. } = &self.server;
        let up = Duration::try_from_secs_f64(self.stats.uptime_s).unwrap_or_default();
        let state = match (&self.silence, client.round_trip()) {
            (Some((_, since)), _) => format!("no answer for {}", duration::for_people(since.elapsed())),
            (None, Some(round_trip)) => format!("round trip {}", duration::for_people(round_trip)),
            (None, None) => "connected".to_owned(),
        };
        let mut head = vec![
            format!("{}  {}  {state}", time_of_day(SystemTime::now()), client.endpoint()),
            format!("{name} {version} on {host} pid {pid}, up {}", duration::for_people(up)),
        ];
        if let Some((reason, _)) = &self.silence {
            head.push(format!("as it was before: {reason}"));
        }
        head.iter().map(|line| tame(line).replace('\n', " ")).collect()
    }

    /// Everything below the head, in the order in which it is to be read.
    fn tables(&self, me: &ClientIdentity, width: usize) -> Vec<Table> {
        let mut calls = self.stats.calls.clone();
        calls.sort_by_key(|call| (call.errors == 0, std::cmp::Reverse(call.count)));
        vec![
            tables::flows(&self.stats.streams, width),
            equation::table(&self.subscriptions, tables::name_room(width)),
            tables::upstreams(&self.upstreams, width),
            self.busy_lanes(me),
            tables::calls(&calls),
            tables::clients(&self.stats.clients),
            tables::changes(&self.changes),
        ]
    }

    /// The lanes that do or hold something, and how many others there are. What runs is also our own question.
    fn busy_lanes(&self, me: &ClientIdentity) -> Table {
        let me = me.to_string();
        let is_busy = |lane: &&LaneStatus| {
            let running = lane.running.as_ref().is_some_and(|call| call.client != me);
            running || lane.queued > 0 || lane.set_apart
        };
        let busy: Vec<_> = self.stats.lanes.iter().filter(is_busy).cloned().collect();
        let idle = self.stats.lanes.len() - busy.len();
        let mut table = tables::lanes(&busy);
        if idle > 0 {
            table.push(format!("{idle} idle"));
        }
        table
    }

    fn to_json(&self, client: &RouterClient) -> serde_json::Value {
        let changed: Map<_, _> = self
            .changes
            .iter()
            .map(|change| (change.counter.clone(), json!({ "now": change.now, "before": change.before })))
            .collect();
        let subscriptions: Vec<_> =
            self.subscriptions.iter().map(|(name, stats)| equation::to_json(name, stats)).collect();
        json!({
            "utc_ns": utc_ns(SystemTime::now()),
            "state": format!("{:?}", client.state()).to_lowercase(),
            "round_trip_us": client.round_trip().map(|round_trip| round_trip.as_secs_f64() * 1e6),
            "server": self.server,
            "error": self.silence.as_ref().map(|(reason, _)| reason),
            "stats": self.stats,
            "upstreams": self.upstreams,
            "changed": changed,
            "subscriptions": subscriptions,
        })
    }
}
