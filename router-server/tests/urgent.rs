//! Urgent methods: they run whatever the lane does, and may clear it.

mod support;

use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use router_client::{Call, CallError, Failure, PendingCall, interface};
use router_server::InstrumentOptions;
use router_wire::Status;
use support::{Ends, PATIENCE, RawClient, TestStage, TestStageClient, client_named, server};

#[test]
fn an_urgent_method_runs_while_the_lane_is_blocked() {
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    let (alice, bob) = (client_named(&server, "alice"), client_named(&server, "bob"));
    let _hung = alice.call::<()>("stage.hang", ()).start();
    rig.hanging.arrived();
    assert_eq!(bob.call("stage.urgent_thread", ()).ends(), Ok("stage urgent".to_owned()));
    assert_eq!(alice.call("stage.urgent_thread", ()).ends(), Ok("stage urgent".to_owned()));
}

#[test]
fn a_stop_ends_the_running_move_and_the_queued_ones_never_start() {
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    let (alice, bob) = (client_named(&server, "alice"), client_named(&server, "bob"));
    let moving = TestStageClient::new(&alice, "stage").move_to(500.0).start();
    rig.moving.arrived();
    let queued: Vec<PendingCall<f64>> = (0..5).map(|_| alice.call("stage.move_to", (1.0,)).start()).collect();
    support::eventually("five wait", || server.stats().lanes.iter().any(|lane| lane.queued == 5));
    let beside = alice.call::<()>("stage.hang_beside", ()).start();
    rig.hanging.arrived();
    bob.call::<()>("stage.stop", ()).ends().unwrap();

    let cancelled_by = format!("by stage.stop, by {}", bob.identity());
    let CallError::Cancelled { by, may_still_be_running: false, .. } = moving.ends().unwrap_err() else {
        panic!("not cancelled")
    };
    assert_eq!(by, cancelled_by);
    for call in queued {
        let CallError::Cancelled { by, may_still_be_running: false, .. } = call.ends().unwrap_err() else {
            panic!("not cancelled")
        };
        assert_eq!(by, cancelled_by);
    }
    assert_eq!((rig.stage.moves(), rig.stage.stops()), (vec![500.0], 1), "a queued move started");
    // What has no cancellation point goes on; and what is sent after the stop runs.
    rig.hanging.open();
    assert_eq!(beside.ends(), Ok(()));
    assert_eq!(alice.call("stage.move_to", (0.0,)).ends(), Ok(0.0));
    assert_eq!(bob.call("stage.move_to", (0.0,)).ends(), Ok(0.0));
}

#[test]
fn a_stop_leaves_other_instruments_on_the_same_lane_alone() {
    let server = server();
    let (rig, neighbour) = (TestStage::rig(), TestStage::rig());
    server.add_instrument_on("stage", rig.stage.clone(), InstrumentOptions::on_lane("COM3")).unwrap();
    server.add_instrument_on("wheel", neighbour.stage.clone(), InstrumentOptions::on_lane("COM3")).unwrap();
    let alice = client_named(&server, "alice");
    let moving = alice.call::<f64>("wheel.move_to", (500.0,)).start();
    neighbour.moving.arrived();
    let (own, other) = (
        alice.call::<f64>("stage.move_to", (0.0,)).start(),
        alice.call::<f64>("wheel.move_to", (0.0,)).start(),
    );
    support::eventually("two wait", || server.stats().lanes.iter().any(|lane| lane.queued == 2));
    alice.call::<()>("stage.stop", ()).ends().unwrap();
    assert!(matches!(own.ends(), Err(CallError::Cancelled { .. })));
    assert!(!moving.is_finished() && !other.is_finished());
    alice.call::<()>("wheel.stop", ()).ends().unwrap();
    assert!(moving.ends().is_err() && other.ends().is_err());
}

