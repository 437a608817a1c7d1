//! What became of a call whose answer did not arrive: the server that is there knows, says what it does not know, and
//! runs nothing twice that may not run twice.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use router_client::{
    Call, CallError, CallId, ConnectOptions, ConnectionState, Failure, Interrupted, OutcomeReport, Refused,
    RouterClient,
};
use router_server::{CallOptions, Endpoint, RouterServer, ServerEndpoints, ServerOptions};
use router_wire::{ClientId, OutcomeReport as Wire, Status};
use support::child::{self, play, say};
use support::{
    ANYWHERE, Child, Ends, PATIENCE, RawClient, Relay, TestStage, address, client, client_at, client_named,
    counter, door, eventually, server, server_with, until,
};

#[test]
fn child_process() {
    play(|role| match role {
        "server" => serve(),
        other => panic!("no role {other}"),
    });
}

/// Serves what can be done twice and what cannot; each tells the test that it runs, and waits to be let go.
fn serve() {
    let wanted = child::argument("endpoints").unwrap();
    let wanted = match wanted.split(' ').collect::<Vec<_>>()[..] {
        [calls, samples, frames] => {
            let parse = |endpoint: &str| endpoint.parse::<Endpoint>().unwrap();
            ServerEndpoints { calls: parse(calls), samples: parse(samples), frames: parse(frames) }
        }
        _ => ServerEndpoints::for_server(&wanted).unwrap(),
    };
    let server =
        until("the ports are free", || RouterServer::bind_at(&wanted, ServerOptions::default()).ok());
    let (door, gate) = door();
    let slow = {
        let door = door.clone();
        move || {
            say("runs", "home");
            door.pass();
            7_u64
        }
    };
    server.add_call_with("home", CallOptions::new().idempotent(), slow).unwrap();
    let moves = move || {
        say("runs", "move");
        door.pass();
    };
    server.add_call("move", moves).unwrap();
    server
        .add_call_with("fill", CallOptions::new().lane("fill"), |(bytes,): (usize,)| "x".repeat(bytes))
        .unwrap();
    let real = server.endpoints();
    say("endpoints", format!("{} {} {}", real.calls, real.samples, real.frames));
    for _ in child::orders() {
        gate.let_one();
    }
}

fn start(endpoints: &str) -> Child {
    Child::start("server", &[("endpoints", endpoints)])
}

/// A child, the endpoints it would have in its next life, and what clients dial.
fn start_anywhere() -> (Child, String, String) {
    let server = start(ANYWHERE);
    let endpoints = server.hears("endpoints");
    let address = endpoints.split(' ').next().unwrap().to_owned();
    (server, endpoints, address)
}

fn unknown<T: std::fmt::Debug>(outcome: Result<T, CallError>) -> CallId {
    match outcome {
        Err(CallError::Unknown { call_id, .. }) => call_id,
        other => panic!("expected an unknown outcome, got {other:?}"),
    }
}

fn ask(client: &RouterClient, id: &CallId) -> OutcomeReport {
    client.outcome(id).ends().unwrap()
}

#[track_caller]
fn finished<T: serde::de::DeserializeOwned>(report: OutcomeReport) -> Result<T, CallError> {
    match report {
        OutcomeReport::Finished(finished) => finished.into_result::<T, Refused>(),
        other => panic!("it has ended, and not as {other:?}"),
    }
}

#[test]
fn a_cut_wire_leaves_a_call_unknown_and_its_outcome_known() {
    let server = server();
    let (door, gate) = door();
    server
        .add_call("expose", move |call: &Call, (frames,): (u64,)| -> Result<u64, Interrupted> {
            call.progress(0.5, "half")?;
            door.pass();
            Ok(frames)
        })
        .unwrap();
    let relay = Relay::to(&server.endpoints().calls);
    let client = client_at(&relay.address, ConnectOptions::default());
    let running = client.call::<u64>("expose", (9,)).start();
    gate.arrived();
    relay.cut();
    let id = unknown(running.ends());
    assert_eq!(id.epoch, server.epoch());
    relay.mend();
    client.wait_connected(PATIENCE).unwrap();
    match ask(&client, &id) {
        OutcomeReport::Running { call, progress } => {
            assert_eq!(
                (call.as_str(), progress.map(|told| told.message)),
                ("expose", Some("half".to_owned()))
            );
        }
        other => panic!("it runs, and does not {other:?}"),
    }
    gate.open();
    let report = until("it ends", || match ask(&client, &id) {
        OutcomeReport::Running { .. } => None,
        ended => Some(ended),
    });
    assert_eq!(finished::<u64>(report), Ok(9));
    // Another client that knows the id may ask as well, by its text.
    let text = id.to_string();
    let other: OutcomeReport = client_named(&server, "other").call("router.outcome", (text,)).ends().unwrap();
    assert_eq!(finished::<u64>(other), Ok(9));
}

