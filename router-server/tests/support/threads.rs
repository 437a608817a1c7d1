//! Which threads this process has, as the system sees them.

use std::collections::BTreeMap;

/// Names by thread number. Linux shows the last 15 bytes of ours.
#[cfg(target_os = "linux")]
pub(crate) fn threads() -> BTreeMap<u64, String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| {
            let task = task.ok()?;
            // It may have ended meanwhile.
            let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
            Some((task.file_name().to_str()?.parse().ok()?, name.trim_end().to_owned()))
        })
        .collect()
}

/// The names of the threads that were not there `before`, sorted.
#[cfg(target_os = "linux")]
pub(crate) fn new_threads(before: &BTreeMap<u64, String>) -> Vec<String> {
    let mut new: Vec<String> = threads()
        .into_iter()
        .filter(|(number, _)| !before.contains_key(number))
        .map(|(_, name)| name)
        .collect();
    new.sort();
    new
}

/// What the system shows of a thread's name.
pub(crate) fn shown(name: &str) -> String {
    const SHOWN_BYTES: usize = 15;
    name[name.len().saturating_sub(SHOWN_BYTES)..].trim_start().to_owned()
}
