//! `stop()` in each state: within 1 s, with no thread left but those that the report names, the port free again.
//!
//! Each state has a process of its own, in which nothing else has threads.
#![cfg(target_os = "linux")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use router_client::{CallError, RouterClient};
use router_server::{AddError, RouterServer, StopReport};
use support::child::{self, play, say};
use support::threads::{new_threads, shown, threads};
use support::{
    BusyCores, Child, Ends, PATIENCE, ServedStage, TestStage, address, begin_move, client, door, eventually,
    hang, serve_stage, server,
};

/// The promise, without hooks.
const LIMIT: Duration = Duration::from_secs(1);
/// A thread that was joined may be seen a moment longer.
const THREADS_END_WITHIN: Duration = Duration::from_secs(5);

#[test]
fn child_process() {
    play(|role| match role {
        "idle" => idle(),
        "streaming" => streaming(),
        "mid_call" => mid_call(),
        "peer_gone" => peer_gone(),
        "hung" => hung(),
        "hung_everywhere" => hung_everywhere(),
        "hung_on_a_busy_machine" => hung_on_a_busy_machine(),
        "hooks" => hooks(),
        "dropped" => dropped(),
        "peer" => peer(),
        other => panic!("no role {other}"),
    });
}

#[test]
fn stop_in_each_state() {
    let states = [
        "idle",
        "streaming",
        "mid_call",
        "peer_gone",
        "hung",
        "hung_everywhere",
        "hung_on_a_busy_machine",
        "hooks",
        "dropped",
    ];
    for state in states {
        eprintln!("state: {state}");
        let status = Child::start(state, &[]).ends();
        assert!(status.success(), "{state}: {status}; what failed stands above");
    }
}

/// Stops `server`, and looks at everything that holds in every state. `end` ends what else has threads.
fn check_stop(
    server: &RouterServer,
    before: &std::collections::BTreeMap<u64, String>,
    limit: Duration,
    end: impl FnOnce(),
) -> StopReport {
    let started = Instant::now();
    let report = server.stop();
    let took = started.elapsed();
    assert!(took < limit, "it took {took:?}: {report}");
    assert!(report.took <= took, "{report}");
    // A listening socket can be bound again at once, at each of the three ports.
    let endpoints = server.endpoints().clone();
    let again = RouterServer::bind_at(&endpoints, Default::default()).unwrap();
    assert_eq!(again.endpoints(), &endpoints);
    assert!(again.stop().is_clean());
    drop(again);
    end();
    let mut left: Vec<String> =
        report.set_apart.iter().map(|thread| shown(thread.split(" (in ").next().unwrap())).collect();
    left.extend(report.overrun_hooks.iter().map(|hook| shown(&format!("stop {hook}"))));
    left.sort();
    let deadline = Instant::now() + THREADS_END_WITHIN;
    let seen = loop {
        let seen = new_threads(before);
        if seen == left || Instant::now() > deadline {
            break seen;
        }
        std::thread::yield_now();
    };
    assert_eq!(seen, left, "threads left, and those that the report names");
    assert_eq!(server.stop(), report, "a second stop tells the same");
    assert!(matches!(server.add_call("late", || 0), Err(AddError::Stopped)));
    report
}

fn idle() {
    let before = threads();
    let server = server();
    server.add_instrument("stage", TestStage::rig().stage).unwrap();
    let report = check_stop(&server, &before, LIMIT, || {});
    assert!(report.is_clean(), "{report}");
}

fn streaming() {
    let before = threads();
    let server = server();
    server.add_instrument("stage", TestStage::rig().stage).unwrap();
    server.add_stream("closure", 100.0, || 1.0).unwrap();
    server.add_stream("other", 37.0, || 1.0).unwrap();
    server.add_instrument_stream("method", 100.0, "stage.thread", ()).unwrap();
    let mut publisher = server.add_publisher::<String>("frames", 1 << 20).unwrap();
    let mut kept = server.add_publisher::<u64>("kept", 100).unwrap();
    let client = client(&server);
    let closure = client.subscribe::<f64>("closure").queue(10).unwrap();
    let method = client.subscribe::<String>("method").queue(10).unwrap();
    let frames = client.subscribe::<String>("frames").queue(10).unwrap();
    // After the stop publishing is an error, never a hang.
    let publishing = std::thread::spawn(move || while publisher.publish(&"x".repeat(1 << 19)).is_ok() {});
    closure.recv_timeout(PATIENCE).unwrap();
    method.recv_timeout(PATIENCE).unwrap();
    frames.recv_timeout(PATIENCE).unwrap();
    let report = check_stop(&server, &before, LIMIT, move || {
        publishing.join().unwrap();
        assert!(kept.publish(&1).is_err());
        drop((closure, method, frames, client));
    });
    assert!(report.is_clean(), "{report}");
}

