//! What an XPUB reports and to whom it sends, as far as the proxy relies on it.

#![allow(clippy::unwrap_used)] // clippy lets tests unwrap, and counts helpers of tests as something else

mod waiting;

use router_socket::{Context, Endpoint, Frame, Socket, SocketKind};
use std::io::{Read, Write};
use std::net::TcpStream;
use waiting::{DEADLINE, any_port, receive, receive_bytes, send};

/// A subscriber that says what it is told to. libzmq's own never repeats an unsubscription.
struct RawSubscriber {
    stream: TcpStream,
}

impl RawSubscriber {
    fn connect(endpoint: &Endpoint) -> RawSubscriber {
        const GREETING_BYTES: usize = 64;
        let mut stream = TcpStream::connect(("127.0.0.1", endpoint.port().unwrap())).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        // ZMTP 3.0 with the NULL mechanism: https://rfc.zeromq.org/spec/23/
        let mut greeting = [0; GREETING_BYTES];
        greeting[0] = 0xff;
        greeting[9] = 0x7f;
        greeting[10] = 3;
        greeting[12..16].copy_from_slice(b"NULL");
        stream.write_all(&greeting).unwrap();
        stream.write_all(b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB").unwrap();
        stream.read_exact(&mut greeting).unwrap();
        RawSubscriber { stream }
    }

    /// Sends a message of one frame: the byte 1 or 0 and a topic, or anything else.
    fn say(&mut self, message: &[u8]) {
        let length = u8::try_from(message.len()).unwrap();
        self.stream.write_all(&[&[0, length], message].concat()).unwrap();
    }
}

struct Publisher {
    context: Context,
    xpub: Socket,
    endpoint: Endpoint,
}

impl Publisher {
    fn manual() -> Publisher {
        let publisher = Publisher::verboser();
        publisher.xpub.set_xpub_manual_last_value(true).unwrap();
        publisher
    }

    fn verboser() -> Publisher {
        let context = Context::new(1).unwrap();
        let xpub = context.socket(SocketKind::XPub).unwrap();
        xpub.set_xpub_verboser(true).unwrap();
        let endpoint = xpub.bind(&any_port()).unwrap();
        Publisher { context, xpub, endpoint }
    }

    fn subscriber(&self, topic: &[u8]) -> Socket {
        let sub = self.context.socket(SocketKind::Sub).unwrap();
        sub.subscribe(topic).unwrap();
        sub.connect(&self.endpoint).unwrap();
        sub
    }

    /// Takes the next report and grants it, as the proxy does.
    fn grant(&mut self) -> Vec<u8> {
        let report = receive_bytes(&mut self.xpub);
        match report.split_first().unwrap() {
            (1, topic) => self.xpub.subscribe(topic).unwrap(),
            (0, topic) => self.xpub.unsubscribe(topic).unwrap(),
            _ => panic!("{report:?} is no subscription"),
        }
        report
    }

