//! What a registry tells: lanes and what they are doing, calls, instruments.

use std::sync::Arc;

use router_wire::describe::{CallDescription, InstrumentDescription};
use router_wire::{Arguments, Name};

use crate::call_entry::CallEntry;
use crate::executor::Executor;
use crate::registry::{LaneInUse, NamedCall, Registry, Served};

impl Registry {
    /// Everything with threads that is in use, for a look at what it is doing.
    pub(crate) fn lanes(&self) -> Vec<LaneView> {
        let mut lanes: Vec<LaneView> = self
            .lanes
            .values()
            .map(|LaneInUse { executor: lane, .. }| {
                let on_it = self.instruments().filter(|(_, instrument)| Arc::ptr_eq(&instrument.lane, lane));
                LaneView {
                    executor: Arc::clone(lane),
                    instruments: on_it.map(|(name, _)| name.to_string()).collect(),
                    set_apart: false,
                }
            })
            .collect();
        for (name, instrument) in self.instruments() {
            for executor in instrument.pool.iter().chain(&instrument.urgent) {
                let executor = Arc::clone(executor);
                lanes.push(LaneView { executor, instruments: vec![name.to_string()], set_apart: false });
            }
        }
        let hung = self.retired.iter().filter(|executor| !executor.is_finished());
        lanes.extend(hung.map(|executor| LaneView {
            executor: Arc::clone(executor),
            instruments: Vec::new(),
            set_apart: true,
        }));
        lanes.iter_mut().for_each(|lane| lane.instruments.sort());
        lanes.sort_by(|a, b| a.executor.queue.name().cmp(b.executor.queue.name()));
        lanes
    }

    pub(crate) fn calls(&self) -> Vec<Arc<CallEntry>> {
        let mut calls: Vec<_> = self.calls.values().cloned().collect();
        calls.sort_by(|a, b| a.name.cmp(&b.name));
        calls
    }

    /// The names of all urgent calls, and of the named calls whose target is urgent.
    pub(crate) fn urgent_calls(&self) -> Vec<String> {
        let urgent = |name: &Name| self.calls.get(name).is_some_and(|entry| entry.is_urgent());
        let direct = self.calls.keys().filter(|name| urgent(name));
        let named = self.named.iter().filter(|(_, call)| urgent(&call.target)).map(|(name, _)| name);
        direct.chain(named).map(Name::to_string).collect()
    }

    /// The names of all calls that may run again, and of the named calls whose target may.
    pub(crate) fn idempotent_calls(&self) -> Vec<String> {
        let may = |name: &Name| self.calls.get(name).is_some_and(|entry| entry.description.idempotent);
        let direct = self.calls.keys().filter(|name| may(name));
        let named = self.named.iter().filter(|(_, call)| may(&call.target)).map(|(name, _)| name);
        direct.chain(named).map(Name::to_string).collect()
    }

    /// The descriptions of all calls, named ones with their presets as defaults.
    pub(crate) fn describe(&self) -> Vec<CallDescription> {
        let mut descriptions: Vec<CallDescription> =
            self.calls.values().map(|call| call.description.clone()).collect();
        for named in self.named.values() {
            if let Some(target) = self.calls.get(&named.target) {
                descriptions.push(describe_named(named, &target.description));
            }
        }
        descriptions.sort_by(|a, b| a.name.cmp(&b.name));
        descriptions
    }

    /// The descriptions of the instruments; a closure, which is its own and only call, is described as that.
    pub(crate) fn describe_instruments(&self) -> Vec<InstrumentDescription> {
        let has_methods = |(name, served): &(&Name, &Served)| !served.entry.calls.contains(name);
        let describe = |(name, Served { entry, docs }): (&Name, &Served)| InstrumentDescription {
            name: name.to_string(),
            docs: (*docs).to_owned(),
            lane: entry.lane_name.to_string(),
        };
        let mut descriptions: Vec<_> = self.instruments.iter().filter(has_methods).map(describe).collect();
        descriptions.sort_by(|a, b| a.name.cmp(&b.name));
        descriptions
    }
}

/// An executor and whose calls it runs.
pub(crate) struct LaneView {
    pub(crate) executor: Arc<Executor>,
    pub(crate) instruments: Vec<String>,
    pub(crate) set_apart: bool,
}

fn describe_named(named: &NamedCall, target: &CallDescription) -> CallDescription {
    let mut description = CallDescription {
        name: named.name.to_string(),
        target: Some(named.target.to_string()),
        ..target.clone()
    };
    let preset = Arguments::decode(&named.preset).unwrap_or_default();
    for (index, argument) in description.arguments.iter_mut().enumerate() {
        if let Ok(Some(value)) = preset.raw(index, &argument.name) {
            argument.default = router_wire::body::decode(value).ok().or(argument.default.take());
        }
    }
    description
}