#[test]
fn a_failure_that_did_not_arrive_is_kept_too() {
    let server = server();
    let stage = TestStage::rig();
    server.add_instrument("stage", stage.stage.clone()).unwrap();
    let relay = Relay::to(&server.endpoints().calls);
    let client = client_at(&relay.address, ConnectOptions::default());
    client.call::<f64>("stage.move_to", (0.0,)).ends().unwrap();
    relay.deafen();
    let refused = client.call::<f64>("stage.move_to", (-1.0,)).start();
    eventually("it has been refused", || {
        server.stats().calls.iter().any(|call| call.name == "stage.move_to" && call.errors == 1)
    });
    relay.cut();
    let id = unknown(refused.ends());
    relay.mend();
    client.wait_connected(PATIENCE).unwrap();
    let error = finished::<f64>(ask(&client, &id)).unwrap_err();
    assert!(matches!(&error, CallError::Refused(refused) if refused.kind == "OutOfRange"), "{error}");
}

#[test]
fn a_restarted_server_says_that_it_does_not_know() {
    let (mut child, endpoints, address) = start_anywhere();
    let client = client_at(&address, ConnectOptions::default());
    let moving = client.call::<()>("move", ()).start();
    child.hears("runs");
    child.kill();
    let id = unknown(moving.ends());
    let child = start(&endpoints);
    child.hears("endpoints");
    client.wait_connected(PATIENCE).unwrap();
    assert_eq!(ask(&client, &id), OutcomeReport::OtherEpoch { epoch: client.epoch() });
    // Who does not know the epoch hears no guess.
    assert_eq!(ask(&client, &id.without_epoch()), OutcomeReport::Forgotten);
}

#[test]
fn what_never_ran_is_closed() {
    let server = server();
    let count = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&count);
    server.add_call("count", move || counting.fetch_add(1, Ordering::SeqCst)).unwrap();
    let asking = client(&server);
    let mut raw = RawClient::greeted(&server, 7);
    let id = |number| CallId { client: ClientId(0, 7), number, epoch: server.epoch() };
    raw.request(1, "count", &());
    raw.value::<u64>(1);
    assert_eq!(
        ask(&asking, &id(5).without_epoch()),
        OutcomeReport::Forgotten,
        "without an epoch nothing is sure"
    );
    raw.request(4, "count", &());
    raw.value::<u64>(4);
    assert_eq!(ask(&asking, &id(5)), OutcomeReport::NeverRan);
    raw.request(5, "count", &());
    let by = "by router.outcome, which had said that it never ran".to_owned();
    assert_eq!(raw.failure(5), Failure::Cancelled { by, may_still_be_running: false });
    assert_eq!(ask(&asking, &id(5)), OutcomeReport::NeverRan);
    // Below a number that was seen, and never seen itself: that is known as well.
    assert_eq!(ask(&asking, &id(3)), OutcomeReport::NeverRan);
    // One that was refused before it began did not run either.
    raw.request(6, "cuont", &());
    assert!(matches!(raw.failure(6), Failure::NotFound { .. }));
    assert_eq!(ask(&asking, &id(6)), OutcomeReport::NeverRan);
    assert_eq!(count.load(Ordering::SeqCst), 2);
    assert_eq!(counter(&server, "requests_of_closed_calls"), 1);
}

