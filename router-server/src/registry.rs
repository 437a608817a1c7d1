//! What a server serves by name: instruments, their calls, named calls and lanes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use router_wire::{Arguments, BodyError, Failure, Name, nearest};

use crate::add_error::AddError;
use crate::call_entry::CallEntry;
use crate::executor::Executor;
use crate::table::Table;
use crate::target::InstrumentId;

/// An instrument that was added.
pub(crate) struct InstrumentEntry {
    pub(crate) id: InstrumentId,
    pub(crate) calls: Vec<Name>,
    pub(crate) lane_name: Name,
    pub(crate) lane: Arc<Executor>,
    pub(crate) pool: Option<Arc<Executor>>,
    pub(crate) urgent: Option<Arc<Executor>>,
}

impl InstrumentEntry {
    /// The executors that run its calls, but for the urgent ones.
    pub(crate) fn cleared_by_urgent(&self) -> impl Iterator<Item = &Arc<Executor>> {
        std::iter::once(&self.lane).chain(&self.pool)
    }
}

/// An instrument in service, and what it is: its own doc comment.
pub(super) struct Served {
    pub(super) entry: Arc<InstrumentEntry>,
    pub(super) docs: &'static str,
}

/// A preset of a target and arguments under a name of its own.
pub(crate) struct NamedCall {
    pub(crate) name: Name,
    pub(crate) target: Name,
    /// A request body whose arguments stand in for those not given.
    pub(crate) preset: Vec<u8>,
}

/// A lane and how many instruments are on it, or on their way to it.
pub(super) struct LaneInUse {
    pub(super) executor: Arc<Executor>,
    pub(super) users: usize,
}

impl NamedCall {
    /// The arguments of a call: those given stand in for the preset ones.
    ///
    /// # Errors
    /// [`Failure::BadArguments`] when the given ones are no arguments.
    pub(crate) fn merged_with(&self, given: &[u8]) -> Result<Vec<u8>, Failure> {
        let bad = |error: BodyError| Failure::BadArguments { argument: None, message: error.to_string() };
        let preset = Arguments::decode(&self.preset).map_err(bad)?;
        let given = Arguments::decode(given).map_err(bad)?;
        Ok(preset.overridden_by(&given).to_body())
    }
}

/// A call that was looked up.
pub(crate) struct Found {
    pub(crate) entry: Arc<CallEntry>,
    pub(crate) named: Option<Arc<NamedCall>>,
}

impl Found {
    /// The name that was asked for: a named call's own, not its target's.
    pub(crate) fn called(&self) -> &Name {
        self.named.as_ref().map_or(&self.entry.name, |named| &named.name)
    }
}

/// Whether one of two names is the other, or stands before it.
fn overlaps(one: &Name, other: &Name) -> bool {
    let (one, other) = (one.as_str(), other.as_str());
    let under =
        |outer: &str, inner: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
    one == other || under(one, other) || under(other, one)
}

/// The names of one server. Behind a lock that is held for look-ups and changes of these maps only.
#[derive(Default)]
pub(crate) struct Registry {
    pub(super) calls: Table<Name, Arc<CallEntry>>,
    pub(super) named: HashMap<Name, Arc<NamedCall>>,
    pub(super) instruments: HashMap<Name, Served>,
    pub(super) lanes: HashMap<Name, LaneInUse>,
    /// Names that are being added, with the docs told so far: an instrument's factory may take its time.
    reserved: HashMap<Name, &'static str>,
    /// What stands before the names of servers behind this one.
    prefixes: HashSet<Name>,
    /// Executors without an instrument whose threads may still be in user code.
    pub(super) retired: Vec<Arc<Executor>>,
    version: u64,
    /// Is told of changes; must not wait.
    listener: Option<Box<dyn Fn() + Send + Sync>>,
    tells_changes: bool,
    last_id: u64,
    closed: bool,
}

impl Registry {
    /// Looks a call up; a named call finds its target.
    ///
    /// # Errors
    /// [`Failure::NotFound`] with the nearest names.
    pub(crate) fn find(&self, name: &str) -> Result<Found, Failure> {
        if let Some(entry) = self.calls.get(name) {
            return Ok(Found { entry: Arc::clone(entry), named: None });
        }
        if let Some(named) = self.named.get(name)
            && let Some(entry) = self.calls.get(&named.target)
        {
            return Ok(Found { entry: Arc::clone(entry), named: Some(Arc::clone(named)) });
        }
        let names = self.calls.keys().chain(self.named.keys()).map(Name::as_str);
        Err(Failure::NotFound { name: name.to_owned(), nearest: nearest(name, names) })
    }

