//! A test for each defect of the Python one-liner that we promised not to have, named by its number.

mod support;

use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use router_client::{CallError, ConnectOptions, Queue, RouterClient, SampleError};
use router_server::{RouterServer, StreamOptions};
use router_wire::{Failure, Status, body};
use std::sync::Arc;
use std::time::Instant;
use support::{
    Child, Ends, PATIENCE, RawClient, TestStage, child, client, client_named, door, eventually, server, until,
};

#[test]
fn child_process() {
    child::play(|role| {
        assert_eq!(role, "server");
        let address = child::argument("address").unwrap();
        let server = RouterServer::bind(&address).unwrap();
        server.add_call("add", |(a, b): (i64, i64)| a + b).unwrap();
        let (door, gate) = door();
        server.add_call("hang", move || door.pass()).unwrap();
        child::say("endpoint", &server.endpoints().calls);
        gate.arrived();
        child::say("hanging", "");
        child::orders().for_each(drop);
    });
}

/// Waits until a stream of the server that is always on has run five more times.
fn wait_five_ticks(server: &RouterServer, witness: &str) {
    let produced = || server.stats().streams.iter().find(|stream| stream.name == witness).unwrap().produced;
    let start = produced();
    eventually("the witness ticks", || produced() >= start + 5);
}

fn produced(server: &RouterServer, name: &str) -> u64 {
    server.stats().streams.iter().find(|stream| stream.name == name).unwrap().produced
}

#[test]
fn defect_1_a_slow_call_blocks_no_other_client() {
    let server = server();
    let (door, gate) = door();
    server.add_call("slow", move || door.pass()).unwrap();
    server.add_call("trivial", || 1).unwrap();
    let (alice, bob) = (client_named(&server, "alice"), client_named(&server, "bob"));
    let slow = alice.call::<()>("slow", ()).start();
    gate.arrived();
    for _ in 0..100 {
        assert_eq!(bob.call("trivial", ()).ends(), Ok(1));
        assert_eq!(alice.call("trivial", ()).ends(), Ok(1));
    }
    assert!(!slow.is_finished());
    gate.open();
    slow.ends().unwrap();
}

#[test]
fn defect_2_malformed_requests_and_foreign_arguments_end_no_thread() {
    let server = server();
    server.add_call("add", |(a, b): (i64, i64)| a + b).unwrap();
    let mut hostile = RawClient::greeted(&server, 1);
    let pickle = b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x05Frame\x94.";
    for frames in [&[&b""[..]][..], &[&pickle[..]], &[&pickle[..], pickle, pickle], &[&[1_u8; 40][..]]] {
        hostile.send(frames);
    }
    // An argument that is an object of the caller's own: a map where a number belongs.
    #[derive(serde::Serialize)]
    struct Vector {
        x_um: f64,
    }
    hostile.request(2, "add", &(Vector { x_um: 1.0 }, 2));
    let mut failures = Vec::new();
    while failures.last().is_none_or(|(number, _)| *number != 2) {
        if let support::raw_client::Answer::Outcome { header, body } = hostile.answer() {
            failures.push((header.call, body::decode::<Failure>(&body).unwrap()));
        }
    }
    let (_, last) = failures.pop().unwrap();
    assert!(matches!(&last, Failure::BadArguments { argument: Some(_), .. }), "{last}");
    hostile.request(3, "add", &(1, 2));
    assert_eq!(hostile.value::<i64>(3), 3);
    assert_eq!(client(&server).call("add", (1, 2)).ends(), Ok(3));
}

#[test]
fn defect_3_a_call_to_a_server_that_is_gone_ends_and_the_client_goes_on_when_it_is_back() {
    // A path, because a free port may be taken by another before the server is back.
    let folder = tempfile::tempdir().unwrap();
    let address = format!("ipc://{}/server", folder.path().display());
    let mut server = Child::start("server", &[("address", &address)]);
    server.hears("endpoint");
    let options = ConnectOptions::default().connect_timeout(Duration::from_millis(300));
    let client = support::client_at(&address, options);
    assert_eq!(client.call("add", (1, 2)).ends(), Ok(3));
    let hanging = client.call::<()>("hang", ()).start();
    server.hears("hanging");
    server.kill();
    let lost = hanging.ends().unwrap_err();
    assert!(matches!(lost, CallError::Unknown { .. }), "{lost}");
    let gone = client.call::<i64>("add", (1, 2)).start().ends().unwrap_err();
    assert!(matches!(gone, CallError::ServerGone { .. }), "{gone}");
    let _again = Child::start("server", &[("address", &address)]);
    until("calls work again", || client.call::<i64>("add", (1, 2)).ends().ok());
}

