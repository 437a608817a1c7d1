//! The names that a greeting tells: urgent calls, and those that may run again, of this server and of those behind it.
//!
//! They are the longest part of a greeting, and those of a server behind are as many as it likes. Clients read no
//! greeting that is longer than [`HelloReply::MOST_BYTES`], so what would make it longer is left out: a call that is not
//! told as urgent is urgent here all the same, and travels with the others.

use router_wire::HelloReply;

use crate::router_loop::RouterLoop;
use crate::stop_all::STOP_ALL;
use crate::upstreams::{Upstream, prefixed};

/// Room for everything else in a greeting [bytes].
const ROOM_BYTES: usize = 16 << 10;
const MOST_NAMES_BYTES: usize = HelloReply::MOST_BYTES - ROOM_BYTES;
/// What a name takes beside its own length, at most [bytes].
const NAME_HEADER_BYTES: usize = 3;

/// The names, and when they were gathered: every client greets twice, and storms of clients greet at once.
#[derive(Default)]
pub(crate) struct GreetingNames {
    /// The version of the registry, and the count of changes behind.
    of: Option<(u64, u64)>,
    urgent: Vec<String>,
    idempotent: Vec<String>,
}

impl RouterLoop {
    /// The urgent calls, and those that may run again.
    pub(crate) fn greeting_names(&mut self) -> (Vec<String>, Vec<String>) {
        let registry = self.dispatcher.registry.read();
        let now = (registry.version(), self.changes_behind);
        if self.greeting_names.of != Some(now) {
            let own = (registry.urgent_calls(), registry.idempotent_calls());
            drop(registry);
            self.gather_names(own);
            self.greeting_names.of = Some(now);
        }
        (self.greeting_names.urgent.clone(), self.greeting_names.idempotent.clone())
    }

    fn gather_names(&mut self, (own_urgent, own_idempotent): (Vec<String>, Vec<String>)) {
        let mut left = MOST_NAMES_BYTES;
        let mut refused = 0;
        let mut fits = |name: &String| {
            let rest = left.checked_sub(name.len() + NAME_HEADER_BYTES);
            refused += u64::from(rest.is_none());
            left = rest.unwrap_or(left);
            rest.is_some()
        };
        // A server behind with many does not take the place of those with few.
        let mut behind: Vec<&Upstream> = self.upstreams.iter().collect();
        behind.sort_by_key(|upstream| upstream.link.urgent().len() + upstream.link.idempotent().len());
        let of_router = |upstream: &&Upstream| ["router.ping", STOP_ALL].map(|name| upstream.here(name));
        let mut urgent: Vec<String> = behind.iter().flat_map(of_router).collect();
        urgent.extend(own_urgent);
        urgent.extend(behind.iter().flat_map(|upstream| upstream.here_all(upstream.link.urgent())));
        urgent.retain(&mut fits);
        let mut idempotent = own_idempotent;
        idempotent.extend(behind.iter().flat_map(|upstream| upstream.here_all(upstream.link.idempotent())));
        idempotent.retain(&mut fits);
        if refused > 0 {
            self.dispatcher.counters.names_left_out_of_greetings.add(refused);
            log::warn!(
                "{refused} names are left out of greetings: they are longer than clients read with them"
            );
        }
        (self.greeting_names.urgent, self.greeting_names.idempotent) = (urgent, idempotent);
    }
}

impl Upstream {
    fn here(&self, name: &str) -> String {
        prefixed(self.prefix.as_str(), name)
    }

    fn here_all<'a>(
        &'a self,
        names: impl IntoIterator<Item = &'a String> + 'a,
    ) -> impl Iterator<Item = String> + 'a {
        names.into_iter().map(|name| self.here(name))
    }
}
