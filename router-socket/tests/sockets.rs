//! Sockets bind, connect, refuse and report.

#![allow(clippy::unwrap_used)] // clippy lets tests unwrap, and counts helpers of tests as something else

mod waiting;

use router_socket::{
    Context, Endpoint, Frame, MAX_FRAMES, PollEntry, SendRefusal, SocketError, SocketEvent, SocketKind, poll,
};
use std::time::{Duration, Instant};
use waiting::{DEADLINE, any_port, event, receive, receive_bytes, send, until};

#[test]
fn bind_returns_the_real_port() {
    let context = Context::new(1).unwrap();
    let server = context.socket(SocketKind::Router).unwrap();
    for address in ["tcp://127.0.0.1:*", "tcp://localhost:*", "tcp://*:*"] {
        let real = server.bind(&address.parse().unwrap()).unwrap();
        assert!(real.port().is_some_and(|port| port > 0), "{real}");
        server.unbind(&real).unwrap();
    }
}

#[test]
fn an_address_in_use_is_named() {
    let context = Context::new(1).unwrap();
    let first = context.socket(SocketKind::Router).unwrap();
    let second = Context::new(1).unwrap().socket(SocketKind::Router).unwrap();
    let real = first.bind(&any_port()).unwrap();
    let error = second.bind(&real).unwrap_err();
    assert!(matches!(&error, SocketError::AddressInUse { endpoint } if *endpoint == real), "{error}");
    assert_eq!(
        error.to_string(),
        format!("{real} is in use by another program; stop it or choose another address")
    );
    drop(first);
    until("the port is free again", || second.bind(&real).ok());
}

#[test]
fn an_inproc_name_in_use_is_named() {
    let context = Context::new(1).unwrap();
    let name = Endpoint::unique_inproc("name");
    let first = context.socket(SocketKind::Router).unwrap();
    assert_eq!(first.bind(&name).unwrap(), name);
    let error = context.socket(SocketKind::Router).unwrap().bind(&name).unwrap_err();
    assert!(matches!(error, SocketError::AddressInUse { endpoint } if endpoint == name));
    let elsewhere = Context::new(1).unwrap();
    elsewhere.socket(SocketKind::Router).unwrap().bind(&name).unwrap();
}

/// libzmq unlinks the path before it binds: the second server would take the first one's clients.
#[cfg(unix)]
#[test]
fn an_ipc_path_is_not_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint: Endpoint = format!("ipc://{}/rig", folder.path().display()).parse().unwrap();
    let context = Context::new(1).unwrap();
    let mut first = context.socket(SocketKind::Router).unwrap();
    assert_eq!(first.bind(&endpoint).unwrap(), endpoint);
    let second = context.socket(SocketKind::Router).unwrap();
    let error = second.bind(&endpoint).unwrap_err();
    assert!(matches!(&error, SocketError::AddressInUse { endpoint: named } if *named == endpoint), "{error}");

    let mut client = context.socket(SocketKind::Dealer).unwrap();
    client.connect(&endpoint).unwrap();
    send(&mut client, &[b"still there"]);
    assert_eq!(&*receive(&mut first)[1], b"still there");

    // What a killed server leaves behind is no obstacle.
    let path = endpoint.ipc_path().unwrap().to_owned() + ".left";
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(std::path::Path::new(&path).exists());
    second.bind(&format!("ipc://{path}").parse().unwrap()).unwrap();
}

#[test]
fn errors_of_endpoints_say_what_they_mean() {
    let context = Context::new(1).unwrap();
    let mut socket = context.socket(SocketKind::Router).unwrap();
    let endpoint = |text: &str| text.parse::<Endpoint>().unwrap();
    let error = socket.bind(&endpoint("tcp://192.0.2.1:*")).unwrap_err(); // TEST-NET, nobody's address
    assert!(matches!(error, SocketError::AddressNotAvailable { .. }), "{error}");
    let error = socket.unbind(&endpoint("tcp://127.0.0.1:5555")).unwrap_err();
    assert!(matches!(error, SocketError::NotConnected { .. }), "{error}");
    let error = socket.disconnect(&endpoint("tcp://127.0.0.1:5555")).unwrap_err();
    assert!(matches!(error, SocketError::NotConnected { .. }), "{error}");
    let error = socket.subscribe(b"x").unwrap_err();
    assert!(matches!(error, SocketError::Option { option: "SUBSCRIBE", .. }), "{error}");
}

