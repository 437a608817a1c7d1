//! How an instrument gets its threads and its place: what is behind every `add_*`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossbeam_channel::bounded;
use router_client::{Instrument, MethodSpec, Placed};
use router_wire::Name;
use router_wire::describe::{CallDescription, CallKind};

use crate::add_error::AddError;
use crate::adding::InstrumentOptions;
use crate::bind_error::BindError;
use crate::bounds::{Bounds, Limits};
use crate::call_entry::CallEntry;
use crate::call_stats::CallRecorder;
use crate::executor::Executor;
use crate::job_queue::JobQueue;
use crate::panic_text::panic_text;
use crate::registry::InstrumentEntry;
use crate::router_instrument::RouterInstrument;
use crate::server::RouterServer;
use crate::target::{InstrumentId, Placement, SharedPlace, TargetPlace, Workshop};

/// Urgent calls of one client that wait on one urgent lane, and the bytes of their arguments.
const URGENT_CALLS_PER_CLIENT: usize = 64;
const URGENT_BYTES_PER_CLIENT: usize = 64 << 10;

/// Puts an instrument where it lives; runs on its lane.
pub(crate) type Maker = Box<dyn FnOnce() -> Result<Placement, String> + Send>;

/// What is to be added, before it is.
pub(crate) struct Addition {
    pub(crate) name: Name,
    pub(crate) options: InstrumentOptions,
    pub(crate) calls: Vec<(Name, CallDescription)>,
    pub(crate) urgent_threads: usize,
}

impl RouterServer {
    pub(crate) fn add_router_instrument(&self, router: Arc<RouterInstrument>) -> Result<(), BindError> {
        let name = Name::parse(router_wire::name::RESERVED).expect("`router` is a legal name");
        // Several, so that one client's stop_all does not wait for another's.
        let addition = Addition {
            urgent_threads: 4,
            ..Addition::of::<RouterInstrument>(name, InstrumentOptions::default()).map_err(router_name)?
        };
        let added = self.add(addition, |_, id, lane| {
            Ok(place_shared(
                Placement::of(Placed::<RouterInstrument>::Shared(Arc::new(router))),
                id,
                &lane.queue,
            ))
        });
        match added {
            Ok(()) => Ok(()),
            Err(AddError::Thread { error, .. }) => Err(BindError::Thread(error)),
            Err(other) => unreachable!("the first instrument of a server finds no other: {other}"),
        }
    }

    /// Gives an instrument its lane, pool and urgent lane, and serves it. `place` puts it where it lives.
    pub(crate) fn add(
        &self,
        addition: Addition,
        place: impl FnOnce(&RouterServer, InstrumentId, &Arc<Executor>) -> Result<TargetPlace, AddError>,
    ) -> Result<(), AddError> {
        let Addition { name, options, calls, urgent_threads } = addition;
        let call_names: Vec<Name> = calls.iter().map(|(name, _)| name.clone()).collect();
        let id = self.dispatcher.registry.write().reserve(&name, &call_names)?;
        let _reserved = Reserved { server: self, name: &name };
        let thread_error = |error| AddError::Thread { name: name.to_string(), error };
        let lane_name = match &options.lane {
            Some(lane) => Name::parse(lane)?,
            None => name.clone(),
        };
        let start_lane = || Executor::start(self.lane_queue(&lane_name), 1).map_err(thread_error);
        let lane = self.dispatcher.registry.write().enter_lane(&lane_name, start_lane)?;
        let mut entered = EnteredLane { server: self, name: Some(&lane_name) };
        let has = |kind: CallKind| calls.iter().any(|(_, call)| call.kind == kind);
        let start = |suffix: &str, bounds: Arc<Bounds>, threads: usize| {
            Executor::start(JobQueue::new(format!("{name} {suffix}"), bounds), threads)
                .map(Arc::new)
                .map_err(thread_error)
        };
        let pool_threads = options.pool_threads.unwrap_or(self.options.pool_threads).max(1);
        let pool = has(CallKind::Concurrent)
            .then(|| start("pool", Arc::clone(lane.queue.bounds()), pool_threads))
            .transpose()?;
        let urgent = has(CallKind::Urgent)
            .then(|| start("urgent", self.urgent_bounds(&name), urgent_threads))
            .transpose()?;
        let made = place(self, id, &lane);
        let target = made?;
        let instrument =
            InstrumentEntry { id, calls: call_names, lane_name: lane_name.clone(), lane, pool, urgent };
        let entries = calls
            .into_iter()
            .enumerate()
            .map(|(method, (call, description))| {
                entry(&name, &instrument, &target, method, call, description)
            })
            .collect();
        self.dispatcher.registry.write().insert(name.clone(), instrument, entries)?;
        entered.name = None;
        Ok(())
    }

