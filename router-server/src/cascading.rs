//! Servers behind a server: adding and removing them.

use std::sync::Arc;
use std::time::Duration;

use router_client::{ConnectError, ConnectOptions};
use router_socket::{Endpoint, EndpointError};
use router_wire::describe::UpstreamDescription;
use router_wire::{Name, NameError};
use thiserror::Error;

use crate::add_error::NotFound;
use crate::router_event::RouterEvent;
use crate::server::RouterServer;
use crate::streams::AddStreamError;
use crate::upstreams::AddUpstream;

/// How long the router loop may take for a turn.
const TURN_TAKES: Duration = Duration::from_secs(5);

/// Why a server behind could not be added. That it does not answer is none of the reasons: it may start later.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AddUpstreamError {
    /// The prefix is no name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Something is there already that has this name, or one that begins or ends with it.
    #[error("`{name}` is served already; it and names under `{prefix}` could not be told apart")]
    Taken {
        /// The prefix.
        prefix: String,
        /// What is there.
        name: String,
    },
    /// The address is none, or the system has no socket left.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Its streams cannot be served.
    #[error(transparent)]
    Streams(#[from] AddStreamError),
    /// The server has stopped.
    #[error("the server has stopped; nothing can be added to it")]
    Stopped,
}

impl RouterServer {
    /// Serves another server's calls and streams under `prefix.`: with `rig2`, its `stage.move_to` is `rig2.stage.move_to`
    /// here, and so on through any number of servers. `address` is that of its calls: `tcp://HOST[:PORT]`, `ipc://PATH`,
    /// or `inproc://NAME` where both servers were given one [`SharedContext`](crate::SharedContext).
    ///
    /// Calls keep their client, deadline and urgency; samples their life, number and times. Returns at once: the server
    /// behind may start later, and come and go. While it is away its calls are refused as not reachable, and those on
    /// their way end with an unknown outcome; nothing here waits for it. A server that is behind itself is refused by
    /// itself; [`upstreams`](RouterServer::upstreams) then names the way round.
    ///
    /// ```no_run
    /// # let server = router_server::RouterServer::bind("tcp://127.0.0.1:*")?;
    /// server.add_upstream("rig2", "tcp://rig2")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`AddUpstreamError`].
    ///
    /// # Blocking
    /// For a turn of the router loop and one of the proxy.
    pub fn add_upstream(&self, prefix: &str, address: &str) -> Result<(), AddUpstreamError> {
        let prefix = Name::parse_unreserved(prefix)?;
        let taken =
            |name: Name| AddUpstreamError::Taken { prefix: prefix.to_string(), name: name.to_string() };
        self.dispatcher.registry.write().reserve_prefix(&prefix).map_err(taken)?;
        let added = self.connect_upstream(&prefix, address);
        if added.is_err() {
            self.dispatcher.registry.write().release_prefix(&prefix);
        }
        added
    }

    /// Serves the names under `prefix.` no more. Calls that are on their way there end with an unknown outcome.
    ///
    /// # Errors
    /// [`NotFound`] with the nearest prefixes.
    ///
    /// # Blocking
    /// For a turn of the router loop and one of the proxy.
    pub fn remove_upstream(&self, prefix: &str) -> Result<(), NotFound> {
        let removed = self.upstreams.write().remove(prefix);
        let Some(view) = removed else {
            let upstreams = self.upstreams.read();
            let nearest = router_wire::nearest(prefix, upstreams.keys().map(Name::as_str));
            return Err(NotFound { name: prefix.to_owned(), nearest });
        };
        let (answer, removed) = crossbeam_channel::bounded(1);
        let event = RouterEvent::RemoveUpstream { prefix: view.prefix.clone(), answer };
        if self.mail.post(event).is_ok() {
            drop(removed.recv_timeout(TURN_TAKES)); // with its streams
        }
        self.dispatcher.registry.write().release_prefix(&view.prefix);
        Ok(())
    }

    /// Whether what is served at `address` can be reached from here at all.
    ///
    /// # Errors
    /// [`EndpointError`]; [`EndpointError::NeedsContext`] for `inproc` when this server shares no context.
    pub(crate) fn check_reach(&self, address: &str) -> Result<(), EndpointError> {
        let endpoint = Endpoint::for_client(address)?;
        if endpoint.inproc_name().is_some() && !self.shares_context {
            return Err(EndpointError::NeedsContext { address: address.to_owned() });
        }
        Ok(())
    }

    /// How the servers behind this one are, by prefix.
    pub fn upstreams(&self) -> Vec<UpstreamDescription> {
        self.upstreams.read().values().map(|view| view.status()).collect()
    }

    fn connect_upstream(&self, prefix: &Name, address: &str) -> Result<(), AddUpstreamError> {
        self.check_reach(address).map_err(ConnectError::from)?;
        let streams = self.streams.add_upstream(prefix)?;
        let (answer, added) = crossbeam_channel::bounded(1);
        let options = ConnectOptions::default().name(format!("gateway {}", self.options.name));
        let add = AddUpstream {
            prefix: prefix.clone(),
            address: address.to_owned(),
            options: options.max_body_bytes(self.options.max_body_bytes),
            streams,
            answer,
        };
        self.mail.post(RouterEvent::AddUpstream(Box::new(add))).map_err(|_| AddUpstreamError::Stopped)?;
        let view = added.recv_timeout(TURN_TAKES).map_err(|_| AddUpstreamError::Stopped)??;
        self.upstreams.write().insert(prefix.clone(), Arc::clone(&view));
        Ok(())
    }
}
