//! Lanes: what runs in order, what runs beside it, and where an instrument lives.

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::ThreadId;

use crossbeam_channel::{Sender, unbounded};
use parking_lot::Mutex;
use router_client::{CallError, PendingCall, interface};
use router_server::InstrumentOptions;
use support::{
    Ends, PATIENCE, ServedStage, TestStage, begin_move, client, client_named, counter, door, eventually,
    hang, serve_stage, server,
};

#[test]
fn calls_run_in_the_order_in_which_they_arrive() {
    let server = server();
    let (door, gate) = door();
    let order = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&order);
    let append = move |(number,): (u32,)| {
        if number == 0 {
            door.pass();
        }
        log.lock().push(number);
    };
    server.add_call("append", append).unwrap();
    let client = client(&server);
    let pending: Vec<PendingCall<()>> =
        (0..200).map(|number| client.call("append", (number,)).start()).collect();
    gate.arrived();
    gate.open();
    pending.into_iter().for_each(|call| call.ends().unwrap());
    assert_eq!(*order.lock(), (0..200).collect::<Vec<_>>());
}

#[test]
fn instruments_on_one_lane_wait_for_each_other_and_others_do_not() {
    let server = server();
    let (rig, neighbour, other) = (TestStage::rig(), TestStage::rig(), TestStage::rig());
    let com3 = || InstrumentOptions::on_lane("COM3");
    server.add_instrument_on("stage", rig.stage.clone(), com3()).unwrap();
    server.add_instrument_on("wheel", neighbour.stage.clone(), com3()).unwrap();
    server.add_instrument("laser", other.stage.clone()).unwrap();
    let client = client(&server);
    let hung = hang(&client, &rig);
    let waiting = client.call::<f64>("wheel.move_to", (0.0,)).start();
    assert_eq!(client.call("laser.thread", ()).ends(), Ok("laser".to_owned()));
    eventually("the neighbour waits", || {
        let lanes = server.stats().lanes;
        let lane = lanes.iter().find(|lane| lane.name == "COM3").unwrap();
        assert_eq!(lane.instruments, ["stage", "wheel"]);
        let running = lane.running.as_ref().unwrap();
        assert_eq!((running.name.as_str(), &running.client), ("stage.hang", &client.identity().to_string()));
        lane.queued == 1
    });
    assert!(neighbour.stage.moves().is_empty(), "it ran beside its neighbour");
    rig.hanging.open();
    hung.ends().unwrap();
    assert_eq!(waiting.ends(), Ok(0.0));
    assert_eq!(client.call("wheel.thread", ()).ends(), Ok("COM3".to_owned()));
}

#[test]
fn concurrent_methods_run_beside_the_lane_and_beside_each_other() {
    let ServedStage { server, rig, client } = serve_stage();
    let hung = hang(&client, &rig);
    let beside: Vec<PendingCall<()>> = (0..4).map(|_| client.call("stage.hang_beside", ()).start()).collect();
    // All four threads of the pool stand before the door at once.
    (0..4).for_each(|_| rig.hanging.arrived());
    let fifth = client.call::<String>("stage.pool_thread", ()).start();
    eventually("the fifth waits", || server.stats().lanes.iter().any(|lane| lane.queued == 1));
    assert!(!fifth.is_finished());
    rig.hanging.open();
    beside.into_iter().for_each(|call| call.ends().unwrap());
    hung.ends().unwrap();
    assert!(fifth.ends().unwrap().starts_with("stage pool "));
}

#[test]
fn inline_methods_run_in_the_router_loop_until_one_is_slow() {
    let server = server();
    server.add_instrument("stage", TestStage::rig().stage).unwrap();
    let client = client(&server);
    assert_eq!(client.call("stage.inline_thread", ()).ends(), Ok("router".to_owned()));
    assert_eq!(client.call("stage.inline_thread", (30,)).ends(), Ok("router".to_owned()));
    assert_eq!(client.call("stage.inline_thread", ()).ends(), Ok("stage".to_owned()), "it moved to the lane");
    assert!(counter(&server, "slow_inline_runs") >= 1);
    assert_eq!(counter(&server, "inline_methods_moved"), 1);
}

/// A driver that belongs to the thread that opened it: it is neither Send nor Sync.
struct Driver {
    opened_on: ThreadId,
    moves: Rc<Cell<u64>>,
    dropped: Sender<(ThreadId, ThreadId)>,
}

#[interface]
impl Driver {
    pub fn is_at_home(&self) -> bool {
        self.moves.set(self.moves.get() + 1);
        std::thread::current().id() == self.opened_on
    }
    pub fn count(&mut self) -> u64 {
        self.moves.get()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.dropped.send((self.opened_on, std::thread::current().id()));
    }
}

#[test]
fn an_instrument_built_on_its_lane_stays_on_its_thread_and_is_dropped_there() {
    let server = server();
    let (dropped, drops) = unbounded();
    let add = |name: &str| {
        let dropped = dropped.clone();
        server.add_instrument_with(name, InstrumentOptions::default(), move || {
            Ok::<_, String>(Driver { opened_on: std::thread::current().id(), moves: Rc::default(), dropped })
        })
    };
    add("driver").unwrap();
    add("other").unwrap();
    let client = client(&server);
    for name in ["driver", "other"] {
        for _ in 0..3 {
            assert_eq!(client.call(&format!("{name}.is_at_home"), ()).ends(), Ok(true));
        }
        assert_eq!(client.call(&format!("{name}.count"), ()).ends(), Ok(3));
    }
    server.remove("driver").unwrap();
    let (opened_on, dropped_on) = drops.recv_timeout(PATIENCE).unwrap();
    assert_eq!(opened_on, dropped_on);
    assert_eq!(client.call("other.is_at_home", ()).ends(), Ok(true));
    assert!(server.stop().is_clean());
    let (opened_on, dropped_on) = drops.try_recv().expect("the stop drops instruments");
    assert_eq!(opened_on, dropped_on);
}

