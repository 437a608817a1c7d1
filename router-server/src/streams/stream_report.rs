//! What is told of a stream: what it is, and how it is.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use router_wire::describe::{StreamDescription, StreamSource};
use router_wire::status::{StreamOrigin, StreamStats};

use super::frequency::Frequency;
use super::stream::Stream;
use super::stream_ring::StreamRing;

impl Stream {
    pub(crate) fn describe(&self) -> StreamDescription {
        let (enabled, frequency_hz) = {
            let state = self.state.lock();
            (state.enabled, state.frequency.map(Frequency::hz))
        };
        let subscribers = self.subscribers.load(Ordering::Relaxed);
        let source = self
            .spec
            .source
            .as_ref()
            .map(|origin| StreamSource { endpoint: origin.endpoint.clone(), numbered: self.passes_on() });
        if let Some(told) = &*self.told.lock() {
            let (name, enabled) = (self.name.to_string(), enabled && told.enabled);
            let (socket, largest_sample_bytes) = (self.spec.socket, self.spec.largest_sample_bytes as u64);
            let told = told.clone();
            return StreamDescription {
                name,
                enabled,
                socket,
                largest_sample_bytes,
                subscribers,
                source,
                ..told
            };
        }
        StreamDescription {
            name: self.name.to_string(),
            docs: self.docs(),
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
            subscribers,
            source,
        }
    }

    fn docs(&self) -> String {
        match &self.spec.source {
            Some(origin) if !self.passes_on() => {
                let endpoint = &origin.endpoint;
                let relayed = format!(
                    "Relayed from {endpoint}, which numbers nothing: samples are numbered on receipt, losses before \
                     that are invisible."
                );
                [self.spec.docs.as_str(), &relayed].join("\n\n").trim_start().to_owned()
            }
            _ => self.spec.docs.clone(),
        }
    }

    pub(crate) fn stats(&self) -> StreamStats {
        let now_ns = self.clock.monotonic_ns();
        let state = self.state.lock();
        StreamStats {
            name: self.name.to_string(),
            enabled: state.enabled,
            asked_hz: state.frequency.map(Frequency::hz),
            from: self.spec.source.as_ref().map(|origin| match &origin.upstream {
                Some(prefix) => StreamOrigin::Upstream(prefix.to_string()),
                None => StreamOrigin::Relay(origin.endpoint.clone()),
            }),
            achieved_hz: state.rate.hz(now_ns),
            produced: state.next + state.passed_on,
            published: state.published,
            errors: state.errors,
            ticks_missed: state.ticks_missed,
            dropped_at_source: state.dropped_at_source,
            subscribers: self.subscribers.load(Ordering::Relaxed),
            memory: self.ring().and_then(StreamRing::stats),
        }
    }

    /// How many ticks each call held up.
    pub(crate) fn held_by(&self) -> BTreeMap<String, u64> {
        self.state.lock().held_by.clone()
    }

    /// What another server says of the stream now.
    pub(crate) fn tell(&self, description: Option<StreamDescription>) {
        *self.told.lock() = description;
    }
}
