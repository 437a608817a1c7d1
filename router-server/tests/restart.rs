//! A server dies as in a power cut and comes back, while clients call and subscribe.
#![cfg(unix)]

mod support;

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use router_client::{CallError, ConnectOptions, ConnectionState, RouterClient, SampleError};
use router_server::{Endpoint, RouterServer, ServerEndpoints, ServerOptions};
use support::child::{self, play, say};
use support::{ANYWHERE, BusyCores, Child, Ends, PATIENCE, client_at, door, until};

#[test]
fn child_process() {
    play(|role| match role {
        "server" => serve(),
        other => panic!("no role {other}"),
    });
}

/// Serves a stage whose moves are told to the test, a call that hangs, and two streams.
fn serve() {
    let wanted = endpoints(&child::argument("endpoints").unwrap());
    let server =
        until("the ports are free", || RouterServer::bind_at(&wanted, ServerOptions::default()).ok());
    server
        .add_call("move", |(number,): (u64,)| {
            say("moved", number);
            number
        })
        .unwrap();
    let (door, gate) = door();
    server.add_call("hang", move || door.pass()).unwrap();
    let mut count = 0_u64;
    server
        .add_stream("count", 100.0, move || {
            count += 1;
            count
        })
        .unwrap();
    let mut frames = server.add_publisher::<String>("frames", 1 << 20).unwrap();
    std::thread::spawn(move || {
        while frames.publish(&"x".repeat(100_000)).is_ok() {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let real = server.endpoints();
    say("endpoints", format!("{} {} {}", real.calls, real.samples, real.frames));
    say("epoch", server.epoch());
    std::thread::spawn(move || {
        loop {
            gate.arrived();
            say("hanging", "");
        }
    });
    child::orders().for_each(drop);
}

/// Reads the three endpoints of a server, or its one address.
fn endpoints(text: &str) -> ServerEndpoints {
    match text.split(' ').collect::<Vec<_>>()[..] {
        [calls, samples, frames] => {
            let parse = |endpoint: &str| endpoint.parse::<Endpoint>().unwrap();
            ServerEndpoints { calls: parse(calls), samples: parse(samples), frames: parse(frames) }
        }
        _ => ServerEndpoints::for_server(text).unwrap(),
    }
}

/// Starts a server at these endpoints.
fn start(endpoints: &str) -> Child {
    Child::start("server", &[("endpoints", endpoints)])
}

/// Starts a server at any free ports; returns it, the endpoints it would have in its next life, and what clients dial.
fn start_anywhere() -> (Child, String, String) {
    let server = start(ANYWHERE);
    let endpoints = server.hears("endpoints");
    let address = endpoints.split(' ').next().unwrap().to_owned();
    (server, endpoints, address)
}

#[test]
fn calls_in_flight_end_unknown_and_new_ones_server_gone_within_their_deadlines() {
    let _busy = BusyCores::start();
    let (mut server, _, address) = start_anywhere();
    let client = client_at(&address, ConnectOptions::default().connect_timeout(Duration::from_millis(300)));
    let running = client.call::<()>("hang", ()).deadline(PATIENCE).start();
    server.hears("hanging");
    let queued = client.call::<()>("hang", ()).start();
    client.ping().unwrap(); // the queued one has arrived, or is about to: it has left
    server.kill();
    let killed = Instant::now();
    for call in [running, queued] {
        let id = call.id();
        match call.ends() {
            Err(CallError::Unknown { call_id, call, .. }) => {
                assert_eq!((call_id, call.as_str()), (id, "hang"))
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(killed.elapsed() < Duration::from_secs(5), "the outcome took {:?}", killed.elapsed());
    assert_eq!(client.counters().unknown_outcomes, 2);
    for deadline in [Duration::from_millis(100), PATIENCE] {
        let started = Instant::now();
        let gone = client.call::<u64>("move", (1,)).deadline(deadline).ends().unwrap_err();
        assert!(matches!(gone, CallError::ServerGone { .. }), "{gone}");
        assert!(started.elapsed() < Duration::from_secs(2), "it took {:?}", started.elapsed());
    }
    assert_eq!(client.state(), ConnectionState::Lost);
}

#[test]
fn an_old_move_is_never_delivered_to_the_restarted_server() {
    let (mut server, endpoints, address) = start_anywhere();
    let client = client_at(&address, ConnectOptions::default());
    let (numbers, end) = (AtomicU64::new(1), AtomicBool::new(false));
    let unknown = Mutex::new(HashSet::new());
    let done = AtomicU64::new(0);
    const DEADLINE: Duration = Duration::from_secs(10);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !end.load(Ordering::Relaxed) {
                    let number = numbers.fetch_add(1, Ordering::Relaxed);
                    let started = Instant::now();
                    match client.call::<u64>("move", (number,)).deadline(DEADLINE).ends() {
                        Ok(moved) => {
                            assert_eq!(moved, number);
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(CallError::Unknown { .. }) => drop(unknown.lock().unwrap().insert(number)),
                        Err(CallError::ServerGone { .. }) => {}
                        Err(other) => panic!("{other}"),
                    }
                    assert!(started.elapsed() < DEADLINE + Duration::from_secs(2), "{:?}", started.elapsed());
                }
            });
        }
        for _ in 0..4 {
            let before = done.load(Ordering::Relaxed);
            support::eventually("moves are made", || done.load(Ordering::Relaxed) > before + 100);
            server.kill();
            server = start(&endpoints);
            server.hears("epoch");
            let started_with: HashSet<u64> = unknown.lock().unwrap().clone();
            let before = done.load(Ordering::Relaxed);
            support::eventually("moves are made again", || done.load(Ordering::Relaxed) > before + 100);
            let last = numbers.fetch_add(1, Ordering::Relaxed);
            assert_eq!(client.call("move", (last,)).ends(), Ok(last));
            let moved = server.hears_until("moved", &last.to_string());
            let moved: HashSet<u64> = moved.iter().map(|number| number.parse().unwrap()).collect();
            // Whatever was lost by now was lost with an earlier life of the server.
            let lost: Vec<_> = unknown.lock().unwrap().intersection(&moved).copied().collect();
            assert!(lost.is_empty(), "moves of unknown outcome ran in the next life: {lost:?}");
            assert!(started_with.is_disjoint(&moved));
        }
        end.store(true, Ordering::Relaxed);
    });
    let counters = client.counters();
    assert_eq!(counters.epoch_changes, 4);
    assert_eq!(counters.unknown_outcomes, unknown.lock().unwrap().len() as u64);
}

#[test]
fn subscriptions_are_back_within_2_s_and_count_the_break() {
    let (mut server, endpoints, address) = start_anywhere();
    let client = client_at(&address, ConnectOptions::default());
    let cache = client.subscribe::<u64>("count").cache().unwrap();
    let queue = client.subscribe::<u64>("count").queue(100_000).unwrap();
    let frames = client.subscribe::<String>("frames").queue(100_000).unwrap();
    cache.wait_newer(PATIENCE).unwrap();
    frames.recv_timeout(PATIENCE).unwrap();
    for breaks in 1..=3 {
        let old = queue.recv_timeout(PATIENCE).unwrap().epoch;
        server.kill();
        server = start(&endpoints);
        let epoch: u64 = server.hears("epoch").parse().unwrap();
        let listening = Instant::now();
        assert_ne!(old, epoch);
        let back = |what: &str, mut epoch_of: Box<dyn FnMut() -> Result<u64, SampleError> + '_>| {
            until(what, || epoch_of().ok().filter(|found| *found == epoch));
            let took = listening.elapsed();
            assert!(took < Duration::from_secs(2), "{what} was back after {took:?}");
        };
        let short = Duration::from_millis(100);
        back("the cache", Box::new(|| cache.wait_newer(short).map(|sample| sample.epoch)));
        back("the queue", Box::new(|| queue.recv_timeout(short).map(|sample| sample.epoch)));
        back("the frames", Box::new(|| frames.recv_timeout(short).map(|sample| sample.epoch)));
        for stats in [cache.stats(), queue.settle(PATIENCE).unwrap(), frames.stats()] {
            assert_eq!(stats.breaks, breaks);
            assert!(stats.balances(), "{stats:?}");
            assert_eq!(stats.segments.len() as u64, breaks + 1);
        }
    }
}

#[test]
fn a_client_may_start_first() {
    let (mut ended, endpoints, address) = start_anywhere();
    ended.kill();
    let patient = ConnectOptions::default().connect_timeout(PATIENCE);
    let client = RouterClient::connect_with(&address, patient).unwrap();
    assert_eq!(client.state(), ConnectionState::Connecting);
    let queue = client.subscribe::<u64>("count").queue(1000).unwrap();
    let early = client.call::<u64>("move", (7,)).start();
    let _server = start(&endpoints);
    assert_eq!(early.ends(), Ok(7));
    let first = queue.recv_timeout(PATIENCE).unwrap();
    assert_eq!(first.epoch, client.epoch());
    assert_eq!(queue.stats().breaks, 0);
}

#[test]
fn a_server_on_a_path_comes_back_too() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("ipc://{}/server", folder.path().display());
    let mut server = start(&address);
    server.hears("endpoints");
    let client = client_at(&address, ConnectOptions::default().connect_timeout(PATIENCE));
    let queue = client.subscribe::<u64>("count").queue(1000).unwrap();
    queue.recv_timeout(PATIENCE).unwrap();
    server.kill();
    let server = start(&address);
    let epoch: u64 = server.hears("epoch").parse().unwrap();
    assert_eq!(client.call("move", (7,)).ends(), Ok(7_u64));
    until("samples of the new life", || {
        queue.recv_timeout(PATIENCE).ok().filter(|sample| sample.epoch == epoch)
    });
}

#[test]
fn a_frozen_server_is_stale_then_lost_and_found_again() {
    let (server, _, address) = start_anywhere();
    let client = client_at(&address, ConnectOptions::default());
    server.freeze();
    let mut states = Vec::new();
    for wanted in [ConnectionState::Stale, ConnectionState::Lost] {
        states.push(client.wait_state(|state| state == wanted, PATIENCE).unwrap());
    }
    let gone = client.call::<u64>("move", (1,)).deadline(Duration::from_millis(100)).ends().unwrap_err();
    assert!(matches!(gone, CallError::ServerGone { .. }), "{gone}");
    server.thaw();
    client.wait_connected(PATIENCE).unwrap();
    assert_eq!(client.call("move", (2,)).ends(), Ok(2_u64));
    assert_eq!(server.hears("moved"), "2", "a call that ended `server gone` ran");
}
