//! Calls without an end from several threads and listens to streams, whatever becomes of the server. It tells how each
//! call ended, and when each stream is back from another life of the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use router_client::{CallError, ConnectOptions, Queue, RouterClient};

use crate::account::Account;
use crate::child::{argument, number, orders, say, say_value};
use crate::failed::{Outcome, PATIENCE, until};
use crate::outcomes::{DEADLINE, Ending};

const THREADS: usize = 4;
const BETWEEN_CALLS: Duration = Duration::from_millis(5);
/// How long one attempt to settle may take.
const SOON: Duration = Duration::from_secs(1);

pub(crate) fn play() -> Outcome {
    let options = ConnectOptions::default().name("caller").connect_timeout(DEADLINE);
    let client = RouterClient::connect_with(&argument("address")?, options)?;
    client.wait_connected(PATIENCE)?;
    let streams = argument("streams")?;
    let queues: Vec<_> = streams
        .split(',')
        .map(|stream| client.subscribe_raw(stream).queue(100_000).map(Arc::new))
        .collect::<Result<_, _>>()?;
    for queue in &queues {
        let queue = Arc::clone(queue);
        std::thread::spawn(move || tell_returns(&queue));
    }
    let end = Arc::new(AtomicBool::new(false));
    let numbers = Arc::new(AtomicU64::new(number("first", 0) as u64));
    let _listener = client.on_state(|state| say("state", format_args!("{state:?}")))?;
    let prefix = argument("prefix").unwrap_or_default();
    let mut targets = vec![format!("{prefix}move"); THREADS];
    // One call is always open.
    targets.push(format!("{prefix}hang"));
    let threads: Vec<_> = targets
        .iter()
        .map(|target| {
            let (client, target) = (client.clone(), target.clone());
            let (end, numbers) = (Arc::clone(&end), Arc::clone(&numbers));
            std::thread::spawn(move || call_on(&client, &target, &end, &numbers))
        })
        .collect();
    for order in orders() {
        match order.as_str() {
            "connected" => {
                client.wait_connected(PATIENCE)?;
                say("connected", "true");
            }
            "settle" => {
                let (target, number) = (&targets[0], || numbers.fetch_add(1, Ordering::Relaxed));
                until("a call is answered", || {
                    Ok((call(&client, target, number()) == Ending::Done).then_some(()))
                })?;
                // The connection may be lost meanwhile, and come back.
                let settled = queues.iter().map(|queue| {
                    let stats = until("the stream settles", || Ok(queue.settle(SOON).ok()))?;
                    Ok(Account::of(queue.name().as_str(), &stats))
                });
                say_value("settle", &settled.collect::<Outcome<Vec<_>>>()?)?;
            }
            _ => {
                end.store(true, Ordering::Relaxed);
                break;
            }
        }
    }
    for thread in threads {
        let _ = thread.join();
    }
    let counted = client.counters();
    say("unknown_outcomes", counted.unknown_outcomes);
    say("ended", counted.times_lost);
    orders().for_each(drop);
    Ok(())
}

fn call_on(client: &RouterClient, target: &str, end: &AtomicBool, numbers: &AtomicU64) {
    while !end.load(Ordering::Relaxed) {
        call(client, target, numbers.fetch_add(1, Ordering::Relaxed));
        std::thread::sleep(BETWEEN_CALLS);
    }
}

/// Makes the call of this number and tells how it ended.
fn call(client: &RouterClient, target: &str, number: u64) -> Ending {
    let started = Instant::now();
    let request = match target.ends_with("hang") {
        true => client.call::<u64>(target, ()),
        false => client.call(target, (number,)),
    };
    let ending = match request.deadline(DEADLINE).wait() {
        Ok(moved) if moved == number => Ending::Done,
        Ok(_) => Ending::Wrong,
        Err(CallError::ServerGone { .. } | CallError::Busy { .. }) => Ending::NeverRan,
        Err(CallError::ClientLost { .. }) => Ending::NeverRan,
        Err(CallError::Unknown { .. }) => Ending::Unknown,
        Err(CallError::DeadlineExceeded { .. }) => Ending::DeadlineExceeded,
        Err(_) => Ending::Wrong,
    };
    say("ended_call", format_args!("{number} {} {}", ending.word(), started.elapsed().as_millis()));
    ending
}

/// Tells when the first sample of a stream comes, and when one comes from another life of the server or after more than
/// a second of silence.
fn tell_returns(queue: &Queue<router_client::Payload>) {
    const SILENCE: Duration = Duration::from_secs(1);
    let mut last = None::<(u64, Instant)>;
    while let Ok(sample) = queue.recv() {
        let is_back = last.is_none_or(|(epoch, at)| epoch != sample.epoch || at.elapsed() > SILENCE);
        if is_back {
            say("back", format_args!("{} {}", queue.name(), sample.epoch));
        }
        last = Some((sample.epoch, Instant::now()));
    }
}
