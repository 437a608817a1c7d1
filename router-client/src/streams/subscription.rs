//! What the samples loop and a consumer share: one subscription's kept samples, its account and its sleepers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use router_wire::{FromPayload, Name, Topic, View};

use super::packet::{Packet, Way};
use super::sample::{Sample, SampleError};
use super::segment::{Account, Arrival, SegmentId};
use super::stats::SubscriptionStats;

/// What a subscription keeps: a cache's slot or a queue.
pub(crate) trait Keep: Send + 'static {
    /// Keeps a sample that `account` counts as waiting, or says what became of it.
    fn keep(&mut self, packet: Packet, account: &mut Account);

    /// Whether it keeps nothing but the newest sample.
    const NEWEST_ONLY: bool;
}

/// A subscription as the samples loop sees it. Nothing here blocks longer than a look-up.
pub(crate) trait Deliver: Send + Sync {
    /// Tells subscriptions of a hub apart.
    fn number(&self) -> u64;
    /// Whether nothing but the newest sample is wanted, whenever somebody looks.
    fn wants_newest(&self) -> bool;
    /// From now on samples come when they are asked for (`asked`), or as they are made. `excuses`: what is missed until
    /// the next one is not wanted.
    fn moved(&self, asked: bool, excuses: bool);
    /// A sample came; `is_last_value`: because of a new subscription.
    fn sample(&self, packet: &Packet, is_last_value: bool);
    /// The source declared its newest number.
    fn declared(&self, id: SegmentId, sequence: u64, skipped: u32, token: Option<u64>);
    /// The stream was removed.
    fn removed(&self, id: SegmentId, sequence: u64, skipped: u32);
    /// Nothing will ever come again.
    fn close(&self);
}

/// One subscription. Made by whoever subscribes, written by the samples loop, read by the consumer.
pub(crate) struct Subscription<K> {
    pub(crate) topic: Topic,
    number: u64,
    /// Whether the last value from before the subscription is to be left out.
    live_only: bool,
    state: Mutex<State<K>>,
    changed: Condvar,
}

/// Guarded by the lock, which is held for look-ups only: decoding and user code run outside.
pub(crate) struct State<K> {
    pub(crate) kept: K,
    pub(crate) account: Account,
    /// No sample comes any more: the client was closed, or the subscription dropped.
    pub(crate) closed: bool,
    /// The subscription was dropped: what waits is for nobody.
    pub(crate) abandoned: bool,
    /// Written by a consumer that polls; taken by who changes something.
    pub(crate) waker: Option<Waker>,
    removed: bool,
    /// Tokens of `settle`s whose declaration has not come; written by the settlers, struck by the loop.
    pub(crate) awaited_tokens: Vec<u64>,
    /// How many consumers sleep: without one there is nobody to notify.
    sleeping: usize,
    /// How many samples came. Written by the loop, read by whoever asked for one.
    pub(crate) arrivals: u64,
    /// Samples come when they are asked for.
    pub(crate) asked: bool,
    /// A question for one was not answered in time, and nothing has come since.
    pub(crate) unanswered: bool,
}

impl<K: Keep> Subscription<K> {
    pub(crate) fn new(topic: Topic, live_only: bool, kept: K) -> Arc<Subscription<K>> {
        static NEXT_NUMBER: AtomicU64 = AtomicU64::new(1);
        let state = State {
            kept,
            account: Account::default(),
            closed: false,
            abandoned: false,
            waker: None,
            removed: false,
            awaited_tokens: Vec::new(),
            sleeping: 0,
            arrivals: 0,
            asked: false,
            unanswered: false,
        };
        let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
        Arc::new(Subscription { topic, number, live_only, state: Mutex::new(state), changed: Condvar::new() })
    }

    /// The stream.
    pub(crate) fn name(&self) -> &Name {
        self.topic.name()
    }

