//! A server with instruments that do nothing by themselves.

use std::time::Duration;

use router_client::{Call, Interrupted, interface};
use router_server::RouterServer;
use serde_bytes::ByteBuf;

use crate::{Outcome, child, os};

/// How many instruments have something to do that takes long.
pub(crate) const SLOW: usize = 4;

/// Answers with what it was given.
struct Mirror;

#[interface]
impl Mirror {
    /// On the lane.
    pub fn lane(&self, value: String) -> String {
        value
    }

    /// In the router loop.
    #[call(inline)]
    pub fn inline(&self, value: String) -> String {
        value
    }

    /// On the lane, of any size.
    pub fn bytes(&self, value: ByteBuf) -> ByteBuf {
        value
    }
}

/// An instrument that waits for its hardware most of the time, as drivers do.
struct Slow;

#[interface]
impl Slow {
    /// Until it is cancelled.
    pub fn work(&self, call: &Call) -> Result<(), Interrupted> {
        loop {
            call.sleep(Duration::from_secs(3600))?;
        }
    }

    /// Beside it.
    #[call(urgent)]
    pub fn abort(&self) {}
}

/// Serves at `address`. Orders:
/// - `upstream PREFIX ADDRESS`: puts another server behind this one, and waits until it is there
/// - `streams COUNT HZ`: adds as many streams
pub(crate) fn serve(address: &str) -> Outcome {
    let server = RouterServer::bind(address)?;
    add_instruments(&server)?;
    let address = server.endpoints().calls.to_string();
    let mut streams = 0;
    child::obey(&address, |words| match words {
        ["upstream", prefix, address] => {
            server.add_upstream(prefix, address)?;
            Ok(Vec::new())
        }
        ["streams", count, hz] => {
            for _ in 0..count.parse()? {
                server.add_stream(&format!("stream{streams}"), hz.parse()?, os::now_ns)?;
                streams += 1;
            }
            Ok(vec![f64::from(streams)])
        }
        other => Err(format!("no order: {other:?}").into()),
    })
}

/// Adds `mirror`, which answers, and `slow0` to `slow3`, which are busy.
pub(crate) fn add_instruments(server: &RouterServer) -> Outcome {
    server.add_instrument("mirror", Mirror)?;
    for number in 0..SLOW {
        server.add_instrument(&format!("slow{number}"), Slow)?;
    }
    Ok(())
}
