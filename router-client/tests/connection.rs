//! The life of a connection, against a server that is scripted.

mod fake_server;

use std::time::{Duration, Instant};

use fake_server::{FakeServer, Manners, PATIENCE, Seen};
use router_client::{
    CallError, ConnectError, ConnectOptions, ConnectionState, Failure, GoneCause, RouterClient,
};
use router_wire::hello::ClientSocket;

/// Silence counts after tenths of seconds; a call waits for a connection as long as a test has patience.
fn attentive() -> ConnectOptions {
    ConnectOptions::default()
        .connect_timeout(PATIENCE)
        .ping_interval(Duration::from_millis(50))
        .silence(Duration::from_millis(300), PATIENCE)
}

#[test]
fn both_sockets_greet_with_one_id_and_requests_carry_the_epoch() {
    let server = FakeServer::start();
    let client = server.client(ConnectOptions::default());
    let hellos =
        [server.hellos.recv_timeout(PATIENCE).unwrap(), server.hellos.recv_timeout(PATIENCE).unwrap()];
    assert_ne!(hellos[0].socket, hellos[1].socket);
    for hello in &hellos {
        assert_eq!(&hello.client, client.identity());
    }
    assert_eq!(client.epoch(), 7);
    let pending = client.call::<u32>("a.b", (1,)).start();
    let asked = server.next_request();
    assert_eq!((asked.header.epoch, asked.target.as_str()), (7, "a.b"));
    assert_eq!(asked.header.call, pending.id().number);
    assert_eq!(asked.socket, Some(ClientSocket::Calls));
    server.done(&asked, &2);
    assert_eq!(pending.wait().unwrap(), 2);
}

#[test]
fn the_client_may_start_first() {
    let mut server = FakeServer::reopening();
    server.close();
    let client = RouterClient::connect_with(&server.address(), attentive()).unwrap();
    assert_eq!(client.state(), ConnectionState::Connecting);
    let pending = client.call::<u32>("a", ()).start();
    server.open();
    server.done(&server.next_request(), &1);
    assert_eq!(pending.wait().unwrap(), 1);
}

#[test]
fn without_a_server_a_call_ends_after_the_connect_timeout_or_its_deadline() {
    let mut server = FakeServer::reopening();
    server.close();
    let check = |options: ConnectOptions, deadline: Duration, expect: GoneCause| {
        let client = RouterClient::connect_with(&server.address(), options).unwrap();
        let error = client.call::<()>("a", ()).deadline(deadline).wait().unwrap_err();
        let CallError::ServerGone { endpoint, cause, .. } = &error else { panic!("{error}") };
        assert_eq!((endpoint, *cause), (&server.address(), expect), "{error}");
        let error = client.wait_connected(Duration::from_millis(1)).unwrap_err();
        assert_eq!(error.state, ConnectionState::Connecting);
    };
    let short = Duration::from_millis(50);
    check(ConnectOptions::default().connect_timeout(short), PATIENCE, GoneCause::NothingListens);
    check(ConnectOptions::default().connect_timeout(PATIENCE), short, GoneCause::DeadlineFirst);
}

#[test]
fn who_accepts_connections_and_says_nothing_is_told_from_nobody() {
    // The kernel accepts for it, as it does for a server that was stopped.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let options = ConnectOptions::default().connect_timeout(Duration::from_millis(500));
    let client = RouterClient::connect_with(&address, options).unwrap();
    let cause = || match client.call::<()>("a", ()).wait() {
        Err(CallError::ServerGone { cause, reason, .. }) => (cause, reason),
        other => panic!("{other:?}"),
    };
    let end = Instant::now() + PATIENCE;
    let becomes = |expect: GoneCause, text: &str| {
        let found = std::iter::repeat_with(cause).find(|(found, _)| *found == expect || Instant::now() > end);
        let (found, reason) = found.unwrap();
        assert!(found == expect && reason.contains(text), "{found:?} {reason}");
    };
    becomes(GoneCause::NoAnswer, "may be stuck");
    drop(listener);
    becomes(GoneCause::NothingListens, "nothing accepts");
}

#[test]
fn calls_that_ended_without_a_server_leave_room_for_others() {
    let mut server = FakeServer::reopening();
    server.close();
    let options = ConnectOptions::default().connect_timeout(Duration::from_millis(1)).max_queued_requests(2);
    let client = RouterClient::connect_with(&server.address(), options).unwrap();
    for _ in 0..10 {
        let error = client.call::<()>("a", ()).wait().unwrap_err();
        assert!(matches!(error, CallError::ServerGone { .. }), "{error}");
    }
}

