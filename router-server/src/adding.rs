//! Adding instruments, closures and named calls to a server, and removing them.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossbeam_channel::bounded;
use router_client::{BuiltOnLane, CallFunction, Given, Instrument, Interrupted, MethodSpec, Placed};
use router_wire::describe::{CallDescription, CallKind};
use router_wire::{Failure, Name, arguments, body, nearest};
use serde::Serialize;

use crate::add_error::{AddError, NotFound};
use crate::bounds::{Bounds, Limits};
use crate::call_entry::CallEntry;
use crate::call_stats::CallRecorder;
use crate::closure::{CallOptions, Closure};
use crate::executor::Executor;
use crate::job::{Job, panic_text};
use crate::job_queue::JobQueue;
use crate::registry::{InstrumentEntry, NamedCall};
use crate::router_instrument::RouterInstrument;
use crate::server::{BindError, RouterServer};
use crate::target::{InstrumentId, Placement, TargetPlace, Workshop};

/// Where an instrument's methods run, beside what the methods say themselves.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct InstrumentOptions {
    /// The lane by name; instruments that share a bus share one (`COM3`). Default: a lane of its own, named like
    /// the instrument.
    pub lane: Option<String>,
    /// Threads for `concurrent` methods. Default: the server's `pool_threads`.
    pub pool_threads: Option<usize>,
}

impl InstrumentOptions {
    /// The lane of this name.
    pub fn on_lane(name: impl Into<String>) -> InstrumentOptions {
        InstrumentOptions { lane: Some(name.into()), ..InstrumentOptions::default() }
    }
}

/// Arguments that a named call brings along: those by position are overridden index by index, those by keyword name
/// by name.
///
/// ```
/// use router_server::Preset;
/// let home = Preset::new((0.0,)).keyword("speed_um_s", 100.0);
/// # let _ = home;
/// ```
#[derive(Debug, Clone)]
pub struct Preset {
    positional: Result<Vec<u8>, router_wire::BodyError>,
    keyword: Vec<(String, Result<Vec<u8>, router_wire::BodyError>)>,
}

impl Preset {
    /// Positional arguments: a tuple, one element each.
    pub fn new(positional: impl Serialize) -> Preset {
        Preset { positional: body::encode(&positional), keyword: Vec::new() }
    }

    /// One more keyword argument.
    pub fn keyword(mut self, name: impl Into<String>, value: impl Serialize) -> Preset {
        self.keyword.push((name.into(), body::encode(&value)));
        self
    }

    pub(crate) fn into_body(self) -> Result<Vec<u8>, router_wire::BodyError> {
        let positional: rmpv::Value = body::decode(&self.positional?)?;
        let keyword: Vec<(String, Vec<u8>)> =
            self.keyword.into_iter().map(|(name, value)| Ok((name, value?))).collect::<Result<_, _>>()?;
        arguments::encode(&positional, &keyword)
    }
}

/// Puts an instrument where it lives; runs on its lane.
type Maker = Box<dyn FnOnce() -> Result<Placement, String> + Send>;

/// What is to be added, before it is.
struct Addition {
    name: Name,
    options: InstrumentOptions,
    calls: Vec<(Name, CallDescription)>,
    urgent_threads: usize,
}

impl RouterServer {
    /// Serves an instrument's methods as `name.method`. The instrument moves to its lane, one thread for life, on
    /// which its methods run one after the other; `#[call(..)]` attributes say which run otherwise.
    ///
    /// # Errors
    /// [`AddError`] when a name is illegal or taken, or the server has stopped.
    pub fn add_instrument<T>(&self, name: &str, instrument: T) -> Result<(), AddError>
    where
        T: Instrument + Send,
        T::Access: Given<T>,
    {
        self.add_instrument_on(name, instrument, InstrumentOptions::default())
    }

    /// As [`add_instrument`](RouterServer::add_instrument), on a lane that is named.
    ///
    /// # Errors
    /// [`AddError`].
    pub fn add_instrument_on<T>(&self, name: &str, instrument: T, options: InstrumentOptions) -> Result<(), AddError>
    where
        T: Instrument + Send,
        T::Access: Given<T>,
    {
        let addition = Addition::of::<T>(Name::parse_unreserved(name)?, options)?;
        self.add(addition, |server, id, lane| {
            match T::Access::place(instrument) {
                // Moved to the lane without waiting for it: whatever is called later runs behind this.
                Placed::OnLane(instrument) => {
                    let move_in = move |workshop: &mut Workshop| {
                        if let Placement::OnLane(target) = Placement::of(Placed::OnLane(instrument)) {
                            workshop.insert(id, target);
                        }
                    };
                    lane.queue.push_task(Box::new(move_in)).map_err(|_| AddError::Stopped)?;
                    Ok(TargetPlace::OnLane(id))
                }
                shared @ Placed::Shared(_) => server.place_shared(Placement::of(shared), id),
            }
        })
    }

