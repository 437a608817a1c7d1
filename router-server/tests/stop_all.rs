//! `router.stop_all`: it waits for nobody before it stops, and it stops what can be stopped and nothing else.

mod support;

use std::time::Duration;

use router_client::{PendingCall, interface};
use router_wire::Failure;
use router_wire::status::StopOutcome;
use support::{Door, RawClient, TestStage, client_named, door, eventually, server};

/// An instrument whose stop hangs.
struct Stuck {
    stopping: Door,
}

#[interface]
impl Stuck {
    #[call(urgent, clears_lane)]
    pub fn stop(&self) {
        self.stopping.pass();
    }
}

#[test]
fn stops_are_started_however_many_others_wait_for_a_hung_one() {
    const OTHERS: u64 = 6;
    let server = server();
    let (stopping, gate) = door();
    let rig = TestStage::rig();
    server.add_instrument("stuck", Stuck { stopping }).unwrap();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    let (alice, bob) = (client_named(&server, "alice"), client_named(&server, "bob"));
    let stop_all = |client: &router_client::RouterClient| -> PendingCall<Vec<StopOutcome>> {
        client.call("router.stop_all", ()).deadline(Duration::from_secs(3600)).start()
    };
    let others: Vec<_> = (0..OTHERS).map(|_| stop_all(&alice)).collect();
    gate.arrived();
    eventually("each of alice's stops the stage", || rig.stage.stops() == OTHERS);
    let last = stop_all(&bob);
    eventually("bob's stops it once more", || rig.stage.stops() == OTHERS + 1);
    assert!(others.iter().chain([&last]).all(|call| !call.is_finished()), "it waited for the hung one");
    gate.open();
    for call in others.into_iter().chain([last]) {
        let outcomes = call.wait().unwrap();
        assert_eq!(outcomes.len(), 2);
        assert!(outcomes.iter().all(|outcome| outcome.ok), "{outcomes:?}");
    }
}

#[test]
fn a_call_that_stop_all_overtook_is_ended_only_where_something_was_stopped() {
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    server.add_call("shutter.close", || 1).unwrap();
    let mut control = RawClient::greeted_control(&server, 7);
    let mut calls = RawClient::greeted(&server, 7);
    // Both calls have smaller numbers: they were sent before, on a slower connection.
    control.request(10, "router.stop_all", &());
    let outcomes: Vec<StopOutcome> = control.value(10);
    assert_eq!(outcomes.iter().map(|outcome| outcome.name.as_str()).collect::<Vec<_>>(), ["stage.stop"]);
    calls.request(5, "shutter.close", &());
    assert_eq!(calls.value::<i32>(5), 1);
    calls.request(6, "stage.move_to", &(5.0,));
    let failure = calls.failure(6);
    assert!(matches!(&failure, Failure::Cancelled { by, .. } if by.contains("stop_all")), "{failure}");
    assert!(rig.stage.moves().is_empty());
}
