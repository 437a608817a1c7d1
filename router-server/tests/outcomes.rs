//! Every way in which a call ends, from the method to its caller.

mod support;

use std::time::{Duration, Instant};

use router_client::{Call, CallError, ConnectOptions, Interrupted, Refused, RouterClient};
use router_wire::{Failure, Status};
use support::{
    Ends, RawClient, ServedStage, StageError, TestStage, TestStageClient, begin_move, client, client_named,
    counter, door, eventually, hang, serve_stage, server, server_with,
};

#[test]
fn done_with_a_value() {
    let server = server();
    server.add_call("add", |(a, b): (f64, f64)| a + b).unwrap();
    server.add_call("nothing", || ()).unwrap();
    let client = client(&server);
    assert_eq!(client.call::<f64>("add", (1.5, 2.0)).ends(), Ok(3.5));
    assert_eq!(client.call::<()>("nothing", ()).ends(), Ok(()));
}

#[test]
fn refused_by_the_method_with_its_own_error() {
    let server = server();
    server.add_instrument("stage", TestStage::rig().stage).unwrap();
    server.add_call("fail", || Err::<(), _>("no vacuum".to_owned())).unwrap();
    let client = client(&server);
    let out_of_range = StageError::OutOfRange { target_um: 12000.0, limit_um: 10000.0 };
    let typed = TestStageClient::new(&client, "stage").move_to(12000.0).ends().unwrap_err();
    assert_eq!(typed, CallError::Refused(out_of_range.clone()));
    // By name it is what any client in any language can read.
    let CallError::Refused(untyped) = client.call::<f64>("stage.move_to", (12000.0,)).ends().unwrap_err()
    else {
        panic!("not refused")
    };
    assert_eq!(untyped.kind, "OutOfRange");
    assert_eq!(untyped.message, "target 12000 um is outside 0..=10000 um");
    assert!(!untyped.details.is_empty());
    let plain = client.call::<()>("fail", ()).ends().unwrap_err();
    assert_eq!(plain, CallError::Refused(Refused::new("error", "no vacuum")));
}

#[test]
fn panicked_and_the_instrument_goes_on() {
    let server = server();
    let mut calls = 0;
    let fragile = move || {
        calls += 1;
        assert!(calls != 1, "encoder read 65535");
        calls
    };
    server.add_call("fragile", fragile).unwrap();
    let client = client(&server);
    let CallError::Panicked { call, message } = client.call::<i32>("fragile", ()).ends().unwrap_err() else {
        panic!("not panicked")
    };
    assert_eq!(call, "fragile");
    assert!(message.contains("encoder read 65535"), "{message}");
    assert_eq!(client.call("fragile", ()).ends(), Ok(2));
}

#[test]
fn cancelled_while_queued_it_never_starts() {
    let ServedStage { server: _server, rig, client } = serve_stage();
    let hung = hang(&client, &rig);
    let queued = client.call::<f64>("stage.move_to", (0.0,)).start();
    queued.cancel();
    let cancelled = CallError::Cancelled {
        call: "stage.move_to".into(),
        by: "by its caller".into(),
        may_still_be_running: false,
    };
    assert_eq!(queued.ends().unwrap_err(), cancelled);
    rig.hanging.open();
    hung.ends().unwrap();
    assert_eq!(client.call("stage.thread", ()).ends(), Ok("stage".to_owned()));
    assert!(rig.stage.moves().is_empty(), "the cancelled move ran");
}

#[test]
fn cancelled_while_running_it_ends_at_its_next_cancellation_point() {
    let ServedStage { server: _server, rig, client } = serve_stage();
    let moving = begin_move(&client, &rig);
    moving.cancel();
    let CallError::Cancelled { by, may_still_be_running, .. } = moving.ends().unwrap_err() else {
        panic!("not cancelled")
    };
    assert_eq!((by.as_str(), may_still_be_running), ("by its caller", false));
    // A cancel is a request: a method without a cancellation point returns what it returns.
    let hung = hang(&client, &rig);
    hung.cancel();
    rig.hanging.open();
    assert_eq!(hung.ends(), Ok(()));
}

#[test]
fn deadline_exceeded_says_whether_the_method_may_still_be_running() {
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    let soon = Duration::from_millis(50);
    // A client that hears nothing ends the call by itself, and cannot know: here the server is asked.
    let mut raw = RawClient::greeted(&server, 7);
    raw.request_within(1, "stage.hang", &(), Duration::from_secs(1));
    rig.hanging.arrived();
    assert_eq!(raw.failure(1), Failure::DeadlineExceeded { may_still_be_running: true });
    raw.request_within(2, "stage.move_to", &(0.0,), soon);
    assert_eq!(raw.failure(2), Failure::DeadlineExceeded { may_still_be_running: false });
    let client = client(&server);
    let queued = client.call::<f64>("stage.move_to", (0.0,)).deadline(soon).ends();
    assert!(matches!(queued, Err(CallError::DeadlineExceeded { .. })), "{queued:?}");
    rig.hanging.open();
    assert_eq!(client.call("stage.thread", ()).ends(), Ok("stage".to_owned()));
    assert!(rig.stage.moves().is_empty(), "a call ran after its deadline");
    // What the hung method returned in the end is for nobody, and counted.
    eventually("the late outcome is counted", || counter(&server, "late_outcomes") == 1);
}