    /// Whether there is a call of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.calls.contains_key(name) || self.named.contains_key(name)
    }

    pub(crate) fn instrument(&self, name: &Name) -> Option<Arc<InstrumentEntry>> {
        self.instruments.get(name).map(|served| Arc::clone(&served.entry))
    }

    pub(crate) fn instruments(&self) -> impl Iterator<Item = (&Name, &Arc<InstrumentEntry>)> {
        self.instruments.iter().map(|(name, served)| (name, &served.entry))
    }

    /// The instrument that was added last, or began to be.
    pub(crate) fn last_id(&self) -> InstrumentId {
        InstrumentId(self.last_id)
    }

    /// Has changes of what is served told to whoever `listen`s, when [`tell_changes`](Registry::tell_changes) says so.
    pub(crate) fn on_change(&mut self, listen: Box<dyn Fn() + Send + Sync>) {
        self.listener = Some(listen);
    }

    pub(crate) fn tell_changes(&mut self, tell: bool) {
        self.tells_changes = tell;
    }

    fn has_changed(&mut self) {
        self.version += 1;
        if let Some(listener) = self.listener.as_ref().filter(|_| self.tells_changes) {
            listener();
        }
    }

    /// Counts the changes of what is served.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// What a server behind this one serves has changed: clients ask again for what they keep.
    pub(crate) fn something_behind_changed(&mut self) {
        self.has_changed();
    }

    /// Keeps a prefix for a server behind this one.
    ///
    /// # Errors
    /// A name that is there already, and would be under the prefix or is the prefix.
    pub(crate) fn reserve_prefix(&mut self, prefix: &Name) -> Result<(), Name> {
        let clashes = |name: &Name| overlaps(prefix, name);
        let names = self.calls.keys().chain(self.named.keys()).chain(self.instruments.keys());
        match names.chain(self.reserved.keys()).chain(&self.prefixes).find(|name| clashes(name)) {
            Some(name) => Err(name.clone()),
            None => {
                self.prefixes.insert(prefix.clone());
                Ok(())
            }
        }
    }

    /// Gives a prefix up.
    pub(crate) fn release_prefix(&mut self, prefix: &Name) {
        if self.prefixes.remove(prefix) {
            self.has_changed();
        }
    }

    /// Keeps an instrument's name until it is added or given up.
    ///
    /// # Errors
    /// [`AddError`] when the name is taken or the server stopped.
    pub(crate) fn reserve(&mut self, name: &Name, calls: &[Name]) -> Result<InstrumentId, AddError> {
        if self.closed {
            return Err(AddError::Stopped);
        }
        if self.instruments.contains_key(name) || self.reserved.contains_key(name) {
            return Err(AddError::InstrumentExists { name: name.to_string() });
        }
        if let Some(prefix) = self.prefixes.iter().find(|prefix| overlaps(prefix, name)) {
            return Err(AddError::UnderUpstream { name: name.to_string(), prefix: prefix.to_string() });
        }
        let taken = |call: &&Name| self.calls.contains_key(*call) || self.named.contains_key(*call);
        if let Some(call) = calls.iter().find(taken) {
            return Err(AddError::CallExists { name: call.to_string() });
        }
        self.reserved.insert(name.clone(), "");
        self.last_id += 1;
        Ok(InstrumentId(self.last_id))
    }

    /// Says what the instrument is whose name is reserved.
    pub(crate) fn document(&mut self, name: &str, docs: &'static str) {
        if let Some(told) = self.reserved.get_mut(name) {
            *told = docs;
        }
    }

    /// Gives a reserved name up.
    pub(crate) fn release(&mut self, name: &Name) {
        self.reserved.remove(name);
    }

    /// Adds a reserved instrument with its calls.
    ///
    /// # Errors
    /// [`AddError`] when the server stopped or another took one of the calls' names meanwhile.
    pub(crate) fn insert(
        &mut self,
        name: Name,
        instrument: InstrumentEntry,
        calls: Vec<CallEntry>,
    ) -> Result<(), AddError> {
        let docs = self.reserved.remove(&name).unwrap_or_default();
        if self.closed {
            return Err(AddError::Stopped);
        }
        let taken =
            |call: &&CallEntry| self.calls.contains_key(&call.name) || self.named.contains_key(&call.name);
        if let Some(call) = calls.iter().find(taken) {
            return Err(AddError::CallExists { name: call.name.to_string() });
        }
        self.instruments.insert(name, Served { entry: Arc::new(instrument), docs });
        for call in calls {
            self.calls.insert(call.name.clone(), Arc::new(call));
        }
        self.has_changed();
        self.retired.retain(|executor| !executor.is_finished());
        Ok(())
    }

    /// The lane of this name for one more instrument; `start` makes it when there is none.
    ///
    /// # Errors
    /// What `start` fails with.
    pub(crate) fn enter_lane<E>(
        &mut self,
        name: &Name,
        start: impl FnOnce() -> Result<Executor, E>,
    ) -> Result<Arc<Executor>, E> {
        if let Some(lane) = self.lanes.get_mut(name) {
            lane.users += 1;
            return Ok(Arc::clone(&lane.executor));
        }
        let executor = Arc::new(start()?);
        self.lanes.insert(name.clone(), LaneInUse { executor: Arc::clone(&executor), users: 1 });
        Ok(executor)
    }

    /// One instrument fewer is on the lane; whether it was the last, and the lane is gone.
    pub(crate) fn leave_lane(&mut self, name: &Name) -> bool {
        let Some(lane) = self.lanes.get_mut(name) else { return false };
        lane.users -= 1;
        if lane.users == 0 {
            self.lanes.remove(name);
            return true;
        }
        false
    }

    /// Keeps an executor without an instrument until its threads have ended.
    pub(crate) fn retire(&mut self, executor: Arc<Executor>) {
        self.retired.retain(|executor| !executor.is_finished());
        self.retired.push(executor);
    }

    /// Takes an instrument and its calls out. Its lane goes with the last instrument on it.
    ///
    /// Returns the instrument, and whether its lane has gone too.
    pub(crate) fn remove_instrument(&mut self, name: &str) -> Option<(Arc<InstrumentEntry>, bool)> {
        let instrument = self.instruments.remove(name)?.entry;
        for call in &instrument.calls {
            self.calls.remove(call);
        }
        self.has_changed();
        let lane_is_gone = self.leave_lane(&instrument.lane_name);
        Some((instrument, lane_is_gone))
    }

    /// Adds a named call.
    ///
    /// # Errors
    /// [`AddError`] when the name is taken, or the target is not there or itself a named call.
    pub(crate) fn insert_named(&mut self, call: NamedCall) -> Result<(), AddError> {
        if self.closed {
            return Err(AddError::Stopped);
        }
        if self.calls.contains_key(&call.name) || self.named.contains_key(&call.name) {
            return Err(AddError::CallExists { name: call.name.to_string() });
        }
        if let Some(prefix) = self.prefixes.iter().find(|prefix| overlaps(prefix, &call.name)) {
            return Err(AddError::UnderUpstream { name: call.name.to_string(), prefix: prefix.to_string() });
        }
        if !self.calls.contains_key(&call.target) {
            let nearest = nearest(call.target.as_str(), self.calls.keys().map(Name::as_str));
            return Err(AddError::NoSuchTarget { name: call.target.to_string(), nearest });
        }
        self.named.insert(call.name.clone(), Arc::new(call));
        self.has_changed();
        Ok(())
    }

    pub(crate) fn remove_named(&mut self, name: &str) -> bool {
        let removed = self.named.remove(name).is_some();
        if removed {
            self.has_changed();
        }
        removed
    }

    /// Takes nothing more, and gives out everything that has threads.
    pub(crate) fn close(&mut self) -> Vec<Arc<Executor>> {
        self.closed = true;
        let mut executors = std::mem::take(&mut self.retired);
        executors.extend(self.lanes.values().map(|lane| Arc::clone(&lane.executor)));
        for Served { entry, .. } in self.instruments.values() {
            executors.extend(entry.pool.iter().chain(&entry.urgent).cloned());
        }
        executors
    }
}
