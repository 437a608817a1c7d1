//! User code where one does not look for it: in destructors, in payloads of panics, in factories and hooks that come
//! late, and beside `stats`.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded, unbounded};
use router_client::{CallError, interface};
use router_server::InstrumentOptions;
use support::stage::this_thread;
use support::{Door, PATIENCE, TestStage, client, door, hang, server};

/// A laser that does something when it is dropped.
struct Laser {
    on_drop: Box<dyn Fn() + Send + Sync>,
    holding: Door,
}

#[interface]
impl Laser {
    /// Is in use until the test lets it go.
    #[call(concurrent)]
    pub fn hold(&self) {
        self.holding.pass();
    }
}

impl Drop for Laser {
    fn drop(&mut self) {
        (self.on_drop)();
    }
}

impl Laser {
    fn that(on_drop: impl Fn() + Send + Sync + 'static) -> Laser {
        Laser { on_drop: Box::new(on_drop), holding: door().0 }
    }
}

/// Does it on a thread of its own, so that a deadlock fails the test instead of hanging it.
#[track_caller]
fn ends(what: &str, act: impl FnOnce() + Send + 'static) {
    let (done, ended) = bounded(1);
    std::thread::spawn(move || {
        act();
        let _ = done.send(());
    });
    assert_eq!(ended.recv_timeout(PATIENCE), Ok(()), "{what} did not end");
}

#[test]
fn stats_can_be_read_while_calls_are_added_and_removed() {
    const ROUNDS: u32 = 500;
    ends("adding beside stats", || {
        let server = server();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        server.stats();
                    }
                });
            }
            for _ in 0..ROUNDS {
                server.add_call("echo", |(number,): (i32,)| number).unwrap();
                server.remove("echo").unwrap();
            }
            over.store(true, Ordering::Relaxed);
        });
    });
}

#[test]
fn others_are_served_while_a_removed_instrument_is_slow_to_drop() {
    let server = server();
    server.add_call("beep", || 1).unwrap();
    let (dropping, gate) = door();
    server.add_instrument("laser", Laser::that(move || dropping.pass())).unwrap();
    let client = client(&server);
    std::thread::scope(|scope| {
        let removing = scope.spawn(|| server.remove("laser"));
        gate.arrived();
        assert_eq!(client.call("beep", ()).deadline(PATIENCE).wait(), Ok(1));
        assert!(server.stats().calls.iter().all(|call| call.name != "laser.hold"));
        server.add_call("boop", || 2).unwrap();
        assert_eq!(client.call("boop", ()).deadline(PATIENCE).wait(), Ok(2));
        gate.open();
        removing.join().unwrap().unwrap();
    });
}

#[test]
fn an_instrument_removed_during_its_last_call_is_never_dropped_by_the_router_loop() {
    let server = server();
    let client = client(&server);
    let (dropped, drops) = unbounded();
    for _ in 0..100 {
        let (holding, gate) = door();
        let dropped = dropped.clone();
        let on_drop = Box::new(move || dropped.send(this_thread()).unwrap());
        server.add_instrument("laser", Laser { on_drop, holding }).unwrap();
        let held = client.call::<()>("laser.hold", ()).start();
        gate.arrived();
        server.remove("laser").unwrap();
        gate.open();
        // Its answer and its end race for who uses the instrument last: the router loop must never be the one.
        let dropped_by = drops.recv_timeout(PATIENCE).unwrap();
        assert!(["laser", "drop laser"].contains(&dropped_by.as_str()), "dropped by {dropped_by}");
        let _ = held.wait();
    }
}

#[test]
fn a_destructor_may_use_its_server() {
    ends("removing", || {
        let server = Arc::new(server());
        let weak = Arc::downgrade(&server);
        let (removed, outcome) = unbounded();
        server.add_call("helper", || 1).unwrap();
        let on_drop = move || {
            let of_helper = weak.upgrade().map(|server| server.remove("helper").is_ok());
            removed.send(of_helper).unwrap();
        };
        server.add_instrument("laser", Laser::that(on_drop)).unwrap();
        server.remove("laser").unwrap();
        assert_eq!(outcome.recv_timeout(PATIENCE), Ok(Some(true)));
    });
}

#[test]
fn a_factory_that_still_waits_for_its_lane_at_the_stop_is_never_run() {
    let server = Arc::new(server());
    let rig = TestStage::rig();
    let com3 = || InstrumentOptions::on_lane("COM3");
    server.add_instrument_on("stage", rig.stage.clone(), com3()).unwrap();
    let client = client(&server);
    let _hung = hang(&client, &rig);
    let ((ran, runs), (added, outcome)) = (bounded::<()>(1), bounded(1));
    let adding = Arc::clone(&server);
    std::thread::spawn(move || {
        let open = move || {
            let _ = ran.send(());
            Ok::<_, String>(TestStage::rig().stage)
        };
        let _ = added.send(adding.add_instrument_with("late", com3(), open).is_ok());
    });
    // Nothing tells that a factory waits; if it comes after the stop, it must not run either.
    std::thread::sleep(Duration::from_millis(100));
    assert!(!server.stop().is_clean(), "the hung call is set apart");
    assert_eq!(outcome.recv_timeout(PATIENCE), Ok(false), "it ends, and nothing was added");
    rig.hanging.open();
    assert_eq!(runs.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected), "the factory was run");
}

#[test]
fn a_panic_whose_payload_panics_in_its_destructor_ends_its_call_only() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("in the destructor of the payload");
            }
        }
    }
    let server = server();
    let divide = |(by,): (i32,)| {
        if by == 0 {
            std::panic::panic_any(Bomb);
        }
        12 / by
    };
    server.add_call("divide", divide).unwrap();
    let client = client(&server);
    let divide = |by: i32| client.call::<i32>("divide", (by,)).deadline(PATIENCE).wait();
    assert!(matches!(divide(0), Err(CallError::Panicked { .. })));
    assert_eq!(divide(4), Ok(3), "the lane goes on");
}

#[test]
fn a_hook_added_after_the_stop_runs_at_once() {
    let server = server();
    server.stop();
    let (hook, runs) = unbounded();
    server.on_stop("laser off", move || hook.send(()).unwrap());
    assert_eq!(runs.try_recv(), Ok(()));
}
