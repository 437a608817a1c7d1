//! A periodic stream as its streamer has it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use router_client::{ReplyBody, Returned, write_returned};
use router_wire::sample::{self, SAMPLE_HEADER_BYTES};
use router_wire::{Failure, Refused};
use serde::Serialize;

use super::clock::{Clock, Times};
use super::packet::Unnumbered;
use super::route::Route;
use super::source::Source;
use super::stream::Stream;
use super::tick::{LaneBusyWith, TickDone, TickOutcome, TickRunner};

/// One periodic stream. Moves from streamer to streamer with its frequency.
pub(crate) struct PeriodicStream {
    pub(super) stream: Arc<Stream>,
    work: Work,
    /// A source of its own when its samples are large; otherwise it uses the streamer's.
    source: Option<Source>,
    /// The first tick of its streamer that is its own. Written by the streamer when the stream comes to it.
    pub(super) joined: u64,
    /// Its ticks are worth a busy core for the last moment before them.
    pub(super) spins: bool,
    /// The tick that a lane has now.
    outstanding: Option<u64>,
    /// How many ticks lanes were asked to run.
    asked: u64,
    pub(super) route: Arc<Route>,
}

/// What a tick does.
pub(crate) enum Work {
    /// Calls a function here.
    Function(Function),
    /// Has a method run on a lane.
    Ticks(Box<dyn TickRunner>),
}

/// The application's function: writes a value, and says when it had it.
pub(crate) type Function = Box<dyn FnMut(&Clock, &mut ReplyBody) -> (Times, Returned) + Send>;

/// A function whose `Err` becomes an error sample.
pub(crate) fn function<R: Serialize>(mut function: impl FnMut() -> R + Send + 'static) -> Function {
    Box::new(move |clock, body| {
        let value = function();
        (clock.now(), write_returned(&value, body))
    })
}

impl PeriodicStream {
    pub(super) fn new(
        stream: Arc<Stream>,
        work: Work,
        source: Option<Source>,
        route: Arc<Route>,
        spins: bool,
    ) -> PeriodicStream {
        PeriodicStream { stream, work, source, joined: 0, spins, outstanding: None, asked: 0, route }
    }

    /// Runs a due tick. `source` is the streamer's.
    ///
    /// # Blocking
    /// As long as the application's function does.
    pub(super) fn run(&mut self, source: Option<&mut Source>) {
        match &mut self.work {
            Work::Function(function) => {
                let (name, clock) = (self.stream.name.as_str(), &self.stream.clock);
                let mut body = ReplyBody::new(name.len() + 1 + SAMPLE_HEADER_BYTES);
                let caught = catch_unwind(AssertUnwindSafe(|| function(clock, &mut body)));
                let (times, returned) = caught.unwrap_or_else(|payload| {
                    let message = crate::panic_text::panic_text(payload);
                    (clock.now(), Err(Failure::Panicked { message }))
                });
                let packet = returned.map(|()| {
                    let mut packet = body.into_vec();
                    packet[..name.len()].copy_from_slice(name.as_bytes()); // the rest of the room is zeros
                    packet
                });
                self.publish(packet, times, source);
            }
            Work::Ticks(runner) => {
                if self.outstanding.is_some() {
                    let holder = runner.busy_with().unwrap_or_else(|| "its own tick before".to_owned());
                    return self.stream.miss_tick_held_by(holder);
                }
                self.asked += 1;
                let done = TickDone::new(Arc::clone(&self.route), Arc::clone(&self.stream), self.asked);
                match runner.start(done) {
                    Ok(()) => self.outstanding = Some(self.asked),
                    Err(LaneBusyWith { call }) => self.stream.miss_tick_held_by(call),
                }
            }
        }
    }

    /// Publishes what a lane returned.
    pub(super) fn finish(&mut self, done: TickOutcome, source: Option<&mut Source>) {
        if self.outstanding != Some(done.tick) {
            return; // refused by the lane and counted then
        }
        self.outstanding = None;
        match done.outcome {
            Some(outcome) => {
                let packet = outcome.map(|value| {
                    let mut packet = sample::start_packet(self.stream.name.as_str());
                    packet.extend_from_slice(&value);
                    packet
                });
                self.publish(packet, done.times, source);
            }
            None => self.stream.miss_ticks(1),
        }
    }

    /// `packet` is a started packet with the value behind the room for the header.
    fn publish(&mut self, packet: Result<Vec<u8>, Failure>, times: Times, shared: Option<&mut Source>) {
        let stream = &self.stream;
        let (name, limit) = (stream.name.as_str(), stream.spec.largest_sample_bytes);
        let sample = packet.and_then(|packet| {
            let sample = Unnumbered::built(packet, times);
            match sample.payload_bytes(name) {
                bytes if bytes > limit => Err(too_large(bytes, limit)),
                _ => Ok(sample),
            }
        });
        let sample = sample.unwrap_or_else(|failure| Unnumbered::error(name, &failure, limit, times));
        // A stream that has ended is taken out by a command that is on its way.
        let _ = stream.publish(sample, self.source.as_mut().or(shared));
    }
}

fn too_large(bytes: usize, limit: usize) -> Failure {
    let text = format!(
        "the sample has {bytes} bytes; the stream's largest was declared as {limit}: declare a larger one when adding it"
    );
    Failure::Refused(Refused::new("sample_too_large", text))
}
