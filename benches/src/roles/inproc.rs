//! Both sides in one process.

use router_client::{RouterClient, interface};
use router_server::{RouterServer, ServerOptions, SharedContext};

use super::{VALUE, echo};
use crate::latencies::Latencies;
use crate::{Outcome, child};

const ADDRESS: &str = "inproc://bench";

struct Mirror;

#[interface]
impl Mirror {
    /// In the router loop.
    #[call(inline)]
    pub fn inline(&self, value: String) -> String {
        value
    }
}

/// Calls a server of the same process. Order: `latency COUNT`.
pub(crate) fn ours() -> Outcome {
    let context = SharedContext::new()?;
    let server = RouterServer::bind_in(&context, ADDRESS, ServerOptions::default())?;
    server.add_instrument("mirror", Mirror)?;
    let client = RouterClient::connect_in(&context, ADDRESS)?;
    child::obey("-", |words| match words {
        ["latency", count] => {
            let call = || client.call::<String>("mirror.inline", (VALUE,)).wait().map(drop);
            Ok(Latencies::measure(count.parse()?, call)?.summary())
        }
        other => Err(format!("no order: {other:?}").into()),
    })
}

/// A DEALER and a thread with a ROUTER that echoes.
pub(crate) fn raw() -> Outcome {
    let context = zmq::Context::new();
    let router = context.socket(zmq::ROUTER)?;
    router.bind(ADDRESS)?;
    std::thread::spawn(move || echo::echo_with(&router).map_err(|error| eprintln!("raw echo: {error}")));
    let dealer = context.socket(zmq::DEALER)?;
    dealer.connect(ADDRESS)?;
    let request = [7_u8; 64];
    child::obey("-", |words| match words {
        ["latency", count] => {
            let call = || dealer.send(&request[..], 0).and_then(|()| dealer.recv_msg(0)).map(drop);
            Ok(Latencies::measure(count.parse()?, call)?.summary())
        }
        other => Err(format!("no order: {other:?}").into()),
    })
}
