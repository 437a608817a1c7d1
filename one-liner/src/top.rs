//! What `one-liner top` shows: a server's counters as they change, and how subscriptions add up.

pub(crate) mod changes;
pub(crate) mod equation;
pub(crate) mod page;
pub(crate) mod screen;