#[test]
fn defect_4_a_subscriber_of_new_does_not_receive_new_frame() {
    let server = server();
    let mut new = server.add_publisher::<u64>("new", 100).unwrap();
    let mut new_frame = server.add_publisher::<Vec<u8>>("new_frame", 100).unwrap();
    let client = client(&server);
    let queue = client.subscribe::<u64>("new").queue(100).unwrap();
    let other: Queue<Vec<u8>> = client.subscribe("new_frame").queue(100).unwrap();
    heard(&server, &["new", "new_frame"]);
    new_frame.publish(&vec![1, 2, 3]).unwrap();
    new.publish(&7).unwrap();
    new_frame.publish(&vec![4]).unwrap();
    assert_eq!(queue.recv_timeout(PATIENCE).unwrap().value, 7);
    assert_eq!(other.recv_timeout(PATIENCE).unwrap().value, [1, 2, 3]);
    let stats = queue.settle(PATIENCE).unwrap();
    assert_eq!((stats.received, stats.waiting, stats.expected()), (1, 0, 1));
    // The prefix alone is no stream.
    drop(other);
    eventually("nobody listens to new_frame", || subscribers(&server, "new_frame") == 0);
    assert_eq!(subscribers(&server, "new"), 1);
}

fn subscribers(server: &RouterServer, name: &str) -> u64 {
    server.stats().streams.iter().find(|stream| stream.name == name).unwrap().subscribers
}

fn heard(server: &RouterServer, names: &[&str]) {
    eventually("the streams are heard", || names.iter().all(|name| subscribers(server, name) > 0));
}

#[test]
fn defect_5_a_disabled_stream_does_not_stream_and_can_be_asked_for_anything() {
    let server = server();
    server.add_stream("witness", 200.0, || 0).unwrap();
    server.add_stream_with("quiet", 200.0, StreamOptions::new().disabled(), || 1).unwrap();
    let client = client(&server);
    let queue = client.subscribe::<i64>("quiet").queue(1000).unwrap();
    wait_five_ticks(&server, "witness");
    assert_eq!(produced(&server, "quiet"), 0, "it streams though it was added disabled");
    assert!(matches!(queue.try_recv(), Err(SampleError::NothingYet { .. })));

    client.enable_stream("quiet").ends().unwrap();
    assert_eq!(queue.recv_timeout(PATIENCE).unwrap().value, 1);
    client.disable_stream("quiet").ends().unwrap();
    let after = produced(&server, "quiet");
    wait_five_ticks(&server, "witness");
    assert_eq!(produced(&server, "quiet"), after, "it streams after disable has returned");
    let stats = queue.settle(PATIENCE).unwrap();
    assert_eq!(stats.segments.last().unwrap().last + 1, after);

    server.disable_stream("quiet").unwrap();
    client.disable_stream("quiet").ends().unwrap();
    client.set_frequency("quiet", 100.0).ends().unwrap();
    let described = client.describe().ends().unwrap();
    let stream = described.streams.iter().find(|stream| stream.name == "quiet").unwrap();
    assert_eq!((stream.enabled, stream.frequency_hz), (false, Some(100.0)));
    server.enable_stream("quiet").unwrap();
    server.enable_stream("quiet").unwrap();
    eventually("its sequence goes on", || produced(&server, "quiet") > after);
    server.disable_stream("quiet").unwrap();
    server.remove_stream("quiet").unwrap();
    assert!(server.remove_stream("quiet").is_err());
    assert!(client.disable_stream("quiet").ends().is_err());
    assert!(client.describe().ends().unwrap().streams.iter().all(|stream| stream.name != "quiet"));
}

