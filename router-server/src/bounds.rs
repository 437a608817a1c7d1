//! How many calls, and how many bytes of bodies, may wait: in total and for one client.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::client_table::ClientKey;
use crate::options::ServerOptions;
use crate::table::Table;

/// Limits of a [`Bounds`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) calls: usize,
    pub(crate) calls_per_client: usize,
    pub(crate) bytes: usize,
    pub(crate) bytes_per_client: usize,
    /// Calls that each client may have whatever others have, each with a body of at most [`RESERVED_BYTES`].
    pub(crate) reserved_per_client: usize,
}

/// Longest body of a call that takes what is reserved for its client [bytes].
const RESERVED_BYTES: usize = 4 << 10;

impl Limits {
    /// Those of urgent calls: in total too, but a client that has few is never refused because of others.
    pub(crate) fn urgent() -> Limits {
        const CALLS_PER_CLIENT: usize = 256;
        const BYTES_PER_CLIENT: usize = 256 << 10;
        Limits {
            calls: 16_384,
            calls_per_client: CALLS_PER_CLIENT,
            bytes: 64 << 20,
            bytes_per_client: BYTES_PER_CLIENT,
            reserved_per_client: 4,
        }
    }
}

/// Admits calls up to its limits. Whoever is admitted holds a [`Permit`], which gives its room back when dropped.
#[derive(Debug)]
pub(crate) struct Bounds {
    what: String,
    limits: Limits,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    calls: usize,
    bytes: usize,
    clients: Table<ClientKey, Share>,
}

#[derive(Debug, Default)]
struct Share {
    calls: usize,
    bytes: usize,
}

/// The bounds of everything in flight on a server.
pub(crate) struct ServerBounds {
    pub(crate) ordinary: Arc<Bounds>,
    /// An urgent call is never busy because of others.
    pub(crate) urgent: Arc<Bounds>,
}

impl ServerBounds {
    pub(crate) fn new(options: &ServerOptions) -> ServerBounds {
        let ordinary = Limits {
            calls: options.in_flight_calls,
            calls_per_client: options.in_flight_calls / 4,
            bytes: options.in_flight_bytes,
            bytes_per_client: options.in_flight_bytes_per_client,
            reserved_per_client: 0,
        };
        ServerBounds {
            ordinary: Bounds::new("the server", ordinary),
            urgent: Bounds::new("the server", Limits::urgent()),
        }
    }
}

/// Room for one call within a [`Bounds`].
#[derive(Debug)]
pub(crate) struct Permit {
    bounds: Arc<Bounds>,
    client: ClientKey,
    bytes: usize,
}

impl Bounds {
    /// `what` names what is bounded in the text of a refusal: `the lane stage`.
    pub(crate) fn new(what: impl Into<String>, limits: Limits) -> Arc<Bounds> {
        Arc::new(Bounds { what: what.into(), limits, taken: Mutex::default() })
    }

    /// Takes room for one call of `client` with a body of `bytes`.
    ///
    /// # Errors
    /// A text for `busy` that says which limit is reached.
    pub(crate) fn admit(self: &Arc<Self>, client: ClientKey, bytes: usize) -> Result<Permit, String> {
        let Limits { calls, calls_per_client, bytes: most_bytes, bytes_per_client, reserved_per_client } =
            self.limits;
        let what = &self.what;
        let mut taken = self.taken.lock();
        let held = taken.clients.get(&client).map_or(0, |share| share.calls);
        let is_reserved = held < reserved_per_client && bytes <= RESERVED_BYTES;
        if taken.calls >= calls && !is_reserved {
            return Err(format!(
                "{what} holds {calls} calls already, its limit; try again when some have ended"
            ));
        }
        if bytes > most_bytes.saturating_sub(taken.bytes) && !is_reserved {
            return Err(format!(
                "{what} holds {} bytes of arguments; its limit is {most_bytes}",
                taken.bytes
            ));
        }
        if let Some(share) = taken.clients.get(&client) {
            if share.calls >= calls_per_client {
                return Err(format!(
                    "{what} holds {calls_per_client} calls of this client already, its limit for one"
                ));
            }
            if share.bytes + bytes > bytes_per_client {
                let held = share.bytes;
                return Err(format!(
                    "{what} holds {held} bytes of arguments of this client; the limit for one is {bytes_per_client}"
                ));
            }
        }
        taken.calls += 1;
        taken.bytes += bytes;
        let share = taken.clients.entry(client).or_default();
        share.calls += 1;
        share.bytes += bytes;
        Ok(Permit { bounds: Arc::clone(self), client, bytes })
    }

    /// Calls and bytes that hold room now.
    #[cfg(test)]
    fn taken(&self) -> (usize, usize) {
        let taken = self.taken.lock();
        (taken.calls, taken.bytes)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut taken = self.bounds.taken.lock();
        taken.calls -= 1;
        taken.bytes -= self.bytes;
        if let Some(share) = taken.clients.get_mut(&self.client) {
            share.calls -= 1;
            share.bytes -= self.bytes;
            if share.calls == 0 {
                taken.clients.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_refuses_and_a_dropped_permit_gives_its_room_back() {
        let limits = Limits {
            calls: 3,
            calls_per_client: 2,
            bytes: 100,
            bytes_per_client: 60,
            reserved_per_client: 0,
        };
        let bounds = Bounds::new("the lane stage", limits);
        let (alice, bob) = (ClientKey(1), ClientKey(2));
        let first = bounds.admit(alice, 10).unwrap();
        let _second = bounds.admit(alice, 10).unwrap();
        assert!(bounds.admit(alice, 1).unwrap_err().contains("of this client"));
        let _third = bounds.admit(bob, 50).unwrap();
        assert!(bounds.admit(bob, 1).unwrap_err().contains("3 calls already"));
        drop(first);
        assert!(bounds.admit(bob, 20).unwrap_err().contains("bytes of arguments of this client"));
        assert!(bounds.admit(bob, 90).unwrap_err().contains("its limit is 100"));
        assert!(bounds.admit(alice, 5).is_ok());
        assert_eq!(bounds.taken(), (2, 60));
    }

    #[test]
    fn urgent_calls_are_bounded_together_and_who_has_few_is_never_refused_because_of_others() {
        let limits = Limits::urgent();
        let bounds = Bounds::new("the server", limits);
        let mut held = Vec::new();
        for client in (0_u64..).map(ClientKey) {
            let admitted = (0..limits.calls_per_client).map_while(|_| bounds.admit(client, 0).ok());
            held.extend(admitted);
            if held.len() == limits.calls {
                break;
            }
        }
        let (late, later) = (ClientKey(u64::MAX), ClientKey(u64::MAX - 1));
        assert!(bounds.admit(late, RESERVED_BYTES + 1).is_err(), "a long one is none of the reserve");
        held.extend((0..limits.reserved_per_client).map(|_| bounds.admit(late, RESERVED_BYTES).unwrap()));
        assert!(bounds.admit(late, 0).unwrap_err().contains("16384 calls already"));
        assert!(bounds.admit(later, 0).is_ok(), "a stop of another client");
        assert!(bounds.taken().0 == limits.calls + limits.reserved_per_client);
    }
}
