//! `Stream`: one stream as its source, the proxy and the handle share it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use router_wire::Name;
use router_wire::describe::{StreamDescription, StreamKind, StreamSocket, ValueDescription};
use router_wire::status::StreamStats;

use super::clock::Clock;
use super::frequency::Frequency;
use super::packet::{Packet, Stamp, Unnumbered};
use super::rate::RateMeter;
use super::source::{Source, SourceRefusal};

/// Most clients that wait for one declaration; more are told to ask again.
const MOST_TOKENS: usize = 1_024;
/// Most calls that are remembered by name for holding up ticks; further ones are summed.
const MOST_HOLDERS: usize = 16;

/// One incarnation of a stream.
pub(crate) struct Stream {
    pub(crate) name: Name,
    pub(crate) epoch: u64,
    /// Unique in this life of the server.
    pub(crate) incarnation: u64,
    pub(crate) clock: Clock,
    pub(crate) spec: StreamSpec,
    /// Whether somebody listens: a copy of the one under the lock, for looking at without it.
    heard: AtomicBool,
    /// Written by the proxy.
    subscribers: AtomicU64,
    /// Held for look-ups, numbering and a send that never waits; never around user code.
    state: Mutex<State>,
}

/// What does not change in the life of a stream.
#[derive(Debug, Clone)]
pub(crate) struct StreamSpec {
    pub(crate) kind: StreamKind,
    pub(crate) on_demand: bool,
    pub(crate) keeps_last_value: bool,
    pub(crate) largest_sample_bytes: usize,
    pub(crate) socket: StreamSocket,
    pub(crate) docs: String,
    pub(crate) method: Option<String>,
    pub(crate) value: ValueDescription,
}

struct State {
    enabled: bool,
    ended: Option<Ended>,
    /// Written by the proxy, which at the same time takes `last`.
    heard: bool,
    /// The number of the next sample.
    next: u64,
    /// The newest number that the source's socket took.
    sent: Option<u64>,
    /// The newest sample that was not sent because nobody listened.
    last: Option<Packet>,
    /// Tokens of clients that wait for a declaration.
    tokens: Vec<u64>,
    frequency: Option<Frequency>,
    rate: RateMeter,
    published: u64,
    errors: u64,
    ticks_missed: u64,
    dropped_at_source: u64,
    /// How many ticks each call held up.
    held_by: BTreeMap<String, u64>,
}

/// What became of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// Handed on to subscribers.
    Sent {
        /// Its number.
        sequence: u64,
    },
    /// Nobody listens. It is kept for the next subscriber, unless the stream keeps no last value.
    Unheard {
        /// Its number.
        sequence: u64,
    },
    /// The stream is disabled: the sample took no number.
    Disabled,
    /// The proxy was too far behind; the loss is counted.
    DroppedAtSource {
        /// Its number.
        sequence: u64,
    },
}

/// Why a stream publishes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Removed,
    Stopped,
}

/// How far a stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Given {
    /// The newest number that was given.
    pub(crate) sequence: Option<u64>,
    /// The newest number that is on its way through the proxy, or has passed.
    pub(crate) sent: Option<u64>,
}

impl Published {
    /// The sample's number, if it took one.
    pub fn sequence(self) -> Option<u64> {
        match self {
            Published::Sent { sequence }
            | Published::Unheard { sequence }
            | Published::DroppedAtSource { sequence } => Some(sequence),
            Published::Disabled => None,
        }
    }
}

impl Stream {
    pub(crate) fn new(
        name: Name,
        (epoch, incarnation): (u64, u64),
        clock: Clock,
        spec: StreamSpec,
        enabled: bool,
        frequency: Option<Frequency>,
    ) -> Stream {
        let state = State {
            enabled,
            ended: None,
            heard: false,
            next: 0,
            sent: None,
            last: None,
            tokens: Vec::new(),
            frequency,
            rate: RateMeter::default(),
            published: 0,
            errors: 0,
            ticks_missed: 0,
            dropped_at_source: 0,
            held_by: BTreeMap::new(),
        };
        Stream {
            name,
            epoch,
            incarnation,
            clock,
            spec,
            heard: AtomicBool::new(false),
            subscribers: AtomicU64::new(0),
            state: Mutex::new(state),
        }
    }

    /// Numbers a sample and sends it if somebody listens. `source` is `None` when it could not be connected.
    ///
    /// # Errors
    /// [`Ended`].
    pub(crate) fn publish(
        &self,
        sample: Unnumbered,
        source: Option<&mut Source>,
    ) -> Result<Published, Ended> {
        let is_error = sample.is_error();
        let mut state = self.state.lock();
        state.check_open()?;
        if !state.enabled {
            return Ok(Published::Disabled);
        }
        let sequence = state.take_number(self.clock.monotonic_ns());
        state.errors += u64::from(is_error);
        let packet = sample.number(self.name.as_str(), self.stamp(sequence));
        if !state.heard {
            if self.spec.keeps_last_value {
                state.last = Some(packet);
            }
            return Ok(Published::Unheard { sequence });
        }
        match source.map_or(Err(SourceRefusal::Full), |source| source.try_send(packet)) {
            Ok(()) => {
                state.published += 1;
                state.sent = Some(sequence);
                Ok(Published::Sent { sequence })
            }
            Err(SourceRefusal::Full) => {
                state.dropped_at_source += 1;
                Ok(Published::DroppedAtSource { sequence })
            }
            Err(SourceRefusal::Closed) => Err(Ended::Stopped),
        }
    }