#[test]
fn addresses_that_are_none_are_refused() {
    for address in ["localhost", "http://a", "tcp://*", "tcp://0.0.0.0:5555", "tcp://a:70000"] {
        assert!(matches!(RouterClient::connect(address), Err(ConnectError::Address(_))), "{address}");
    }
}

#[test]
fn a_server_that_does_not_answer_is_stale_until_it_does() {
    let server = FakeServer::start();
    let client = server.client(attentive());
    server.manners.lock().answers_pings = false;
    client.wait_state(|state| state == ConnectionState::Stale, PATIENCE).unwrap();
    assert!(client.reason().contains("has not answered for 300 ms"), "{}", client.reason());
    // Requests still leave.
    let pending = client.call::<u32>("a", ()).start();
    let asked = server.next_request();
    server.manners.lock().answers_pings = true;
    server.done(&asked, &1);
    assert_eq!(pending.wait().unwrap(), 1);
    client.wait_connected(PATIENCE).unwrap();
}

#[test]
fn what_left_before_the_silence_is_unknown_and_an_answer_restores_the_connection() {
    let server = FakeServer::start();
    let silence = Duration::from_secs(1);
    let client = server.client(attentive().silence(silence, silence));
    server.manners.lock().answers_pings = false;
    let pending = client.call::<u32>("a", ()).start();
    let asked = server.next_request();
    let id = pending.id();
    let error = pending.wait().unwrap_err();
    assert!(matches!(&error, CallError::Unknown { call_id, .. } if *call_id == id), "{error}");
    assert_eq!(client.state(), ConnectionState::Lost);
    // A request waits while the connection is lost.
    let waiting = client.call::<u32>("b", ()).start();
    server.manners.lock().answers_pings = true;
    let next = server.next_request();
    assert_eq!(next.target, "b");
    assert_eq!(client.epoch(), 7);
    server.done(&next, &2);
    assert_eq!(waiting.wait().unwrap(), 2);
    // The late outcome finds no call.
    server.done(&asked, &1);
    let after = client.call::<u32>("c", ()).start();
    server.done(&server.next_request(), &3);
    assert_eq!(after.wait().unwrap(), 3);
    assert_eq!(client.counters().answers_without_call, 1);
    assert_eq!(client.counters().unknown_outcomes, 1);
}

#[test]
fn a_restarted_server_is_greeted_again_and_gets_no_old_request() {
    let mut server = FakeServer::reopening();
    let client = server.client(attentive());
    let left = client.call::<u32>("old", ()).start();
    assert_eq!(server.next_request().target, "old");
    server.close();
    assert!(matches!(left.wait(), Err(CallError::Unknown { .. })));
    client.wait_state(|state| state == ConnectionState::Lost, PATIENCE).unwrap();
    let waiting = client.call::<u32>("new", ()).start();
    server.manners.lock().epoch = 8;
    server.open();
    let asked = server.next_request();
    assert_eq!((asked.target.as_str(), asked.header.epoch), ("new", 8));
    server.done(&asked, &1);
    assert_eq!(waiting.wait().unwrap(), 1);
    assert_eq!(client.epoch(), 8);
    assert_eq!(client.counters().epoch_changes, 1);
}

#[test]
fn a_refusal_of_another_epoch_says_that_nothing_ran_and_greets_again() {
    let server = FakeServer::start();
    let client = server.client(attentive().ping_interval(PATIENCE).silence(PATIENCE, PATIENCE));
    let pending = client.call::<u32>("a", ()).start();
    let asked = server.next_request();
    server.manners.lock().epoch = 8;
    server.fail(&asked, &Failure::OtherEpoch { epoch: 8 });
    let error = pending.wait().unwrap_err();
    assert!(matches!(error, CallError::ServerGone { .. }), "{error}");
    let again = client.call::<u32>("b", ()).start();
    let asked = server.next_request();
    assert_eq!(asked.header.epoch, 8);
    server.done(&asked, &1);
    assert_eq!(again.wait().unwrap(), 1);
}

#[test]
fn an_epoch_that_a_ping_tells_makes_the_outcome_unknown() {
    let server = FakeServer::start();
    let client = server.client(attentive());
    let pending = client.call::<u32>("a", ()).start();
    server.next_request();
    server.manners.lock().epoch = 8;
    assert!(matches!(pending.wait(), Err(CallError::Unknown { .. })));
    client.wait_connected(PATIENCE).unwrap();
    assert_eq!(client.epoch(), 8);
}

