//! Server and client in one process, over inproc: what holds over a network holds here, in any order of start and end.

mod support;

use std::time::{Duration, Instant};

use router_client::{CallError, ConnectError, ConnectOptions, ConnectionState, RouterClient};
use router_server::{BindError, RouterServer, ServerOptions, SharedContext, SocketError};
use support::{Ends, PATIENCE, TestStage, TestStageClient, eventually};

const RIG: &str = "inproc://rig";
/// Served as frames.
const LARGE_BYTES: usize = 1 << 20;

fn serve(context: &SharedContext, address: &str) -> RouterServer {
    RouterServer::bind_in(context, address, ServerOptions::default()).unwrap()
}

fn connect(context: &SharedContext, address: &str) -> RouterClient {
    RouterClient::connect_in(context, address).unwrap()
}

fn subscribers(server: &RouterServer, name: &str) -> u64 {
    let stats = server.stats();
    stats.streams.iter().find(|stream| stream.name == name).map_or(0, |stream| stream.subscribers)
}

#[test]
fn calls_and_the_state_work_whoever_is_first() {
    for client_first in [true, false] {
        let context = SharedContext::new().unwrap();
        let early = client_first.then(|| connect(&context, RIG));
        let server = serve(&context, RIG);
        let client = early.unwrap_or_else(|| connect(&context, RIG));
        client.wait_connected(PATIENCE).unwrap();
        let rig = TestStage::rig();
        server.add_instrument("stage", rig.stage.clone()).unwrap();
        let stage = TestStageClient::new(&client, "stage");
        assert_eq!(stage.move_to(0.0).ends(), Ok(0.0));
        assert!(matches!(stage.move_to(-1.0).ends(), Err(CallError::Refused(_))));
        // A stop overtakes a move, and a cancel reaches one.
        let moving = stage.move_to(500.0).start();
        rig.moving.arrived();
        client.call::<()>("stage.stop", ()).ends().unwrap();
        assert!(matches!(moving.ends(), Err(CallError::Cancelled { .. })));
        eventually("a ping was answered", || client.round_trip().is_some());
        assert_eq!(server.stats().clients.len(), 1);
        assert_eq!(server.all_endpoints()[0].frames.to_string(), "inproc://rig.frames");
        // Many calls at once, more than any queue of libzmq holds by default.
        server.add_call("echo", |(number,): (u64,)| number).unwrap();
        let calls: Vec<_> = (0..200).map(|number| client.call::<u64>("echo", (number,)).start()).collect();
        for (number, call) in calls.into_iter().enumerate() {
            assert_eq!(call.ends(), Ok(number as u64));
        }
        assert_eq!(client.counters().times_lost, 0);
    }
}

#[test]
fn every_sample_is_accounted_for_and_the_last_value_comes_first() {
    const SAMPLES: u64 = 100_000;
    let context = SharedContext::new().unwrap();
    let server = serve(&context, RIG);
    let client = connect(&context, RIG);
    let mut small = server.add_publisher::<u64>("small", 100).unwrap();
    let mut large = server.add_publisher::<String>("large", LARGE_BYTES + 100).unwrap();
    small.publish(&0).unwrap();
    large.publish(&"first".to_owned()).unwrap();

    let queue = client.subscribe::<u64>("small").queue(1 << 20).unwrap();
    let cache = client.subscribe::<u64>("small").cache().unwrap();
    let pictures = client.subscribe::<String>("large").queue(1000).unwrap();
    assert_eq!(queue.recv_timeout(PATIENCE).unwrap().value, 0, "the last value");
    assert_eq!(pictures.recv_timeout(PATIENCE).unwrap().value, "first");
    let second = connect(&context, RIG);
    let others = second.subscribe::<u64>("small").queue(1 << 20).unwrap();
    assert_eq!(others.recv_timeout(PATIENCE).unwrap().value, 0);
    assert_eq!((subscribers(&server, "small"), subscribers(&server, "large")), (2, 1));

    for number in 1..SAMPLES {
        small.publish(&number).unwrap();
    }
    for _ in 0..50 {
        large.publish(&"x".repeat(LARGE_BYTES)).unwrap();
    }
    for stats in [
        queue.settle(PATIENCE).unwrap(),
        cache.settle(PATIENCE).unwrap(),
        others.settle(PATIENCE).unwrap(),
        pictures.settle(PATIENCE).unwrap(),
    ] {
        assert!(stats.balances(), "{stats:?}");
        assert_eq!((stats.segments.len(), stats.breaks), (1, 0), "{stats:?}");
    }
    assert_eq!(queue.stats().segments[0].last, SAMPLES - 1);
    assert_eq!(pictures.stats().segments[0].last, 50);

    // Unsubscribing, by a handle that is dropped and by a client that ends.
    drop((queue, pictures));
    eventually("nobody listens to the large one", || subscribers(&server, "large") == 0);
    assert_eq!(subscribers(&server, "small"), 2, "the cache and the second client");
    drop((others, second));
    eventually("the second client is gone", || subscribers(&server, "small") == 1);
    drop(cache);
    eventually("nobody is left", || subscribers(&server, "small") == 0);
    let counters = server.stats().counters;
    assert_eq!((counters["unknown_unsubscriptions"], counters["refused_subscriptions"]), (0, 0));
}

