//! What the commands have in common that receive a stream: their arguments, and what they wait for first.

use std::time::{Duration, Instant};

use clap::Args;
use crossbeam_channel::Receiver;
use router_client::{PingReport, RouterClient};
use router_wire::describe::{Description, StreamDescription, UpstreamDescription};

use crate::awaited_server::AwaitedServer;
use crate::connection_news::ConnectionNews;
use crate::exit::CommandError;
use crate::not_found::NotFound;
use crate::output::{self, Output};
use crate::stream_news::StreamNews;
use crate::target::Target;
use crate::{duration, name, upstreams};

/// Which stream, of which server, and for how long.
#[derive(Debug, Args)]
pub(crate) struct StreamArguments {
    /// Its name, such as stage.position_um
    pub(crate) stream: String,
    /// End after this time, such as 10s, counted from when the server is there; it is waited for no longer either
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    span: Option<Duration>,
    #[command(flatten)]
    target: Target,
}

/// A stream that its server knows.
pub(crate) struct FoundStream {
    pub(crate) client: RouterClient,
    description: StreamDescription,
    /// When it was found, by the server's clock; asked for only where the stream is disabled.
    ping: Option<PingReport>,
}

/// When to end that is no error: the time is over, or somebody pressed Ctrl-C.
pub(crate) struct Limit<'a> {
    presses: &'a Receiver<()>,
    end: Option<Instant>,
}

/// For how long after its start a server may still be adding its streams.
const ADDING: Duration = Duration::from_secs(5);
/// How soon it is asked again.
pub(crate) const ASK_AGAIN: Duration = Duration::from_millis(200);

impl StreamArguments {
    /// Waits for the server, as long as it takes, and finds the stream.
    ///
    /// # Errors
    /// When there is no such stream, or Ctrl-C or the limit came before the server.
    pub(crate) fn find(&self, presses: &Receiver<()>) -> Result<FoundStream, CommandError> {
        name::check(&self.stream)?;
        let client = self.target.patient_client()?;
        let limit = self.limit(presses);
        let mut server = AwaitedServer::of(&client, &limit, self.how_it_ends());
        let description = find_stream(&mut server, &client, &limit, &self.stream)?;
        let ping = if description.enabled { None } else { client.ping().ok() };
        Ok(FoundStream { description, ping, client: client.clone() })
    }

    /// The limit, whose time begins now.
    pub(crate) fn limit<'a>(&self, presses: &'a Receiver<()>) -> Limit<'a> {
        Limit::new(presses, self.span)
    }

    /// Tells of the connection from now on.
    pub(crate) fn connection_news<'a>(&self, client: &'a RouterClient) -> ConnectionNews<'a> {
        ConnectionNews::of(client, self.how_it_ends())
    }

    /// How to print.
    pub(crate) fn output(&self) -> Output {
        self.target.output()
    }

    /// Behind what it says that it waits for.
    fn how_it_ends(&self) -> &'static str {
        if self.span.is_some() { "" } else { " (Ctrl-C ends)" }
    }
}

/// Waits for the server, as long as it takes, and finds the stream `name`; a server that was started a moment ago is
/// asked again.
///
/// # Errors
/// When there is no such stream, or Ctrl-C or the limit came before the server.
pub(crate) fn find_stream(
    server: &mut AwaitedServer<'_>,
    client: &RouterClient,
    limit: &Limit<'_>,
    name: &str,
) -> Result<StreamDescription, CommandError> {
    // What it ends with where the limit comes while the server is asked again.
    let mut missed: Option<CommandError> = None;
    // When a server behind was seen to be away.
    let mut away_at: Option<Instant> = None;
    loop {
        let description = match (server.description(), missed.take()) {
            // The server is there; what was waited for is the stream.
            (Err(CommandError::NoServer { .. }), Some(missed)) => return Err(missed),
            (description, _) => description?,
        };
        if let Some(stream) = description.streams.iter().find(|stream| stream.name == name) {
            return Ok(stream.clone());
        }
        if let Some(away) = away(client, &description, name) {
            let reason = upstreams::not_connected(&away);
            if away_at.is_none() {
                output::tell(format_args!("{reason}; waiting for it{}", server.how_it_ends()));
            }
            away_at = Some(Instant::now());
            missed = Some(CommandError::Unreachable { name: name.to_owned(), reason });
        } else {
            // A server that has just come back tells what it serves in a moment.
            let came_back = away_at.is_some_and(|away_at| away_at.elapsed() < ADDING);
            let missing = NotFound::stream(&description, name).into();
            if !came_back && !may_still_come(client, &description) {
                return Err(missing);
            }
            missed = Some(missing);
        }
        if limit.is_over_after(ASK_AGAIN)
            && let Some(missed) = missed.take()
        {
            return Err(missed);
        }
    }
}

/// Whether a server may still be adding what it serves: it was started a moment ago.
pub(crate) fn may_still_come(client: &RouterClient, description: &Description) -> bool {
    // Both times are of the server's clock.
    let started = u64::try_from(description.server.started_utc_ns).unwrap_or(0);
    let started = std::time::UNIX_EPOCH + Duration::from_nanos(started);
    { client.ping() }
        .is_ok_and(|ping| ping.server_time.duration_since(started).is_ok_and(|uptime| uptime < ADDING))
}

/// The server behind the one of `client` that `name` cannot be looked for at, because it is not connected.
fn away(client: &RouterClient, description: &Description, name: &str) -> Option<UpstreamDescription> {
    if !description.upstreams.iter().any(|upstream| upstreams::is_of(name, &upstream.prefix)) {
        return None;
    }
    let upstreams = upstreams::ask(client, &description.upstreams).ok()?;
    upstreams::away(&upstreams, name).cloned()
}

impl FoundStream {
    /// Tells on stderr whether the stream flows, from now on; begins with that it is disabled, if it is.
    pub(crate) fn news(&self) -> StreamNews<'_> {
        StreamNews::of(&self.client, &self.description, self.ping)
    }
}

impl<'a> Limit<'a> {
    /// Ctrl-C, or the end of `span` from now.
    pub(crate) fn new(presses: &'a Receiver<()>, span: Option<Duration>) -> Limit<'a> {
        Limit { presses, end: span.and_then(|span| Instant::now().checked_add(span)) }
    }

    /// Whether it is time to end.
    pub(crate) fn is_over(&self) -> bool {
        self.left(Duration::MAX).is_zero() || self.presses.try_recv().is_ok()
    }

    /// `span`, or what is left of the time where that is less.
    pub(crate) fn left(&self, span: Duration) -> Duration {
        self.end.map_or(span, |end| end.saturating_duration_since(Instant::now()).min(span))
    }

    /// Waits for `span` or for the end, and tells whether that has come.
    pub(crate) fn is_over_after(&self, span: Duration) -> bool {
        self.presses.recv_timeout(self.left(span)).is_ok() || self.left(span).is_zero()
    }
}