    fn publish(&mut self, message: &[u8]) {
        self.xpub.try_send(Frame::copy_from(message), false).unwrap();
    }
}

#[test]
fn the_message_after_a_subscription_goes_to_the_newest_subscriber_only() {
    let mut publisher = Publisher::manual();
    let mut first = publisher.subscriber(b"t");
    assert_eq!(publisher.grant(), b"\x01t");
    publisher.publish(b"t last value, for the first");
    publisher.publish(b"t live 1");
    let mut second = publisher.subscriber(b"t");
    assert_eq!(publisher.grant(), b"\x01t");
    publisher.publish(b"t last value, for the second");
    publisher.publish(b"t live 2");

    for expect in [&b"t last value, for the first"[..], b"t live 1", b"t live 2"] {
        assert_eq!(receive_bytes(&mut first), expect);
    }
    for expect in [&b"t last value, for the second"[..], b"t live 2"] {
        assert_eq!(receive_bytes(&mut second), expect);
    }
}

#[test]
fn a_message_of_another_topic_uses_the_choice_up() {
    let mut publisher = Publisher::manual();
    let mut first = publisher.subscriber(b"t");
    publisher.grant();
    publisher.publish(b"t 0");
    let mut second = publisher.subscriber(b"t");
    publisher.grant();
    publisher.publish(b"other"); // matches nobody, and ends the choice
    publisher.publish(b"t 1"); // goes to both
    assert_eq!(receive_bytes(&mut first), b"t 0");
    assert_eq!(receive_bytes(&mut first), b"t 1");
    assert_eq!(receive_bytes(&mut second), b"t 1");
}

#[test]
fn the_end_of_any_connection_uses_the_choice_up() {
    let mut publisher = Publisher::manual();
    let mut first = publisher.subscriber(b"t");
    publisher.grant();
    publisher.publish(b"t 0");
    let bystander = publisher.subscriber(b"other");
    publisher.grant();
    publisher.publish(b"other");
    let mut second = publisher.subscriber(b"t");
    publisher.grant();
    drop(bystander);
    waiting::until("the bystander's end is known", || {
        publisher.xpub.events_readable().unwrap().then_some(())
    });
    publisher.publish(b"t last value, for the second");
    assert_eq!(receive_bytes(&mut first), b"t 0");
    assert_eq!(receive_bytes(&mut first), b"t last value, for the second");
    assert_eq!(receive_bytes(&mut second), b"t last value, for the second");
}

#[test]
fn manual_mode_reports_every_repetition_and_what_was_never_subscribed() {
    let mut publisher = Publisher::manual();
    let mut peer = RawSubscriber::connect(&publisher.endpoint);
    for report in [&b"\x00never"[..], b"\x01t", b"\x01t", b"\x00t", b"\x00t"] {
        peer.say(report);
    }
    let reports: Vec<_> = (0..5).map(|_| receive(&mut publisher.xpub).remove(0)).collect();
    let bytes: Vec<&[u8]> = reports.iter().map(|report| &**report).collect();
    assert_eq!(bytes, [&b"\x00never"[..], b"\x01t", b"\x01t", b"\x00t", b"\x00t"]);
    assert!(reports.iter().all(|report| report.connection() == reports[0].connection()));
    assert!(reports[0].connection().is_some());
}

#[test]
fn the_end_of_a_connection_reports_each_of_its_topics_once_and_names_no_connection() {
    let mut publisher = Publisher::manual();
    let mut peer = RawSubscriber::connect(&publisher.endpoint);
    let _other = publisher.subscriber(b"a");
    assert_eq!(publisher.grant(), b"\x01a");
    for report in [&b"\x01a"[..], b"\x01a", b"\x01b", b"\x01c", b"\x00c"] {
        peer.say(report);
        assert_eq!(publisher.grant(), report);
    }
    drop(peer);
    let mut ends: Vec<_> = (0..2).map(|_| receive(&mut publisher.xpub).remove(0)).collect();
    ends.sort_by_key(|end| end.to_vec());
    assert_eq!((&*ends[0], &*ends[1]), (&b"\x00a"[..], &b"\x00b"[..]), "a once, though subscribed twice");
    assert!(ends.iter().all(|end| end.connection().is_none()));
    // To take such an end back is allowed, and does nothing: libzmq has done it.
    publisher.xpub.unsubscribe(b"a").unwrap();
    assert!(publisher.xpub.try_recv().unwrap().is_none());
}

/// One unsubscription ends however many subscriptions, as long as each was granted once.
#[test]
fn grants_of_a_repeated_subscription_are_one() {
    let mut publisher = Publisher::manual();
    let mut peer = RawSubscriber::connect(&publisher.endpoint);
    for report in [&b"\x01t"[..], b"\x01t", b"\x00t"] {
        peer.say(report);
        assert_eq!(publisher.grant(), report);
    }
    let mut other = publisher.subscriber(b"t");
    assert_eq!(publisher.grant(), b"\x01t");
    publisher.publish(b"choice");
    publisher.publish(b"t 1");
    assert_eq!(receive_bytes(&mut other), b"t 1");
}

#[test]
fn without_a_grant_nothing_is_sent() {
    let mut publisher = Publisher::manual();
    let mut refused = publisher.subscriber(b"t");
    assert_eq!(receive_bytes(&mut publisher.xpub), b"\x01t"); // read, and not granted
    let mut granted = publisher.subscriber(b"t");
    assert_eq!(publisher.grant(), b"\x01t");
    publisher.publish(b"t 1");
    publisher.publish(b"t 2");
    assert_eq!(receive_bytes(&mut granted), b"t 1");
    assert_eq!(receive_bytes(&mut granted), b"t 2");
    assert!(refused.try_recv().unwrap().is_none());
}

/// libzmq keeps the reports and whose they are in two lists, and a message that is no subscription is in one of them
/// only: after it, manual mode grants to the wrong peer. So a proxy that others can reach does without that mode.
#[test]
fn a_message_that_is_no_subscription_shifts_the_grants_of_manual_mode() {
    let mut publisher = Publisher::manual();
    let inproc = publisher.xpub.bind(&Endpoint::unique_inproc("shifted")).unwrap();
    // Over inproc, what was sent first is read first.
    let mut peers: Vec<_> = [&b"no subscription"[..], b"\x01first", b"\x01second"]
        .into_iter()
        .map(|message| {
            let mut xsub = publisher.context.socket(SocketKind::XSub).unwrap();
            xsub.connect(&inproc).unwrap();
            send(&mut xsub, &[message]);
            xsub
        })
        .collect();
    assert_eq!(receive_bytes(&mut publisher.xpub), b"no subscription");
    assert_eq!(publisher.grant(), b"\x01first");
    publisher.publish(b"first: for the peer that asked");
    assert!(peers[1].try_recv().unwrap().is_none(), "libzmq was repaired: manual mode can be used");
    assert_eq!(receive_bytes(&mut peers[2]), b"first: for the peer that asked");
}

#[test]
fn verboser_reports_every_subscription_with_its_connection() {
    let mut publisher = Publisher::verboser();
    let mut peer = RawSubscriber::connect(&publisher.endpoint);
    for report in [&b"\x01t"[..], b"\x01t", b"\x00t", b"\x00t", b"\x00never"] {
        peer.say(report);
        let reported = receive(&mut publisher.xpub).remove(0);
        assert_eq!(&*reported, report);
        assert!(reported.connection().is_some());
    }
}
