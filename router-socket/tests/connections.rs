//! A frame names the connection it came through, and no other connection gets that name while it is held.

#![allow(clippy::unwrap_used)] // clippy lets tests unwrap, and counts helpers of tests as something else

mod waiting;

use router_socket::{ConnectionToken, Context, Endpoint, Frame, Socket, SocketEvent, SocketKind};
use std::collections::HashSet;
use waiting::{any_port, event, receive, send};

fn request(context: &Context, endpoint: &Endpoint, server: &mut Socket) -> (Socket, Vec<Frame>) {
    let mut client = context.socket(SocketKind::Dealer).unwrap();
    client.connect(endpoint).unwrap();
    send(&mut client, &[b"hello"]);
    let frames = receive(server);
    (client, frames)
}

fn token(frames: &[Frame]) -> ConnectionToken {
    frames[1].connection().unwrap()
}

#[test]
fn two_connections_have_two_tokens_and_each_keeps_its_own() {
    let context = Context::new(1).unwrap();
    let mut server = context.socket(SocketKind::Router).unwrap();
    let endpoint = server.bind(&any_port()).unwrap();
    let (mut first, first_frames) = request(&context, &endpoint, &mut server);
    let (_second, second_frames) = request(&context, &endpoint, &mut server);
    assert_ne!(token(&first_frames), token(&second_frames));
    assert_ne!(first_frames[1].connection_fd(), second_frames[1].connection_fd());
    send(&mut first, &[b"again"]);
    let again = receive(&mut server);
    assert_eq!(token(&again), token(&first_frames));
    assert_eq!(again[1].connection_fd(), first_frames[1].connection_fd());
    assert_eq!(again[0].connection(), again[1].connection(), "the routing id names the connection too");
    assert_eq!(again[1].shared().connection(), Some(token(&again)));
    assert_eq!(again[1].peer_address(), Some("127.0.0.1"));
}

#[test]
fn a_token_is_not_given_again_while_a_frame_is_held() {
    let context = Context::new(1).unwrap();
    let mut server = context.socket(SocketKind::Router).unwrap();
    let mut monitor = server.monitor().unwrap();
    let endpoint = server.bind(&any_port()).unwrap();
    let mut held = Vec::new();
    let mut tokens = HashSet::new();
    for round in 0..100 {
        let (client, mut frames) = request(&context, &endpoint, &mut server);
        assert!(tokens.insert(token(&frames)), "connection {round} got the token of an earlier one");
        held.push(frames.swap_remove(0));
        drop(client);
        event(&mut monitor, |event| matches!(event, SocketEvent::Disconnected { .. }).then_some(()));
    }
    assert_eq!(held.iter().filter_map(Frame::connection).collect::<HashSet<_>>(), tokens);
}

#[test]
fn the_descriptor_is_the_one_the_monitor_reports() {
    let context = Context::new(1).unwrap();
    let mut server = context.socket(SocketKind::Router).unwrap();
    let mut monitor = server.monitor().unwrap();
    let endpoint = server.bind(&any_port()).unwrap();
    let (_client, frames) = request(&context, &endpoint, &mut server);
    let accepted = event(&mut monitor, |event| match event {
        SocketEvent::Accepted { fd } => Some(*fd),
        _ => None,
    });
    assert_eq!(frames[1].connection_fd(), Some(accepted));
}

#[cfg(target_os = "linux")]
#[test]
fn an_ipc_connection_tells_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let context = Context::new(1).unwrap();
    let mut server = context.socket(SocketKind::Router).unwrap();
    let endpoint = format!("ipc://{}/rig", folder.path().display()).parse().unwrap();
    let endpoint = server.bind(&endpoint).unwrap();
    let (_first, first_frames) = request(&context, &endpoint, &mut server);
    let (_second, second_frames) = request(&context, &endpoint, &mut server);
    assert_ne!(token(&first_frames), token(&second_frames));
    let address = first_frames[1].peer_address().unwrap();
    assert!(address.ends_with(&format!(":{}", std::process::id())), "{address}");
}

#[test]
fn a_subscription_names_the_subscribers_connection() {
    let context = Context::new(1).unwrap();
    let mut xpub = context.socket(SocketKind::XPub).unwrap();
    xpub.set_xpub_verboser(true).unwrap();
    let endpoint = xpub.bind(&any_port()).unwrap();
    let subscriber = || {
        let sub = context.socket(SocketKind::Sub).unwrap();
        sub.subscribe(b"topic").unwrap();
        sub.connect(&endpoint).unwrap();
        sub
    };
    let (first, _second) = (subscriber(), subscriber());
    let (one, two) = (receive(&mut xpub), receive(&mut xpub));
    assert_eq!((&*one[0], &*two[0]), (&b"\x01topic"[..], &b"\x01topic"[..]));
    assert_ne!(one[0].connection().unwrap(), two[0].connection().unwrap());
    drop(first);
    let end = receive(&mut xpub);
    assert_eq!(&*end[0], b"\x00topic");
    assert_eq!(end[0].connection(), None, "libzmq made this one");
}