    /// Serves an instrument that `factory` builds on its lane's thread, for a driver that must stay on the thread that
    /// opened it. It is dropped there, too.
    ///
    /// # Errors
    /// [`AddError::Factory`] with what the factory says, or as [`add_instrument`](RouterServer::add_instrument).
    ///
    /// # Blocking
    /// Until the factory has returned; on a lane with other instruments also for what runs there.
    pub fn add_instrument_with<T, E>(
        &self,
        name: &str,
        options: InstrumentOptions,
        factory: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<(), AddError>
    where
        T: Instrument,
        T::Access: BuiltOnLane<T>,
        E: Display,
    {
        let addition = Addition::of::<T>(Name::parse_unreserved(name)?, options)?;
        let make: Maker = Box::new(move || {
            factory().map(|made| Placement::of(T::Access::place(made))).map_err(|error| error.to_string())
        });
        self.add(addition, |server, id, lane| server.build_on_lane(name, id, lane, make))
    }

    /// Serves a closure as the call `name`, on a lane of its own. Its arguments are one tuple with the types written
    /// out; a first argument `&Call` gives progress, cancellation and the deadline.
    ///
    /// ```
    /// # let server = router_server::RouterServer::bind("tcp://127.0.0.1:*")?;
    /// use router_client::Call;
    /// server.add_call("add", |(a, b): (f64, f64)| a + b)?;
    /// server.add_call("wait_ms", |call: &Call, (ms,): (u64,)| call.sleep(std::time::Duration::from_millis(ms)))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`AddError`] when the name is illegal or taken, or the server has stopped.
    pub fn add_call<M: 'static, F: CallFunction<M>>(&self, name: &str, function: F) -> Result<(), AddError> {
        self.add_call_with(name, CallOptions::default(), function)
    }

