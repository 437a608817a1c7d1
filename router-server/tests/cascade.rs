//! Servers behind servers: calls go through and keep their client, deadline, urgency and outcome.

mod support;

use std::time::{Duration, Instant};

use router_client::{Call, CallError, GoneCause};
use router_server::{AddError, AddUpstreamError, RouterServer};
use router_wire::GatewayHop;
use router_wire::hello::ClientSocket;
use router_wire::status::StopOutcome;
use support::{
    Chain, Ends, PATIENCE, Relay, TestStage, TestStageClient, address, client, client_named, eventually,
    named_server as named, server, server_again, server_with, until,
};

#[test]
fn calls_go_through_two_gateways_with_arguments_progress_and_errors() {
    let chain = Chain::of(3);
    let alice = client_named(chain.first(), "alice");
    let stage = TestStageClient::new(&alice, chain.name("stage"));
    assert_eq!(stage.move_to(0.0).ends(), Ok(0.0));
    // The method sees the client, not a gateway.
    chain.last().add_call("who", |call: &Call, ()| call.client().to_owned()).unwrap();
    assert_eq!(alice.call::<String>(&chain.name("who"), ()).ends(), Ok(alice.identity().to_string()));
    // Values larger than what is copied, in both directions.
    chain.last().add_call("echo", |(bytes,): (Vec<u16>,)| bytes).unwrap();
    for length in [0, 1_000, 100_000] {
        let values: Vec<u16> = (0..length).map(|value| value as u16).collect();
        assert_eq!(alice.call::<Vec<u16>>(&chain.name("echo"), (&values,)).ends(), Ok(values));
    }
    // Errors of the method, typed, and of the call.
    let refused = stage.move_to(-1.0).ends().unwrap_err();
    assert!(matches!(&refused, CallError::Refused(error) if error.to_string().contains("-1")), "{refused}");
    let not_found = alice.call::<()>(&chain.name("stage.mvoe_to"), ()).ends().unwrap_err();
    let CallError::NotFound { name, nearest } = not_found else { panic!("{not_found}") };
    assert_eq!((name, nearest.first()), (chain.name("stage.mvoe_to"), Some(&chain.name("stage.move_to"))));
    let bad = alice.call::<()>(&chain.name("stage.move_to"), ("far",)).ends().unwrap_err();
    assert!(
        matches!(&bad, CallError::BadArguments { argument: Some(name), .. } if name == "target_um"),
        "{bad}"
    );
}

#[test]
fn an_urgent_stop_overtakes_on_every_hop_and_a_cancel_reaches_the_method() {
    let chain = Chain::of(3);
    let (alice, bob) = (client_named(chain.first(), "alice"), client_named(chain.first(), "bob"));
    let stage = chain.name("stage");
    let moving = TestStageClient::new(&alice, &stage).move_to(500.0).start();
    chain.stage.moving.arrived();
    let queued = TestStageClient::new(&alice, &stage).move_to(1.0).start();
    eventually("one waits", || chain.last().stats().lanes.iter().any(|lane| lane.queued == 1));
    bob.call::<()>(&format!("{stage}.stop"), ()).ends().unwrap();
    let by = format!("by {stage}.stop, by {}", bob.identity());
    for call in [moving, queued] {
        match call.ends().unwrap_err() {
            CallError::Cancelled { by: found, may_still_be_running: false, .. } => assert_eq!(found, by),
            other => panic!("{other}"),
        }
    }
    assert_eq!(chain.stage.stage.moves(), vec![500.0], "a queued move started");

    let moving = TestStageClient::new(&alice, &stage).move_to(500.0).start();
    chain.stage.moving.arrived();
    moving.cancel();
    assert!(matches!(moving.ends(), Err(CallError::Cancelled { may_still_be_running: false, .. })));
}

