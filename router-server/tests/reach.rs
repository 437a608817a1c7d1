//! Who can reach a server: nobody beyond this PC, unless the address says so.

mod support;

use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};

use router_server::{Reach, RouterServer};
use support::{PATIENCE, server};

/// The address by which others know this PC, if it has one. Nothing is sent: a route is looked up.
fn address_of_this_pc() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?; // set aside for documents, RFC 5737
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_loopback() && !address.is_unspecified())
}

#[test]
fn loopback_is_heard_by_this_pc_only() {
    let server = server();
    assert_eq!(server.reach(), Reach::ThisPc);
    let Some(address) = address_of_this_pc() else {
        eprintln!("*** SKIPPED: this PC has no address but loopback ***");
        return;
    };
    let endpoints = server.endpoints();
    for endpoint in [&endpoints.calls, &endpoints.samples, &endpoints.frames] {
        let port = endpoint.port().unwrap();
        TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), PATIENCE).unwrap();
        let beyond = TcpStream::connect_timeout(&SocketAddr::new(address, port), PATIENCE);
        assert!(beyond.is_err(), "{endpoint} is heard at {address}");
    }
    // The same test sees a server that does listen there.
    let wide = RouterServer::bind("tcp://*:*").unwrap();
    assert_ne!(wide.reach(), Reach::ThisPc);
    let port = wide.endpoints().calls.port().unwrap();
    TcpStream::connect_timeout(&SocketAddr::new(address, port), PATIENCE).unwrap();
}