#[test]
fn an_instrument_that_cannot_be_opened_leaves_nothing_behind() {
    let server = server();
    let open = |fail: fn() -> Result<TestStage, String>| {
        server.add_instrument_with("stage", InstrumentOptions::default(), fail).unwrap_err().to_string()
    };
    let refused = open(|| Err("COM3 does not answer".into()));
    assert!(refused.contains("`stage`") && refused.contains("COM3 does not answer"), "{refused}");
    let panicked = open(|| panic!("no driver"));
    assert!(panicked.contains("no driver"), "{panicked}");
    let client = client(&server);
    assert!(matches!(client.call::<()>("stage.stop", ()).ends(), Err(CallError::NotFound { .. })));
    server.add_instrument("stage", TestStage::rig().stage).unwrap();
    assert_eq!(client.call("stage.thread", ()).ends(), Ok("stage".to_owned()));
    eventually("no thread of the failed ones is left", || {
        server.stats().lanes.iter().all(|lane| !lane.set_apart)
    });
}

#[test]
fn a_removed_instrument_with_a_hung_call_sets_its_lane_apart_and_gets_a_new_one() {
    let ServedStage { server, rig, client } = serve_stage();
    let hung = hang(&client, &rig);
    let queued = client.call::<f64>("stage.move_to", (0.0,)).start();
    eventually("it is queued", || server.stats().lanes.iter().any(|lane| lane.queued == 1));
    server.remove("stage").unwrap();
    let removed = queued.ends().unwrap_err();
    assert!(matches!(&removed, CallError::Cancelled { by, .. } if by.contains("removed")), "{removed}");

    let again = TestStage::rig();
    server.add_instrument("stage", again.stage.clone()).unwrap();
    assert_eq!(client.call("stage.move_to", (0.0,)).ends(), Ok(0.0));
    assert_eq!((again.stage.moves(), rig.stage.moves()), (vec![0.0], vec![]));
    let set_apart = || server.stats().lanes.iter().filter(|lane| lane.set_apart).count();
    // The threads of its pool and its urgent lane end by themselves; its lane cannot.
    eventually("only the hung lane is left", || set_apart() == 1);
    let lanes = server.stats().lanes;
    let apart = lanes.iter().find(|lane| lane.set_apart).unwrap();
    assert_eq!(apart.running.as_ref().map(|call| call.name.as_str()), Some("stage.hang"));
    rig.hanging.open();
    assert_eq!(hung.ends(), Ok(()), "what the hung call returned in the end");
    eventually("the old lane ends", || set_apart() == 0);
}

#[test]
fn removing_one_of_two_on_a_lane_leaves_the_other() {
    let server = server();
    let (rig, neighbour) = (TestStage::rig(), TestStage::rig());
    server.add_instrument_on("stage", rig.stage.clone(), InstrumentOptions::on_lane("COM3")).unwrap();
    server.add_instrument_on("wheel", neighbour.stage.clone(), InstrumentOptions::on_lane("COM3")).unwrap();
    let client = client(&server);
    let moving = begin_move(&client, &rig);
    let waiting = client.call::<f64>("wheel.move_to", (0.0,)).start();
    server.remove("stage").unwrap();
    assert!(matches!(moving.ends(), Err(CallError::Cancelled { .. })));
    assert_eq!(waiting.ends(), Ok(0.0));
    server.remove("wheel").unwrap();
    assert!(matches!(server.add_call("wheel.x", || 0), Ok(())));
}

/// Counts by itself, without a lock: its lane is the only one who uses it.
#[derive(Default)]
struct Counter {
    count: u64,
}

#[interface]
impl Counter {
    /// Counts.
    pub fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }
}

#[test]
fn an_instrument_with_methods_that_change_it_is_used_by_one_call_at_a_time() {
    let server = server();
    server.add_instrument("counter", Counter::default()).unwrap();
    let clients = ["alice", "bob"].map(|name| client_named(&server, name));
    let pending: Vec<PendingCall<u64>> =
        (0..200).map(|call| clients[call % 2].call("counter.next", ()).start()).collect();
    let mut counts: Vec<u64> = pending.into_iter().map(|call| call.ends().unwrap()).collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=200).collect::<Vec<_>>());
}

#[test]
fn a_panicking_destructor_does_not_end_the_lane() {
    struct Fragile;
    #[interface]
    impl Fragile {
        pub fn touch(&self) {}
    }
    impl Drop for Fragile {
        fn drop(&mut self) {
            panic!("it fell apart");
        }
    }
    let server = server();
    server.add_instrument_on("fragile", Fragile, InstrumentOptions::on_lane("shared")).unwrap();
    let sturdy = TestStage::rig();
    server.add_instrument_on("sturdy", sturdy.stage.clone(), InstrumentOptions::on_lane("shared")).unwrap();
    let client = client(&server);
    client.call::<()>("fragile.touch", ()).ends().unwrap();
    server.remove("fragile").unwrap();
    assert_eq!(client.call("sturdy.move_to", (0.0,)).deadline(PATIENCE).ends(), Ok(0.0));
}
