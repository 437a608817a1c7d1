//! Calls that come before what they name: clients may be faster than the program that adds its instruments.

mod support;

use std::time::Duration;

use router_client::{CallError, PendingCall, RouterClient};
use router_server::{Preset, RouterServer};
use router_wire::status::StopOutcome;
use support::{Ends, PATIENCE, RawClient, TestStage, client, counter, eventually, server_with};

/// A server for whose names clients wait as long as a test does.
fn slow_to_add() -> RouterServer {
    server_with(|options| options.names_may_come_for = PATIENCE)
}

/// Starts a call of what is not there, and waits until the server has it.
fn early<T>(server: &RouterServer, client: &RouterClient, name: &str) -> PendingCall<T> {
    let before = counter(server, "requests");
    let pending = client.call::<T>(name, ()).start();
    eventually("the server has the request", || counter(server, "requests") > before);
    assert!(!pending.is_finished());
    pending
}

#[test]
fn they_wait_for_what_is_added_and_run_once() {
    let server = slow_to_add();
    let client = client(&server);
    let (call, stop, named) = (
        early::<u32>(&server, &client, "answer"),
        early::<()>(&server, &client, "stage.stop"),
        early::<u32>(&server, &client, "the_answer"),
    );
    server.add_call("answer", || 42_u32).unwrap();
    assert_eq!(call.ends(), Ok(42));
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    assert_eq!((stop.ends(), rig.stage.stops()), (Ok(()), 1));
    server.add_named_call("the_answer", "answer", Preset::new(())).unwrap();
    assert_eq!(named.ends(), Ok(42));
}

#[test]
fn they_end_by_cancel_deadline_loss_and_stop_without_having_run() {
    let server = slow_to_add();
    let (alice, bob) = (client(&server), client(&server));
    let cancelled = early::<()>(&server, &alice, "a");
    cancelled.cancel();
    assert!(matches!(cancelled.ends(), Err(CallError::Cancelled { may_still_be_running: false, .. })));
    let late = alice.call::<()>("b", ()).deadline(Duration::from_millis(50)).ends();
    assert!(matches!(late, Err(CallError::DeadlineExceeded { .. })), "{late:?}");
    let left_behind = early::<()>(&server, &bob, "c");
    drop((left_behind, bob));
    eventually("the client is lost", || counter(&server, "lost_clients") > 0);
    let (ran, runs) = crossbeam_channel::unbounded();
    for name in ["a", "b", "c"] {
        let ran = ran.clone();
        server.add_call(name, move || ran.send(name).unwrap()).unwrap();
    }
    let stopped = early::<()>(&server, &alice, "never");
    server.stop();
    assert!(matches!(stopped.ends(), Err(CallError::Cancelled { may_still_be_running: false, .. })));
    assert!(runs.try_recv().is_err(), "one of them ran");
}

#[test]
fn after_a_while_a_name_that_is_not_there_is_refused() {
    let server = server_with(|options| options.names_may_come_for = Duration::from_millis(100));
    server.add_call("answer", || 42_u32).unwrap();
    let client = client(&server);
    let refused = || match client.call::<u32>("anwser", ()).ends() {
        Err(CallError::NotFound { nearest, .. }) => nearest,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(), ["answer"]);
    assert_eq!(refused(), ["answer"]);
}

#[test]
fn a_move_that_waits_for_its_name_does_not_run_after_everything_was_stopped() {
    let server = slow_to_add();
    let (alice, bob) = (client(&server), client(&server));
    let moving = alice.call::<f64>("stage.move_to", (0.0,));
    let before = counter(&server, "requests");
    let moving = moving.start();
    eventually("the server has the move", || counter(&server, "requests") > before);
    let _: Vec<StopOutcome> = bob.call("router.stop_all", ()).ends().unwrap();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    assert!(matches!(moving.ends(), Err(CallError::Cancelled { may_still_be_running: false, .. })));
    assert!(rig.stage.moves().is_empty(), "the move ran after the stop");
}

/// The stop is of an instrument that is there already; what waits has a name under it that still has to come.
#[test]
fn a_move_that_waits_for_its_name_does_not_run_after_its_instrument_was_stopped() {
    let server = slow_to_add();
    let (alice, bob) = (client(&server), client(&server));
    let focus = early::<()>(&server, &alice, "stage.focus");
    let of_another = early::<u32>(&server, &alice, "stage2.focus");
    server.add_instrument("stage", TestStage::rig().stage).unwrap();
    bob.call::<()>("stage.stop", ()).ends().unwrap();
    let (ran, runs) = crossbeam_channel::unbounded();
    server.add_call("stage.focus", move || ran.send(()).unwrap()).unwrap();
    server.add_call("stage2.focus", || 42_u32).unwrap();
    match focus.ends().unwrap_err() {
        CallError::Cancelled { by, may_still_be_running: false, .. } => {
            assert_eq!(by, format!("by stage.stop, by {}", bob.identity()));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(of_another.ends(), Ok(42), "another instrument was not stopped");
    assert!(runs.try_recv().is_err(), "it ran after the stop");
}

#[test]
fn they_run_in_the_order_in_which_they_came() {
    let server = slow_to_add();
    let mut alice = RawClient::greeted(&server, 1);
    alice.request_within(1, "nothing", &(), Duration::from_millis(100));
    for number in 2..=4_u64 {
        alice.request(number, "note", &(number,));
    }
    let late = alice.failure(1);
    assert!(matches!(late, router_client::Failure::DeadlineExceeded { .. }), "{late:?}");
    let (noted, notes) = crossbeam_channel::unbounded();
    server.add_call("note", move |(number,): (u64,)| noted.send(number).unwrap()).unwrap();
    let order: Vec<u64> = (0..3).map(|_| notes.recv_timeout(PATIENCE).unwrap()).collect();
    assert_eq!(order, [2, 3, 4]);
}
