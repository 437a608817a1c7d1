//! Threads carry their names, and are waited for within a time.

#![allow(clippy::unwrap_used)] // clippy lets tests unwrap, and counts helpers of tests as something else

mod waiting;

use router_socket::{StillRunning, spawn};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use waiting::{DEADLINE, until};

#[test]
fn a_thread_that_ends_is_joined() {
    let (sender, receiver) = mpsc::channel();
    let thread = spawn("router", move || {
        sender.send(std::thread::current().id()).unwrap();
    })
    .unwrap();
    assert_eq!(thread.name(), "router");
    assert_eq!(receiver.recv_timeout(DEADLINE).unwrap(), thread.thread_id());
    until("the thread has ended", || thread.is_finished().then_some(()));
    thread.join_within(Duration::ZERO).unwrap();
}

#[test]
fn a_thread_that_hangs_is_set_apart_and_named() {
    let (release, released) = mpsc::channel::<()>();
    let (ended, end) = mpsc::channel();
    let thread = spawn("lane stage", move || {
        let _ = released.recv();
        ended.send(()).unwrap();
    })
    .unwrap();
    let begun = Instant::now();
    let still = thread.join_within(Duration::from_millis(50)).unwrap_err();
    assert!(begun.elapsed() >= Duration::from_millis(50));
    assert_eq!(still, StillRunning { name: "lane stage".into(), waited: Duration::from_millis(50) });
    assert_eq!(still.to_string(), "thread `lane stage` still runs after 50 ms");
    drop(release);
    end.recv_timeout(DEADLINE).unwrap(); // it ran on
}

#[test]
fn a_thread_that_panicked_has_ended() {
    let thread = spawn("panics", || panic!("as the test wants")).unwrap();
    thread.join_within(DEADLINE).unwrap();
}

#[test]
fn a_thread_that_joins_itself_does_not_wait() {
    let (handle, own_handle) = mpsc::channel::<router_socket::NamedThread>();
    let (answer, answers) = mpsc::channel();
    let thread = spawn("itself", move || {
        let own = own_handle.recv().unwrap();
        answer.send(own.join_within(DEADLINE)).unwrap();
    })
    .unwrap();
    handle.send(thread).unwrap();
    assert!(answers.recv_timeout(DEADLINE).unwrap().is_err());
}

#[test]
fn a_name_with_nul_is_an_error() {
    let error = spawn("a\0b", || {}).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}

#[cfg(target_os = "linux")]
#[test]
fn the_system_shows_the_end_of_the_name() {
    let (sender, receiver) = mpsc::channel();
    let thread = spawn("one-liner lane stage.camera.left", move || {
        let comm = std::fs::read_to_string("/proc/thread-self/comm").unwrap();
        sender.send((comm, std::thread::current().name().map(str::to_owned))).unwrap();
    })
    .unwrap();
    let (comm, name) = receiver.recv_timeout(DEADLINE).unwrap();
    assert_eq!(comm.trim_end(), "age.camera.left");
    assert_eq!(name.as_deref(), Some("one-liner lane stage.camera.left"));
    thread.join_within(DEADLINE).unwrap();
}