    /// Looks at the state once.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&mut State<K>) -> R) -> R {
        look(&mut self.state.lock())
    }

    /// Looks until `look` finds something or `deadline` passes.
    ///
    /// # Blocking
    /// Until `deadline`, or without end.
    pub(crate) fn wait<R>(
        &self,
        deadline: Option<Instant>,
        mut look: impl FnMut(&mut State<K>) -> Option<R>,
    ) -> Option<R> {
        let mut state = self.state.lock();
        loop {
            if let Some(found) = look(&mut state) {
                return Some(found);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return None;
            }
            state.sleeping += 1;
            match deadline {
                Some(deadline) => drop(self.changed.wait_until(&mut state, deadline)),
                None => self.changed.wait(&mut state),
            }
            state.sleeping -= 1;
        }
    }

    /// Reads a packet that was taken, on the calling thread.
    pub(crate) fn read<T: FromPayload>(&self, packet: &Packet) -> Result<Sample<T>, SampleError> {
        let sample = Sample::read(self.name(), packet);
        if let Err(SampleError::Decode { .. }) = sample {
            self.look(|state| state.account.undecodable());
        }
        sample
    }

    /// The handle is being dropped: nothing is to be delivered any more.
    pub(crate) fn abandon(&self) {
        self.change(|state| {
            state.closed = true;
            state.abandoned = true;
            true
        });
    }

    pub(crate) fn stats(&self) -> SubscriptionStats {
        self.look(|state| SubscriptionStats { removed: state.removed, ..state.account.stats() })
    }

    /// Waits for the declaration that carries `token`, which the caller must have the server make.
    pub(crate) fn await_token(&self, token: u64) {
        self.look(|state| state.awaited_tokens.push(token));
    }

    /// Whether the declaration with `token` has passed by `deadline`; `None` when the subscription was closed.
    ///
    /// # Blocking
    /// Until `deadline`.
    pub(crate) fn token_has_passed(&self, token: u64, deadline: Instant) -> Option<bool> {
        let passed = self.wait(Some(deadline), |state| match state.awaited_tokens.contains(&token) {
            false => Some(true),
            true if state.closed => Some(false),
            true => None,
        });
        match passed {
            Some(true) => Some(true),
            Some(false) => None,
            None => Some(false),
        }
    }

    pub(crate) fn forget_token(&self, token: u64) {
        self.look(|state| state.awaited_tokens.retain(|awaited| *awaited != token));
    }

    /// Changes the state, and wakes who waits if `change` says that there is something to see.
    fn change(&self, change: impl FnOnce(&mut State<K>) -> bool) {
        let mut state = self.state.lock();
        if !change(&mut state) {
            return;
        }
        let waker = state.waker.take();
        if state.sleeping > 0 {
            self.changed.notify_all();
        }
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<K: Keep> Deliver for Subscription<K> {
    fn number(&self) -> u64 {
        self.number
    }

    fn wants_newest(&self) -> bool {
        K::NEWEST_ONLY && !self.live_only && self.topic.view().is_none()
    }

    fn moved(&self, asked: bool, excuses: bool) {
        self.change(|state| {
            state.asked = asked;
            if excuses {
                state.account.moved();
            }
            false
        });
    }

    fn sample(&self, packet: &Packet, is_last_value: bool) {
        // It is no part of such a view, and stands in no count of what that left out.
        let is_beside = is_last_value && matches!(self.topic.view(), Some(View::EveryNth { .. }));
        self.change(|state| {
            // Once something was delivered, a last value is what was missed meanwhile, or comes again.
            let unwanted = is_last_value && self.live_only && state.account.is_empty();
            if unwanted || state.closed || (is_beside && state.account.is_in(packet.id())) {
                return false;
            }
            let arrival = state.account.arrived(packet.id(), packet.header.sequence, packet.skipped);
            if arrival == Arrival::Repeated {
                return false;
            }
            if packet.way != Way::Message {
                state.account.through_memory(packet.way == Way::Copied);
            }
            state.removed = false;
            state.arrivals += 1;
            state.unanswered = false;
            state.kept.keep(packet.clone(), &mut state.account);
            true
        });
    }

    fn declared(&self, id: SegmentId, sequence: u64, skipped: u32, token: Option<u64>) {
        self.change(|state| {
            state.account.declared(id, sequence, skipped);
            let awaited = state.awaited_tokens.len();
            state.unanswered = false;
            state.awaited_tokens.retain(|awaited| Some(*awaited) != token);
            state.awaited_tokens.len() < awaited
        });
    }

    fn removed(&self, id: SegmentId, sequence: u64, skipped: u32) {
        self.change(|state| {
            state.account.declared(id, sequence, skipped);
            state.removed = true;
            false
        });
    }

    fn close(&self) {
        self.change(|state| {
            state.closed = true;
            true
        });
    }
}