#[test]
fn a_method_sees_its_deadline() {
    let server = server();
    let told = |call: &Call, (): ()| {
        let remaining = call.remaining().unwrap();
        let ended = call.sleep(Duration::from_secs(3600));
        assert_eq!(ended, Err(Interrupted::DeadlineExceeded));
        assert!(remaining <= Duration::from_millis(50), "{remaining:?}");
        ended
    };
    server.add_call("told", told).unwrap();
    let ended = client(&server).call::<()>("told", ()).deadline(Duration::from_millis(50)).ends();
    assert!(matches!(ended, Err(CallError::DeadlineExceeded { .. })), "{ended:?}");
}

#[test]
fn busy_to_one_client_and_to_all() {
    let server = server_with(|options| {
        options.lane_calls = 6;
        options.lane_calls_per_client = 4;
    });
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    let (alice, bob) = (client_named(&server, "alice"), client_named(&server, "bob"));
    let mut waiting = vec![alice.call::<()>("stage.hang", ()).start()];
    rig.hanging.arrived();
    // The running call has left the lane.
    let what = |outcome: Result<(), CallError>| match outcome.unwrap_err() {
        CallError::Busy { call, what } if call == "stage.hang" => what,
        other => panic!("{other}"),
    };
    waiting.extend((0..4).map(|_| alice.call("stage.hang", ()).start()));
    let refused = what(alice.call("stage.hang", ()).ends());
    assert!(refused.contains("the lane stage") && refused.contains('4'), "{refused}");
    waiting.extend((0..2).map(|_| bob.call("stage.hang", ()).start()));
    let refused = what(bob.call("stage.hang", ()).ends());
    assert!(refused.contains("the lane stage") && refused.contains('6'), "{refused}");
    // Nothing urgent is ever busy because of others.
    assert_eq!(bob.call("stage.urgent_thread", ()).ends(), Ok("stage urgent".to_owned()));
    rig.hanging.open();
    waiting.into_iter().for_each(|call| call.ends().unwrap());
}

#[test]
fn busy_in_bytes() {
    let server = server_with(|options| options.in_flight_bytes_per_client = 1 << 20);
    let (door, gate) = door();
    server.add_call("keep", move |(_bytes,): (String,)| door.pass()).unwrap();
    let (alice, bob) = (client_named(&server, "alice"), client_named(&server, "bob"));
    let large = "x".repeat(600 << 10);
    let first = alice.call::<()>("keep", (&large,)).start();
    gate.arrived();
    let refused = alice.call::<()>("keep", (&large,)).ends().unwrap_err();
    assert!(matches!(&refused, CallError::Busy { what, .. } if what.contains("1048576")), "{refused}");
    let other = bob.call::<()>("keep", (&large,)).start();
    gate.open();
    assert_eq!((first.ends(), other.ends()), (Ok(()), Ok(())));
}

#[test]
fn not_found_with_the_nearest_names() {
    let server = server();
    server.add_instrument("stage", TestStage::rig().stage).unwrap();
    let lost = client(&server).call::<f64>("stage.mov_to", (1.0,)).ends().unwrap_err();
    let CallError::NotFound { name, nearest } = &lost else { panic!("{lost}") };
    assert_eq!(name, "stage.mov_to");
    assert_eq!(nearest.first().map(String::as_str), Some("stage.move_to"));
    assert!(lost.to_string().contains("did you mean `stage.move_to`"), "{lost}");
}

#[test]
fn bad_arguments_are_named_and_nothing_runs() {
    let ServedStage { server: _server, rig, client } = serve_stage();
    let check = |outcome: Result<f64, CallError>, wrong: Option<&str>, text: &str| match outcome.unwrap_err()
    {
        CallError::BadArguments { argument, message, .. } => {
            assert_eq!(argument.as_deref(), wrong, "{message}");
            assert!(message.contains(text), "{message}");
        }
        other => panic!("{other}"),
    };
    check(client.call("stage.move_to", ("far",)).ends(), Some("target_um"), "f64");
    check(client.call("stage.move_to", ()).ends(), Some("target_um"), "missing");
    check(client.call("stage.move_to", (1.0,)).kw("speed", 2).ends(), Some("speed"), "target_um");
    check(client.call("stage.move_to", (1.0,)).kw("target_um", 2.0).ends(), Some("target_um"), "twice");
    check(client.call("stage.move_to", (1.0, 2.0)).ends(), None, "1");
    assert!(rig.stage.moves().is_empty());
}