#[test]
fn it_is_answered_while_everything_hangs_and_after_the_deadline() {
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    let alice = client(&server);
    let hung = alice.call::<()>("stage.hang", ()).deadline(Duration::from_millis(200)).start();
    rig.hanging.arrived();
    let queued = alice.call::<f64>("stage.move_to", (0.0,)).start();
    alice.ping().unwrap();
    for call in [&hung.id(), &queued.id()] {
        assert!(matches!(ask(&alice, call), OutcomeReport::Running { .. }));
    }
    let id = hung.id();
    let error = hung.ends().unwrap_err();
    assert!(matches!(error, CallError::DeadlineExceeded { may_still_be_running: true, .. }), "{error}");
    assert!(matches!(ask(&alice, &id), OutcomeReport::Running { .. }), "its method has not returned");
    rig.hanging.open();
    queued.ends().unwrap();
    assert_eq!(finished::<()>(ask(&alice, &id)), Ok(()), "what it returned late is known");
}

#[test]
fn a_call_that_is_not_idempotent_never_runs_twice() {
    let server = server();
    let (door, gate) = door();
    let count = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&count);
    server
        .add_call("move", move || {
            counting.fetch_add(1, Ordering::SeqCst);
            door.pass();
        })
        .unwrap();
    let mut raw = RawClient::greeted(&server, 7);
    raw.request(1, "move", &());
    gate.arrived();
    raw.request(1, "move", &());
    assert!(matches!(raw.failure(1), Failure::BadRequest { .. }), "while it runs");
    gate.let_one();
    assert_eq!(raw.outcome(1).0, Status::Done);
    raw.request(1, "move", &());
    let Failure::BadRequest { message } = raw.failure(1) else { panic!("after its end") };
    assert!(message.contains("router.outcome"), "{message}");
    let mut back = RawClient::greeted(&server, 7);
    back.request(1, "move", &());
    assert!(matches!(back.failure(1), Failure::BadRequest { .. }), "over another connection");
    assert_eq!(count.load(Ordering::SeqCst), 1);
    assert_eq!(counter(&server, "repeated_call_numbers"), 3);
}

#[test]
fn an_idempotent_call_that_comes_again_is_attached_or_answered_again() {
    let server = server();
    let (door, gate) = door();
    let count = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&count);
    let home = move || {
        let turn = counting.fetch_add(1, Ordering::SeqCst);
        door.pass();
        turn
    };
    server.add_call_with("home", CallOptions::new().idempotent(), home).unwrap();
    server.add_call("other", || 5).unwrap();
    let mut raw = RawClient::greeted(&server, 7);
    raw.request(1, "home", &());
    gate.arrived();
    // The same client over another connection, as after a break.
    let mut back = RawClient::greeted(&server, 7);
    back.request(1, "home", &());
    back.request(2, "router.ping", &());
    assert_eq!(back.outcome(2).0, Status::Done);
    gate.let_one();
    assert_eq!(back.value::<u64>(1), 0);
    back.request(1, "home", &());
    assert_eq!(back.value::<u64>(1), 0, "the outcome that is kept");
    back.request(1, "other", &());
    assert!(matches!(back.failure(1), Failure::BadRequest { .. }), "the number is another call's");
    assert_eq!(count.load(Ordering::SeqCst), 1);
    assert_eq!(counter(&server, "repeated_idempotent_calls"), 2);
}

#[test]
fn an_idempotent_call_is_sent_again_after_a_break_and_runs_once_where_the_server_lives() {
    let (mut child, _, address) = start_anywhere();
    let relay = Relay::to(&address.parse().unwrap());
    let client = client_at(&relay.address, ConnectOptions::default());
    for ends_meanwhile in [false, true] {
        let homing = client.call::<u64>("home", ()).deadline(PATIENCE).start();
        assert_eq!(child.hears("runs"), "home");
        let id = homing.id();
        relay.cut();
        client.wait_state(|state| state == ConnectionState::Lost, PATIENCE).unwrap();
        assert!(!homing.is_finished());
        if ends_meanwhile {
            child.tell("let one");
            let asking = client_at(&address, ConnectOptions::default());
            eventually("it ends", || matches!(ask(&asking, &id), OutcomeReport::Finished(_)));
            relay.mend();
        } else {
            relay.mend();
            client.wait_connected(PATIENCE).unwrap();
            client.ping().unwrap();
            child.tell("let one");
        }
        assert_eq!(homing.ends(), Ok(7));
    }
    // What is not idempotent is not sent again.
    let moving = client.call::<()>("move", ()).start();
    assert_eq!(child.hears("runs"), "move", "home ran once each time");
    relay.cut();
    unknown(moving.ends());
    let counters = client.counters();
    assert_eq!((counters.retries, counters.unknown_outcomes), (2, 1));
}

