//! Who listens to what on one socket, exact also against peers that lie.
//!
//! Pure: no socket. It is told every subscription and unsubscription in the order in which libzmq reports them:
//!
//! - a peer's own messages name their connection (`K`). For each topic the connections that subscribed are kept as
//!   a set, so that neither a repeated subscription nor an unsubscription out of the blue changes a count;
//! - what libzmq makes up when a connection ends names none. It does so once for each topic that the connection had
//!   subscribed to, so it counts one less, and which connection it was stays unknown for a while: its entries are
//!   stale until the topic has no subscribers any more, or until another connection has its file descriptor.
//!
//! A key stays unique while `H`, something of the connection that is kept alive, is held.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use router_wire::Topic;

/// Most topics and (connection, topic) pairs that are remembered by each of a server's two sockets.
pub(crate) const MOST_ENTRIES: usize = 131_072;

/// The subscriptions of one socket.
#[derive(Debug)]
pub(crate) struct Subscribers<K, H> {
    connections: HashMap<K, Connection<H>>,
    by_fd: HashMap<i32, K>,
    topics: HashMap<Topic, Listeners<K>>,
    /// Topics and pairs, at most `most_entries`.
    entries: usize,
    most_entries: usize,
    /// More was subscribed to than is remembered: nothing goes unheard any more.
    overflowed: bool,
}

#[derive(Debug)]
struct Connection<H> {
    fd: Option<i32>,
    topics: HashSet<Topic>,
    /// Keeps the key unique.
    _hold: H,
}

#[derive(Debug)]
struct Listeners<K> {
    /// Live connections that are subscribed, and for a moment dead ones whose end was not reported yet.
    count: u64,
    /// Those that said who they are; some may be stale.
    keys: HashSet<K>,
}

/// What a subscription was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subscribed {
    /// One more connection listens.
    New,
    /// The connection had subscribed already.
    Repeated,
    /// The bound is reached. From now on everything stays heard.
    NotRemembered,
}

impl<K: Copy + Eq + Hash, H> Subscribers<K, H> {
    pub(crate) fn new(most_entries: usize) -> Self {
        Subscribers {
            connections: HashMap::new(),
            by_fd: HashMap::new(),
            topics: HashMap::new(),
            entries: 0,
            most_entries,
            overflowed: false,
        }
    }

    /// The connection `key`, of descriptor `fd`, subscribed to `topic`.
    pub(crate) fn subscribe(&mut self, topic: &Topic, key: K, fd: Option<i32>, hold: H) -> Subscribed {
        if !self.connections.contains_key(&key) {
            self.forget_former_owner(fd);
        } else if self.topics.get(topic).is_some_and(|listeners| listeners.keys.contains(&key)) {
            return Subscribed::Repeated;
        }
        if !self.count_one_more(topic) {
            return Subscribed::NotRemembered;
        }
        if let Some(fd) = fd {
            self.by_fd.insert(fd, key);
        }
        let connection = self.connections.entry(key);
        let connection = connection.or_insert_with(|| Connection { fd, topics: HashSet::new(), _hold: hold });
        connection.topics.insert(topic.clone());
        if let Some(listeners) = self.topics.get_mut(topic) {
            listeners.keys.insert(key);
        }
        Subscribed::New
    }

    /// The connection `key` unsubscribed from `topic`; whether it had subscribed.
    pub(crate) fn unsubscribe(&mut self, topic: &str, key: K) -> bool {
        if !self.topics.get_mut(topic).is_some_and(|listeners| listeners.keys.remove(&key)) {
            return false;
        }
        self.entries -= 1;
        if let Some(connection) = self.connections.get_mut(&key) {
            connection.topics.remove(topic);
            // One with a descriptor stays known until the descriptor has another owner, so that a connection is
            // never taken for a new one; descriptors are few.
            if connection.topics.is_empty() && connection.fd.is_none() {
                self.connections.remove(&key);
            }
        }
        self.count_one_less(topic);
        true
    }

    /// A connection that was subscribed to `topic` ended; whether one is known.
    pub(crate) fn ended(&mut self, topic: &str) -> bool {
        self.count_one_less(topic)
    }

    /// How many connections listen.
    pub(crate) fn count(&self, topic: &str) -> u64 {
        self.topics.get(topic).map_or(0, |listeners| listeners.count)
    }

    /// Whether somebody listens, or may.
    pub(crate) fn is_heard(&self, topic: &str) -> bool {
        self.overflowed || self.count(topic) > 0
    }

