//! `Stream`: one stream as its source, the proxy and the handle share it. What is different where samples bring the
//! numbers of another server is in `passing.rs`, what is told of it in `stream_report.rs`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use router_slots::{LentSlot, SlotWriter};
use router_wire::Name;
use router_wire::describe::{StreamDescription, StreamKind, StreamSocket, ValueDescription};
use router_wire::topic::slots_key;

use super::clock::Clock;
use super::frequency::Frequency;
use super::packet::{Packet, Stamp, Unnumbered};
use super::rate::RateMeter;
use super::source::{Source, SourceRefusal};
use super::stream_ring::StreamRing;

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
    pub(super) subscribers: AtomicU64,
    /// The samples bring the numbers of their source. Written by a relay, once, before it hands the first one on.
    pub(super) passes_on: AtomicBool,
    /// Samples with numbers that were lost before they came here. Counted by a relay.
    pub(super) lost_before: AtomicU64,
    /// The watcher was told and has not looked yet.
    news: AtomicBool,
    /// Told when somebody begins or ceases to listen, and of enable, disable and the end. Never waits.
    watcher: OnceLock<Watcher>,
    /// Its slots in shared memory. Written once, before the stream is served.
    ring: OnceLock<Arc<StreamRing>>,
    /// What another server says of the stream. Written by the thread that brings it here.
    pub(super) told: Mutex<Option<StreamDescription>>,
    /// Held for look-ups, numbering and a send that never waits; never around user code.
    pub(super) state: Mutex<State>,
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
    /// Where a relayed stream comes from.
    pub(crate) source: Option<Origin>,
}

/// Where a relayed stream comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) endpoint: String,
    /// The name under which its server is known here, if it is an upstream.
    pub(crate) upstream: Option<Name>,
}

type Watcher = Box<dyn Fn() + Send + Sync>;

/// What a change of listeners means to the proxy.
#[derive(Default)]
pub(crate) struct Heard {
    /// The newest sample that was not sent, now that somebody listens.
    pub(crate) unsent: Option<Packet>,
    /// The relay had left its source: what passed before is older than what was missed meanwhile.
    pub(crate) afresh: bool,
}

pub(super) struct State {
    pub(super) enabled: bool,
    pub(super) ended: Option<Ended>,
    /// Written by the proxy, which at the same time takes `last`.
    pub(super) heard: bool,
    /// The number of the next sample.
    pub(super) next: u64,
    /// The newest number that the source's socket took.
    pub(super) sent: Option<u64>,
    /// The newest sample that was not sent because nobody listened.
    pub(super) last: Option<Packet>,
    /// The relay has left the source since somebody last listened. Only where samples bring their numbers.
    pub(super) left_source: bool,
    /// Samples with numbers of their source.
    pub(super) passed_on: u64,
    /// Tokens of clients that wait for a declaration.
    pub(super) tokens: Vec<u64>,
    pub(super) frequency: Option<Frequency>,
    pub(super) rate: RateMeter,
    pub(super) published: u64,
    pub(super) errors: u64,
    pub(super) ticks_missed: u64,
    pub(super) dropped_at_source: u64,
    /// How many ticks each call held up.
    pub(super) held_by: BTreeMap<String, u64>,
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
            left_source: false,
            passed_on: 0,
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
            passes_on: AtomicBool::new(false),
            lost_before: AtomicU64::new(0),
            news: AtomicBool::new(false),
            watcher: OnceLock::new(),
            ring: OnceLock::new(),
            told: Mutex::default(),
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
        let slot = self.fill_slot(&sample);
        let mut state = self.state.lock();
        state.check_open()?;
        if !state.enabled {
            return Ok(Published::Disabled);
        }
        let sequence = state.take_number(self.clock.monotonic_ns());
        state.errors += u64::from(is_error);
        let mut packet = sample.number(self.name.as_str(), self.stamp(sequence));
        if !state.heard {
            if self.spec.keeps_last_value {
                state.last = Some(packet);
            }
            return Ok(Published::Unheard { sequence });
        }
        packet.slot = slot.map(SlotWriter::publish);
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

    /// Gives the stream its slots; `false` when it has some.
    pub(crate) fn share(&self, ring: Arc<StreamRing>) -> bool {
        self.ring.set(ring).is_ok()
    }

    /// Its slots in shared memory, if it is shared.
    pub(crate) fn ring(&self) -> Option<&StreamRing> {
        self.ring.get().map(|ring| &**ring)
    }

    /// What readers attach to: this life of the stream.
    pub(crate) fn ring_key(&self) -> String {
        slots_key(self.name.as_str(), self.incarnation)
    }

    /// Copies the sample to where readers on this machine find it, if somebody wants it there. Outside the lock: it takes
    /// as long as the memory does.
    fn fill_slot(&self, sample: &Unnumbered) -> Option<SlotWriter> {
        let payload = sample.payload(self.name.as_str());
        let mut slot = self.ring()?.writer(payload.len()).filter(|_| self.is_open())?;
        slot.copy_from_slice(payload);
        Some(slot)
    }

    /// Whether what is published takes a number now.
    fn is_open(&self) -> bool {
        let state = self.state.lock();
        state.enabled && state.ended.is_none()
    }

    /// Has `watcher` told of whatever may change what a relay has to do. The first one stays.
    pub(crate) fn watch(&self, watcher: impl Fn() + Send + Sync + 'static) {
        let _ = self.watcher.set(Box::new(watcher));
    }

    fn tell_watcher(&self) {
        if let Some(watcher) = self.watcher.get()
            && !self.news.swap(true, Ordering::SeqCst)
        {
            watcher();
        }
    }

    /// For the watcher, before it looks: it is told again of what happens from now on.
    pub(crate) fn take_news(&self) {
        self.news.store(false, Ordering::SeqCst);
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
        self.tell_watcher();
    }

    /// After this nothing later is published. The first reason stays.
    pub(crate) fn end(&self, why: Ended) {
        self.state.lock().ended.get_or_insert(why);
        self.tell_watcher();
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

    /// For the proxy: says who listens, and returns what that means if the stream was unheard and is heard from now
    /// on: the newest sample that was not sent.
    pub(crate) fn set_heard(&self, heard: bool, subscribers: u64) -> Heard {
        self.subscribers.store(subscribers, Ordering::Relaxed);
        if self.heard.load(Ordering::Relaxed) == heard {
            return Heard::default(); // only the proxy writes it
        }
        let change = {
            let mut state = self.state.lock();
            state.heard = heard;
            self.heard.store(heard, Ordering::Release);
            if heard {
                Heard { unsent: state.last.take(), afresh: std::mem::take(&mut state.left_source) }
            } else {
                Heard::default()
            }
        };
        self.tell_watcher();
        change
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
}

impl State {
    pub(super) fn check_open(&self) -> Result<(), Ended> {
        self.ended.map_or(Ok(()), Err)
    }

    fn take_number(&mut self, now_ns: u64) -> u64 {
        let sequence = self.next;
        self.next += 1;
        self.rate.record(now_ns);
        sequence
    }
}