    /// Builds an instrument on its lane and waits until it stands.
    pub(crate) fn build_on_lane(
        &self,
        name: &str,
        id: InstrumentId,
        lane: &Arc<Executor>,
        make: Maker,
    ) -> Result<TargetPlace, AddError> {
        let (done, built) = bounded(1);
        let queue = Arc::clone(&lane.queue);
        let build = move |workshop: &mut Workshop| {
            let made = catch_unwind(AssertUnwindSafe(make))
                .unwrap_or_else(|payload| Err(format!("it panicked: {}", panic_text(payload))));
            let place = made.map(|placement| match placement {
                Placement::Shared(target) => TargetPlace::Shared(SharedPlace::new(target, &queue)),
                Placement::OnLane(target) => {
                    workshop.insert(id, target);
                    TargetPlace::OnLane(id)
                }
            });
            let _ = done.send(place);
        };
        lane.queue.push_build(Box::new(build)).map_err(|_| AddError::Stopped)?;
        match built.recv() {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(message)) => Err(AddError::Factory { name: name.to_owned(), message }),
            Err(_) => Err(AddError::Stopped),
        }
    }

    fn lane_queue(&self, name: &Name) -> Arc<JobQueue> {
        let limits = Limits {
            calls: self.options.lane_calls,
            calls_per_client: self.options.lane_calls_per_client,
            bytes: self.options.lane_bytes,
            bytes_per_client: self.options.lane_bytes / 2,
            reserved_per_client: 0,
        };
        JobQueue::new(name.as_str(), Bounds::new(format!("the lane {name}"), limits))
    }

    /// An urgent lane is never busy because of others: each client has its own few places, and clients are bounded in
    /// number, one for each connection.
    fn urgent_bounds(&self, name: &Name) -> Arc<Bounds> {
        let limits = Limits {
            calls: usize::MAX,
            calls_per_client: URGENT_CALLS_PER_CLIENT,
            bytes: usize::MAX,
            bytes_per_client: URGENT_BYTES_PER_CLIENT,
            reserved_per_client: 0,
        };
        Bounds::new(format!("the urgent lane of {name}"), limits)
    }
}

impl Addition {
    pub(crate) fn of<T: Instrument>(name: Name, options: InstrumentOptions) -> Result<Addition, AddError> {
        let calls = T::methods()
            .into_iter()
            .map(|method| {
                let call = name.method(method.spec.name)?;
                let description = describe(&call, method.spec);
                Ok((call, description))
            })
            .collect::<Result<_, AddError>>()?;
        Ok(Addition { name, options, calls, urgent_threads: 1 })
    }
}

/// Where an instrument is that was made by the caller, not on its lane.
pub(crate) fn place_shared(placement: Placement, id: InstrumentId, lane: &Arc<JobQueue>) -> TargetPlace {
    match placement {
        Placement::Shared(target) => TargetPlace::Shared(SharedPlace::new(target, lane)),
        Placement::OnLane(_) => TargetPlace::OnLane(id),
    }
}

/// Gives a reserved name up when adding ends, however it ends.
struct Reserved<'a> {
    server: &'a RouterServer,
    name: &'a Name,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.server.dispatcher.registry.write().release(self.name);
    }
}

/// Leaves a lane again unless the instrument stays on it.
struct EnteredLane<'a> {
    server: &'a RouterServer,
    name: Option<&'a Name>,
}

impl Drop for EnteredLane<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.name {
            self.server.dispatcher.registry.write().leave_lane(name);
        }
    }
}

fn describe(name: &Name, spec: MethodSpec) -> CallDescription {
    CallDescription {
        name: name.to_string(),
        docs: spec.docs,
        kind: spec.kind,
        lane: None,
        clears_lane: spec.clears_lane,
        idempotent: spec.idempotent,
        cancel_on_client_lost: spec.cancel_on_client_lost,
        arguments: spec.arguments,
        returns: spec.returns,
        errors: spec.errors,
        target: None,
    }
}

fn entry(
    instrument: &Name,
    on: &InstrumentEntry,
    target: &TargetPlace,
    method: usize,
    name: Name,
    description: CallDescription,
) -> CallEntry {
    let executor = match description.kind {
        CallKind::Concurrent => on.pool.as_ref(),
        CallKind::Urgent => on.urgent.as_ref(),
        _ => None,
    };
    let queue = Arc::clone(&executor.unwrap_or(&on.lane).queue);
    let lane = matches!(description.kind, CallKind::Lane).then(|| on.lane_name.to_string());
    CallEntry {
        name,
        instrument: instrument.clone(),
        instrument_id: on.id,
        description: CallDescription { lane, ..description },
        queue,
        target: target.clone(),
        method,
        stats: CallRecorder::default(),
        moved_to_lane: std::sync::atomic::AtomicBool::new(false),
    }
}

fn router_name(error: AddError) -> BindError {
    unreachable!("the methods of `router` have legal names: {error}")
}