    /// Whether more was subscribed to than is remembered.
    pub(crate) fn has_overflowed(&self) -> bool {
        self.overflowed
    }

    /// How many connections are known: every live one that has subscribed, and some that ended.
    pub(crate) fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Counts a subscriber; `false` when there is no room for it.
    fn count_one_more(&mut self, topic: &Topic) -> bool {
        let needed = 1 + usize::from(!self.topics.contains_key(topic));
        if self.overflowed || self.entries + needed > self.most_entries {
            self.overflowed = true;
            return false;
        }
        self.entries += needed;
        let listeners = self.topics.entry(topic.clone());
        listeners.or_insert_with(|| Listeners { count: 0, keys: HashSet::new() }).count += 1;
        true
    }

    fn count_one_less(&mut self, topic: &str) -> bool {
        let Some(listeners) = self.topics.get_mut(topic).filter(|listeners| listeners.count > 0) else {
            return false;
        };
        listeners.count -= 1;
        if listeners.count > 0 {
            return true;
        }
        // Nobody is left, so whoever is still in the set has ended.
        let ended: Vec<K> = listeners.keys.iter().copied().collect();
        for key in ended {
            self.forget(key);
        }
        self.topics.remove(topic);
        self.entries -= 1;
        true
    }

    /// A descriptor that a new connection has is not the old one's any more.
    fn forget_former_owner(&mut self, fd: Option<i32>) {
        if let Some(former) = fd.and_then(|fd| self.by_fd.remove(&fd)) {
            self.forget(former);
        }
    }

    /// Forgets a connection that has ended. Counts stay: libzmq reports the end of each subscription by itself.
    fn forget(&mut self, key: K) {
        let Some(connection) = self.connections.remove(&key) else { return };
        for topic in &connection.topics {
            if self.topics.get_mut(topic).is_some_and(|listeners| listeners.keys.remove(&key)) {
                self.entries -= 1;
            }
        }
        if let Some(fd) = connection.fd.filter(|fd| self.by_fd.get(fd) == Some(&key)) {
            self.by_fd.remove(&fd);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet, VecDeque};

    fn name(text: &str) -> Topic {
        Topic::parse(text).unwrap()
    }

    fn table() -> Subscribers<u32, ()> {
        Subscribers::new(1_000)
    }

    #[test]
    fn neither_repeating_nor_lying_changes_a_count() {
        let mut table = table();
        let stage = name("stage");
        assert_eq!(table.subscribe(&stage, 1, Some(10), ()), Subscribed::New);
        assert_eq!(table.subscribe(&stage, 1, Some(10), ()), Subscribed::Repeated);
        assert_eq!(table.subscribe(&stage, 2, Some(11), ()), Subscribed::New);
        assert!(!table.unsubscribe("stage", 3), "it never subscribed");
        assert!(table.unsubscribe("stage", 2));
        assert!(!table.unsubscribe("stage", 2), "once only");
        assert!(!table.unsubscribe("camera", 1));
        assert_eq!(table.count("stage"), 1);
        assert!(table.is_heard("stage"));
        assert!(table.ended("stage"));
        assert!(!table.ended("stage"), "there is nobody left");
        assert!(!table.is_heard("stage"));
        assert!(table.topics.is_empty());
    }

    #[test]
    fn a_new_connection_with_an_old_descriptor_is_not_the_old_one() {
        let mut table = table();
        let (stage, camera) = (name("stage"), name("camera"));
        table.subscribe(&stage, 1, Some(10), ());
        table.subscribe(&camera, 1, Some(10), ());
        table.subscribe(&stage, 2, Some(11), ());
        // Connection 1 ends; its descriptor is used again before its unsubscriptions are read.
        assert_eq!(table.subscribe(&stage, 3, Some(10), ()), Subscribed::New);
        assert_eq!(table.count("stage"), 3);
        assert!(table.ended("stage") && table.ended("camera"));
        assert_eq!((table.count("stage"), table.count("camera")), (2, 0));
        assert!(!table.connections.contains_key(&1));
        assert!(table.unsubscribe("stage", 3));
        assert!(table.unsubscribe("stage", 2));
        assert!(!table.is_heard("stage"));
        assert_eq!(table.entries, 0);
    }

    #[test]
    fn beyond_the_bound_everything_stays_heard() {
        let mut table: Subscribers<u32, ()> = Subscribers::new(4);
        assert_eq!(table.subscribe(&name("a"), 1, Some(1), ()), Subscribed::New);
        assert_eq!(table.subscribe(&name("b"), 1, Some(1), ()), Subscribed::New);
        assert!(!table.is_heard("c"));
        assert_eq!(table.subscribe(&name("c"), 1, Some(1), ()), Subscribed::NotRemembered);
        assert!(table.has_overflowed() && table.is_heard("c") && table.is_heard("never.named"));
        table.ended("a");
        assert!(table.is_heard("a"));
        assert_eq!(table.subscribe(&name("d"), 2, Some(2), ()), Subscribed::NotRemembered);
    }

    /// What a peer does; connections and topics by number, descriptors are used again as an operating system does.
    #[derive(Debug, Clone)]
    enum Act {
        Connect,
        Subscribe { peer: usize, topic: usize },
        Unsubscribe { peer: usize, topic: usize },
        End { peer: usize },
        Read { reports: usize },
    }

    enum Report {
        Subscribe(u32, i32, usize),
        Unsubscribe(u32, usize),
        Ended(usize),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            2 => Just(Act::Connect),
            4 => (0..6_usize, 0..3_usize).prop_map(|(peer, topic)| Act::Subscribe { peer, topic }),
            4 => (0..6_usize, 0..3_usize).prop_map(|(peer, topic)| Act::Unsubscribe { peer, topic }),
            2 => (0..6_usize).prop_map(|peer| Act::End { peer }),
            3 => (0..6_usize).prop_map(|reports| Act::Read { reports }),
        ];
        proptest::collection::vec(act, 0..120)
    }