#[test]
fn larger_frames_and_a_subscriber_that_came_before_them() {
    let context = SharedContext::new().unwrap();
    let client = connect(&context, RIG);
    let early = client.subscribe::<String>("later").queue(100).unwrap();
    let server = serve(&context, RIG);
    let first = client.subscribe::<String>("first").queue(100).unwrap();
    let mut publisher = server.add_publisher::<String>("first", LARGE_BYTES).unwrap();
    eventually("one listens", || subscribers(&server, "first") == 1);
    publisher.publish(&"a".to_owned()).unwrap();
    assert_eq!(first.recv_timeout(PATIENCE).unwrap().value, "a");
    // A much larger sample lowers the high-water mark: towards a network the socket is replaced.
    let mut later = server.add_publisher::<String>("later", 60 << 20).unwrap();
    eventually("one listens", || subscribers(&server, "later") == 1);
    later.publish(&"b".to_owned()).unwrap();
    publisher.publish(&"c".to_owned()).unwrap();
    assert_eq!(early.recv_timeout(PATIENCE).unwrap().value, "b");
    assert_eq!(first.recv_timeout(PATIENCE).unwrap().value, "c");
    assert_eq!((early.stats().lost, first.stats().lost), (0, 0));
}

#[test]
fn a_server_that_stops_is_lost_and_the_next_one_found() {
    let context = SharedContext::new().unwrap();
    let server = serve(&context, RIG);
    let client = connect(&context, RIG);
    client.wait_connected(PATIENCE).unwrap();
    let mut numbers = server.add_publisher::<u64>("numbers", 100).unwrap();
    let mut pictures = server.add_publisher::<String>("pictures", LARGE_BYTES).unwrap();
    let queue = client.subscribe::<u64>("numbers").queue(100).unwrap();
    let images = client.subscribe::<String>("pictures").queue(100).unwrap();
    eventually("both are heard", || subscribers(&server, "numbers") + subscribers(&server, "pictures") == 2);
    numbers.publish(&1).unwrap();
    pictures.publish(&"one".to_owned()).unwrap();
    assert_eq!(queue.recv_timeout(PATIENCE).unwrap().value, 1);
    assert_eq!(images.recv_timeout(PATIENCE).unwrap().value, "one");
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    let hung = client.call::<()>("stage.hang", ()).start();
    rig.hanging.arrived();

    let report = server.stop();
    assert!(report.took < Duration::from_secs(2), "{report:?}"); // 0.9 s of it for the hung method
    // Answered before the socket went, not lost with it.
    assert!(matches!(hung.ends(), Err(CallError::Cancelled { may_still_be_running: true, .. })));
    rig.hanging.open();
    let noticed = Instant::now();
    client.wait_state(|state| state == ConnectionState::Lost, PATIENCE).unwrap();
    assert!(noticed.elapsed() < Duration::from_secs(2), "{:?}", noticed.elapsed());
    drop(server);

    let again = serve(&context, RIG);
    again.add_call("double", |(number,): (u64,)| 2 * number).unwrap();
    assert_eq!(client.call::<u64>("double", (4,)).ends(), Ok(8));
    let mut numbers = again.add_publisher::<u64>("numbers", 100).unwrap();
    let mut pictures = again.add_publisher::<String>("pictures", LARGE_BYTES).unwrap();
    eventually("both are heard", || subscribers(&again, "numbers") + subscribers(&again, "pictures") == 2);
    numbers.publish(&2).unwrap();
    pictures.publish(&"two".to_owned()).unwrap();
    assert_eq!(queue.recv_timeout(PATIENCE).unwrap().value, 2);
    assert_eq!(images.recv_timeout(PATIENCE).unwrap().value, "two");
    for stats in [queue.stats(), images.stats()] {
        assert!(stats.balances() && stats.breaks == 1 && stats.lost == 0, "{stats:?}");
    }
}