fn mid_call() {
    let before = threads();
    let ServedStage { server, rig, client } = serve_stage();
    let moving = begin_move(&client, &rig);
    let queued = client.call::<f64>("stage.move_to", (1.0,)).start();
    eventually("one waits", || server.stats().lanes.iter().any(|lane| lane.queued == 1));
    let mut outcomes = Vec::new();
    let report = check_stop(&server, &before, LIMIT, || {
        for call in [moving, queued] {
            match call.ends() {
                Err(CallError::Cancelled { by, may_still_be_running, .. }) => {
                    outcomes.push((by, may_still_be_running))
                }
                other => panic!("{other:?}"),
            }
        }
        drop(client);
    });
    assert!(report.is_clean(), "{report}");
    assert!(outcomes.iter().all(|(by, running)| by.contains("the server stop") && !running), "{outcomes:?}");
    assert_eq!(rig.stage.moves(), [500.0], "a queued call started while the server stopped");
}

/// What the peer of `peer_gone` does until it is killed.
fn peer() {
    let client = RouterClient::connect(&child::argument("server").unwrap()).unwrap();
    let queue = client.subscribe::<String>("frames").queue(10).unwrap();
    let _moving = client.call::<f64>("stage.move_to", (500.0,)).start();
    let _queued = client.call::<f64>("stage.move_to", (1.0,)).start();
    queue.recv_timeout(PATIENCE).unwrap();
    say("streaming", "");
    loop {
        let _ = queue.recv();
    }
}

fn peer_gone() {
    let before = threads();
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    let mut publisher = server.add_publisher::<String>("frames", 1 << 20).unwrap();
    let mut peer = Child::start("peer", &[("server", &address(&server))]);
    let publishing = std::thread::spawn(move || while publisher.publish(&"x".repeat(1 << 19)).is_ok() {});
    peer.hears("streaming");
    rig.moving.arrived();
    peer.freeze();
    eventually("answers and frames pile up", || {
        server.stats().streams.iter().any(|stream| stream.name == "frames" && stream.produced > 300)
    });
    peer.kill();
    let report = check_stop(&server, &before, LIMIT, move || {
        publishing.join().unwrap();
        drop(peer);
    });
    assert!(report.is_clean(), "{report}");
}

fn hung() {
    let before = threads();
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    server.add_instrument("laser", TestStage::rig().stage).unwrap();
    let client = client(&server);
    let hanging = hang(&client, &rig);
    let report = check_stop(&server, &before, LIMIT, || {
        match hanging.ends().unwrap_err() {
            CallError::Cancelled { by, may_still_be_running: true, .. } => {
                assert_eq!(by, "the server stopped")
            }
            other => panic!("{other}"),
        }
        drop(client);
    });
    assert_eq!(report.set_apart, ["stage (in stage.hang)"]);
    assert!(!report.is_clean() && report.to_string().contains("stage.hang"), "{report}");
}

/// User code hangs wherever there is user code: on a lane, in a pool, in a stream.
fn hung_everywhere() {
    let before = threads();
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    let (stream_door, stream_gate) = door();
    server.add_stream("stuck", 10.0, move || stream_door.pass()).unwrap();
    server.add_stream("free", 20.0, || 1).unwrap();
    stream_gate.arrived();
    let client = client(&server);
    let calls = ["stage.hang", "stage.hang_beside", "stage.hang_beside"];
    let pending = calls.map(|name| client.call::<()>(name, ()).start());
    (0..calls.len()).for_each(|_| rig.hanging.arrived());
    let report = check_stop(&server, &before, LIMIT, || drop((pending, client)));
    assert_eq!(report.set_apart.len(), 4, "{report}");
    assert!(report.set_apart.iter().any(|thread| thread.contains("stuck")), "{report}");
}

/// Every wait of the stop is as long as it may be, and each thread waits for its turn on a core.
fn hung_on_a_busy_machine() {
    let _busy = (BusyCores::start(), BusyCores::start());
    hung_everywhere();
}

fn hooks() {
    let before = threads();
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let (slow, _never_opened) = door();
    let log = |what: &'static str| {
        let order = Arc::clone(&order);
        move || order.lock().push(what)
    };
    server.on_stop("laser off", log("laser off"));
    server.on_stop("broken", || panic!("no shutter"));
    server.on_stop_within("overrun", Duration::from_millis(100), move || slow.pass());
    // Hooks run when the calls have been cancelled.
    let moves_ended = log("shutter closed");
    server.on_stop("shutter closed", moves_ended);
    let limit = LIMIT + Duration::from_millis(200 + 200 + 100 + 200);
    let report = check_stop(&server, &before, limit, || {});
    assert_eq!(*order.lock(), ["shutter closed", "laser off"], "the hook added last runs first");
    assert_eq!(report.overrun_hooks, ["overrun"]);
    assert_eq!(report.panicked_hooks.len(), 1);
    assert!(report.panicked_hooks[0].contains("broken") && report.panicked_hooks[0].contains("no shutter"));
}

fn dropped() {
    let before = threads();
    let ServedStage { server, rig, client } = serve_stage();
    let moving = begin_move(&client, &rig);
    let (ran, hook) = door();
    server.on_stop("laser off", move || ran.ring());
    let started = Instant::now();
    drop(server);
    assert!(started.elapsed() < LIMIT + Duration::from_millis(200));
    hook.arrived();
    assert!(matches!(moving.ends(), Err(CallError::Cancelled { .. })));
    drop(client);
    eventually("no thread is left", || new_threads(&before).is_empty());
}
