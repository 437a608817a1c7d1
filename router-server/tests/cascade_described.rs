//! What a gateway tells of the servers behind it is bounded, and says what it leaves out.

mod support;

use router_server::{Preset, RelayOptions};
use router_wire::status::{ServerStats, StreamOrigin};
use support::{Ends, address, client, counter, eventually, server, server_with, until};

/// As `docs/protocol.md#bounds` says.
const MOST_ENTRIES: usize = 8_192;

#[test]
fn a_server_with_more_calls_than_are_told_on_is_served_and_told_of_as_cut() {
    let last = server();
    const CALLS: usize = MOST_ENTRIES + 100;
    last.add_call("echo", |(number,): (usize,)| number).unwrap();
    for number in 0..CALLS {
        last.add_named_call(&format!("call_{number:05}"), "echo", Preset::new((number,))).unwrap();
    }
    let gateway = server();
    gateway.add_upstream("rig", &address(&last)).unwrap();
    let alice = client(&gateway);
    eventually("it has told", || !gateway.upstreams()[0].not_described.is_empty());
    let description = gateway.describe();
    let behind = |name: &str| name.starts_with("rig.");
    let calls = description.calls.iter().filter(|call| behind(&call.name)).count();
    let instruments = description.instruments.iter().filter(|instrument| behind(&instrument.name)).count();
    assert_eq!(calls + instruments, MOST_ENTRIES);
    let own = last.describe();
    let calls = own.calls.iter().filter(|call| call.name != "router.hello").count();
    let left_out = calls + own.instruments.len() - MOST_ENTRIES;
    let says = &description.upstreams[0].not_described;
    assert!(says.starts_with(&format!("{left_out} of its calls")), "{says}");
    assert!(counter(&gateway, "cut_descriptions") > 0);
    let last_call = format!("rig.call_{:05}", CALLS - 1);
    assert!(!description.calls.iter().any(|call| call.name == last_call));
    assert_eq!(alice.call::<usize>(&last_call, ()).ends(), Ok(CALLS - 1));
}

/// A gateway used to wait for ever for a description that had been refused.
#[test]
fn a_server_that_cannot_tell_what_it_serves_is_asked_again() {
    let last = server_with(|options| options.max_body_bytes = 10_000);
    let gateway = server();
    let alice = client(&gateway);
    last.add_call("here", || 1).unwrap();
    for number in 0..100 {
        last.add_call(&format!("call_{number}"), move || number).unwrap();
    }
    gateway.add_upstream("rig", &address(&last)).unwrap();
    eventually("it says so", || gateway.upstreams()[0].not_described.contains("could not tell"));
    assert_eq!(alice.call::<u32>("rig.here", ()).ends(), Ok(1));
    let asked = || counter(&gateway, "cut_descriptions");
    let before = asked();
    eventually("it is asked again", || asked() > before);
}

#[test]
fn the_statistics_tell_of_servers_behind_and_where_streams_come_from() {
    let (last, gateway) = (server(), server());
    let _count = last.add_publisher::<u64>("count", 100).unwrap();
    let _own = gateway.add_publisher::<u64>("own", 100).unwrap();
    let source = last.endpoints().samples.to_string();
    gateway.add_upstream("rig", &address(&last)).unwrap();
    gateway.add_relay_with("relayed", &source, RelayOptions::new().topic("count")).unwrap();
    let alice = client(&gateway);
    let stats = until("its stream is told of", || {
        let stats: ServerStats = alice.call("router.stats", ()).ends().unwrap();
        stats.streams.iter().any(|stream| stream.name == "rig.count").then_some(stats)
    });
    let upstreams: Vec<_> =
        stats.upstreams.iter().map(|up| (up.prefix.as_str(), up.state.as_str())).collect();
    assert_eq!(upstreams, [("rig", "connected")]);
    let from = |name: &str| stats.streams.iter().find(|stream| stream.name == name).unwrap().from.clone();
    assert_eq!(from("rig.count"), Some(StreamOrigin::Upstream("rig".into())));
    assert_eq!(from("relayed"), Some(StreamOrigin::Relay(source)));
    assert_eq!(from("own"), None);
}