#[test]
fn defect_6_a_stream_removed_and_added_again_at_the_same_frequency_runs() {
    let server = server();
    server.add_stream("position", 100.0, || 1).unwrap();
    let queue = client(&server).subscribe::<i64>("position").queue(1000).unwrap();
    let first = queue.recv_timeout(PATIENCE).unwrap();
    assert_eq!(first.value, 1);
    for life in 2..5 {
        server.remove_stream("position").unwrap();
        server.add_stream("position", 100.0, move || life).unwrap();
        let sample = until("samples of the new life", || {
            queue.recv_timeout(PATIENCE).ok().filter(|sample| sample.value == life)
        });
        assert_ne!(sample.incarnation, first.incarnation);
    }
    assert_eq!(queue.stats().breaks, 3);
}

#[test]
fn defect_8_the_period_does_not_grow_by_the_work_and_missed_ticks_are_counted() {
    let server = server();
    const HZ: f64 = 50.0;
    let starts = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&starts);
    // Three quarters of the period are work: with work added to it the rate would be 29 Hz.
    let work = move || {
        log.lock().push(Instant::now());
        std::thread::sleep(Duration::from_millis(15));
    };
    server.add_stream("work", HZ, work).unwrap();
    eventually("it ran 60 times", || starts.lock().len() >= 60);
    server.disable_stream("work").unwrap();
    let stats = server.stats();
    let stream = stats.streams.iter().find(|stream| stream.name == "work").unwrap();
    let starts = starts.lock();
    let elapsed = *starts.last().unwrap() - starts[0];
    let ticks = starts.len() as u64 + stream.ticks_missed;
    let due = elapsed.as_secs_f64() * HZ + 1.0;
    // Each tick of the clock was either run or counted as missed, however busy this machine is.
    assert!((due - ticks as f64).abs() <= 3.0, "{due} ticks were due, {stream:?}");
}

#[test]
fn defect_9_timestamps_are_utc_and_a_monotonic_clock_that_means_something_elsewhere() {
    let server = server();
    let mut publisher = server.add_publisher::<u64>("now", 100).unwrap();
    let client = client(&server);
    let queue = client.subscribe::<u64>("now").queue(100).unwrap();
    heard(&server, &["now"]);
    let mut last_ns = 0;
    for number in 0..10 {
        let before = SystemTime::now();
        publisher.publish(&number).unwrap();
        let sample = queue.recv_timeout(PATIENCE).unwrap();
        assert!(before <= sample.utc && sample.utc <= SystemTime::now(), "{:?}", sample.utc);
        assert!(sample.monotonic_ns > last_ns && sample.epoch == server.epoch());
        last_ns = sample.monotonic_ns;
    }
    // The same clock that a ping reads.
    let told = client.ping().unwrap().server_time;
    assert!(told.duration_since(SystemTime::now()).unwrap_or_default() < Duration::from_secs(1));
}

#[test]
fn defect_12_a_remote_failure_says_what_and_where() {
    let server = server();
    server.add_instrument("stage", TestStage::rig().stage).unwrap();
    server.add_call("broken", || -> i64 { panic!("the encoder read {}", 65535) }).unwrap();
    let client: RouterClient = client(&server);
    let panicked = client.call::<i64>("broken", ()).ends().unwrap_err().to_string();
    for told in ["`broken`", "the encoder read 65535", "defects.rs:"] {
        assert!(panicked.contains(told), "{told} is not in: {panicked}");
    }
    let CallError::Refused(refused) = client.call::<f64>("stage.move_to", (-1.0,)).ends().unwrap_err() else {
        panic!("not refused")
    };
    assert_eq!(refused.kind, "OutOfRange");
    let details: std::collections::BTreeMap<String, f64> = body::decode(&refused.details).unwrap();
    assert_eq!((details["target_um"], details["limit_um"]), (-1.0, 10000.0));
    assert_eq!(Failure::Refused(refused).status(), Status::Refused);
    // An error sample tells it as well.
    server.add_stream("temperature", 100.0, || -> f64 { panic!("no sensor") }).unwrap();
    let queue = client.subscribe::<f64>("temperature").queue(10).unwrap();
    let SampleError::Failed { failure, .. } = queue.recv_timeout(PATIENCE).unwrap_err() else {
        panic!("not failed")
    };
    let failure = failure.to_string();
    assert!(failure.contains("no sensor") && failure.contains("defects.rs:"), "{failure}");
}