#[test]
fn the_client_may_start_first() {
    let context = Context::new(1).unwrap();
    let reserved = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = any_port().with_port(reserved.local_addr().unwrap().port());
    drop(reserved);
    let mut client = context.socket(SocketKind::Dealer).unwrap();
    client.set_immediate(true).unwrap();
    client.connect(&endpoint).unwrap();
    assert!(!client.events_writable().unwrap());
    assert!(matches!(
        client.try_send(Frame::copy_from(b"early"), false).unwrap_err().reason,
        SendRefusal::Full
    ));
    let mut server = context.socket(SocketKind::Router).unwrap();
    server.bind(&endpoint).unwrap();
    send(&mut client, &[b"hello"]);
    assert_eq!(&*receive(&mut server)[1], b"hello");
}

fn has_ipv6() -> bool {
    let has = std::net::TcpListener::bind("[::1]:0").is_ok();
    if !has {
        eprintln!("\n*** SKIPPED: this machine has no ::1, so that IPv6 is not tested ***\n");
    }
    has
}

#[test]
fn ipv6_is_turned_on_by_its_address_and_off_by_another() {
    if !has_ipv6() {
        return;
    }
    let context = Context::new(1).unwrap();
    let mut server = context.socket(SocketKind::Router).unwrap();
    let hosts = ["[::1]", "127.0.0.1", "[::]", "*", "localhost"];
    let endpoints = hosts.map(|host| server.bind(&format!("tcp://{host}:*").parse().unwrap()).unwrap());
    let real = endpoints.each_ref().map(|endpoint| endpoint.host().unwrap_or_default().to_owned());
    assert_eq!(real[..4], ["::1", "127.0.0.1", "::", "0.0.0.0"]);
    for (dialled, endpoint) in
        [("[::1]", 0), ("127.0.0.1", 1), ("[::1]", 2), ("127.0.0.1", 2), ("127.0.0.1", 3), ("localhost", 2)]
    {
        let mut client = context.socket(SocketKind::Dealer).unwrap();
        let port = endpoints[endpoint].port().unwrap();
        client.connect(&format!("tcp://{dialled}:{port}").parse().unwrap()).unwrap();
        send(&mut client, &[b"six"]);
        assert_eq!(&*receive(&mut server)[1], b"six", "{dialled} at {}", endpoints[endpoint]);
    }
    for endpoint in &endpoints {
        server.unbind(endpoint).unwrap();
    }
}

#[test]
fn a_name_with_an_address_in_use_is_not_bound_at_another() {
    let context = Context::new(1).unwrap();
    let first = context.socket(SocketKind::Router).unwrap();
    let port = first.bind(&any_port()).unwrap().port().unwrap();
    let second = context.socket(SocketKind::Router).unwrap();
    let error = second.bind(&format!("tcp://localhost:{port}").parse().unwrap()).unwrap_err();
    assert!(matches!(error, SocketError::AddressInUse { .. }), "{error}");
}

#[test]
fn a_socket_without_a_peer_over_inproc_takes_nothing_and_finds_the_next_one() {
    let context = Context::new(1).unwrap();
    let endpoint = "inproc://come-and-go".parse().unwrap();
    let mut client = context.socket(SocketKind::Dealer).unwrap();
    client.set_send_hwm(0).unwrap();
    for round in 0..3 {
        client.connect(&endpoint).unwrap();
        // Before its peer is there it takes more than any high-water mark.
        (0..5_000).for_each(|_| send(&mut client, &[b"early"]));
        let mut server = context.socket(SocketKind::Router).unwrap();
        server.bind(&endpoint).unwrap();
        (0..5_000).for_each(|_| assert_eq!(&*receive(&mut server)[1], b"early"));
        (0..5_000).for_each(|_| send(&mut client, &[b"late"]));
        assert!(client.events_writable().unwrap(), "round {round}");
        drop(server);
        until("its end is noticed", || (!client.events_writable().unwrap()).then_some(()));
        let _ = client.disconnect(&endpoint);
    }
}

