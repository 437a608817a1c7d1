//! Who publishes: a `Publisher` of ours, or a PUB behind an XSUB/XPUB proxy.

use std::sync::Arc;

use router_server::{Published, Publisher, RouterServer, ServerOptions};
use serde_bytes::ByteBuf;

use super::{echo, server};
use crate::pool::Pool;
use crate::publishing::{no_order, obey};
use crate::{Outcome, os, pattern, raw_message};

/// From here on samples are frames, and the settings that suit them best are used.
const LARGE_BYTES: usize = 64 << 10;
/// How many frames wait for a subscriber before the source waits.
const RAW_FRAMES_QUEUED: i32 = 3;

/// Publishes samples of `bytes` at `address`, by the orders of [`publishing`](crate::publishing); ours has one more,
/// `scalar`: adds a stream of numbers at 1 kHz.
pub(crate) fn run(kind: &str, address: &str, bytes: usize) -> Outcome {
    match kind {
        "ours" => ours(address, bytes),
        "raw" => raw(address, bytes),
        other => Err(format!("there is no source `{other}`").into()),
    }
}

fn ours(address: &str, bytes: usize) -> Outcome {
    // As its documentation says: two where large frames go to several subscribers.
    let io_threads = if bytes > LARGE_BYTES { 2 } else { 1 };
    let options = ServerOptions { io_threads, ..ServerOptions::default() };
    let server = RouterServer::bind_with(address, options)?;
    server::add_instruments(&server)?;
    let mut publisher: Publisher<ByteBuf> = server.add_publisher("samples", bytes.max(LARGE_BYTES))?;
    let pool = Arc::new(Pool::new(bytes));
    let publish = move |number| {
        let taken = |published| !matches!(published, Published::DroppedAtSource { .. });
        if bytes > LARGE_BYTES {
            let mut buffer = pool.take();
            pattern::write(&mut buffer, number);
            return Ok(taken(publisher.publish_bytes(buffer)?));
        }
        let mut buffer = vec![0; bytes];
        pattern::write(&mut buffer, number);
        Ok(taken(publisher.publish_bytes(buffer)?))
    };
    let address = server.endpoints().calls.to_string();
    obey(&address, Box::new(publish), |words| match words {
        ["scalar"] => Ok(server.add_stream("scalar", 1000.0, os::now_ns)?),
        other => no_order(other),
    })
}

/// A PUB over inproc to a proxy of XSUB and XPUB: `zmq_proxy` for small samples. For frames what serves libzmq best: one
/// copy less by reference, two I/O threads, large blocks kept, and a source that waits instead of writing frames that
/// are dropped.
fn raw(address: &str, bytes: usize) -> Outcome {
    const INSIDE: &str = "inproc://samples";
    let large = bytes > LARGE_BYTES;
    let context = zmq::Context::new();
    if large {
        os::keep_large_blocks();
        context.set_io_threads(2)?;
    }
    let (xsub, mut xpub) = (context.socket(zmq::XSUB)?, context.socket(zmq::XPUB)?);
    let mut publisher = context.socket(zmq::PUB)?;
    set_nodrop(&mut publisher)?;
    if large {
        set_nodrop(&mut xpub)?;
        xsub.set_rcvhwm(1)?;
        publisher.set_sndhwm(1)?;
        xpub.set_sndhwm(RAW_FRAMES_QUEUED)?;
    }
    xsub.bind(INSIDE)?;
    xpub.bind(address)?;
    publisher.connect(INSIDE)?;
    let address = echo::last_endpoint(&xpub)?;
    std::thread::spawn(move || -> Result<(), zmq::Error> {
        if !large {
            return zmq::proxy(&xsub, &xpub);
        }
        xsub.send(&b"\x01"[..], 0)?;
        loop {
            xpub.send(xsub.recv_msg(0)?, 0)?;
        }
    });
    let pool = Arc::new(Pool::new(bytes));
    let publish = move |number| {
        if large {
            let mut buffer = pool.take();
            pattern::write(&mut buffer, number);
            raw_message::send(&mut publisher, buffer)?;
        } else {
            let mut message = zmq::Message::with_size(bytes);
            pattern::write(&mut message, number);
            publisher.send(message, 0)?;
        }
        Ok(true)
    };
    obey(&address, Box::new(publish), no_order)
}

/// A full queue has the sender wait, in place of dropping.
fn set_nodrop(socket: &mut zmq::Socket) -> Outcome {
    raw_message::set_option(socket, zmq_sys::ZMQ_XPUB_NODROP, 1)
}