    /// As [`add_call`](RouterServer::add_call), with docs, argument names or a lane.
    ///
    /// # Errors
    /// [`AddError`].
    pub fn add_call_with<M: 'static, F: CallFunction<M>>(
        &self,
        name: &str,
        options: CallOptions,
        function: F,
    ) -> Result<(), AddError> {
        let name = Name::parse_unreserved(name)?;
        let closure = Closure::new(function, &options);
        let description = CallDescription { name: name.to_string(), ..closure.describe(&options) };
        let addition = Addition {
            name: name.clone(),
            options: InstrumentOptions { lane: options.lane.clone(), pool_threads: None },
            calls: vec![(name, description)],
            urgent_threads: 1,
        };
        self.add(addition, |_, id, lane| {
            let move_in = move |workshop: &mut Workshop| drop(workshop.insert(id, Box::new(closure)));
            lane.queue.push_task(Box::new(move_in)).map_err(|_| AddError::Stopped)?;
            Ok(TargetPlace::OnLane(id))
        })
    }

    /// Serves `target` under another name with preset arguments, which a caller may override.
    ///
    /// # Errors
    /// [`AddError`] when a name is illegal or taken, there is no such target, or a preset cannot be sent.
    pub fn add_named_call(&self, name: &str, target: &str, preset: Preset) -> Result<(), AddError> {
        let name = Name::parse_unreserved(name)?;
        let target = Name::parse(target)?;
        let preset = preset.into_body().map_err(|error| AddError::Preset { name: name.to_string(), error })?;
        self.dispatcher.registry.write().insert_named(name, NamedCall { target, preset })
    }

    /// Takes an instrument, a closure or a named call out of service. Queued calls end as cancelled, the running one is
    /// asked to end. Never waits: a lane whose call hangs is set apart, and what is added again gets a new one.
    ///
    /// # Errors
    /// [`NotFound`] with the nearest names.
    pub fn remove(&self, name: &str) -> Result<(), NotFound> {
        let mut registry = self.dispatcher.registry.write();
        if registry.remove_named(name) {
            return Ok(());
        }
        // `router` is no name that was added.
        let removed = if name == router_wire::name::RESERVED { None } else { registry.remove_instrument(name) };
        let Some((instrument, lane_is_gone)) = removed else {
            let names: Vec<String> = registry.instruments().map(|(name, _)| name.to_string()).collect();
            return Err(NotFound { name: name.to_owned(), nearest: nearest(name, names.iter().map(String::as_str)) });
        };
        let beside: Vec<Arc<Executor>> = instrument.pool.iter().chain(&instrument.urgent).cloned().collect();
        let mut ended: Vec<Job> = Vec::new();
        for executor in &beside {
            registry.retire(Arc::clone(executor));
        }
        if lane_is_gone {
            registry.retire(Arc::clone(&instrument.lane));
        }
        drop(registry);
        let id = instrument.id;
        let by = format!("`{name}` was removed from its server");
        let why = Interrupted::Cancelled { by: by.clone() };
        for executor in &beside {
            ended.extend(executor.close());
            executor.queue.interrupt_running(Some(id), &why);
        }
        ended.extend(instrument.lane.queue.take_all_of(id));
        instrument.lane.queue.interrupt_running(Some(id), &why);
        let _ = instrument.lane.queue.push_task(Box::new(move |workshop| drop(workshop.remove(&id))));
        if lane_is_gone {
            ended.extend(instrument.lane.close());
        }
        for job in ended {
            job.refuse(Failure::Cancelled { by: by.clone(), may_still_be_running: false });
        }
        Ok(())
    }

    pub(crate) fn add_router_instrument(&self, router: Arc<RouterInstrument>) -> Result<(), BindError> {
        let name = Name::parse(router_wire::name::RESERVED).expect("`router` is a legal name");
        // Several, so that one client's stop_all does not wait for another's.
        let addition = Addition { urgent_threads: 4, ..Addition::of::<RouterInstrument>(name, InstrumentOptions::default()).map_err(router_name)? };
        let added = self.add(addition, |server, id, _| {
            server.place_shared(Placement::of(Placed::<RouterInstrument>::Shared(Arc::new(router))), id)
        });
        match added {
            Ok(()) => Ok(()),
            Err(AddError::Thread { error, .. }) => Err(BindError::Thread(error)),
            Err(other) => unreachable!("the first instrument of a server finds no other: {other}"),
        }
    }

    fn add(
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
            Executor::start(JobQueue::new(format!("{name} {suffix}"), bounds), threads).map(Arc::new).map_err(thread_error)
        };
        let pool_threads = options.pool_threads.unwrap_or(self.options.pool_threads).max(1);
        let pool = has(CallKind::Concurrent)
            .then(|| start("pool", Arc::clone(lane.queue.bounds()), pool_threads))
            .transpose()?;
        let urgent = has(CallKind::Urgent).then(|| start("urgent", self.urgent_bounds(&name), urgent_threads)).transpose()?;
        let made = place(self, id, &lane);
        let target = made?;
        let instrument = InstrumentEntry { id, calls: call_names, lane_name: lane_name.clone(), lane, pool, urgent };
        let entries = calls
            .into_iter()
            .enumerate()
            .map(|(method, (call, description))| entry(&name, &instrument, &target, method, call, description))
            .collect();
        self.dispatcher.registry.write().insert(name.clone(), instrument, entries)?;
        entered.name = None;
        Ok(())
    }

    fn place_shared(&self, placement: Placement, id: InstrumentId) -> Result<TargetPlace, AddError> {
        match placement {
            Placement::Shared(target) => Ok(TargetPlace::Shared(target)),
            Placement::OnLane(_) => Ok(TargetPlace::OnLane(id)),
        }
    }

    /// Builds an instrument on its lane and waits until it stands.
    fn build_on_lane(&self, name: &str, id: InstrumentId, lane: &Arc<Executor>, make: Maker) -> Result<TargetPlace, AddError> {
        let (done, built) = bounded(1);
        let build = move |workshop: &mut Workshop| {
            let made = catch_unwind(AssertUnwindSafe(make))
                .unwrap_or_else(|payload| Err(format!("it panicked: {}", panic_text(payload.as_ref()))));
            let place = made.map(|placement| match placement {
                Placement::Shared(target) => TargetPlace::Shared(target),
                Placement::OnLane(target) => {
                    workshop.insert(id, target);
                    TargetPlace::OnLane(id)
                }
            });
            let _ = done.send(place);
        };
        lane.queue.push_task(Box::new(build)).map_err(|_| AddError::Stopped)?;
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
        };
        JobQueue::new(name.as_str(), Bounds::new(format!("the lane {name}"), limits))
    }

    /// An urgent lane is never busy because of others: one client's calls are bounded, the clients are too.
    fn urgent_bounds(&self, name: &Name) -> Arc<Bounds> {
        let limits = Limits {
            calls: usize::MAX,
            calls_per_client: self.options.lane_calls_per_client,
            bytes: usize::MAX,
            bytes_per_client: 1 << 20,
        };
        Bounds::new(format!("the urgent lane of {name}"), limits)
    }
}

impl Addition {
    fn of<T: Instrument>(name: Name, options: InstrumentOptions) -> Result<Addition, AddError> {
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