#[test]
fn a_version_mismatch_names_both_versions() {
    let server = FakeServer::with(Manners { protocol_version: 99, ..Manners::default() });
    let client = RouterClient::connect_with(&server.address(), attentive()).unwrap();
    let ours = router_wire::PROTOCOL_VERSION;
    let check = |error: CallError| {
        assert!(
            matches!(error, CallError::VersionMismatch { ours: o, theirs: 99, .. } if o == ours),
            "{error}"
        );
    };
    check(client.call::<()>("early", ()).wait().unwrap_err());
    client.wait_state(|state| state == ConnectionState::Lost, PATIENCE).unwrap();
    check(client.call::<()>("late", ()).wait().unwrap_err());
    assert!(client.reason().contains("99"), "{}", client.reason());
    // Updated in place, the server is greeted at the next try.
    server.manners.lock().protocol_version = ours;
    client.wait_connected(PATIENCE).unwrap();
}

#[test]
fn urgent_calls_go_through_the_control_socket_also_when_they_become_urgent_later() {
    let server = FakeServer::with(Manners { urgent: vec!["stage.stop".to_owned()], ..Manners::default() });
    let client = server.client(attentive());
    let check = |name: &str, socket: ClientSocket| {
        let pending = client.call::<u32>(name, ()).start();
        let asked = server.next_request();
        assert_eq!(asked.socket, Some(socket), "{name}");
        server.done(&asked, &1);
        assert_eq!(pending.wait().unwrap(), 1);
    };
    check("stage.stop", ClientSocket::Control);
    check("laser.off", ClientSocket::Calls);
    check("router.stop_all", ClientSocket::Control);
    while server.hellos.try_recv().is_ok() {}
    {
        let mut manners = server.manners.lock();
        manners.urgent.push("laser.off".to_owned());
        manners.registry_version += 1;
    }
    assert_eq!(server.hellos.recv_timeout(PATIENCE).unwrap().socket, ClientSocket::Control);
    // The pings behind the hello were answered by a loop that had read the new list.
    while server.pings.try_recv().is_ok() {}
    for _ in 0..2 {
        server.pings.recv_timeout(PATIENCE).unwrap();
    }
    check("laser.off", ClientSocket::Control);
}

#[test]
fn the_last_handle_says_goodbye_on_both_sockets() {
    let server = FakeServer::start();
    let client = server.client(ConnectOptions::default());
    let other = client.clone();
    drop(client);
    let pending = other.call::<u32>("a", ()).start();
    server.done(&server.next_request(), &1);
    assert_eq!(pending.wait().unwrap(), 1);
    drop(other);
    let peers: Vec<Vec<u8>> = (0..2)
        .map(|_| match server.next() {
            Seen::Goodbye { peer, epoch: 7 } => peer,
            other => panic!("expected a goodbye, got {other:?}"),
        })
        .collect();
    assert_ne!(peers[0], peers[1]);
}

#[test]
fn a_client_without_a_server_is_closed_at_once() {
    let mut server = FakeServer::reopening();
    server.close();
    let client = RouterClient::connect(&server.address()).unwrap();
    let pending = client.call::<u32>("a", ()).start();
    drop(client); // the pending call keeps the client
    assert!(!pending.is_finished());
    drop(pending);
}

#[test]
fn a_listener_hears_of_each_state_until_it_is_dropped() {
    let mut server = FakeServer::reopening();
    let client = server.client(attentive());
    let (heard_in, heard) = crossbeam_channel::unbounded();
    let listener = client.on_state(move |state| heard_in.send(state).unwrap()).unwrap();
    server.close();
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(ConnectionState::Lost));
    server.open();
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(ConnectionState::Connected));
    drop(listener);
    assert!(heard.recv_timeout(PATIENCE).is_err(), "its thread has ended and dropped the sender");
}

#[test]
fn much_received_is_confirmed_at_once() {
    let server = FakeServer::start();
    let client = server.client(ConnectOptions::default().ping_interval(PATIENCE).silence(PATIENCE, PATIENCE));
    let pending = client.call::<serde_bytes::ByteBuf>("a", ()).start();
    server.done(&server.next_request(), &serde_bytes::ByteBuf::from(vec![1; 17 << 20]));
    assert_eq!(pending.wait().unwrap().len(), 17 << 20);
    let confirmed =
        std::iter::from_fn(|| server.pings.recv_timeout(PATIENCE).ok()).find(|bytes| *bytes > 1 << 20);
    assert!(confirmed.is_some_and(|bytes| bytes > 17 << 20), "{confirmed:?}");
}

#[test]
fn a_ping_tells_the_round_trip() {
    let server = FakeServer::start();
    let client = server.client(ConnectOptions::default());
    let report = client.ping().unwrap();
    assert_eq!(report.epoch, 7);
    assert!(report.round_trip > Duration::ZERO);
}
