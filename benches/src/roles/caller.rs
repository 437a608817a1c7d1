//! A client that calls, ours or a DEALER.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use router_client::{PendingCall, RouterClient};
use serde_bytes::ByteBuf;

use super::VALUE;
use crate::latencies::Latencies;
use crate::{Outcome, child};

const PATIENCE: Duration = Duration::from_secs(30);

/// Calls a `RouterServer`. Orders:
/// - `latency NAME COUNT`: p50, p99, longest [us]
/// - `rate NAME MS WINDOW`: calls/s with WINDOW on their way
/// - `bytes SIZE COUNT`: as `latency`, of SIZE bytes there and back
/// - `hold COUNT`: has every lane busy, and COUNT calls wait behind on each
/// - `urgent COUNT MS`: as `latency`, one each MS milliseconds, to each instrument in turn
pub(crate) fn ours(address: &str) -> Outcome {
    let client = RouterClient::connect(address)?;
    client.wait_connected(PATIENCE)?;
    let mut held: Vec<PendingCall<()>> = Vec::new();
    child::obey("-", |words| match words {
        ["latency", name, count] => {
            let call = || client.call::<String>(name, (VALUE,)).wait().map(drop);
            Ok(Latencies::measure(count.parse()?, call)?.summary())
        }
        ["rate", name, ms, window] => Ok(vec![rate(&client, name, ms.parse()?, window.parse()?)?]),
        ["bytes", size, count] => {
            let value = ByteBuf::from(vec![7; size.parse()?]);
            let call = || client.call::<ByteBuf>("mirror.bytes", (&value,)).wait().map(drop);
            Ok(Latencies::measure(count.parse()?, call)?.summary())
        }
        ["hold", count] => {
            let lanes = super::server::SLOW;
            for _ in 0..=count.parse()? {
                held.extend(
                    (0..lanes).map(|lane| client.call::<()>(&format!("slow{lane}.work"), ()).start()),
                );
            }
            let busy = |lanes: &[router_client::status::LaneStatus]| {
                lanes.iter().filter(|lane| lane.name.starts_with("slow") && lane.running.is_some()).count()
            };
            let end = Instant::now() + PATIENCE;
            while busy(&client.lanes().wait()?) < lanes {
                if Instant::now() > end {
                    return Err("the lanes are not busy".into());
                }
                std::thread::yield_now();
            }
            Ok(vec![lanes as f64])
        }
        ["urgent", count, ms] => {
            let (count, pause) = (count.parse::<usize>()?, Duration::from_millis(ms.parse()?));
            let mut latencies = Latencies::default();
            for number in 0..count {
                std::thread::sleep(pause);
                let start = Instant::now();
                let name = format!("slow{}.abort", number % super::server::SLOW);
                client.call::<()>(&name, ()).wait()?;
                latencies.add(start.elapsed());
            }
            Ok(latencies.summary())
        }
        other => Err(format!("no order: {other:?}").into()),
    })
}

fn rate(client: &RouterClient, name: &str, ms: u64, window: usize) -> Outcome<f64> {
    let start_one = || client.call::<String>(name, (VALUE,)).start();
    let mut pending: VecDeque<_> = (0..window).map(|_| start_one()).collect();
    let (start, span, mut answered) = (Instant::now(), Duration::from_millis(ms), 0_u64);
    while start.elapsed() < span {
        if let Some(oldest) = pending.pop_front() {
            oldest.wait()?;
            answered += 1;
            pending.push_back(start_one());
        }
    }
    let rate = answered as f64 / start.elapsed().as_secs_f64();
    for pending in pending {
        pending.wait()?;
    }
    Ok(rate)
}

/// The same of a DEALER, with whatever echoes at `address`; it waits in `zmq_msg_recv`.
pub(crate) fn raw(address: &str) -> Outcome {
    let context = zmq::Context::new();
    let dealer = context.socket(zmq::DEALER)?;
    dealer.connect(address)?;
    let request = [7_u8; 64];
    child::obey("-", |words| match words {
        ["latency", _, count] => {
            let call = || dealer.send(&request[..], 0).and_then(|()| dealer.recv_msg(0)).map(drop);
            Ok(Latencies::measure(count.parse()?, call)?.summary())
        }
        ["rate", _, ms, window] => {
            let window = window.parse()?;
            for _ in 0..window {
                dealer.send(&request[..], 0)?;
            }
            let (start, span, mut answered) = (Instant::now(), Duration::from_millis(ms.parse()?), 0_u64);
            while start.elapsed() < span {
                dealer.recv_msg(0)?;
                dealer.send(&request[..], 0)?;
                answered += 1;
            }
            let rate = answered as f64 / start.elapsed().as_secs_f64();
            for _ in 0..window {
                dealer.recv_msg(0)?;
            }
            Ok(vec![rate])
        }
        ["bytes", size, count] => {
            let value = vec![7_u8; size.parse()?];
            let call = || dealer.send(&value[..], 0).and_then(|()| dealer.recv_msg(0)).map(drop);
            Ok(Latencies::measure(count.parse()?, call)?.summary())
        }
        other => Err(format!("no order: {other:?}").into()),
    })
}
