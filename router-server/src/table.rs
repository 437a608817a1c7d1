//! The maps that the router loop looks into several times for each call.
//!
//! Their hash is a sixth of the work of the standard library's. Its seed is random in each process and no hash ever
//! leaves it, so that nobody who chooses keys (call numbers, client ids) can choose them to collide; and each of these
//! maps is bounded.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

/// A map with a fast, seeded hash.
pub(crate) type Table<K, V> = HashMap<K, V, RandomState>;

/// A set with a fast, seeded hash.
pub(crate) type Set<K> = HashSet<K, RandomState>;
