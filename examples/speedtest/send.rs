//! The side that serves: it answers calls, and publishes frames of each size while somebody listens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use examples::speedtest::FRAME_SIZES;
use router_client::interface;
use router_server::{PublishError, Published, Publisher, RouterServer, ServerOptions};
use serde_bytes::ByteBuf;

/// How long to wait before looking again whether somebody listens, or takes more.
const PAUSE: Duration = Duration::from_micros(200);

/// Answers with what it was given.
struct Echo;

#[interface]
impl Echo {
    /// In the router loop: what the two machines and their network need, and little else.
    #[call(inline)]
    pub fn inline(&self, value: u64) -> u64 {
        value
    }

    /// On the lane.
    pub fn lane(&self, value: ByteBuf) -> ByteBuf {
        value
    }
}

/// Serves at `address` until Enter.
pub(crate) fn run(address: &str) -> Result<(), Box<dyn std::error::Error>> {
    // Two threads move bytes: frames are large.
    let server = RouterServer::bind_with(address, ServerOptions { io_threads: 2, ..Default::default() })?;
    server.add_instrument("echo", Echo)?;
    let ended = AtomicBool::new(false);
    let mut publishers = Vec::new();
    for (name, bytes) in FRAME_SIZES {
        publishers.push((server.add_publisher::<ByteBuf>(name, bytes)?, bytes));
    }
    std::thread::scope(|threads| {
        for (publisher, bytes) in publishers {
            let ended = &ended;
            threads.spawn(move || publish(publisher, bytes, ended));
        }
        println!("serving {}; Enter ends it", server.endpoints().calls);
        let entered = std::io::stdin().read_line(&mut String::new());
        ended.store(true, Ordering::Relaxed);
        entered
    })?;
    println!("{}", server.stop());
    Ok(())
}

/// As fast as they are taken, the same bytes again and again by reference.
fn publish(mut frames: Publisher<ByteBuf>, bytes: usize, ended: &AtomicBool) -> Result<(), PublishError> {
    let pixels: Arc<[u8]> = vec![7; bytes].into();
    while !ended.load(Ordering::Relaxed) {
        let taken =
            frames.is_heard() && matches!(frames.publish_bytes(Arc::clone(&pixels))?, Published::Sent { .. });
        if !taken {
            std::thread::sleep(PAUSE);
        }
    }
    Ok(())
}