#[test]
fn client_lost_while_queued() {
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    let mut leaver = RawClient::greeted(&server, 7);
    leaver.request(1, "stage.hang", &());
    rig.hanging.arrived();
    leaver.request(2, "stage.move_to", &(0.0,));
    leaver.request_detached(3, "stage.thread", &());
    leaver.goodbye();
    assert_eq!(leaver.failure(2), Failure::ClientLost);
    // What runs goes on, and what was sent to run whatever happens runs.
    rig.hanging.open();
    assert_eq!(leaver.outcome(1).0, Status::Done);
    assert_eq!(leaver.value::<String>(3), "stage");
    assert!(rig.stage.moves().is_empty(), "a lost client's queued move ran");
    assert_eq!(counter(&server, "lost_clients"), 1);
}

#[test]
fn a_method_may_end_with_its_client() {
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    let mut leaver = RawClient::greeted(&server, 7);
    leaver.request(1, "stage.follow", &());
    rig.moving.arrived();
    leaver.goodbye();
    let by = "its client was lost".to_owned();
    assert_eq!(leaver.failure(1), Failure::Cancelled { by, may_still_be_running: false });
    assert_eq!(rig.stage.stops(), 1);
}

#[test]
fn a_client_that_stops_pinging_is_lost_after_3_s() {
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    let mut silent = RawClient::greeted(&server, 7);
    silent.request(1, "router.ping", &());
    assert_eq!(silent.outcome(1).0, Status::Done);
    silent.request(2, "stage.hang", &());
    rig.hanging.arrived();
    let sent = Instant::now();
    silent.request(3, "stage.move_to", &(0.0,));
    assert_eq!(silent.failure(3), Failure::ClientLost);
    assert!(sent.elapsed() > Duration::from_secs(2), "it was given up after {:?}", sent.elapsed());
    // A script that never pinged is not missed: its call still waits.
    let mut script = RawClient::greeted(&server, 8);
    script.request(1, "stage.move_to", &(0.0,));
    assert!(script.answer_within(Duration::from_secs(4)).is_none());
    rig.hanging.open();
    assert_eq!(script.value::<f64>(1), 0.0);
}

#[test]
fn server_gone_within_the_connect_timeout_or_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("ipc://{}/nobody", folder.path().display());
    let patient = ConnectOptions::default().connect_timeout(Duration::from_secs(600));
    let hasty = ConnectOptions::default().connect_timeout(Duration::from_millis(50));
    let soon = Duration::from_millis(50);
    for (options, deadline) in [(hasty, None), (patient, Some(soon))] {
        let client = RouterClient::connect_with(&address, options).unwrap();
        let request = client.call::<()>("stage.hang", ());
        let request = deadline.into_iter().fold(request, |request, deadline| request.deadline(deadline));
        let waiting = request.start().ends();
        assert!(matches!(waiting, Err(CallError::ServerGone { .. })), "{waiting:?}");
    }
}

#[test]
fn a_request_for_another_life_of_the_server_does_not_run() {
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    let mut old = RawClient::greeted(&server, 7);
    old.epoch ^= 1;
    old.request(1, "stage.move_to", &(0.0,));
    assert_eq!(old.failure(1), Failure::OtherEpoch { epoch: server.epoch() });
    assert!(rig.stage.moves().is_empty());
    assert_eq!(counter(&server, "other_epoch_requests"), 1);
}

#[test]
fn bodies_over_the_cap() {
    let server = server_with(|options| options.max_body_bytes = 1 << 20);
    server.add_call("length", |(text,): (String,)| text.len()).unwrap();
    server.add_call("fill", |(bytes,): (usize,)| "x".repeat(bytes)).unwrap();
    let client = client(&server);
    assert_eq!(client.call("length", ("x".repeat(1_000_000),)).ends(), Ok(1_000_000));
    let refused = client.call::<usize>("length", ("x".repeat(2 << 20),)).ends().unwrap_err();
    assert!(matches!(refused, CallError::TooLarge { limit: 1_048_576, .. }), "{refused}");
    let refused = client.call::<String>("fill", (2 << 20,)).ends().unwrap_err();
    assert!(
        matches!(&refused, CallError::Refused(refused) if refused.kind == "answer_too_large"),
        "{refused}"
    );
    assert_eq!(client.call("fill", (3,)).ends(), Ok("xxx".to_owned()), "the connection stands");
    assert_eq!(client.counters().times_lost, 0);
}
