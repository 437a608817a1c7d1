//! A server that listens at several addresses at once: each client gets its streams where it came by.
#![cfg(unix)]

mod support;

use std::time::Duration;

use router_client::{ConnectOptions, RouterClient};
use router_server::{BindError, Reach, RouterServer, ServerOptions, SharedContext, SocketError};
use support::{ANYWHERE, Ends, PATIENCE, RawClient, client_at, eventually};

const LARGE_BYTES: usize = 1 << 20;

fn subscribers(server: &RouterServer, name: &str) -> u64 {
    let stats = server.stats();
    stats.streams.iter().find(|stream| stream.name == name).map_or(0, |stream| stream.subscribers)
}

/// What connections of this process the system knows to `port`.
fn is_connected_to(port: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let remote = format!(":{port:04X}");
    table.lines().skip(1).any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields[2].ends_with(&remote) && fields[3] == "01"
    })
}

#[test]
fn tcp_ipc_and_inproc_clients_of_one_server() {
    let folder = tempfile::tempdir().unwrap();
    let ipc = format!("ipc://{}", folder.path().join("rig").display());
    let context = SharedContext::new().unwrap();
    let addresses = [ANYWHERE, ipc.as_str(), "inproc://rig", ANYWHERE];
    let server = RouterServer::bind_all_in(&context, &addresses, ServerOptions::default()).unwrap();
    let all = server.all_endpoints().to_vec();
    assert_eq!(all.len(), 4);
    assert_eq!(&all[0], server.endpoints());
    assert_eq!(all[1].frames.to_string(), format!("{ipc}.frames"));
    assert_ne!(all[0].samples.port(), all[3].samples.port());
    assert_eq!(server.reach(), Reach::ThisPc);

    let mut clients: Vec<RouterClient> =
        [0, 1, 3].map(|at: usize| client_at(&all[at].calls.to_string(), ConnectOptions::default())).into();
    clients.push(RouterClient::connect_in(&context, "inproc://rig").unwrap());
    server.add_call("double", |(number,): (u64,)| 2 * number).unwrap();
    let mut small = server.add_publisher::<u64>("small", 100).unwrap();
    let mut large = server.add_publisher::<String>("large", LARGE_BYTES).unwrap();
    let queues: Vec<_> = clients
        .iter()
        .map(|client| {
            assert_eq!(client.call::<u64>("double", (4,)).ends(), Ok(8));
            let small = client.subscribe::<u64>("small").queue(100).unwrap();
            (small, client.subscribe::<String>("large").queue(100).unwrap())
        })
        .collect();
    eventually("all listen", || subscribers(&server, "small") == 4 && subscribers(&server, "large") == 4);
    #[cfg(target_os = "linux")]
    for set in [&all[0], &all[3]] {
        assert!(is_connected_to(set.samples.port().unwrap()) && is_connected_to(set.frames.port().unwrap()));
    }
    // A larger sample than any before replaces the socket of frames, at all of its endpoints.
    large.publish(&"first".to_owned()).unwrap();
    let mut larger = server.add_publisher::<String>("larger", 60 << 20).unwrap();
    eventually("all are back", || subscribers(&server, "large") == 4);
    for number in 0..10 {
        small.publish(&number).unwrap();
    }
    large.publish(&"last".to_owned()).unwrap();
    for (small, large) in &queues {
        for number in 0..10 {
            assert_eq!(small.recv_timeout(PATIENCE).unwrap().value, number);
        }
        let last =
            std::iter::from_fn(|| large.recv_timeout(PATIENCE).ok()).find(|sample| sample.value == "last");
        assert!(last.is_some());
        for stats in [small.settle(PATIENCE).unwrap(), large.settle(PATIENCE).unwrap()] {
            assert!(stats.balances() && stats.breaks == 0, "{stats:?}");
        }
    }
    larger.publish(&String::new()).unwrap();

    let report = server.stop();
    assert!(report.took < Duration::from_secs(1) && report.set_apart.is_empty(), "{report:?}");
    // Every address is free again.
    let wanted: Vec<String> = all.iter().map(|set| set.calls.to_string()).collect();
    let again: Vec<RouterServer> =
        [0, 1].map(|at: usize| RouterServer::bind_at(&all[at], ServerOptions::default()).unwrap()).into();
    assert_eq!(again[1].endpoints().calls.to_string(), wanted[1]);
}

#[test]
fn one_that_is_taken_is_named_and_none_is_listened_at() {
    let first = RouterServer::bind(ANYWHERE).unwrap();
    let taken = first.endpoints().calls.to_string();
    let error = RouterServer::bind_all(&[ANYWHERE, &taken], ServerOptions::default()).unwrap_err();
    let BindError::Socket(SocketError::AddressInUse { endpoint }) = &error else { panic!("{error}") };
    assert_eq!(endpoint.to_string(), taken);
    let none: [&str; 0] = [];
    assert!(matches!(RouterServer::bind_all(&none, ServerOptions::default()), Err(BindError::NoAddress)));
}

#[test]
fn a_client_that_does_not_say_what_it_dialled_gets_the_first() {
    let server = RouterServer::bind_all(&[ANYWHERE, ANYWHERE], ServerOptions::default()).unwrap();
    let second = &server.all_endpoints()[1];
    let mut old = RawClient::connect(&second.calls, 7, router_wire::hello::ClientSocket::Calls);
    old.greet();
    assert_eq!(old.epoch, server.epoch());
}
