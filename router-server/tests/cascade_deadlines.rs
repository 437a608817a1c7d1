//! What a deadline says behind a gateway whose server does not answer: whether the call was passed on.

mod support;

use std::time::Duration;

use router_client::{CallError, GoneCause};
use support::{Ends, Relay, TestStage, client, eventually, server, until};

#[test]
fn a_call_may_still_be_running_if_it_was_passed_on_and_is_refused_if_it_cannot_be() {
    let last = server();
    let rig = TestStage::rig();
    last.add_instrument("stage", rig.stage.clone()).unwrap();
    let relay = Relay::to(&last.endpoints().calls);
    let gateway = server();
    gateway.add_upstream("rig", &relay.address).unwrap();
    let alice = client(&gateway);
    eventually("it is there", || gateway.upstreams()[0].state == "connected");
    relay.deafen();
    // It was passed on, and may run; that nobody answers is all that can be known here.
    let late = alice.call::<f64>("rig.stage.move_to", (0.0,)).deadline(Duration::from_millis(300)).ends();
    assert!(matches!(late, Err(CallError::DeadlineExceeded { may_still_be_running: true, .. })), "{late:?}");
    // Once the silence is noticed nothing is passed on, and nothing said to run.
    eventually("it is lost", || gateway.upstreams()[0].state == "lost");
    let refused = until("a call is refused", || {
        let call = alice.call::<f64>("rig.stage.move_to", (1.0,)).deadline(Duration::from_secs(5));
        call.ends().err()
    });
    assert!(matches!(refused, CallError::ServerGone { cause: GoneCause::Unreachable, .. }), "{refused}");
    assert!(!rig.stage.moves().contains(&1.0), "{:?}", rig.stage.moves());
}