#[test]
fn deadlines_shrink_and_end_calls_where_they_run() {
    let chain = Chain::of(2);
    let alice = client(chain.first());
    let (seen, deadlines) = crossbeam_channel::unbounded();
    let tell = move |call: &Call, ()| {
        let _ = seen.send(call.deadline().map(|deadline| deadline - Instant::now()));
    };
    chain.last().add_call("deadline", tell).unwrap();
    let call = || alice.call::<()>("next.deadline", ());
    call().ends().unwrap();
    call().deadline(PATIENCE).ends().unwrap();
    assert_eq!(deadlines.recv().unwrap(), None);
    let left = deadlines.recv().unwrap().unwrap();
    assert!(left < PATIENCE && left > PATIENCE / 2, "{left:?}");
    let late = TestStageClient::new(&alice, "next.stage").move_to(500.0).deadline(Duration::from_millis(100));
    assert!(matches!(late.ends(), Err(CallError::DeadlineExceeded { .. })));
    eventually("the move ended", || chain.last().stats().lanes.iter().all(|lane| lane.running.is_none()));
}

#[test]
fn one_client_takes_its_own_share_of_the_server_behind_only() {
    let last = server_with(|options| options.lane_calls_per_client = 2);
    let rig = TestStage::rig();
    last.add_instrument("stage", rig.stage.clone()).unwrap();
    let gateway = server();
    gateway.add_upstream("rig", &address(&last)).unwrap();
    let (alice, bob) = (client_named(&gateway, "alice"), client_named(&gateway, "bob"));
    eventually("the upstream is there", || gateway.upstreams()[0].state == "connected");
    let hung = alice.call::<()>("rig.stage.hang", ()).start();
    rig.hanging.arrived();
    let waiting: Vec<_> = (0..2).map(|_| alice.call::<f64>("rig.stage.move_to", (0.0,)).start()).collect();
    let busy = alice.call::<f64>("rig.stage.move_to", (0.0,)).ends().unwrap_err();
    assert!(matches!(busy, CallError::Busy { .. }), "{busy}");
    let others = bob.call::<f64>("rig.stage.move_to", (0.0,)).start();
    rig.hanging.open();
    assert!(hung.ends().is_ok() && others.ends().is_ok());
    assert!(waiting.into_iter().all(|call| call.ends().is_ok()));
}

#[test]
fn a_client_that_is_lost_is_lost_on_the_server_behind() {
    let chain = Chain::of(3);
    let (alice, bob) = (client_named(chain.first(), "alice"), client_named(chain.first(), "bob"));
    let stage = chain.name("stage");
    let _hung = bob.call::<()>(&format!("{stage}.hang"), ()).start();
    chain.stage.hanging.arrived();
    let label = alice.identity().to_string();
    let queued = alice.call::<f64>(&format!("{stage}.move_to"), (7.0,)).start();
    let of_bob = bob.call::<f64>(&format!("{stage}.move_to"), (0.0,)).start();
    eventually("two wait", || chain.last().stats().lanes.iter().any(|lane| lane.queued == 2));
    assert!(chain.last().stats().clients.iter().any(|client| client.client == label));
    drop((queued, alice));
    eventually("its queued call ended", || chain.last().stats().lanes.iter().any(|lane| lane.queued == 1));
    assert!(!chain.last().stats().clients.iter().any(|client| client.client == label));
    chain.stage.hanging.open();
    of_bob.ends().unwrap();
    assert_eq!(chain.stage.stage.moves(), vec![0.0], "the lost client's move started");
}

#[test]
fn a_dead_upstream_ends_calls_with_unknown_outcome_and_delays_nothing() {
    let chain = Chain::of(3);
    let alice = client(chain.first());
    let moving = alice.call::<()>(&chain.name("stage.hang"), ()).start();
    chain.stage.hanging.arrived();
    let Chain { mut servers, stage } = chain;
    let (last, middle) = (servers.pop().unwrap(), servers.pop().unwrap());
    let address_of_last = address(&last);
    // As it dies in a crash: its sockets go, nothing is answered.
    middle.stop();
    drop(middle);
    let gone = moving.ends().unwrap_err();
    assert!(matches!(gone, CallError::Unknown { .. }), "{gone}");
    let refused = until("it is noticed", || match alice.call::<()>("next.next.stage.stop", ()).ends() {
        Err(CallError::ServerGone { cause: GoneCause::Unreachable, reason, .. }) => Some(reason),
        _ => None,
    });
    assert!(!refused.is_empty());
    let first = &servers[0];
    assert_eq!(first.upstreams()[0].state, "lost");
    first.add_call("here", || 1).unwrap();
    assert_eq!(alice.call::<u32>("here", ()).ends(), Ok(1));
    stage.hanging.open();
    drop((last, address_of_last));
}

