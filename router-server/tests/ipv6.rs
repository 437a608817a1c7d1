//! IPv6: addresses, every address at once, and names that stand for both. Says so, and tests nothing, where the machine
//! has none.

mod support;

use std::net::{Ipv6Addr, TcpListener, ToSocketAddrs};

use router_client::{ConnectOptions, RouterClient};
use router_server::{Reach, RouterServer, ServerOptions};
use support::{Ends, PATIENCE, client_at, eventually};

fn has_ipv6() -> bool {
    let has = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    if !has {
        eprintln!("\n*** SKIPPED: this machine has no ::1, so that IPv6 is not tested ***\n");
    }
    has
}

/// A call, a small stream and a large one.
#[track_caller]
fn works(server: &RouterServer, address: &str) {
    let client = client_at(address, ConnectOptions::default());
    assert_eq!(client.call::<u64>("double", (21,)).ends(), Ok(42));
    let mut small = server.add_publisher::<u64>("small", 100).unwrap();
    let mut large = server.add_publisher::<u64>("large", 1 << 20).unwrap();
    small.publish(&1).unwrap();
    large.publish(&2).unwrap();
    let small = client.subscribe::<u64>("small").queue(10).unwrap();
    let large = client.subscribe::<u64>("large").queue(10).unwrap();
    assert_eq!(small.recv_timeout(PATIENCE).unwrap().value, 1, "{address}");
    assert_eq!(large.recv_timeout(PATIENCE).unwrap().value, 2, "{address}");
    server.remove_stream("small").unwrap();
    server.remove_stream("large").unwrap();
}

fn serve(address: &str) -> RouterServer {
    let server = RouterServer::bind(address).unwrap();
    server.add_call("double", |(number,): (u64,)| 2 * number).unwrap();
    server
}

#[test]
fn an_address_of_ipv6() {
    if !has_ipv6() {
        return;
    }
    let server = serve("tcp://[::1]:*");
    let address = server.endpoints().calls.to_string();
    assert!(address.starts_with("tcp://[::1]:"), "{address}");
    assert_eq!(server.reach(), Reach::ThisPc);
    works(&server, &address);
}

#[test]
fn every_address_is_both_kinds() {
    if !has_ipv6() {
        return;
    }
    let server = serve("tcp://[::]:*");
    assert_eq!(server.reach(), Reach::Network);
    let port = server.endpoints().calls.port().unwrap();
    for host in ["[::1]", "127.0.0.1", "localhost"] {
        works(&server, &format!("tcp://{host}:{port}"));
    }
    // What is bound to every IPv4 address is not reached by IPv6, and still is by IPv4.
    let server = serve("tcp://*:*");
    works(&server, &format!("tcp://127.0.0.1:{}", server.endpoints().calls.port().unwrap()));
}

#[test]
fn both_kinds_at_the_same_port_each_with_its_own_streams() {
    if !has_ipv6() {
        return;
    }
    let first = serve("tcp://127.0.0.1:*");
    let calls = first.endpoints().calls.clone();
    drop(first);
    let port = calls.port().unwrap();
    let addresses = [format!("tcp://127.0.0.1:{port}"), format!("tcp://[::1]:{port}")];
    // The ports may be another's by now.
    let Ok(server) = RouterServer::bind_all(&addresses, ServerOptions::default()) else { return };
    server.add_call("double", |(number,): (u64,)| 2 * number).unwrap();
    for address in &addresses {
        works(&server, address);
    }
}

/// A name that stands for `::1` on this machine.
fn name_of_ipv6() -> Option<(&'static str, bool)> {
    let names = ["localhost", "ip6-localhost", "ip6-loopback", "localhost6"];
    let found = names.into_iter().find_map(|name| {
        let addresses: Vec<_> = (name, 1).to_socket_addrs().ok()?.collect();
        let has_ipv4 = addresses.iter().any(|address| address.ip().is_ipv4());
        addresses.iter().any(|address| address.ip() == Ipv6Addr::LOCALHOST).then_some((name, has_ipv4))
    });
    if found.is_none() {
        eprintln!(
            "\n*** SKIPPED: no name of this machine stands for ::1, so that names of IPv6 are not tested ***\n"
        );
    }
    found
}

#[test]
fn localhost_reaches_a_server_at_either_address() {
    // At 127.0.0.1 it always has to.
    let server = serve("tcp://127.0.0.1:*");
    works(&server, &format!("tcp://localhost:{}", server.endpoints().calls.port().unwrap()));
    if !has_ipv6() {
        return;
    }
    let Some((name, has_ipv4)) = name_of_ipv6() else { return };
    eprintln!("`{name}` stands for ::1{}", if has_ipv4 { " and 127.0.0.1" } else { "" });
    for address in ["tcp://[::1]:*", "tcp://[::]:*"] {
        let server = serve(address);
        works(&server, &format!("tcp://{name}:{}", server.endpoints().calls.port().unwrap()));
    }
    // A client that came first finds the server wherever it starts, and starts again.
    let server = serve("tcp://[::1]:*");
    let port = server.endpoints().calls.port().unwrap();
    let client = RouterClient::connect(&format!("tcp://{name}:{port}")).unwrap();
    client.wait_connected(PATIENCE).unwrap();
    let sets = server.endpoints().clone();
    drop(server);
    eventually("the client noticed", || !client.state().is_up());
    let again = RouterServer::bind_at(&sets, ServerOptions::default()).unwrap();
    again.add_call("triple", |(number,): (u64,)| 3 * number).unwrap();
    client.wait_connected(PATIENCE).unwrap();
    assert_eq!(client.call::<u64>("triple", (1,)).ends(), Ok(3));
}
