//! What the tests of the server share: a server and a client, waiting with a deadline, doors instead of sleeps.
#![allow(dead_code, unused_imports, unreachable_pub)] // each test file uses some of it; an interface is `pub`

pub(crate) mod busy;
pub(crate) mod chain;
pub(crate) mod child;
pub(crate) mod door;
pub(crate) mod hostile_peer;
pub(crate) mod random;
pub(crate) mod raw_client;
pub(crate) mod relay;
pub(crate) mod served_stage;
pub(crate) mod stage;
pub(crate) mod threads;
pub(crate) mod zmtp;

use std::time::{Duration, Instant};

use router_client::{CallError, ConnectOptions, PendingCall, RemoteError, Request, RouterClient};
use router_server::{Endpoint, RouterServer, ServerEndpoints, ServerOptions};
use serde::de::DeserializeOwned;

pub(crate) use busy::BusyCores;
pub(crate) use chain::{Chain, named_server};
pub(crate) use child::Child;
pub(crate) use door::{Door, Gate, door};
pub(crate) use raw_client::RawClient;
pub(crate) use relay::Relay;
pub(crate) use served_stage::{ServedStage, begin_move, hang, serve_stage};
pub(crate) use stage::{StageError, StageRig, TestStage, TestStageClient};

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Loopback, any free ports.
pub(crate) const ANYWHERE: &str = "tcp://127.0.0.1:*";

/// A server at loopback. No name is waited for: what is not there is refused at once.
pub(crate) fn server() -> RouterServer {
    server_with(|_| {})
}

/// A server at loopback with choices of its own; else as [`server`].
pub(crate) fn server_with(choose: impl FnOnce(&mut ServerOptions)) -> RouterServer {
    let mut options = ServerOptions { names_may_come_for: Duration::ZERO, ..ServerOptions::default() };
    choose(&mut options);
    RouterServer::bind_with(ANYWHERE, options).unwrap()
}

/// A client of `server` that is connected.
pub(crate) fn client(server: &RouterServer) -> RouterClient {
    client_named(server, "test")
}

/// A client of `server` with a name of its own, connected.
pub(crate) fn client_named(server: &RouterServer, name: &str) -> RouterClient {
    client_at(&address(server), ConnectOptions::default().name(name))
}

/// A client with options, connected.
pub(crate) fn client_at(address: &str, options: ConnectOptions) -> RouterClient {
    let client = RouterClient::connect_with(address, options).unwrap();
    client.wait_connected(PATIENCE).unwrap();
    client
}

/// A server that takes the calls endpoint of one that has ended; its streams are at any ports.
pub(crate) fn server_again(calls: &str) -> RouterServer {
    let any = || "tcp://127.0.0.1:*".parse::<Endpoint>().unwrap();
    let wanted = ServerEndpoints { calls: calls.parse().unwrap(), samples: any(), frames: any() };
    until("the port is free", || RouterServer::bind_at(&wanted, ServerOptions::default()).ok())
}

/// What clients of `server` dial.
pub(crate) fn address(server: &RouterServer) -> String {
    server.endpoints().calls.to_string()
}

/// One of a server's counters.
pub(crate) fn counter(server: &RouterServer, name: &str) -> u64 {
    *server.stats().counters.get(name).unwrap_or_else(|| panic!("the server counts `{name}`"))
}

/// A call that a test waits for: one that never ends fails the test in place of stopping it.
pub(crate) trait Ends<T, E> {
    /// Waits for the outcome.
    fn ends(self) -> Result<T, CallError<E>>;
}

impl<T: DeserializeOwned, E: RemoteError> Ends<T, E> for PendingCall<T, E> {
    #[track_caller]
    fn ends(self) -> Result<T, CallError<E>> {
        self.wait_timeout(PATIENCE).unwrap_or_else(|call| panic!("`{}` never ends", call.name()))
    }
}

impl<T: DeserializeOwned, E: RemoteError> Ends<T, E> for Request<T, E> {
    #[track_caller]
    fn ends(self) -> Result<T, CallError<E>> {
        self.start().ends()
    }
}

/// Returns what `look` finds, asking again until it does.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until `condition` holds.
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    until(what, || condition().then_some(()));
}
