//! One server with many clients, one program with many servers, and the same call on all of them.
#![cfg(target_os = "linux")]

mod support;

use std::time::{Duration, Instant};

use router_client::{CallError, RouterClient, gather};
use router_server::RouterServer;
use support::child::{self, play, say};
use support::{ANYWHERE, Child, Ends, PATIENCE, address, client, client_named, eventually, server};

#[test]
fn child_process() {
    play(|role| match role {
        "server" => {
            let server = RouterServer::bind(ANYWHERE).unwrap();
            server.add_call("number", |(number,): (u64,)| number).unwrap();
            say("address", address(&server));
            child::orders().for_each(drop);
        }
        other => panic!("no role {other}"),
    });
}

#[test]
fn sixty_four_clients_call_and_subscribe() {
    const CLIENTS: u64 = 64;
    const CALLS: u64 = 20;
    const SAMPLES: u64 = 100;
    let server = server();
    server.add_call("double", |(number,): (u64,)| 2 * number).unwrap();
    let mut numbers = server.add_publisher::<u64>("numbers", 100).unwrap();
    let clients: Vec<RouterClient> =
        (0..CLIENTS).map(|number| client_named(&server, &format!("client {number}"))).collect();
    let queues: Vec<_> =
        clients.iter().map(|client| client.subscribe::<u64>("numbers").queue(1000).unwrap()).collect();
    let listeners = || server.stats().streams.iter().map(|stream| stream.subscribers).sum::<u64>();
    eventually("all listen", || listeners() == CLIENTS);
    assert_eq!(server.stats().clients.len() as u64, CLIENTS);
    std::thread::scope(|scope| {
        for client in &clients {
            scope.spawn(move || {
                for number in 0..CALLS {
                    assert_eq!(client.call::<u64>("double", (number,)).ends(), Ok(2 * number));
                }
            });
        }
        for number in 0..SAMPLES {
            numbers.publish(&number).unwrap();
        }
    });
    for queue in &queues {
        let stats = queue.settle(PATIENCE).unwrap();
        assert!(stats.balances(), "{stats:?}");
        assert_eq!(
            (stats.waiting, stats.lost, stats.segments[0].last),
            (SAMPLES, 0, SAMPLES - 1),
            "{stats:?}"
        );
    }
    drop((queues, clients));
    eventually("all are gone", || listeners() == 0 && server.stats().clients.is_empty());
}

#[test]
fn one_program_with_several_servers() {
    let servers: Vec<RouterServer> = (0..8).map(|_| server()).collect();
    let mut publishers: Vec<_> =
        servers.iter().map(|server| server.add_publisher::<u64>("numbers", 100).unwrap()).collect();
    for (number, server) in servers.iter().enumerate() {
        server.add_call("number", move || number).unwrap();
    }
    let clients: Vec<RouterClient> = servers.iter().map(client).collect();
    let queues: Vec<_> =
        clients.iter().map(|client| client.subscribe::<u64>("numbers").queue(10).unwrap()).collect();
    for (number, publisher) in publishers.iter_mut().enumerate() {
        publisher.publish(&(number as u64)).unwrap();
    }
    // Each has its own, though all names are the same; one that stops takes nothing from the others.
    servers[3].stop();
    for (number, (client, queue)) in
        clients.iter().zip(&queues).enumerate().filter(|(number, _)| *number != 3)
    {
        assert_eq!(client.call::<usize>("number", ()).ends(), Ok(number));
        assert_eq!(queue.recv_timeout(PATIENCE).unwrap().value, number as u64);
    }
    let numbers = gather::<usize>(&clients, "number", ()).deadline(Duration::from_millis(500)).wait();
    for (index, (_, number)) in numbers.into_iter().enumerate() {
        assert_eq!(number.ok(), (index != 3).then_some(index));
    }
}

#[test]
fn gather_waits_for_no_dead_server_beyond_its_deadline() {
    const DEADLINE: Duration = Duration::from_millis(700);
    let mut children: Vec<Child> = (0..4).map(|_| Child::start("server", &[])).collect();
    let mut addresses: Vec<String> = children.iter_mut().map(|child| child.hears("address")).collect();
    addresses.insert(2, "tcp://127.0.0.1:1".to_owned()); // nobody is there
    let clients: Vec<RouterClient> =
        addresses.iter().map(|address| RouterClient::connect(address).unwrap()).collect();
    for client in clients.iter().enumerate().filter(|(number, _)| *number != 2).map(|(_, client)| client) {
        client.wait_connected(PATIENCE).unwrap();
    }
    let all = || gather::<u64>(&clients, "number", ()).kw("argument_1", 7);
    for (address, outcome) in all().deadline(DEADLINE).wait().iter().filter(|(at, _)| at.port() != Some(1)) {
        assert_eq!(outcome.as_ref().ok(), Some(&7), "{address}");
    }
    children[3].freeze();
    let started = Instant::now();
    let outcomes = all().deadline(DEADLINE).wait();
    let took = started.elapsed();
    assert!(took >= DEADLINE && took < DEADLINE + Duration::from_millis(500), "{took:?}");
    assert_eq!(outcomes.len(), 5);
    for (index, (endpoint, outcome)) in outcomes.into_iter().enumerate() {
        assert_eq!(endpoint.to_string(), addresses[index]);
        match (index, outcome) {
            (2, Err(CallError::ServerGone { .. })) => {}
            (4, Err(CallError::DeadlineExceeded { may_still_be_running: true, .. })) => {}
            (0 | 1 | 3, Ok(7)) => {}
            (index, other) => panic!("{index}: {other:?}"),
        }
    }
    let nobody: [RouterClient; 0] = [];
    assert!(gather::<u64>(&nobody, "number", (7,)).wait().is_empty());
}
