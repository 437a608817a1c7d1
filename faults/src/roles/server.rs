//! A server with calls and streams for every scenario. A gateway is one with another behind it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use router_server::{CallOptions, Endpoint, RouterServer, ServerEndpoints, ServerOptions};
use serde_bytes::ByteBuf;

use crate::child::{argument, number, orders, say, say_value};
use crate::failed::{Outcome, until};
use crate::memory;

/// What a gateway calls the server behind it.
pub(crate) const UPSTREAM: &str = "behind";

/// The lane of calls that wait.
const SLOW: &str = "slow";

pub(crate) fn play() -> Outcome {
    let wanted = endpoints(&argument("endpoints")?)?;
    let mut options = ServerOptions::default();
    options.stalled_subscriber_bytes = number("stalled_subscriber_bytes", options.stalled_subscriber_bytes);
    options.max_body_bytes = number("max_body_bytes", options.max_body_bytes);
    options.shared_memory = number("shared_memory", 1) != 0;
    let server = until("the ports are free", || Ok(RouterServer::bind_at(&wanted, options.clone()).ok()))?;
    let door = Arc::new(Door::default());
    add_calls(&server, &door)?;
    add_streams(&server)?;
    if let Ok(upstream) = argument("upstream") {
        server.add_upstream(UPSTREAM, &upstream)?;
    }
    let real = server.endpoints();
    say("endpoints", format!("{} {} {}", real.calls, real.samples, real.frames));
    say("epoch", server.epoch());
    for order in orders() {
        match order.as_str() {
            "resident" => {
                memory::give_back();
                say("resident", memory::resident_bytes()?);
            }
            "open" => door.open(),
            _ => say_value("stats", &server.stats())?,
        }
    }
    Ok(())
}

fn add_calls(server: &RouterServer, door: &Arc<Door>) -> Outcome {
    server.add_call("echo", |(text,): (String,)| text)?;
    server.add_call("move", ran)?;
    let waits = Arc::clone(door);
    server.add_call_with("hang", CallOptions::new().lane(SLOW), move || waits.pass())?;
    server.add_call_with("queued", CallOptions::new().lane(SLOW), ran)?;
    Ok(())
}

/// Tells that the call of this number runs, before it returns.
fn ran((number,): (u64,)) -> u64 {
    say("ran", number);
    number
}

/// `count` at 100 Hz, `frames` as large and as fast as the suite says, and `small.0`, `small.1`, ...
fn add_streams(server: &RouterServer) -> Outcome {
    let mut count = 0_u64;
    server.add_stream("count", 100.0, move || {
        count += 1;
        count
    })?;
    let (bytes, hz) = (number("frame_bytes", 0), number("frame_hz", 0));
    let mut frames = server.add_publisher::<ByteBuf>("frames", (bytes + 16).max(1 << 17))?;
    if hz > 0 {
        let frame = ByteBuf::from(vec![7; bytes]);
        let period = Duration::from_secs_f64(1.0 / hz as f64);
        std::thread::spawn(move || {
            let started = Instant::now();
            let mut due = Duration::ZERO;
            let why = loop {
                if let Err(error) = frames.publish(&frame) {
                    break error;
                }
                due += period;
                std::thread::sleep(due.saturating_sub(started.elapsed()));
            };
            eprintln!("no more frames: {why}");
        });
    }
    let value = ByteBuf::from(vec![7; number("small_bytes", 1)]);
    for stream in 0..number("small_streams", 0) {
        let value = value.clone();
        server.add_stream(&format!("small.{stream}"), 200.0, move || value.clone())?;
    }
    Ok(())
}

/// Reads the three endpoints of a server, or its one address.
fn endpoints(text: &str) -> Outcome<ServerEndpoints> {
    match text.split(' ').collect::<Vec<_>>()[..] {
        [calls, samples, frames] => {
            let parse = |endpoint: &str| endpoint.parse::<Endpoint>();
            Ok(ServerEndpoints { calls: parse(calls)?, samples: parse(samples)?, frames: parse(frames)? })
        }
        _ => Ok(ServerEndpoints::for_server(text)?),
    }
}

/// What a hanging call waits for: opened once, for everyone who waits then.
#[derive(Default)]
struct Door {
    opened: Mutex<u64>,
    changed: Condvar,
}

impl Door {
    fn pass(&self) {
        let mut opened = self.opened.lock();
        let before = *opened;
        say("hanging", "");
        while *opened == before {
            self.changed.wait(&mut opened);
        }
    }

    fn open(&self) {
        *self.opened.lock() += 1;
        self.changed.notify_all();
    }
}
