//! Greetings of servers with many urgent calls: clients, gateways and relays read them all the same.

mod support;

use std::time::Duration;

use router_client::CallError;
use router_server::{Preset, RelayOptions, RouterServer};
use support::{Ends, PATIENCE, TestStage, address, client, counter, eventually, server, server_again, until};

/// A server with so many urgent calls beside `stage.stop`.
fn with_urgent_calls(count: usize) -> (RouterServer, support::StageRig) {
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    for number in 0..count {
        server
            .add_named_call(&format!("a_way_to_stop_everything_{number:05}"), "stage.stop", Preset::new(()))
            .unwrap();
    }
    (server, rig)
}

#[test]
fn a_server_with_more_names_than_a_greeting_holds_is_reached_directly_and_behind() {
    const CALLS: usize = 12_000; // 34 bytes each
    let (last, rig) = with_urgent_calls(CALLS);
    let gateway = server();
    let own = TestStage::rig();
    gateway.add_instrument("wheel", own.stage.clone()).unwrap();
    let direct = client(&last);
    assert!(counter(&last, "names_left_out_of_greetings") > 0);
    gateway.add_upstream("rig", &address(&last)).unwrap();
    eventually("it is there", || gateway.upstreams()[0].state == "connected");
    let behind = client(&gateway);
    assert!(counter(&gateway, "names_left_out_of_greetings") > 0);
    // Told or not, each of them is urgent.
    let hung = direct.call::<()>("stage.hang", ()).start();
    rig.hanging.arrived();
    for number in [0, CALLS / 2, CALLS - 1] {
        direct.call::<()>(&format!("a_way_to_stop_everything_{number:05}"), ()).ends().unwrap();
        behind.call::<()>(&format!("rig.a_way_to_stop_everything_{number:05}"), ()).ends().unwrap();
    }
    behind.call::<()>("wheel.stop", ()).ends().unwrap();
    assert_eq!((rig.stage.stops(), own.stage.stops()), (6, 1));
    rig.hanging.open();
    assert!(matches!(hung.ends(), Ok(()) | Err(CallError::Cancelled { .. })));
}

/// The relay used to give up on greetings over 64 KiB.
#[test]
fn a_server_with_a_long_greeting_is_relayed_by_its_calls() {
    let (source, _rig) = with_urgent_calls(4_000);
    let mut position = source.add_publisher::<u64>("position", 100).unwrap();
    let _others: Vec<_> = (0..1_000)
        .map(|number| source.add_publisher::<u64>(&format!("stream_{number}"), 100).unwrap())
        .collect();
    let here = server();
    here.add_relay_with("position_here", &address(&source), RelayOptions::new().topic("position")).unwrap();
    let client = client(&here);
    let positions = client.subscribe::<u64>("position_here").queue(10).unwrap();
    eventually("it is heard", || position.is_heard());
    position.publish(&7).unwrap();
    assert_eq!(positions.recv_timeout(PATIENCE).unwrap().value, 7);
}

#[test]
fn a_server_behind_that_comes_late_is_there_at_once() {
    let taken = server();
    let at = address(&taken);
    drop(taken);
    let gateway = server();
    gateway.add_upstream("rig", &at).unwrap();
    let alice = client(&gateway);
    eventually("it was waited for, for longer than any wait takes", || gateway.upstreams()[0].since_s > 6.0);
    let last = server_again(&at);
    let mut count = last.add_publisher::<u64>("count", 100).unwrap();
    last.add_call("life", || 2).unwrap();
    let came = std::time::Instant::now();
    until("it is there", || alice.call::<u32>("rig.life", ()).ends().ok());
    assert!(came.elapsed() < Duration::from_secs(2), "{:?}", came.elapsed());
    eventually("its stream is told of", || {
        gateway.describe().streams.iter().any(|stream| stream.name == "rig.count")
    });
    let counts = alice.subscribe::<u64>("rig.count").queue(10).unwrap();
    eventually("it is heard", || count.is_heard());
    count.publish(&1).unwrap();
    assert_eq!(counts.recv_timeout(PATIENCE).unwrap().value, 1);
}