#[test]
fn an_idempotent_call_runs_again_in_the_next_life_of_the_server_but_not_for_ever() {
    let (mut child, endpoints, address) = start_anywhere();
    let client = client_at(&address, ConnectOptions::default().connect_timeout(PATIENCE).max_retries(1));
    let homing = client.call::<u64>("home", ()).start();
    let moving = client.call::<()>("move", ()).start();
    let mut ran = [child.hears("runs"), child.hears("runs")];
    ran.sort();
    assert_eq!(ran, ["home", "move"]);
    let first = homing.id();
    child.kill();
    unknown(moving.ends());
    let mut child = start(&endpoints);
    assert_eq!(child.hears("runs"), "home", "it runs again");
    assert_eq!(homing.id(), first, "the id is the same");
    assert_ne!(homing.id().epoch, first.epoch, "the server is another");
    child.tell("let one");
    assert_eq!(homing.ends(), Ok(7));

    let homing = client.call::<u64>("home", ()).start();
    child.hears("runs");
    child.kill();
    let mut child = start(&endpoints);
    child.hears("runs");
    child.kill();
    unknown(homing.ends());

    // A server that does not come back.
    let child = start(&endpoints);
    child.hears("endpoints");
    let hasty = client_at(&address, ConnectOptions::default().connect_timeout(Duration::from_millis(300)));
    let homing = hasty.call::<u64>("home", ()).start();
    let with_deadline = hasty.call::<u64>("home", ()).deadline(Duration::from_millis(700)).start();
    child.hears("runs");
    hasty.ping().unwrap();
    drop(child);
    unknown(homing.ends());
    let error = with_deadline.ends().unwrap_err();
    let honest = matches!(
        error,
        CallError::Unknown { .. } | CallError::DeadlineExceeded { may_still_be_running: true, .. }
    );
    assert!(honest, "{error}");
}

