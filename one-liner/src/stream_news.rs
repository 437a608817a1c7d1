//! Tells people on stderr why a stream is silent, and when it flows again.

use std::time::{Duration, Instant, SystemTime};

use rmpv::Value;
use router_client::{CallError, GoneCause, PendingCall, PingReport, RouterClient};
use router_wire::describe::{Description, StreamDescription};

use crate::value::tame;
use crate::{duration, output, upstreams};

/// Whether one stream flows, as it was told of last.
pub(crate) struct StreamNews<'a> {
    client: &'a RouterClient,
    stream: String,
    /// After so much silence the server is asked why.
    patience: Duration,
    quiet_since: Instant,
    /// When the server may be asked the next time.
    next_question: Instant,
    question: Option<Question>,
    told: Told,
    /// When we began, by the server's clock, and by ours: a sample from before is the last value of a stream that
    /// was disabled then.
    began: Option<(SystemTime, Instant)>,
}

/// What the server was asked.
enum Question {
    /// What it serves.
    Served(PendingCall<Description>),
    /// Whether the server that has the stream can be reached through those in front of it; what is told if so.
    Reached(PendingCall<Value>, Told),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Nothing, or that it flows.
    Flows,
    Disabled,
    Removed,
    /// A server behind the one that was asked, which serves it, is not connected.
    Away,
}

/// A stream that is silent for less is not asked about.
const LEAST_PATIENCE: Duration = Duration::from_secs(2);
const ASK_EVERY: Duration = Duration::from_secs(5);

impl<'a> StreamNews<'a> {
    /// Tells of `stream` from now on, and at once when it is disabled; `ping` is the server's clock then.
    pub(crate) fn of(
        client: &'a RouterClient,
        stream: &StreamDescription,
        ping: Option<PingReport>,
    ) -> StreamNews<'a> {
        let now = Instant::now();
        let mut news = StreamNews {
            client,
            stream: stream.name.clone(),
            patience: patience(stream),
            quiet_since: now,
            next_question: now,
            question: None,
            told: Told::Flows,
            began: ping.map(|ping| (ping.server_time, now)),
        };
        if !stream.enabled {
            news.tell(Told::Disabled);
        }
        news
    }

    /// A sample came, acquired at `utc` of the server's clock.
    pub(crate) fn sample(&mut self, utc: SystemTime) {
        self.quiet_since = Instant::now();
        // What was asked meanwhile may be answered with how it was.
        self.question = None;
        if self.told == Told::Flows {
            return;
        }
        if let Some((server_time, began)) = self.began.take().filter(|(server_time, _)| utc < *server_time) {
            let age = server_time.duration_since(utc).unwrap_or_default() + began.elapsed();
            let age = duration::for_people(age);
            let name = tame(&self.stream);
            return output::tell(format_args!("`{name}` is disabled: the last value it had is {age} old"));
        }
        self.tell(Told::Flows);
    }

    /// Looks at the silence, and asks the server when it is long; never waits.
    pub(crate) fn look(&mut self) {
        let now = Instant::now();
        if !self.client.state().is_up() {
            // What the connection does is told elsewhere, and silence then means nothing.
            self.quiet_since = now;
            self.question = None;
            return;
        }
        if let Some(question) = self.question.take() {
            self.take_answer(question);
        } else if now.duration_since(self.quiet_since) > self.patience && now >= self.next_question {
            self.next_question = now + ASK_EVERY;
            self.question = Some(Question::Served(self.client.describe().start()));
        }
    }

    fn take_answer(&mut self, question: Question) {
        match question {
            Question::Served(pending) => match pending.wait_timeout(Duration::ZERO) {
                Ok(Ok(description)) => self.answered(&description),
                Ok(Err(_)) => {}
                Err(running) => self.question = Some(Question::Served(running)),
            },
            Question::Reached(pending, found) => match pending.wait_timeout(Duration::ZERO) {
                Ok(Err(CallError::ServerGone {
                    cause: GoneCause::Unreachable, endpoint, reason, ..
                })) => {
                    if self.told != Told::Away {
                        self.told = Told::Away;
                        let name = &self.stream;
                        output::tell(format_args!(
                            "`{name}` is silent: no connection to {endpoint}: {reason}"
                        ));
                    }
                }
                Ok(_) => self.found(found),
                Err(running) => self.question = Some(Question::Reached(running, found)),
            },
        }
    }

    fn answered(&mut self, description: &Description) {
        let found = match description.streams.iter().find(|stream| stream.name == self.stream) {
            None => Told::Removed,
            Some(stream) => {
                self.patience = patience(stream);
                if stream.enabled { Told::Flows } else { Told::Disabled }
            }
        };
        match upstreams::owner(&description.upstreams, &self.stream) {
            None => self.found(found),
            // A gateway tells what the server behind it told last; that it answers is another question.
            Some(owner) => {
                let ping = self.client.call(&format!("{}.router.ping", owner.prefix), ());
                self.question = Some(Question::Reached(ping.deadline(LEAST_PATIENCE).start(), found));
            }
        }
    }

    fn found(&mut self, found: Told) {
        if found != self.told {
            self.tell(found);
        }
    }

    fn tell(&mut self, what: Told) {
        let name = tame(&self.stream);
        match what {
            // Told where it is found, with why.
            Told::Away => {}
            Told::Flows if self.told == Told::Away => {
                output::tell(format_args!("the server of `{name}` is connected again"));
            }
            Told::Flows if self.told == Told::Removed => {
                output::tell(format_args!("`{name}` is there again"))
            }
            Told::Flows => output::tell(format_args!("`{name}` is enabled again")),
            Told::Disabled => {
                output::tell(format_args!("`{name}` is disabled (one-liner enable {name} streams it again)"));
            }
            Told::Removed => {
                output::tell(format_args!("`{name}` was removed; it may be added again"));
            }
        }
        self.told = what;
    }
}

/// Three periods of a periodic stream, 2 s at least.
fn patience(stream: &StreamDescription) -> Duration {
    let period = stream.frequency_hz.map(|hz| Duration::try_from_secs_f64(3.0 / hz));
    period.and_then(Result::ok).unwrap_or_default().max(LEAST_PATIENCE)
}
