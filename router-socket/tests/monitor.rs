//! A monitor tells what happens to connections, and holds nothing up.

#![allow(clippy::unwrap_used)] // clippy lets tests unwrap, and counts helpers of tests as something else

mod waiting;

use router_socket::{Context, SocketEvent, SocketKind};
use waiting::{DEADLINE, any_port, event, receive, send, until};

#[test]
fn a_monitor_tells_the_life_of_a_connection() {
    let context = Context::new(1).unwrap();
    let mut server = context.socket(SocketKind::Router).unwrap();
    let mut at_server = server.monitor().unwrap();
    let endpoint = server.bind(&any_port()).unwrap();
    let mut client = context.socket(SocketKind::Dealer).unwrap();
    let mut at_client = client.monitor().unwrap();
    client.connect(&endpoint).unwrap();

    event(&mut at_client, |event| (*event == SocketEvent::Connected).then_some(()));
    event(&mut at_client, |event| (*event == SocketEvent::HandshakeSucceeded).then_some(()));
    event(&mut at_server, |event| matches!(event, SocketEvent::Listening { .. }).then_some(()));
    let accepted = event(&mut at_server, |event| match event {
        SocketEvent::Accepted { fd } => Some(*fd),
        _ => None,
    });
    event(&mut at_server, |event| (*event == SocketEvent::HandshakeSucceeded).then_some(()));
    drop(client);
    event(&mut at_server, |event| (*event == SocketEvent::Disconnected { fd: accepted }).then_some(()));
}

/// libzmq takes what does not begin like ZMTP for a peer of 2010, and its bytes for messages.
#[test]
fn a_web_browser_is_disconnected_and_leaves_no_message() {
    use std::io::{Read, Write};
    let context = Context::new(1).unwrap();
    for kind in [SocketKind::Router, SocketKind::XPub] {
        let mut server = context.socket(kind).unwrap();
        let mut monitor = server.monitor().unwrap();
        let endpoint = server.bind(&any_port()).unwrap();
        let mut browser = std::net::TcpStream::connect(("127.0.0.1", endpoint.port().unwrap())).unwrap();
        browser.set_read_timeout(Some(DEADLINE)).unwrap();
        browser.write_all(&b"GET / HTTP/1.1\r\nHost: localhost\r\n".repeat(10)).unwrap();
        event(&mut monitor, |event| match event {
            SocketEvent::HandshakeSucceeded => panic!("with a browser"),
            SocketEvent::Disconnected { .. } => Some(()),
            _ => None,
        });
        let _ = browser.read_to_end(&mut Vec::new()); // ends: the server has closed
        assert!(server.try_recv().unwrap().is_none(), "{kind:?}");
    }
}

#[test]
fn a_silent_peer_fails_its_handshake() {
    let context = Context::new(1).unwrap();
    let mut server = context.socket(SocketKind::Router).unwrap();
    let mut monitor = server.monitor().unwrap();
    let endpoint = server.bind(&any_port()).unwrap();
    let silent = std::net::TcpStream::connect(("127.0.0.1", endpoint.port().unwrap())).unwrap();
    event(&mut monitor, |event| matches!(event, SocketEvent::HandshakeFailed { .. }).then_some(()));
    drop(silent);
}

/// The I/O thread would wait for room in the monitor's queue, and with it every connection.
#[test]
fn a_monitor_that_nobody_reads_holds_nothing_up() {
    let context = Context::new(1).unwrap();
    let mut server = context.socket(SocketKind::Router).unwrap();
    let unread = server.monitor().unwrap();
    let endpoint = server.bind(&any_port()).unwrap();
    for _ in 0..1_000 {
        let mut client = context.socket(SocketKind::Dealer).unwrap();
        client.connect(&endpoint).unwrap();
        send(&mut client, &[b"x"]);
        assert_eq!(receive(&mut server).len(), 2); // three events each
    }
    drop(unread);
    let mut client = context.socket(SocketKind::Dealer).unwrap();
    client.connect(&endpoint).unwrap();
    send(&mut client, &[b"after the monitor"]);
    assert_eq!(&*receive(&mut server)[1], b"after the monitor");
}

#[test]
fn a_monitor_may_outlive_its_socket() {
    let context = Context::new(1).unwrap();
    let mut server = context.socket(SocketKind::Router).unwrap();
    let mut monitor = server.monitor().unwrap();
    let endpoint = server.bind(&any_port()).unwrap();
    drop(server); // and with it the reports: libzmq's thread must not wait for a monitor that goes next
    let next = context.socket(SocketKind::Router).unwrap();
    until("the port is free again", || next.bind(&endpoint).ok());
    let told: Vec<SocketEvent> = std::iter::from_fn(|| monitor.try_next()).collect();
    assert!(matches!(told[..], [SocketEvent::Listening { .. }]), "{told:?}");
    drop(monitor);
}

#[test]
fn a_second_monitor_ends_the_first() {
    let context = Context::new(1).unwrap();
    let mut server = context.socket(SocketKind::Router).unwrap();
    let first = server.monitor().unwrap();
    let mut second = server.monitor().unwrap();
    drop(first);
    server.bind(&any_port()).unwrap();
    event(&mut second, |event| matches!(event, SocketEvent::Listening { .. }).then_some(()));
}