#[test]
fn several_servers_in_one_process_have_a_name_each() {
    let context = SharedContext::new().unwrap();
    let names = ["inproc://a", "inproc://b", "inproc://c"];
    let servers: Vec<RouterServer> = names.iter().map(|name| serve(&context, name)).collect();
    for (server, name) in servers.iter().zip(names) {
        server.add_call("name", move || name).unwrap();
    }
    let clients = names.map(|name| connect(&context, name));
    for (client, name) in clients.iter().zip(names) {
        assert_eq!(client.call::<String>("name", ()).ends(), Ok(name.to_owned()));
    }
    let taken = RouterServer::bind_in(&context, names[1], ServerOptions::default()).unwrap_err();
    assert!(matches!(taken, BindError::Socket(SocketError::AddressInUse { .. })), "{taken}");
    // The same name in another context is another one.
    let other = SharedContext::new().unwrap();
    serve(&other, names[1]).add_call("name", || "another").unwrap();
}

#[test]
fn without_a_shared_context_it_is_an_error_that_says_so() {
    let refused = RouterServer::bind(RIG).unwrap_err();
    assert!(matches!(refused, BindError::Address(_)) && refused.to_string().contains("bind_in"), "{refused}");
    let refused = RouterClient::connect(RIG).unwrap_err();
    assert!(
        matches!(refused, ConnectError::Address(_)) && refused.to_string().contains("connect_in"),
        "{refused}"
    );
}

#[test]
fn whoever_ends_first_nobody_hangs() {
    let orders: [&[&str]; 6] = [
        &["client", "server", "context"],
        &["server", "client", "context"],
        &["context", "server", "client"],
        &["context", "client", "server"],
        &["server", "context", "client"],
        &["client", "context", "server"],
    ];
    for order in orders {
        let started = Instant::now();
        let shared = SharedContext::new().unwrap();
        let context = &shared;
        let server = serve(context, RIG);
        let client = connect(context, RIG);
        // One that never finds a server.
        let lonely =
            RouterClient::connect_in_with(context, "inproc://nobody", ConnectOptions::default()).unwrap();
        let mut publisher = server.add_publisher::<u64>("numbers", 100).unwrap();
        let queue = client.subscribe::<u64>("numbers").queue(10).unwrap();
        let nothing = lonely.subscribe::<u64>("numbers").queue(10).unwrap();
        eventually("it is heard", || subscribers(&server, "numbers") == 1);
        publisher.publish(&1).unwrap();
        assert_eq!(queue.recv_timeout(PATIENCE).unwrap().value, 1);
        let (mut server, mut client, mut shared) =
            (Some(server), Some((client, queue, lonely, nothing)), Some(shared));
        for who in order {
            match *who {
                "server" => drop(server.take()),
                "client" => drop(client.take()),
                _ => drop(shared.take()),
            }
        }
        // The publisher outlives them all, and with it the context.
        drop(publisher);
        assert!(started.elapsed() < Duration::from_secs(5), "{order:?} took {:?}", started.elapsed());
    }
}
