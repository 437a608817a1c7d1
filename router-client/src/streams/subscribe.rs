//! `Subscribe`: a subscription in the making.

use std::marker::PhantomData;
use std::sync::Arc;

use router_wire::{FromPayload, Name, NameError, Topic, View};

use super::attached::{Attached, StreamClient, SubscribeError};
use super::cache::Cache;
use super::on_sample::OnSample;
use super::queue::Queue;
use super::queue_slot::{QueueBound, QueueSlot};
use super::sample::{Sample, SampleError};
use super::subscription::Keep;

/// A subscription in the making; `cache`, `queue` or `on_sample` begins it.
///
/// The stream does not have to exist yet, and the server does not have to be there: samples come when both do.
#[must_use = "nothing is subscribed to before `cache`, `queue` or `on_sample`"]
pub struct Subscribe<T> {
    client: Arc<dyn StreamClient>,
    name: Result<Name, NameError>,
    live_only: bool,
    queue_bytes: usize,
    keep_oldest: bool,
    /// Most samples a second [Hz].
    max_hz: Option<f64>,
    /// One of so many samples.
    nth: Option<u64>,
    value: PhantomData<fn() -> T>,
}

/// Most samples that wait for the closure of `on_sample`.
const ON_SAMPLE_QUEUE: usize = 1000;

impl<T: FromPayload> Subscribe<T> {
    pub(crate) fn new(client: Arc<dyn StreamClient>, name: &str) -> Subscribe<T> {
        Subscribe {
            name: Name::parse(name),
            live_only: false,
            queue_bytes: client.queue_bytes(),
            client,
            keep_oldest: false,
            max_hz: None,
            nth: None,
            value: PhantomData,
        }
    }

    /// Leaves out the last value from before the subscription: the first sample is a live one.
    pub fn without_last_value(mut self) -> Subscribe<T> {
        self.live_only = true;
        self
    }

    /// Receives at most `max_hz` samples a second [Hz], the newest each time, also the last one of a burst. The others
    /// are left out where the stream is served, cost no line, and count as `skipped`.
    pub fn max_hz(mut self, max_hz: f64) -> Subscribe<T> {
        self.max_hz = Some(max_hz);
        self
    }

    /// Receives the samples whose number is divisible by `nth`: one of so many. The others are left out where the
    /// stream is served, cost no line, and count as `skipped`. It begins with the last value, whatever its number.
    pub fn decimate(mut self, nth: u64) -> Subscribe<T> {
        self.nth = Some(nth);
        self
    }

    /// Sets how many bytes may wait in the queue, the samples' bookkeeping of about 100 bytes each included;
    /// 256 MiB unless set here or for the client. A single sample is kept whatever its size. Says nothing about a cache.
    pub fn queue_bytes(mut self, bytes: usize) -> Subscribe<T> {
        self.queue_bytes = bytes;
        self
    }

    /// When the queue is full, drops the newest sample instead of the oldest. Says nothing about a cache.
    pub fn keep_oldest(mut self) -> Subscribe<T> {
        self.keep_oldest = true;
        self
    }

    /// Keeps the newest sample.
    ///
    /// # Errors
    /// A [`SubscribeError`] for a name that is none and a client that was closed; not for a stream that is not
    /// there.
    pub fn cache(self) -> Result<Cache<T>, SubscribeError> {
        Ok(Cache::new(self.open(Default::default())?))
    }

    /// Keeps every sample, up to `samples` of them.
    ///
    /// # Errors
    /// As [`cache`](Subscribe::cache), and for 0 samples.
    pub fn queue(self, samples: usize) -> Result<Queue<T>, SubscribeError> {
        let slot = self.queue_slot(samples)?;
        Ok(Queue::new(self.open(slot)?))
    }

    /// Has `closure` called with every sample, on a thread of this subscription's own. Up to 1,000 samples wait
    /// for it, within [`queue_bytes`](Subscribe::queue_bytes).
    ///
    /// # Errors
    /// As [`cache`](Subscribe::cache), and when no thread can be started.
    pub fn on_sample(
        self,
        closure: impl FnMut(Result<Sample<T>, SampleError>) + Send + 'static,
    ) -> Result<OnSample, SubscribeError> {
        let slot = self.queue_slot(ON_SAMPLE_QUEUE)?;
        OnSample::start(self.open(slot)?, closure)
    }

    fn queue_slot(&self, samples: usize) -> Result<QueueSlot, SubscribeError> {
        if samples == 0 {
            return Err(SubscribeError::EmptyQueue);
        }
        Ok(QueueSlot::new(QueueBound { samples, bytes: self.queue_bytes, keep_oldest: self.keep_oldest }))
    }

    fn open<K: Keep>(self, kept: K) -> Result<Attached<K>, SubscribeError> {
        let name = self.name?;
        let topic = match view(self.max_hz, self.nth)? {
            Some(view) => Topic::view_of(&name, view),
            None => Topic::whole(&name),
        };
        Attached::open(self.client, topic, self.live_only, kept)
    }
}

fn view(max_hz: Option<f64>, nth: Option<u64>) -> Result<Option<View>, SubscribeError> {
    match (max_hz, nth) {
        (None, None | Some(1)) => Ok(None),
        (None, Some(0)) => Err(SubscribeError::EveryNone),
        (None, Some(nth)) => Ok(Some(View::EveryNth { nth })),
        (Some(max_hz), None) => View::paced(max_hz).map(Some).ok_or(SubscribeError::Rate { max_hz }),
        (Some(_), Some(_)) => Err(SubscribeError::TwoViews),
    }
}

impl<T> std::fmt::Debug for Subscribe<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscribe").field("name", &self.name).finish_non_exhaustive()
    }
}
