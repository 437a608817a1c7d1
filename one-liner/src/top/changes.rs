//! Which counters changed between two looks at them.

use std::collections::BTreeMap;

/// A counter that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Its name.
    pub(crate) counter: String,
    /// At the look before.
    pub(crate) before: u64,
    /// At this look.
    pub(crate) now: u64,
}

/// The counters of one life of a server, as they were looked at last.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// `None` before the first look, after which everything would have changed.
    seen: Option<(u64, BTreeMap<String, u64>)>,
}

impl Counters {
    /// What changed since the last look; nothing for the first in the server's life `epoch`.
    pub(crate) fn look(&mut self, epoch: u64, counters: &BTreeMap<String, u64>) -> Vec<Change> {
        let before = self.seen.replace((epoch, counters.clone()));
        let Some((_, before)) = before.filter(|(seen, _)| *seen == epoch) else { return Vec::new() };
        let change = |(counter, now): (&String, &u64)| {
            let before = before.get(counter).copied().unwrap_or(0);
            (before != *now).then(|| Change { counter: counter.clone(), before, now: *now })
        };
        counters.iter().filter_map(change).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_within_a_life_is_told() {
        let mut counters = Counters::default();
        let at =
            |requests, busy| BTreeMap::from([("requests".to_owned(), requests), ("busy".to_owned(), busy)]);
        assert_eq!(counters.look(1, &at(10, 0)), []);
        let expect = [Change { counter: "requests".into(), before: 10, now: 12 }];
        assert_eq!(counters.look(1, &at(12, 0)), expect);
        assert_eq!(counters.look(1, &at(12, 0)), []);
        assert_eq!(counters.look(2, &at(3, 0)), [], "a restarted server counts anew");
    }
}
