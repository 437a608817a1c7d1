//! CURVE without an authenticator: the client knows the server's key, or no message flows.
#![cfg(all(feature = "curve", not(windows)))]
#![allow(clippy::unwrap_used)] // clippy lets tests unwrap, and counts helpers of tests as something else

mod waiting;

use router_socket::curve::CurveKeyPair;
use router_socket::{Context, Endpoint, HandshakeFailure, Socket, SocketError, SocketEvent, SocketKind};
use waiting::{any_port, event, receive, receive_bytes, send};

fn server(context: &Context, keys: &CurveKeyPair) -> (Socket, Endpoint) {
    let router = context.socket(SocketKind::Router).unwrap();
    router.curve_server(true).unwrap();
    router.curve_secretkey(&keys.secret).unwrap();
    let endpoint = router.bind(&any_port()).unwrap();
    (router, endpoint)
}

fn client(context: &Context, server_key: &str) -> Socket {
    let dealer = context.socket(SocketKind::Dealer).unwrap();
    let keys = CurveKeyPair::generate().unwrap();
    dealer.curve_publickey(&keys.public).unwrap();
    dealer.curve_secretkey(&keys.secret).unwrap();
    dealer.curve_serverkey(server_key).unwrap();
    dealer
}

#[test]
fn a_client_that_knows_the_servers_key_exchanges_messages() {
    let context = Context::new(1).unwrap();
    let keys = CurveKeyPair::generate().unwrap();
    let (mut router, endpoint) = server(&context, &keys);
    let mut dealer = client(&context, &keys.public);
    dealer.connect(&endpoint).unwrap();
    send(&mut dealer, &[b"secret"]);
    let request = receive(&mut router);
    assert_eq!(&*request[1], b"secret");
    send(&mut router, &[&request[0], b"answer"]);
    assert_eq!(receive_bytes(&mut dealer), b"answer");
}

#[test]
fn a_client_with_another_servers_key_is_refused() {
    let context = Context::new(1).unwrap();
    let (mut router, endpoint) = server(&context, &CurveKeyPair::generate().unwrap());
    let mut monitor = router.monitor().unwrap();
    let dealer = client(&context, &CurveKeyPair::generate().unwrap().public);
    dealer.connect(&endpoint).unwrap();
    let reason = event(&mut monitor, |event| match event {
        SocketEvent::HandshakeSucceeded => panic!("the handshake succeeded"),
        SocketEvent::HandshakeFailed { reason } => Some(*reason),
        _ => None,
    });
    assert!(matches!(reason, HandshakeFailure::Protocol { .. }), "{reason}");
    assert!(router.try_recv().unwrap().is_none());
}

#[test]
fn a_client_without_curve_is_refused() {
    let context = Context::new(1).unwrap();
    let (mut router, endpoint) = server(&context, &CurveKeyPair::generate().unwrap());
    let mut monitor = router.monitor().unwrap();
    let dealer = context.socket(SocketKind::Dealer).unwrap();
    dealer.connect(&endpoint).unwrap();
    event(&mut monitor, |event| match event {
        SocketEvent::HandshakeSucceeded => panic!("the handshake succeeded"),
        SocketEvent::HandshakeFailed { .. } => Some(()),
        _ => None,
    });
}

#[test]
fn what_is_not_a_key_is_an_error() {
    let context = Context::new(1).unwrap();
    let socket = context.socket(SocketKind::Dealer).unwrap();
    for key in ["", "short", "exactly thirty-two bytes of text", &"ü".repeat(20), &"\"".repeat(40)] {
        let error = socket.curve_serverkey(key).unwrap_err();
        assert!(matches!(error, SocketError::Option { option: "CURVE_SERVERKEY", .. }), "{key}: {error}");
    }
}

#[test]
fn a_secret_key_is_not_shown() {
    let keys = CurveKeyPair::generate().unwrap();
    assert!(format!("{keys:?}").contains(&keys.public));
    assert!(!format!("{keys:?}").contains(&keys.secret));
}
