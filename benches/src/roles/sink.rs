//! Who listens and reads every byte: a queue of ours, or a SUB.

use std::time::Duration;

use router_client::{Payload, RouterClient};

use crate::reading::obey;
use crate::{Outcome, os, pattern};

/// Far more than any source takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most small samples that wait, and most bytes.
const QUEUED: usize = 100_000;
const QUEUED_BYTES: usize = 64 << 20;

/// Listens at `address`, by the orders of [`reading`](crate::reading).
pub(crate) fn run(kind: &str, address: &str) -> Outcome {
    match kind {
        "ours" => ours(address),
        "scalar" => scalar(address),
        "raw" => raw(address),
        other => Err(format!("there is no sink `{other}`").into()),
    }
}

fn ours(address: &str) -> Outcome {
    let client = RouterClient::connect(address)?;
    client.wait_connected(PATIENCE)?;
    let samples = client.subscribe::<Payload>("samples").without_last_value();
    let samples = samples.queue_bytes(QUEUED_BYTES).queue(QUEUED)?;
    let read = move || Ok(pattern::read(&samples.recv_timeout(PATIENCE)?.value)?);
    obey(Box::new(read))
}

/// The stream of numbers beside the samples: each says when it was made.
fn scalar(address: &str) -> Outcome {
    let client = RouterClient::connect(address)?;
    let numbers = client.subscribe::<u64>("scalar").without_last_value().queue(QUEUED)?;
    let read = move || {
        let number = numbers.recv_timeout(PATIENCE)?;
        Ok((number.sequence, os::now_ns().saturating_sub(number.value) as f64 / 1e3))
    };
    obey(Box::new(read))
}

fn raw(address: &str) -> Outcome {
    os::keep_large_blocks();
    let context = zmq::Context::new();
    let sub = context.socket(zmq::SUB)?;
    sub.set_rcvtimeo(PATIENCE.as_millis() as i32)?;
    sub.set_subscribe(b"")?;
    sub.connect(address)?;
    let read = move || Ok(pattern::read(&sub.recv_msg(0)?)?);
    obey(Box::new(read))
}