#[test]
fn a_router_refuses_a_peer_it_does_not_have() {
    let context = Context::new(1).unwrap();
    let mut router = context.socket(SocketKind::Router).unwrap();
    router.set_router_mandatory(true).unwrap();
    let refused = router.try_send(Frame::copy_from(b"nobody"), true).unwrap_err();
    assert!(matches!(refused.reason, SendRefusal::Unroutable), "{refused}");
}

#[test]
fn a_full_queue_refuses_and_room_is_noticed_at_once() {
    let context = Context::new(1).unwrap();
    let mut receiver = context.socket(SocketKind::Pair).unwrap();
    receiver.set_recv_hwm(2).unwrap();
    let endpoint = receiver.bind(&Endpoint::unique_inproc("full")).unwrap();
    let mut sender = context.socket(SocketKind::Pair).unwrap();
    sender.set_send_hwm(2).unwrap();
    sender.connect(&endpoint).unwrap();
    for _ in 0..100 {
        let mut sent = 0;
        while sender.try_send(Frame::copy_from(&[sent]), false).is_ok() {
            sent += 1;
        }
        assert_eq!(sent, 4);
        for expect in 0..sent {
            assert_eq!(&*receiver.try_recv().unwrap().unwrap(), &[expect]);
        }
        assert!(receiver.try_recv().unwrap().is_none());
    }
}

