//! Servers of one process, one behind the other over inproc.

mod support;

use router_client::{CallError, RouterClient};
use router_server::{
    AddStreamError, AddUpstreamError, RelayFormat, RelayOptions, RouterServer, ServerOptions, SharedContext,
};
use support::{ANYWHERE, Ends, PATIENCE, TestStage, eventually, server, until};

const RIG: &str = "inproc://rig";
const FRONT: &str = "inproc://front";
/// Served as frames.
const LARGE_BYTES: usize = 1 << 20;

fn serve(context: &SharedContext, address: &str) -> RouterServer {
    RouterServer::bind_in(context, address, ServerOptions::default()).unwrap()
}

fn is_told_of(client: &RouterClient, name: &str) {
    let there = || client.describe().ends().unwrap().streams.iter().any(|stream| stream.name == name);
    eventually("the stream is told of", there);
}

/// Both streams of `rig` come to `client` under these names, each with the numbers of its source.
#[track_caller]
fn streams_come(rig: &RouterServer, client: &RouterClient, small: &str, large: &str) {
    let mut position = rig.add_publisher::<u64>("position", 100).unwrap();
    let mut camera = rig.add_publisher::<String>("camera", LARGE_BYTES).unwrap();
    for name in [small, large] {
        is_told_of(client, name);
    }
    let positions = client.subscribe::<u64>(small).queue(1_000).unwrap();
    let pictures = client.subscribe::<String>(large).queue(1_000).unwrap();
    eventually("both are heard", || position.is_heard() && camera.is_heard());
    for number in 0..100 {
        position.publish(&number).unwrap();
    }
    camera.publish(&"x".repeat(LARGE_BYTES / 2)).unwrap();
    // Of the life before, each has its last value first.
    let of_this_life = |epoch: u64| epoch == rig.epoch();
    let picture = until("a picture", || {
        Some(pictures.recv_timeout(PATIENCE).unwrap()).filter(|picture| of_this_life(picture.epoch))
    });
    assert_eq!(picture.value.len(), LARGE_BYTES / 2);
    for number in 0..100 {
        let sample = until("a position", || {
            Some(positions.recv_timeout(PATIENCE).unwrap()).filter(|sample| of_this_life(sample.epoch))
        });
        assert_eq!((sample.sequence, sample.value), (number, number));
    }
    drop((positions, pictures));
    eventually("nobody hears them", || !position.is_heard() && !camera.is_heard());
}

#[test]
fn a_server_behind_is_served_whoever_is_first_and_when_it_comes_back() {
    let context = SharedContext::new().unwrap();
    let gateway = serve(&context, FRONT);
    gateway.add_upstream("rig", RIG).unwrap();
    let client = RouterClient::connect_in(&context, FRONT).unwrap();
    client.wait_connected(PATIENCE).unwrap();
    for _ in 0..2 {
        let rig = serve(&context, RIG);
        let stage = TestStage::rig();
        rig.add_instrument("stage", stage.stage.clone()).unwrap();
        let moved = until("it is there", || client.call::<f64>("rig.stage.move_to", (0.0,)).ends().ok());
        assert_eq!(moved, 0.0);
        let moving = client.call::<f64>("rig.stage.move_to", (500.0,)).start();
        stage.moving.arrived();
        client.call::<()>("rig.stage.stop", ()).ends().unwrap();
        assert!(matches!(moving.ends(), Err(CallError::Cancelled { .. })));
        streams_come(&rig, &client, "rig.position", "rig.camera");
        rig.stop();
        drop(rig);
        eventually("it is gone", || gateway.upstreams()[0].state == "lost");
    }
    let error = client.call::<f64>("rig.stage.move_to", (0.0,)).ends().unwrap_err();
    assert!(matches!(error, CallError::ServerGone { .. }), "{error}");
}

#[test]
fn streams_of_a_server_are_relayed_whoever_is_first_and_when_it_comes_back() {
    let context = SharedContext::new().unwrap();
    let front = serve(&context, FRONT);
    front.add_relay_with("position_here", RIG, RelayOptions::new().topic("position")).unwrap();
    let large = RelayOptions::new().topic("camera").largest_sample_bytes(LARGE_BYTES);
    front.add_relay_with("camera_here", RIG, large).unwrap();
    let client = RouterClient::connect_in(&context, FRONT).unwrap();
    for _ in 0..2 {
        let rig = serve(&context, RIG);
        streams_come(&rig, &client, "position_here", "camera_here");
        rig.stop();
    }
}

#[test]
fn what_cannot_be_reached_in_this_process_is_refused_at_once() {
    let alone = server();
    let error = alone.add_upstream("rig", RIG).unwrap_err();
    assert!(matches!(&error, AddUpstreamError::Connect(_)), "{error}");
    assert!(error.to_string().contains("make a SharedContext"), "{error}");
    let error = alone.add_relay("position", RIG).unwrap_err();
    assert!(error.to_string().contains("make a SharedContext"), "{error}");
    assert!(alone.upstreams().is_empty() && alone.describe().streams.is_empty());

    let context = SharedContext::new().unwrap();
    let shared = RouterServer::bind_in(&context, ANYWHERE, ServerOptions::default()).unwrap();
    shared.add_upstream("rig", RIG).unwrap();
    for (address, options) in [
        ("inproc://rig.samples", RelayOptions::new()),
        (RIG, RelayOptions::new().format(RelayFormat::Multipart)),
    ] {
        let error = shared.add_relay_with("position", address, options).unwrap_err();
        assert!(matches!(&error, AddStreamError::InProcess { .. }), "{error}");
    }
}
