//! `settle` waits for the declaration that it asked for.

use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};
use router_wire::{Name, SampleStatus};

use super::super::packet::Place::Samples;
use super::super::settle::SettleError;
use super::fake_server::{FakeClient, FakeServer, SOON};
use crate::{CallError, GoneCause};

const NAME: &str = "stage.position_um";

/// A greeted client whose requests to declare come out of a channel.
fn client_and_requests(server: &FakeServer) -> (std::sync::Arc<FakeClient>, Receiver<(Name, u64)>) {
    let (sender, requests) = unbounded();
    let client = server.ungreeted_client(move |name, token| {
        sender.send((name.clone(), token)).expect("the test receives");
        Ok(())
    });
    server.greet(&client);
    (client, requests)
}

#[test]
fn what_was_published_before_has_passed_or_is_lost() {
    let mut server = FakeServer::start();
    let (client, requests) = client_and_requests(&server);
    let queue = client.subscribe::<u64>(NAME).queue(10).unwrap();
    server.next_subscription(Samples);
    server.sample(Samples, NAME, 0);
    let stats = std::thread::scope(|scope| {
        let settling = scope.spawn(|| queue.settle(SOON));
        // The first declaration is lost on its way, and one that somebody else asked for comes.
        let (name, token) = requests.recv_timeout(SOON).unwrap();
        assert_eq!(name.as_str(), NAME);
        server.status(Samples, NAME, SampleStatus::Declaration, 1, &(!token).to_le_bytes());
        assert_eq!(requests.recv_timeout(SOON).unwrap(), (name, token));
        server.status(Samples, NAME, SampleStatus::Declaration, 4, &token.to_le_bytes());
        settling.join().unwrap().unwrap()
    });
    assert_eq!((stats.waiting, stats.lost, stats.expected(), stats.balances()), (1, 4, 5, true));
    assert_eq!(queue.recv_timeout(SOON).unwrap().value, 0);
}

#[test]
fn a_stream_without_samples_settles_too() {
    let mut server = FakeServer::start();
    let (client, requests) = client_and_requests(&server);
    let cache = client.subscribe::<u64>(NAME).cache().unwrap();
    server.next_subscription(Samples);
    let stats = std::thread::scope(|scope| {
        let settling = scope.spawn(|| cache.settle(SOON));
        let (_, token) = requests.recv_timeout(SOON).unwrap();
        server.status(Samples, NAME, SampleStatus::Declaration, 9, &token.to_le_bytes());
        settling.join().unwrap().unwrap()
    });
    assert_eq!((stats.expected(), stats.balances()), (0, true));
}

#[test]
fn a_server_that_is_gone_or_silent_is_an_error() {
    let server = FakeServer::start();
    let (client, _requests) = client_and_requests(&server);
    let cache = client.subscribe::<u64>(NAME).cache().unwrap();
    assert!(matches!(cache.settle(Duration::from_millis(150)), Err(SettleError::TimedOut { .. })));
    client.samples().close().unwrap();
    assert!(matches!(cache.settle(SOON), Err(SettleError::Closed { .. })));

    let gone = || CallError::ServerGone {
        call: "router.settle".into(),
        endpoint: "tcp://scope-3".into(),
        cause: GoneCause::NoAnswer,
        reason: "no answer".into(),
    };
    let client = server.ungreeted_client(move |_, _| Err(gone()));
    let cache = client.subscribe::<u64>(NAME).cache().unwrap();
    assert_eq!(
        cache.settle(SOON),
        Err(SettleError::Refused { name: Name::parse(NAME).unwrap(), reason: Box::new(gone()) })
    );
}
