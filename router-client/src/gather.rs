//! `gather`: the same call on several servers at once.

use std::time::Duration;

use router_socket::Endpoint;
use router_wire::Refused;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call_error::CallError;
use crate::client::RouterClient;
use crate::pending_call::PendingCall;
use crate::remote_error::RemoteError;
use crate::request::Request;

/// Begins the same call on every client of `clients`, within one deadline: no server waits for another, and one that
/// does not answer delays the results of the others by no more than that deadline.
///
/// `args` are those of [`RouterClient::call`]. Nothing is sent before [`wait`](Gather::wait).
///
/// ```
/// use std::time::Duration;
/// use router_client::{RouterClient, gather};
///
/// let rigs = ["tcp://127.0.0.1:1", "tcp://127.0.0.1:2"].map(|rig| RouterClient::connect(rig).expect("a client"));
/// let positions = gather::<f64>(&rigs, "stage.position_um", ()).deadline(Duration::from_millis(100)).wait();
/// for (rig, position) in &positions {
///     match position {
///         Ok(position_um) => println!("{rig}: {position_um} um"),
///         Err(error) => println!("{rig}: {error}"), // here: nobody listens there
///     }
/// }
/// assert_eq!(positions.len(), 2);
/// ```
pub fn gather<'a, T>(
    clients: impl IntoIterator<Item = &'a RouterClient>,
    name: &str,
    args: impl Serialize,
) -> Gather<T> {
    let requests = clients.into_iter().map(|client| Request::by_name(client.clone(), name, &args));
    let clients = requests.map(|request| (request.endpoint(), request)).collect();
    Gather { requests: clients }
}

/// The same call on several servers, not sent yet: see [`gather`].
#[must_use = "nothing is sent before `wait`"]
pub struct Gather<T, E = Refused> {
    requests: Vec<(Endpoint, Request<T, E>)>,
}

impl<T, E> Gather<T, E> {
    /// Gives every call the argument called `name`.
    pub fn kw(self, name: &str, value: impl Serialize) -> Self {
        self.each(|request| request.kw(name, &value))
    }

    /// Sets how long all of them may take together; each server is told.
    pub fn deadline(self, span: Duration) -> Self {
        self.each(|request| request.deadline(span))
    }

    fn each(self, change: impl Fn(Request<T, E>) -> Request<T, E>) -> Self {
        let requests = self.requests.into_iter().map(|(endpoint, request)| (endpoint, change(request)));
        Gather { requests: requests.collect() }
    }
}

impl<T: DeserializeOwned, E: RemoteError> Gather<T, E> {
    /// Makes all the calls at once and waits for their outcomes: those of the clients, in their order, each with the
    /// endpoint that was dialled.
    ///
    /// # Blocking
    /// Until the last outcome: at most for the [`deadline`](Gather::deadline) and 50 ms, if there is one. A call to a
    /// server that is not there ends with the connect timeout of its client.
    pub fn wait(self) -> Vec<(Endpoint, Result<T, CallError<E>>)> {
        // All are started before the first is waited for.
        let started: Vec<(Endpoint, PendingCall<T, E>)> =
            self.requests.into_iter().map(|(endpoint, request)| (endpoint, request.start())).collect();
        started.into_iter().map(|(endpoint, call)| (endpoint, call.wait())).collect()
    }
}

impl<T, E> std::fmt::Debug for Gather<T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gather").field("requests", &self.requests).finish()
    }
}