#[test]
fn a_move_sent_before_the_stop_that_arrives_behind_it_does_not_run() {
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    let mut calls = RawClient::greeted(&server, 7);
    let mut control = RawClient::greeted_control(&server, 7);
    let mut other = RawClient::greeted(&server, 8);
    control.request(10, "stage.stop", &());
    assert_eq!(control.outcome(10).0, Status::Done);
    calls.request(9, "stage.move_to", &(0.0,));
    let by = format!("by stage.stop, by {}", calls.label());
    assert_eq!(calls.failure(9), Failure::Cancelled { by, may_still_be_running: false });
    assert!(rig.stage.moves().is_empty(), "an overtaken move ran");
    // Sent after the stop, or by another client, whose numbers say nothing of the stop.
    calls.request(11, "stage.move_to", &(0.0,));
    assert_eq!(calls.value::<f64>(11), 0.0);
    other.request(9, "stage.move_to", &(0.0,));
    assert_eq!(other.value::<f64>(9), 0.0);
    // Another instrument was not stopped.
    let wheel = TestStage::rig();
    server.add_instrument("wheel", wheel.stage.clone()).unwrap();
    calls.request(8, "wheel.move_to", &(0.0,));
    assert_eq!(calls.value::<f64>(8), 0.0);
}

#[test]
fn a_move_sent_before_stop_all_that_arrives_behind_it_does_not_run() {
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    let mut calls = RawClient::greeted(&server, 7);
    let mut control = RawClient::greeted_control(&server, 7);
    control.request(10, "router.stop_all", &());
    assert_eq!(control.outcome(10).0, Status::Done);
    calls.request(9, "stage.move_to", &(0.0,));
    assert!(matches!(calls.failure(9), Failure::Cancelled { .. }));
    assert!(rig.stage.moves().is_empty(), "an overtaken move ran");
    calls.request(11, "stage.move_to", &(0.0,));
    assert_eq!(calls.value::<f64>(11), 0.0);
}

/// Its stop waits until the other one's stop runs too.
struct Half {
    mine: Sender<()>,
    others: Receiver<()>,
}

#[interface]
impl Half {
    /// Waits for the other half.
    #[call(urgent, clears_lane)]
    pub fn abort(&self) -> Result<(), String> {
        let _ = self.mine.send(());
        self.others
            .recv_timeout(PATIENCE)
            .map_err(|_| "the other half is not stopped beside this one".to_owned())
    }

    /// Needs an argument, so that nobody can run it without knowing what for.
    #[call(urgent, clears_lane)]
    pub fn abort_at(&self, _target_um: f64) -> Result<(), String> {
        Err("nobody gave a target".into())
    }

    /// Runs until it is stopped.
    pub fn run(&self, call: &Call) -> Result<(), router_client::Interrupted> {
        let _ = self.mine.send(());
        call.sleep(Duration::from_secs(3600))
    }
}

#[test]
fn stop_all_stops_everything_side_by_side_and_tells_each_outcome() {
    let server = server();
    let ((a, from_a), (b, from_b)) = (bounded(4), bounded(4));
    server.add_instrument("left", Half { mine: a, others: from_b.clone() }).unwrap();
    server.add_instrument("right", Half { mine: b, others: from_a }).unwrap();
    server.add_call("hang", || ()).unwrap();
    let client = client_named(&server, "alice");
    let running = client.call::<()>("right.run", ()).start();
    from_b.recv_timeout(PATIENCE).unwrap();
    let outcomes = client.stop_all().ends().unwrap();
    let ended: Vec<_> = outcomes
        .iter()
        .map(|outcome| (outcome.name.as_str(), outcome.ok, outcome.message.as_str()))
        .collect();
    assert_eq!(ended, [("left.abort", true, ""), ("right.abort", true, "")]);
    let CallError::Cancelled { by, .. } = running.ends().unwrap_err() else { panic!("not cancelled") };
    assert!(by.contains("right.abort") && by.contains(&client.identity().to_string()), "{by}");
}

#[test]
fn stop_all_tells_of_a_stop_that_failed() {
    struct Broken;
    #[interface]
    impl Broken {
        #[call(urgent, clears_lane)]
        pub fn stop(&self) -> Result<(), String> {
            Err("no answer from COM3".into())
        }
    }
    let server = server();
    server.add_instrument("broken", Broken).unwrap();
    server.add_instrument("stage", TestStage::rig().stage).unwrap();
    let outcomes = client_named(&server, "alice").stop_all().ends().unwrap();
    assert_eq!(outcomes.len(), 2);
    assert!(!outcomes[0].ok && outcomes[0].message.contains("no answer from COM3"), "{outcomes:?}");
    assert!(outcomes[1].ok, "{outcomes:?}");
}
