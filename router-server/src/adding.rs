//! Adding instruments, closures and named calls to a server, and removing them.

use std::fmt::Display;
use std::sync::Arc;

use router_client::{BuiltOnLane, CallFunction, Given, Instrument, Interrupted, Placed};
use router_wire::describe::CallDescription;
use router_wire::{Failure, Name, nearest};

use crate::add_error::{AddError, NotFound};
use crate::closure::{CallOptions, Closure};
use crate::executor::Executor;
use crate::job::Job;
use crate::placing::{Addition, Maker, place_shared};
use crate::preset::Preset;
use crate::registry::NamedCall;
use crate::server::RouterServer;
use crate::target::{Placement, TargetPlace, Workshop};

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
    pub fn add_instrument_on<T>(
        &self,
        name: &str,
        instrument: T,
        options: InstrumentOptions,
    ) -> Result<(), AddError>
    where
        T: Instrument + Send,
        T::Access: Given<T>,
    {
        let addition = Addition::of::<T>(Name::parse_unreserved(name)?, options)?;
        self.add(addition, |server, id, lane| {
            server.dispatcher.registry.write().document(name, T::docs());
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
                shared @ Placed::Shared(_) => Ok(place_shared(Placement::of(shared), id, &lane.queue)),
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
        self.add(addition, |server, id, lane| {
            server.dispatcher.registry.write().document(name, T::docs());
            server.build_on_lane(name, id, lane, make)
        })
    }

    /// Serves a closure as the call `name`, on a lane of its own. Its arguments are one tuple with the types written
    /// out; a first argument `&Call` gives progress, cancellation and the deadline. The error of a `Result` refuses the
    /// call: a `String`, an `Interrupted`, what has `#[derive(RemoteError)]`, or what else implements `Serialize`. Of any
    /// other error send the text.
    ///
    /// ```
    /// # let server = router_server::RouterServer::bind("tcp://127.0.0.1:*")?;
    /// use router_client::Call;
    /// server.add_call("add", |(a, b): (f64, f64)| a + b)?;
    /// server.add_call("notes", || std::fs::read_to_string("notes.txt").map_err(|error| error.to_string()))?;
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
        let preset =
            preset.into_body().map_err(|error| AddError::Preset { name: name.to_string(), error })?;
        self.dispatcher.registry.write().insert_named(NamedCall { name, target, preset })
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
        let removed =
            if name == router_wire::name::RESERVED { None } else { registry.remove_instrument(name) };
        let Some((instrument, lane_is_gone)) = removed else {
            let names: Vec<String> = registry.instruments().map(|(name, _)| name.to_string()).collect();
            return Err(NotFound {
                name: name.to_owned(),
                nearest: nearest(name, names.iter().map(String::as_str)),
            });
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
}