    /// Takes a number for a sample that nobody will ever see, so that it need not be serialised; `None` when
    /// somebody may.
    pub(crate) fn publish_unseen(&self) -> Option<Result<Published, Ended>> {
        if self.spec.keeps_last_value {
            return None;
        }
        let mut state = self.state.lock();
        if let Err(ended) = state.check_open() {
            return Some(Err(ended));
        }
        if !state.enabled {
            return Some(Ok(Published::Disabled));
        }
        if state.heard {
            return None;
        }
        let sequence = state.take_number(self.clock.monotonic_ns());
        Some(Ok(Published::Unheard { sequence }))
    }

    /// Whether a due tick is to be run now.
    pub(crate) fn wants_ticks(&self) -> bool {
        let state = self.state.lock();
        state.enabled && state.ended.is_none() && (state.heard || !self.spec.on_demand)
    }

    pub(crate) fn is_heard(&self) -> bool {
        self.heard.load(Ordering::Acquire)
    }

    /// Counts ticks that were due and were not run.
    pub(crate) fn miss_ticks(&self, count: u64) {
        self.state.lock().ticks_missed += count;
    }

    /// Counts a tick that was not run because its lane was busy with `call`.
    pub(crate) fn miss_tick_held_by(&self, call: String) {
        let mut state = self.state.lock();
        state.ticks_missed += 1;
        let full = state.held_by.len() >= MOST_HOLDERS && !state.held_by.contains_key(&call);
        *state.held_by.entry(if full { "other calls".to_owned() } else { call }).or_default() += 1;
    }

    /// After `false` nothing later is published, until `true`.
    pub(crate) fn set_enabled(&self, enabled: bool) {
        self.state.lock().enabled = enabled;
    }

    /// After this nothing later is published. The first reason stays.
    pub(crate) fn end(&self, why: Ended) {
        self.state.lock().ended.get_or_insert(why);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.state.lock().ended.is_some()
    }

    pub(crate) fn frequency(&self) -> Option<Frequency> {
        self.state.lock().frequency
    }

    pub(crate) fn set_frequency(&self, frequency: Frequency) {
        self.state.lock().frequency = Some(frequency);
    }

    /// For the proxy: says who listens, and returns the newest sample that was not sent if the stream was unheard
    /// and is heard from now on.
    pub(crate) fn set_heard(&self, heard: bool, subscribers: u64) -> Option<Packet> {
        self.subscribers.store(subscribers, Ordering::Relaxed);
        if self.heard.load(Ordering::Relaxed) == heard {
            return None; // only the proxy writes it
        }
        let mut state = self.state.lock();
        state.heard = heard;
        self.heard.store(heard, Ordering::Release);
        if heard { state.last.take() } else { None }
    }

    /// How far the stream has come. What is sent was handed to the proxy before this returns.
    pub(crate) fn given(&self) -> Given {
        let state = self.state.lock();
        Given { sequence: state.next.checked_sub(1), sent: state.sent }
    }

    /// Remembers that a client waits for a declaration; whether it is the first one to wait.
    ///
    /// # Errors
    /// How many wait, when that is too many.
    pub(crate) fn ask_declaration(&self, token: u64) -> Result<bool, usize> {
        let mut state = self.state.lock();
        if state.tokens.len() >= MOST_TOKENS {
            return Err(state.tokens.len());
        }
        state.tokens.push(token);
        Ok(state.tokens.len() == 1)
    }

    pub(crate) fn take_tokens(&self) -> Vec<u64> {
        std::mem::take(&mut self.state.lock().tokens)
    }

    /// Marks sample `sequence` as this stream's.
    pub(crate) fn stamp(&self, sequence: u64) -> Stamp {
        Stamp { epoch: self.epoch, incarnation: self.incarnation, sequence }
    }

    pub(crate) fn describe(&self) -> StreamDescription {
        let (enabled, frequency_hz) = {
            let state = self.state.lock();
            (state.enabled, state.frequency.map(Frequency::hz))
        };
        StreamDescription {
            source: None,
            name: self.name.to_string(),
            docs: self.spec.docs.clone(),
            kind: self.spec.kind,
            enabled,
            frequency_hz,
            on_demand: self.spec.on_demand,
            method: self.spec.method.clone(),
            value: self.spec.value.clone(),
            socket: self.spec.socket,
            largest_sample_bytes: self.spec.largest_sample_bytes as u64,
            last_value: self.spec.keeps_last_value,
            incarnation: self.incarnation,
            subscribers: self.subscribers.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn stats(&self) -> StreamStats {
        let now_ns = self.clock.monotonic_ns();
        let state = self.state.lock();
        StreamStats {
            name: self.name.to_string(),
            enabled: state.enabled,
            asked_hz: state.frequency.map(Frequency::hz),
            achieved_hz: state.rate.hz(now_ns),
            produced: state.next,
            published: state.published,
            errors: state.errors,
            ticks_missed: state.ticks_missed,
            dropped_at_source: state.dropped_at_source,
            subscribers: self.subscribers.load(Ordering::Relaxed),
        }
    }

    /// How many ticks each call held up.
    pub(crate) fn held_by(&self) -> BTreeMap<String, u64> {
        self.state.lock().held_by.clone()
    }
}

impl State {
    fn check_open(&self) -> Result<(), Ended> {
        self.ended.map_or(Ok(()), Err)
    }

    fn take_number(&mut self, now_ns: u64) -> u64 {
        let sequence = self.next;
        self.next += 1;
        self.rate.record(now_ns);
        sequence
    }
}