#[test]
fn a_message_of_many_frames_is_cut_and_the_next_one_is_whole() {
    let context = Context::new(1).unwrap();
    let mut server = context.socket(SocketKind::Router).unwrap();
    let endpoint = server.bind(&any_port()).unwrap();
    let mut client = context.socket(SocketKind::Dealer).unwrap();
    client.connect(&endpoint).unwrap();
    let many = vec![b"x".as_slice(); 5_000];
    send(&mut client, &many);
    send(&mut client, &[b"a", b"b"]);

    assert_eq!(receive(&mut server).len(), MAX_FRAMES);
    assert_eq!(server.discarded_frames(), 5_001 - MAX_FRAMES); // the routing id is a frame too
    let next = receive(&mut server);
    assert_eq!(server.discarded_frames(), 0);
    assert_eq!(next.iter().map(|frame| frame.more()).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!((&*next[1], &*next[2]), (&b"a"[..], &b"b"[..]));
    let mut frames = next;
    assert!(!server.try_recv_message(&mut frames).unwrap());
    assert!(frames.is_empty());
}

/// libzmq ended the process: a second frame was not there any more whose first one it had looked at.
#[test]
fn a_connection_may_end_while_a_message_of_two_frames_waits() {
    let context = Context::new(1).unwrap();
    let mut source = context.socket(SocketKind::XPub).unwrap();
    let endpoint = source.bind(&any_port()).unwrap();
    let mut sub = context.socket(SocketKind::Sub).unwrap();
    sub.subscribe(b"").unwrap();
    sub.connect(&endpoint).unwrap();
    receive(&mut source); // the subscription
    for _ in 0..2 {
        source.try_send(Frame::copy_from(b"header"), true).unwrap();
        source.try_send(Frame::copy_from(b"payload"), false).unwrap();
    }
    until("it waits", || sub.events_readable().unwrap().then_some(()));
    sub.disconnect(&endpoint).unwrap();
    assert!(!sub.try_recv_message(&mut Vec::new()).unwrap());

    let mut other = context.socket(SocketKind::XPub).unwrap();
    sub.connect(&other.bind(&any_port()).unwrap()).unwrap();
    receive(&mut other);
    other.try_send(Frame::copy_from(b"next"), false).unwrap();
    assert_eq!(receive_bytes(&mut sub), b"next");
}

#[test]
fn a_longer_frame_than_allowed_ends_the_connection() {
    let context = Context::new(1).unwrap();
    let mut server = context.socket(SocketKind::Router).unwrap();
    server.set_max_message_bytes(1_000).unwrap();
    let mut monitor = server.monitor().unwrap();
    let endpoint = server.bind(&any_port()).unwrap();
    let mut client = context.socket(SocketKind::Dealer).unwrap();
    client.connect(&endpoint).unwrap();
    send(&mut client, &[&[1; 1_000]]);
    assert_eq!(receive(&mut server)[1].len(), 1_000);
    let fd = event(&mut monitor, |event| match event {
        SocketEvent::Accepted { fd } => Some(*fd),
        _ => None,
    });
    send(&mut client, &[&[1; 1_001]]);
    event(&mut monitor, |event| (*event == SocketEvent::Disconnected { fd }).then_some(()));
}

#[test]
fn a_poll_says_which_sockets_are_ready() {
    let context = Context::new(1).unwrap();
    let pair = |name| {
        let bound = context.socket(SocketKind::Pair).unwrap();
        let endpoint = bound.bind(&Endpoint::unique_inproc(name)).unwrap();
        let connected = context.socket(SocketKind::Pair).unwrap();
        connected.connect(&endpoint).unwrap();
        (bound, connected)
    };
    let (mut a, b) = pair("one");
    let (c, d) = pair("two");
    a.try_send(Frame::copy_from(b"x"), false).unwrap();
    let mut entries = [PollEntry::readable(&b), PollEntry::readable(&d), PollEntry::writable(&c)];
    assert_eq!(poll(&mut entries, None).unwrap(), 2);
    assert_eq!(
        entries.map(|entry| (entry.is_readable(), entry.is_writable())),
        [(true, false), (false, false), (false, true)]
    );
    let begun = Instant::now();
    assert_eq!(poll(&mut [PollEntry::readable(&d)], Some(Duration::from_millis(30))).unwrap(), 0);
    assert!(begun.elapsed() >= Duration::from_millis(30));
    assert!(b.events_readable().unwrap() && !d.events_readable().unwrap());
}

#[test]
fn a_socket_moves_to_another_thread() {
    let context = Context::new(1).unwrap();
    let mut here = context.socket(SocketKind::Pair).unwrap();
    let endpoint = here.bind(&Endpoint::unique_inproc("moves")).unwrap();
    let mut there = context.socket(SocketKind::Pair).unwrap();
    there.connect(&endpoint).unwrap();
    let thread = router_socket::spawn("moves", move || send(&mut there, &[b"from another thread"])).unwrap();
    assert_eq!(receive_bytes(&mut here), b"from another thread");
    thread.join_within(DEADLINE).unwrap();
}

#[test]
fn contexts_have_identities() {
    let (a, b) = (Context::new(1).unwrap(), Context::new(2).unwrap());
    assert_eq!(a.id(), a.clone().id());
    assert_ne!(a.id(), b.id());
}

/// The descriptor tells of news once, and asking for room to send takes the news in: a poll behind that must not wait
/// for the descriptor.
#[test]
fn a_message_whose_sign_was_taken_is_still_found_by_a_poll() {
    let context = Context::new(1).unwrap();
    let mut left = context.socket(SocketKind::Pair).unwrap();
    let endpoint = left.bind(&router_socket::Endpoint::unique_inproc("sign")).unwrap();
    let mut right = context.socket(SocketKind::Pair).unwrap();
    right.connect(&endpoint).unwrap();
    for _ in 0..3 {
        while left.try_recv().unwrap().is_some() {}
        assert!(left.is_quiet());
        right.try_send(Frame::copy_from(b"x"), false).unwrap();
        assert!(left.events_writable().unwrap() && !left.is_quiet());
        let long = std::time::Duration::from_secs(20);
        let begun = std::time::Instant::now();
        let ready =
            router_socket::poll(&mut [router_socket::PollEntry::readable(&left)], Some(long)).unwrap();
        assert!(ready == 1 && begun.elapsed() < long);
    }
}
