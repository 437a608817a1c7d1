//! Waits for a server that may be started later.

use std::time::{Duration, Instant};

use router_client::{CallError, GoneCause, RouterClient};
use router_wire::describe::Description;

use crate::commands::stream_arguments::Limit;
use crate::exit::CommandError;
use crate::{hint, output};

/// A server that is waited for until it answers or the limit comes.
pub(crate) struct AwaitedServer<'a> {
    client: &'a RouterClient,
    limit: &'a Limit<'a>,
    how_it_ends: &'static str,
    since: Instant,
    /// What was told of it last; each state is told once.
    told: Option<GoneCause>,
}

/// How often the limit is looked at; the answer wakes us at once.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl<'a> AwaitedServer<'a> {
    /// Begins to wait for the server of `client`, whose connect timeout is how soon people are told.
    pub(crate) fn of(
        client: &'a RouterClient,
        limit: &'a Limit<'a>,
        how_it_ends: &'static str,
    ) -> AwaitedServer<'a> {
        AwaitedServer { client, limit, how_it_ends, since: Instant::now(), told: None }
    }

    /// What the server serves.
    ///
    /// # Errors
    /// [`CommandError::NoServer`] when the limit came first; what the server refuses.
    ///
    /// # Blocking
    /// Until the server answers or the limit comes.
    pub(crate) fn description(&mut self) -> Result<Description, CommandError> {
        loop {
            let mut asked = self.client.describe().start();
            let answer = loop {
                asked = match asked.wait_timeout(LOOK_EVERY) {
                    Ok(answer) => break answer,
                    Err(running) => running,
                };
                self.look()?;
            };
            match answer {
                Ok(description) => return Ok(description),
                Err(CallError::ServerGone { cause, .. }) => self.tell(cause),
                // It was asked and did not answer: to ask what it serves again changes nothing over there.
                Err(CallError::Unknown { .. }) => self.tell(GoneCause::NoAnswer),
                Err(error) => return Err(error.into()),
            }
            self.look()?;
        }
    }

    /// Behind what people are told that is waited for.
    pub(crate) fn how_it_ends(&self) -> &'static str {
        self.how_it_ends
    }

    /// Whether the limit has come.
    fn look(&self) -> Result<(), CommandError> {
        if !self.limit.is_over() {
            return Ok(());
        }
        Err(CommandError::NoServer {
            endpoint: self.client.endpoint().to_string(),
            waited: self.since.elapsed(),
            reason: self.reason(),
        })
    }

    fn reason(&self) -> String {
        let unresolved = if self.client.state().is_up() {
            None
        } else {
            hint::unresolved(&self.client.endpoint().to_string())
        };
        unresolved.unwrap_or_else(|| self.client.reason())
    }

    fn tell(&mut self, cause: GoneCause) {
        // A server that was restarted is being greeted: it answers next.
        if self.told == Some(cause) || cause == GoneCause::Restarted {
            return;
        }
        self.told = Some(cause);
        let (endpoint, ends) = (self.client.endpoint(), self.how_it_ends);
        if cause == GoneCause::NoAnswer {
            output::tell(format_args!("the server at {endpoint} does not answer yet; waiting for it{ends}"));
            output::tell(hint::STUCK);
            return;
        }
        output::tell(format_args!("no server at {endpoint} yet; waiting for it{ends}"));
        if let Some(unresolved) = hint::unresolved(&endpoint.to_string()) {
            output::tell(unresolved);
        }
    }
}