#[test]
fn the_bounds_of_what_is_kept() {
    let server = server_with(|options| {
        options.outcomes_kept = 10;
        options.outcomes_kept_bytes = 160_000;
        options.outcomes_kept_for = Duration::from_millis(1500);
    });
    server.add_call("fill", |(bytes,): (usize,)| "x".repeat(bytes)).unwrap();
    let alice = client(&server);
    let run = |bytes: usize| {
        let call = alice.call::<String>("fill", (bytes,)).start();
        let id = until("it leaves", || Some(call.id()).filter(|id| id.epoch != 0));
        call.ends().unwrap();
        id
    };
    let long = run(20_000);
    let OutcomeReport::Finished(kept) = ask(&alice, &long) else { panic!("it is kept how it ended") };
    assert_eq!((kept.status(), kept.is_kept(), kept.bytes()), (Status::Done, false, 20_003));
    let ids: Vec<CallId> = (0..30).map(|_| run(10)).collect();
    let is_kept = |id: &CallId| matches!(ask(&alice, id), OutcomeReport::Finished(_));
    assert!(ids[20..].iter().all(is_kept), "the newest ten are kept");
    assert!(ids[..20].iter().all(|id| ask(&alice, id) == OutcomeReport::Forgotten), "the others are not");
    let last = *ids.last().unwrap();
    std::thread::sleep(Duration::from_millis(1500)); // what passes is the time that they are kept
    eventually("the time is over", || ask(&alice, &last) == OutcomeReport::Forgotten);
    // What comes then, and does not come, is known again.
    let never = CallId { number: last.number + 1_000_000, ..last };
    assert_eq!(ask(&alice, &never), OutcomeReport::NeverRan);
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn ten_thousand_outcomes_cost_their_bound() {
    const OUTCOMES: u64 = 10_000;
    let (child, _, address) = start_anywhere();
    let client = client_at(&address, ConnectOptions::default());
    let fill = |calls: u64, bytes: usize| {
        for _ in 0..calls / 100 {
            let calls: Vec<_> = (0..100).map(|_| client.call::<String>("fill", (bytes,)).start()).collect();
            calls.into_iter().for_each(|call| drop(call.ends().unwrap()));
        }
    };
    fill(1_000, 10);
    let before = child::resident_bytes(child.pid());
    fill(OUTCOMES, 10);
    let small = child::resident_bytes(child.pid()) - before;
    // Three times as many, of 20 KB each: 600 MB went through, 64 MiB are kept.
    fill(3 * OUTCOMES, 20_000);
    let large = child::resident_bytes(child.pid()) - before;
    println!("{OUTCOMES} small outcomes: {small} bytes, {} each; full: {large} bytes", small / OUTCOMES);
    assert!(small / OUTCOMES < 1_000, "{} bytes for an outcome of 10", small / OUTCOMES);
    assert!(large < 128 << 20, "{large} bytes");
}

#[test]
fn through_two_gateways_the_server_that_has_it_is_asked() {
    let last = server();
    let (door, gate) = door();
    let count = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&count);
    let waits = door.clone();
    last.add_call("expose", move |(frames,): (u64,)| {
        waits.pass();
        frames
    })
    .unwrap();
    let home = move || {
        let turn = counting.fetch_add(1, Ordering::SeqCst);
        door.pass();
        turn
    };
    last.add_call_with("home", CallOptions::new().idempotent(), home).unwrap();
    let (wire, middle, first) = (Relay::to(&last.endpoints().calls), server(), server());
    middle.add_upstream("rig", &wire.address).unwrap();
    first.add_upstream("next", &address(&middle)).unwrap();
    let alice = client(&first);
    let knows = |name: &str| first.describe().calls.iter().any(|call| call.name == name);
    eventually("the first knows the last", || knows("next.rig.expose") && knows("next.rig.home"));

    let running = alice.call::<u64>("next.rig.expose", (9,)).start();
    gate.arrived();
    let id = running.id();
    assert!(matches!(ask(&alice, &id), OutcomeReport::Running { call, .. } if call == "expose"));
    wire.cut();
    assert_eq!(unknown(running.ends()), id);
    wire.mend();
    let report = |wanted: fn(&OutcomeReport) -> bool| {
        until("the server behind says so", || alice.outcome(&id).ends().ok().filter(wanted))
    };
    report(|report| matches!(report, OutcomeReport::Running { .. }));
    gate.let_one();
    let ended = report(|report| matches!(report, OutcomeReport::Finished(_)));
    assert_eq!(finished::<u64>(ended), Ok(9));
    let never = CallId { number: id.number + 1_000, ..id };
    assert_eq!(ask(&alice, &never), OutcomeReport::NeverRan);

    // An idempotent call waits for the server behind, and is run once.
    eventually("the greetings tell of it", || {
        let mut raw =
            RawClient::connect(&first.endpoints().calls, 99, router_wire::hello::ClientSocket::Calls);
        raw.greet();
        raw.idempotent.iter().any(|name| name == "next.rig.home")
    });
    let alice = client(&first);
    let homing = alice.call::<u64>("next.rig.home", ()).start();
    gate.arrived();
    wire.cut();
    eventually("the client hears of it", || alice.counters().retries > 0);
    wire.mend();
    gate.let_one();
    assert_eq!(homing.ends(), Ok(0));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn questions_that_are_none_are_refused() {
    let server = server();
    let mut raw = RawClient::greeted(&server, 7);
    raw.request(1, "router.outcome", &("no id",));
    let Failure::BadArguments { argument, .. } = raw.failure(1) else { panic!("it is no id") };
    assert_eq!(argument.as_deref(), Some("call_id"));
    raw.request(2, "router.outcome", &("x".repeat(10_000),));
    assert!(matches!(raw.failure(2), Failure::BadArguments { .. }));
    let id = CallId { client: ClientId(0, 9), number: 1, epoch: 0 };
    raw.request(3, "router.outcome", &(id, server.epoch(), 5));
    assert!(matches!(raw.failure(3), Failure::BadArguments { .. }));
    raw.request(4, "router.outcome", &(id, server.epoch()));
    assert_eq!(raw.value::<Wire>(4), Wire::NeverRan);
    let started = Instant::now();
    for number in 5..1_005 {
        raw.request(number, "router.outcome", &(id, server.epoch()));
        raw.value::<Wire>(number);
    }
    println!("a question takes {:?}", started.elapsed() / 1_000);
}
