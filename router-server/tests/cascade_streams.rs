//! Streams of servers behind servers: their numbers, lives and times are those of the source.

mod support;

use std::time::Duration;

use router_client::describe::StreamKind;
use router_client::{CallError, RouterClient, SampleError};
use router_server::RouterServer;
use support::{BusyCores, Chain, Ends, PATIENCE, address, client, eventually, server, server_again, until};

/// Waits until `client` is told of a stream.
fn wait_for_stream(client: &RouterClient, name: &str) {
    let there = || client.describe().ends().unwrap().streams.iter().any(|stream| stream.name == name);
    eventually("the stream is told of", there);
}

#[test]
fn samples_keep_their_life_and_numbers_through_two_gateways_and_every_loss_is_counted() {
    let chain = Chain::of(3);
    let mut source = chain.last().add_publisher::<u64>("count", 100).unwrap();
    let far = client(chain.first());
    let name = chain.name("count");
    wait_for_stream(&far, &name);
    let counts = far.subscribe::<u64>(&name).queue(100_000).unwrap();
    let lags = far.subscribe::<u64>(&name).queue(5).unwrap();
    eventually("the source is heard", || {
        source.publish(&0).unwrap().sequence().is_some() && counts.try_recv().is_ok()
    });
    // Fewer than what waits in one socket: none is lost.
    for number in 1..=500 {
        source.publish(&number).unwrap();
    }
    let stats = counts.settle(PATIENCE).unwrap();
    assert!(stats.balances() && stats.breaks == 0, "{stats:?}");
    let mut last = 0;
    while let Ok(sample) = counts.try_recv() {
        assert_eq!((sample.epoch, sample.value > last || sample.value == 0), (chain.last().epoch(), true));
        last = sample.value.max(last);
    }
    let lagging = lags.settle(PATIENCE).unwrap();
    assert!(lagging.balances() && lagging.dropped > 0, "{lagging:?}");
    let stats = counts.stats();
    assert_eq!((stats.lost, last), (0, 500), "{stats:?}");
}

#[test]
fn large_samples_and_small_ones_go_through_side_by_side() {
    let chain = Chain::of(3);
    let mut frames = chain.last().add_publisher::<Vec<u8>>("frames", 4 << 20).unwrap();
    chain.last().add_stream("small", 200.0, || 1_u8).unwrap();
    let far = client(chain.first());
    wait_for_stream(&far, &chain.name("frames"));
    wait_for_stream(&far, &chain.name("small"));
    let pictures = far.subscribe_raw(&chain.name("frames"));
    let small = far.subscribe::<u8>(&chain.name("small")).queue(10_000).unwrap();
    let pictures = pictures.queue(100).unwrap();
    let picture = vec![7_u8; 3 << 20];
    until("a picture came", || {
        frames.publish_bytes(picture.clone()).unwrap();
        let taken = pictures.recv_timeout(Duration::from_millis(100)).ok()?;
        assert_eq!((taken.value.len(), taken.value[1]), (3 << 20, 7));
        Some(())
    });
    for _ in 0..10 {
        small.recv_timeout(PATIENCE).unwrap();
    }
    let stats = small.settle(PATIENCE).unwrap();
    assert!(stats.balances() && stats.lost == 0, "{stats:?}");
    assert!(pictures.settle(PATIENCE).unwrap().balances());
}

#[test]
fn a_stream_is_controlled_and_described_at_its_source() {
    let chain = Chain::of(3);
    chain.last().add_stream("load", 50.0, || 0.5).unwrap();
    let far = client(chain.first());
    let name = chain.name("load");
    wait_for_stream(&far, &name);
    let described = || {
        let streams = far.describe().ends().unwrap().streams;
        streams.into_iter().find(|stream| stream.name == name).unwrap()
    };
    assert_eq!((described().kind, described().frequency_hz), (StreamKind::Periodic, Some(50.0)));
    assert!(described().source.is_some_and(|source| source.numbered), "it is told where it comes from");
    let loads = far.subscribe::<f64>(&name).queue(1_000).unwrap();
    loads.recv_timeout(PATIENCE).unwrap();
    far.set_frequency(&name, 20.0).ends().unwrap();
    far.disable_stream(&name).ends().unwrap();
    let at_source = chain.last().describe().streams.into_iter().find(|stream| stream.name == "load").unwrap();
    assert_eq!((at_source.enabled, at_source.frequency_hz), (false, Some(20.0)));
    eventually("it is told of", || !described().enabled && described().frequency_hz == Some(20.0));
    far.enable_stream(&name).ends().unwrap();
    loads.recv_timeout(PATIENCE).unwrap();
    let wrong = far.enable_stream(&chain.name("laod")).ends().unwrap_err();
    let text = wrong.to_string();
    assert!(text.contains("load"), "{text}");
    assert!(matches!(wrong, CallError::Refused(_) | CallError::NotFound { .. }), "{wrong}");
}

#[test]
fn a_source_that_restarts_is_a_break_and_streams_on_through_the_gateways() {
    let _busy = BusyCores::start();
    let last = server();
    let at = address(&last);
    let gateway = server();
    gateway.add_upstream("rig", &at).unwrap();
    let serve = |server: &RouterServer| server.add_stream("load", 50.0, || 0.5).unwrap();
    serve(&last);
    let far = client(&gateway);
    let loads = far.subscribe::<f64>("rig.load").queue(100_000).unwrap();
    let before = loads.recv_timeout(PATIENCE).unwrap().epoch;
    last.stop();
    drop(last);
    let last = server_again(&at);
    serve(&last);
    let after = until("it streams on", || {
        let sample = loads.recv_timeout(PATIENCE).unwrap();
        (sample.epoch != before).then_some(sample.epoch)
    });
    assert_eq!(after, last.epoch());
    // Calls may be back a moment after the streams.
    let stats = until("it settles", || loads.settle(PATIENCE).ok());
    assert!(stats.balances() && stats.breaks == 1, "{stats:?}");
    assert!(!matches!(loads.try_recv(), Err(SampleError::Closed { .. })));
}