#[test]
fn an_upstream_that_comes_back_is_there_within_2_s() {
    let gateway = server();
    let last = server();
    let at = address(&last);
    gateway.add_upstream("rig", &at).unwrap();
    let alice = client(&gateway);
    last.add_call("life", || 1).unwrap();
    let call = || alice.call::<u32>("rig.life", ()).ends();
    until("it is there", || call().ok());
    last.stop();
    drop(last);
    eventually("it is gone", || call().is_err());
    let last = server_again(&at);
    last.add_call("life", || 2).unwrap();
    let started = Instant::now();
    until("it is back", || call().ok().filter(|life| *life == 2));
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn a_gateway_that_starts_first_waits_for_its_upstream() {
    let taken = server();
    let at = address(&taken);
    drop(taken);
    let gateway = server();
    gateway.add_upstream("rig", &at).unwrap();
    let alice = client(&gateway);
    let error = alice.call::<()>("rig.life", ()).ends().unwrap_err();
    assert!(matches!(error, CallError::ServerGone { cause: GoneCause::Unreachable, .. }), "{error}");
    let last = server_again(&at);
    last.add_call("life", || 2).unwrap();
    until("it is there", || alice.call::<u32>("rig.life", ()).ends().ok());
}

#[test]
fn a_loop_is_refused_and_named() {
    let (a, b, c) = (named("a"), named("b"), named("c"));
    let connected = |server: &RouterServer| server.upstreams()[0].state == "connected";
    a.add_upstream("b", &address(&b)).unwrap();
    eventually("a has b", || connected(&a));
    b.add_upstream("c", &address(&c)).unwrap();
    eventually("b has c", || connected(&b));
    c.add_upstream("a", &address(&a)).unwrap();
    let reason = until("it is refused", || {
        let upstream = c.upstreams().remove(0);
        upstream.reason.contains("behind itself").then_some(upstream.reason)
    });
    assert!(reason.contains("a -> b -> c -> a"), "{reason}");
    let error = client(&c).call::<()>("a.router.stats", ()).ends().unwrap_err();
    assert!(error.to_string().contains("a -> b -> c -> a"), "{error}");
    assert!(connected(&a) && connected(&b), "the ways that were there go on");

    let own = named("own");
    own.add_upstream("me", &address(&own)).unwrap();
    eventually("it is refused", || own.upstreams()[0].reason.contains("own -> own"));
}

#[test]
fn stop_all_reaches_every_server_behind_and_says_which_it_could_not_reach() {
    let chain = Chain::of(3);
    let own = TestStage::rig();
    chain.first().add_instrument("wheel", own.stage.clone()).unwrap();
    chain.servers[1].add_upstream("away", "tcp://127.0.0.1:1").unwrap();
    let alice = client(chain.first());
    let moving = alice.call::<f64>(&chain.name("stage.move_to"), (500.0,)).start();
    chain.stage.moving.arrived();
    let outcomes: Vec<StopOutcome> = alice.call("router.stop_all", ()).ends().unwrap();
    assert!(matches!(moving.ends(), Err(CallError::Cancelled { .. })));
    let ok = |name: &str| outcomes.iter().any(|outcome| outcome.name == name && outcome.ok);
    assert!(ok("wheel.stop") && ok(&chain.name("stage.stop")), "{outcomes:?}");
    let away = outcomes.iter().find(|outcome| outcome.name == "next.away.router.stop_all");
    assert!(away.is_some_and(|away| !away.ok && away.message.contains("cannot be reached")), "{outcomes:?}");
}

#[test]
fn describe_tells_of_all_servers_and_names_are_kept_apart() {
    let chain = Chain::of(3);
    let description = chain.first().describe();
    let upstreams: Vec<&str> = description.upstreams.iter().map(|up| up.prefix.as_str()).collect();
    assert_eq!(upstreams, ["next", "next.next"]);
    let has = |name: &str| description.calls.iter().any(|call| call.name == name);
    assert!(has("next.router.stats") && has("next.next.stage.stop") && !has("next.router.hello"));
    let alice = client(chain.first());
    let upstreams: Vec<router_client::describe::UpstreamDescription> =
        alice.call("next.router.upstreams", ()).ends().unwrap();
    assert_eq!((upstreams[0].prefix.as_str(), upstreams[0].state.as_str()), ("next", "connected"));

    let first = chain.first();
    for name in ["next", "next.stage"] {
        let error = first.add_call(name, || 1).unwrap_err();
        assert!(matches!(error, AddError::UnderUpstream { .. }), "{error}");
    }
    first.add_call("wheel.turn", || 1).unwrap();
    for prefix in ["wheel", "wheel.turn.fast", "next"] {
        let error = first.add_upstream(prefix, "tcp://127.0.0.1:1").unwrap_err();
        assert!(matches!(error, AddUpstreamError::Taken { .. }), "{error}");
    }
    first.remove_upstream("next").unwrap();
    assert!(first.remove_upstream("next").is_err());
    let error = alice.call::<()>("next.router.stats", ()).ends().unwrap_err();
    assert!(matches!(error, CallError::NotFound { .. }), "{error}");
}

#[test]
fn a_loss_is_told_behind_also_after_the_way_there_was_cut() {
    let last = server();
    let rig = TestStage::rig();
    last.add_instrument("stage", rig.stage.clone()).unwrap();
    let relay = Relay::to(&last.endpoints().calls);
    let gateway = named("gateway");
    gateway.add_upstream("next", &relay.address).unwrap();
    let alice = client_named(&gateway, "alice");
    let knows = || gateway.describe().calls.iter().any(|call| call.name == "next.stage.follow");
    eventually("the gateway knows the call", knows);
    let follow = alice.call::<()>("next.stage.follow", ()).start();
    rig.moving.arrived();
    relay.cut();
    eventually("it is cut", || gateway.upstreams()[0].state != "connected");
    relay.mend();
    eventually("it is back", || gateway.upstreams()[0].state == "connected");
    assert!(matches!(follow.ends(), Err(CallError::Unknown { .. })));
    drop(alice);
    eventually("what follows its client ends", || rig.stage.stops() == 1);
}

/// libzmq's thread used to wait for ever with its report of a connection to a socket that had been closed.
#[test]
fn upstreams_come_and_go_and_the_server_serves_on() {
    let gateway = server();
    let alice = client(&gateway);
    std::thread::scope(|scope| {
        for prefix in ["a", "b", "c", "d"] {
            let gateway = &gateway;
            scope.spawn(move || {
                for _ in 0..60 {
                    gateway.add_upstream(prefix, "tcp://127.0.0.1:1").unwrap();
                    gateway.remove_upstream(prefix).unwrap();
                }
            });
        }
    });
    gateway.add_call("here", || 1).unwrap();
    assert_eq!(alice.call::<u32>("here", ()).ends(), Ok(1));
    assert_eq!(alice.counters().times_lost, 0);
}

#[test]
fn a_client_that_lies_about_gateways_cuts_nobody_off() {
    let last = server();
    let gateway = server();
    gateway.add_upstream("next", &address(&last)).unwrap();
    eventually("it is there", || gateway.upstreams()[0].state == "connected");
    let mut liar = support::RawClient::connect(&gateway.endpoints().calls, 1, ClientSocket::Calls);
    // The epoch of the server behind, and names without end.
    let claimed = GatewayHop { server: last.epoch(), name: "x".repeat(3_000), next: 0 };
    let refused = liar.greet_as_gateway(vec![claimed]);
    assert!(refused.contains("`next` is behind this server"), "{refused}");
    let mut other = support::RawClient::connect(&gateway.endpoints().calls, 2, ClientSocket::Calls);
    let long: Vec<GatewayHop> =
        (10..40).map(|server| GatewayHop { server, name: "y".repeat(64), next: 0 }).collect();
    assert_eq!(other.greet_as_gateway(long), "");
    let alice = client(&gateway);
    alice.call::<router_wire::status::ServerStats>("next.router.stats", ()).ends().unwrap();
    assert_eq!(gateway.upstreams()[0].state, "connected");
}
