//! Ctrl-C during a call: once cancels it, twice leaves it.
#![cfg(unix)]

mod processes;

use std::sync::mpsc;

use processes::{Demo, LONG, Process};
use router_server::RouterServer;

#[test]
fn the_first_ctrl_c_cancels_the_call_and_waits_for_its_outcome() {
    let demo = Demo::start();
    let call = demo.spawn(&["call", "stage.move_to", "10000", "--json"]);
    call.stderr.until("moving");
    call.interrupt();
    let ended = call.finish();
    assert_eq!((ended.code, ended.json()["outcome"].as_str().unwrap()), (Some(1), "cancelled"), "{ended:#?}");
    assert_eq!(ended.json()["may_still_be_running"], false);
    assert!(ended.stderr.contains("Ctrl-C again leaves it behind"), "{}", ended.stderr);
    let velocity_um_per_s: f64 =
        demo.run(&["call", "stage.velocity_um_per_s"]).stdout.trim().parse().unwrap();
    assert_eq!(velocity_um_per_s, 0.0, "the outcome came after the axis had come to rest");
}

#[test]
fn the_second_ctrl_c_leaves_the_call_running_and_prints_its_id() {
    let server = RouterServer::bind("tcp://127.0.0.1:*").unwrap();
    let (started, has_started) = mpsc::channel();
    let (release, is_released) = mpsc::channel::<()>();
    let (finished, has_finished) = mpsc::channel();
    let stubborn = move |(): ()| {
        started.send(()).unwrap();
        is_released.recv_timeout(LONG).unwrap();
        finished.send(()).unwrap();
    };
    server.add_call("stubborn", stubborn).unwrap();
    let connect = server.endpoints().calls.to_string();
    let call = Process::start(&["call", "stubborn", "--json", "--connect", &connect]);
    has_started.recv_timeout(LONG).unwrap();

    let queued = Process::start(&["call", "stubborn", "--json", "--connect", &connect]);
    let is_queued = || server.stats().lanes.iter().any(|lane| lane.name == "stubborn" && lane.queued == 1);
    let deadline = std::time::Instant::now() + LONG;
    while !is_queued() {
        assert!(std::time::Instant::now() < deadline, "the second call is not queued");
    }
    queued.interrupt();
    let queued = queued.finish();
    assert_eq!(
        (queued.code, queued.json()["outcome"].as_str().unwrap()),
        (Some(1), "cancelled"),
        "{queued:#?}"
    );

    call.interrupt();
    call.stderr.until("cancelling `stubborn`");
    call.interrupt();
    let left = call.finish();
    assert_eq!(left.code, Some(130), "{left:#?}");
    let id = left.json()["call_id"].as_str().unwrap().to_owned();
    assert!(left.stderr.contains(&id) && left.stderr.contains("client lost"), "{}", left.stderr);

    release.send(()).unwrap();
    has_finished.recv_timeout(LONG).expect("the call was left running, not ended");
    assert!(has_started.try_recv().is_err(), "the queued one never started");
}

#[test]
fn ctrl_c_ends_watch_with_a_summary() {
    let demo = Demo::start();
    let watch = demo.spawn(&["watch", "stage.position_um"]);
    watch.stdout.next();
    watch.interrupt();
    let ended = watch.finish();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stderr.contains("received"), "{}", ended.stderr);
}
