//! Which calls a client sends again when their outcome became unknown, and what it says of those that it did not.

mod fake_server;

use std::time::Duration;

use fake_server::{Asked, FakeServer, Manners, PATIENCE};
use router_client::{
    CallError, ConnectOptions, ConnectionState, Failure, OutcomeReport, Refused, RouterClient,
};
use router_wire::arguments;

fn reopening() -> FakeServer {
    let server = FakeServer::reopening();
    server.manners.lock().idempotent = vec!["home".to_owned()];
    server
}

fn gateway() -> FakeServer {
    FakeServer::with(Manners { idempotent: vec!["home".to_owned()], ..Manners::default() })
}

/// Ends every connection, and opens again as the server of `epoch`.
fn restart(server: &mut FakeServer, client: &RouterClient, epoch: u64) {
    server.close();
    client.wait_state(|state| state == ConnectionState::Lost, PATIENCE).unwrap();
    server.manners.lock().epoch = epoch;
    server.open();
}

fn named(asked: &Asked) -> (&str, u64, u64) {
    (asked.target.as_str(), asked.header.call, asked.header.epoch)
}

#[test]
fn an_idempotent_call_leaves_again_with_its_number_and_the_new_epoch() {
    let mut server = reopening();
    let client = server.client(ConnectOptions::default());
    let bytes = serde_bytes::ByteBuf::from(vec![5; 200_000]);
    let body = arguments::encode(&(&bytes,), &[]);
    let homing = client.request::<u32, Refused>("home".to_owned(), body).deadline(PATIENCE).start();
    let moving = client.call::<u32>("move", ()).start();
    let first = server.next_request();
    assert_eq!(server.next_request().target, "move");
    assert_eq!(homing.id().epoch, 7);
    restart(&mut server, &client, 8);
    assert!(matches!(moving.wait(), Err(CallError::Unknown { .. })), "this one is not sent again");
    let again = server.next_request();
    assert_eq!(named(&again), ("home", first.header.call, 8));
    assert!(again.header.deadline_us < first.header.deadline_us, "its deadline is the old one");
    assert_eq!((again.frames, again.argument::<serde_bytes::ByteBuf>(0)), (2, bytes));
    assert_eq!(homing.id().epoch, 8);
    server.done(&again, &1);
    assert_eq!(homing.wait().unwrap(), 1);
    let after = client.call::<u32>("after", ()).start();
    assert_eq!(server.next_request().target, "after", "nothing else was sent again");
    drop(after);
    let counters = client.counters();
    assert_eq!((counters.retries, counters.unknown_outcomes), (1, 1));
}

#[test]
fn a_retry_that_is_refused_leaves_it_open_whether_the_method_ran() {
    let check = |failure: Failure| {
        let mut server = reopening();
        let client = server.client(ConnectOptions::default().max_retries(1));
        let homing = client.call::<u32>("home", ()).start();
        server.next_request();
        restart(&mut server, &client, 8);
        server.fail(&server.next_request(), &failure);
        let error = homing.wait().unwrap_err();
        assert!(matches!(error, CallError::Unknown { .. }), "{failure:?} became {error}");
    };
    check(Failure::Busy { what: "full".to_owned() });
    check(Failure::NotFound { name: "home".to_owned(), nearest: Vec::new() });
    check(Failure::ClientLost);
    check(Failure::OtherEpoch { epoch: 8 });
}

#[test]
fn retries_are_bounded_and_may_be_forbidden() {
    for retries in [0, 2] {
        let mut server = reopening();
        let client = server.client(ConnectOptions::default().max_retries(retries));
        let homing = client.call::<u32>("home", ()).start();
        server.next_request();
        for retry in 0..retries {
            restart(&mut server, &client, 8 + u64::from(retry));
            assert_eq!(server.next_request().target, "home");
        }
        server.close();
        assert!(matches!(homing.wait(), Err(CallError::Unknown { .. })));
        assert_eq!(client.counters().retries, u64::from(retries));
    }
}

#[test]
fn a_retry_that_waits_may_be_cancelled_and_may_have_run() {
    let mut server = reopening();
    let client = server.client(ConnectOptions::default().connect_timeout(PATIENCE));
    let homing = client.call::<u32>("home", ()).start();
    server.next_request();
    server.close();
    client.wait_state(|state| state == ConnectionState::Lost, PATIENCE).unwrap();
    homing.cancel();
    let error = homing.wait().unwrap_err();
    assert!(matches!(error, CallError::Cancelled { may_still_be_running: true, .. }), "{error}");
    let late = client.call::<u32>("home", ()).deadline(Duration::from_millis(50)).start();
    let error = late.wait().unwrap_err();
    assert!(matches!(error, CallError::ServerGone { .. }), "this one never left: {error}");
}

#[test]
fn behind_a_gateway_a_call_waits_for_its_server_and_leaves_again() {
    let server = gateway();
    let client = server.client(ConnectOptions::default());
    let homing = client.call::<u32>("home", ()).start();
    let (unknown, away) = (
        Failure::Unknown { server: "rig".to_owned() },
        Failure::Unreachable { server: "rig".to_owned(), reason: "it is away".to_owned() },
    );
    let first = server.next_request();
    server.fail(&first, &unknown);
    for _ in 0..5 {
        let again = server.next_request();
        assert_eq!(named(&again), named(&first));
        server.fail(&again, &away);
    }
    server.done(&server.next_request(), &1);
    assert_eq!(homing.wait().unwrap(), 1);

    // One that never left the gateway is refused at once: nothing ran.
    let homing = client.call::<u32>("home", ()).start();
    server.fail(&server.next_request(), &away);
    assert!(matches!(homing.wait(), Err(CallError::ServerGone { .. })));

    // A server that stays away.
    let hasty = server.client(ConnectOptions::default().connect_timeout(Duration::from_millis(300)));
    let homing = hasty.call::<u32>("home", ()).start();
    server.fail(&server.next_request(), &unknown);
    while !homing.is_finished() {
        if let Some(asked) = server.next_request_within(Duration::from_millis(20)) {
            server.fail(&asked, &away);
        }
    }
    let error = homing.wait().unwrap_err();
    assert!(matches!(error, CallError::Unknown { .. }), "{error}");
}

#[test]
fn the_question_for_an_outcome_names_the_call_and_its_epoch() {
    let server = FakeServer::start();
    let client = server.client(ConnectOptions::default());
    let call = client.call::<u32>("a", ()).start();
    let first = server.next_request();
    let id = call.id();
    let asking = client.outcome(&id).start();
    let asked = server.next_request();
    assert_eq!(asked.target, "router.outcome");
    let arguments = router_wire::Arguments::decode(&asked.body).unwrap();
    assert_eq!(
        arguments.take::<String>(0, "call_id").unwrap(),
        format!("{}-{}", id.client, first.header.call)
    );
    assert_eq!(arguments.take::<u64>(1, "epoch").unwrap(), 7);
    server.done(&asked, &router_wire::OutcomeReport::NeverRan);
    assert_eq!(asking.wait().unwrap(), OutcomeReport::NeverRan);
}
