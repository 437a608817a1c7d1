//! The side that calls and listens, and prints what it found.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use examples::speedtest::FRAME_SIZES;
use router_client::{ConnectOptions, Payload, RouterClient};
use serde_bytes::ByteBuf;

const PATIENCE: Duration = Duration::from_secs(30);
/// Calls that are on their way at once.
const WINDOW: usize = 64;
const BODY_BYTES: usize = 1 << 20;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// How long each of the measurements takes.
struct Effort {
    calls: usize,
    span: Duration,
}

/// Measures with the server at `address`; `quick` makes it short.
pub(crate) fn run(address: &str, words: &[&str]) -> Outcome {
    let effort = match words {
        [] => Effort { calls: 5000, span: Duration::from_secs(3) },
        ["quick"] => Effort { calls: 200, span: Duration::from_millis(200) },
        other => return Err(format!("not known: {other:?}").into()),
    };
    let client = RouterClient::connect_with(address, ConnectOptions::default().io_threads(2))?;
    client.wait_connected(PATIENCE)?;
    round_trips(&client, &effort)?;
    rate(&client, &effort)?;
    bodies(&client, &effort)?;
    for (name, bytes) in FRAME_SIZES {
        frames(&client, &effort, name, bytes)?;
    }
    Ok(())
}

fn round_trips(client: &RouterClient, effort: &Effort) -> Outcome {
    let mut took = Vec::with_capacity(effort.calls);
    for number in 0..effort.calls as u64 {
        let start = Instant::now();
        client.call::<u64>("echo.inline", (number,)).wait()?;
        took.push(start.elapsed());
    }
    took.sort_unstable();
    let at_us = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    println!("round trip of a call: half within {:.0} us, 99 % within {:.0} us", at_us(0.5), at_us(0.99));
    Ok(())
}

fn rate(client: &RouterClient, effort: &Effort) -> Outcome {
    let call = || client.call::<u64>("echo.inline", (1_u64,)).start();
    let mut pending: VecDeque<_> = (0..WINDOW).map(|_| call()).collect();
    let (start, mut answered) = (Instant::now(), 0_u64);
    while start.elapsed() < effort.span {
        if let Some(oldest) = pending.pop_front() {
            oldest.wait()?;
            answered += 1;
            pending.push_back(call());
        }
    }
    let rate = answered as f64 / start.elapsed().as_secs_f64();
    println!("{WINDOW} calls on their way: {rate:.0} calls/s");
    for pending in pending {
        pending.wait()?;
    }
    Ok(())
}

fn bodies(client: &RouterClient, effort: &Effort) -> Outcome {
    let body = ByteBuf::from(vec![7; BODY_BYTES]);
    let (start, mut calls) = (Instant::now(), 0_u32);
    while start.elapsed() < effort.span {
        client.call::<ByteBuf>("echo.lane", (&body,)).wait()?;
        calls += 1;
    }
    let bytes_per_s = f64::from(calls) * BODY_BYTES as f64 / start.elapsed().as_secs_f64();
    println!("calls of 1 MiB: {:.1} MB/s there and as much back", bytes_per_s / 1e6);
    Ok(())
}

fn frames(client: &RouterClient, effort: &Effort, name: &str, bytes: usize) -> Outcome {
    let queue = client.subscribe::<Payload>(name).without_last_value().queue(1000)?;
    queue.recv_timeout(PATIENCE)?;
    let (start, mut count) = (Instant::now(), 0_u64);
    while start.elapsed() < effort.span {
        let frame = queue.recv_timeout(PATIENCE)?;
        assert_eq!(frame.value.len(), bytes, "a frame of another size");
        count += 1;
    }
    let rate = count as f64 / start.elapsed().as_secs_f64();
    let stats = queue.stats();
    let left_out = stats.lost + stats.dropped;
    let mb_per_s = rate * bytes as f64 / 1e6;
    println!("{name}: {rate:.0} frames/s, {mb_per_s:.0} MB/s; {left_out} of {} left out", stats.expected());
    assert!(stats.balances(), "{stats:?}");
    Ok(())
}