    proptest! {
        /// A model of libzmq: each live connection has the set it subscribed to, reports come late but in order.
        /// Once all are read, every count is the number of live subscribers.
        #[test]
        fn counts_are_exact_once_everything_is_read(acts in acts()) {
            const TOPICS: [&str; 3] = ["a", "b", "c"];
            let mut table = table();
            let mut live: BTreeMap<usize, (u32, i32, BTreeSet<usize>)> = BTreeMap::new();
            let mut reports = VecDeque::new();
            let mut next_key = 0;
            let read = |table: &mut Subscribers<u32, ()>, reports: &mut VecDeque<Report>, count: usize| {
                for report in reports.drain(..count.min(reports.len())) {
                    match report {
                        Report::Subscribe(key, fd, topic) => {
                            table.subscribe(&name(TOPICS[topic]), key, Some(fd), ());
                        }
                        Report::Unsubscribe(key, topic) => { table.unsubscribe(TOPICS[topic], key); }
                        Report::Ended(topic) => { table.ended(TOPICS[topic]); }
                    }
                }
            };
            for act in acts {
                match act {
                    Act::Connect => {
                        let used: BTreeSet<i32> = live.values().map(|(_, fd, _)| *fd).collect();
                        let fd = (0..).find(|fd| !used.contains(fd)).unwrap();
                        if let Some(place) = (0..6).find(|place| !live.contains_key(place)) {
                            live.insert(place, (next_key, fd, BTreeSet::new()));
                            next_key += 1;
                        }
                    }
                    Act::Subscribe { peer, topic } => if let Some((key, fd, topics)) = live.get_mut(&peer) {
                        topics.insert(topic);
                        reports.push_back(Report::Subscribe(*key, *fd, topic));
                    },
                    Act::Unsubscribe { peer, topic } => if let Some((key, _, topics)) = live.get_mut(&peer) {
                        topics.remove(&topic);
                        reports.push_back(Report::Unsubscribe(*key, topic));
                    },
                    Act::End { peer } => if let Some((_, _, topics)) = live.remove(&peer) {
                        reports.extend(topics.into_iter().map(Report::Ended));
                    },
                    Act::Read { reports: count } => read(&mut table, &mut reports, count),
                }
            }
            read(&mut table, &mut reports, usize::MAX);
            for (index, topic) in TOPICS.iter().enumerate() {
                let expect = live.values().filter(|(_, _, topics)| topics.contains(&index)).count() as u64;
                prop_assert_eq!(table.count(topic), expect, "{}", topic);
                prop_assert_eq!(table.is_heard(topic), expect > 0);
            }
            let pairs: usize = table.topics.values().map(|topic| topic.keys.len()).sum();
            prop_assert_eq!(table.entries, table.topics.len() + pairs);
            prop_assert!(table.by_fd.len() <= 6);
        }
    }
}
