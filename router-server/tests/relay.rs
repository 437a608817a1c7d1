//! Streams from programs that know nothing of us.

mod relay_support;
mod support;

use std::net::TcpListener;
use std::time::{Duration, Instant, SystemTime};

use relay_support::{Publishing, counted, relay_counter};
use router_client::{Payload, Queue, RawSample, RouterClient, SampleError};
use router_server::{AddStreamError, RelayFormat, RelayOptions, RouterServer};
use router_wire::Encoding;
use router_wire::describe::StreamKind;
use support::{PATIENCE, client, eventually, random::Random, server, until};

/// The example of the Python one-liner's protocol: topic `dj`, `{"x":1,"y":2.5}`, at 123.456 s.
const PYTHON: &[u8] =
    b"dj\0\x18\0\x80\x04\x95\x0d\0\0\0\0\0\0\0\x88G@^\xdd/\x1a\x9f\xbew\x86\x94.{\"x\":1,\"y\":2.5}";
/// `(False, 1.5)` and the text `no light`, pickled.
const PYTHON_FAILED: &[u8] =
    b"dj\0\x10\0\x80\x02\x89G?\xf8\0\0\0\0\0\0\x86q\0.\x80\x04\x95\x0c\0\0\0\0\0\0\0\x8c\x08no light\x94.";

/// A relay, its source, and somebody who listens.
struct Relayed {
    server: RouterServer,
    source: Publishing,
    client: RouterClient,
    queue: Queue<Payload>,
}

fn relayed(options: RelayOptions, subscribed: &[&[u8]]) -> Relayed {
    let (server, mut source) = (server(), Publishing::anywhere());
    server.add_relay_with("relayed", &source.address(), options).unwrap();
    let client = client(&server);
    let queue = client.subscribe::<Payload>("relayed").queue(100_000).unwrap();
    source.wait_for(subscribed);
    Relayed { server, source, client, queue }
}

impl Relayed {
    fn next(&self) -> RawSample {
        self.queue.recv_timeout(PATIENCE).unwrap()
    }
}

#[test]
fn any_pub_socket_is_a_stream() {
    let mut relayed = relayed(RelayOptions::new().docs("Power.").unit("mW"), &[b"", b"relayed\0"]);
    let before = SystemTime::now() - Duration::from_secs(1);
    relayed.source.publish(&[b"power", b"1.5"]);
    relayed.source.publish(&[b"2.5"]);
    relayed.source.publish(&[b"power", b"3", b".", b"5"]);
    relayed.source.publish(&[PYTHON]);
    for (sequence, expect) in [&b"1.5"[..], b"2.5", b"3.5", br#"{"x":1,"y":2.5}"#].into_iter().enumerate() {
        let sample = relayed.next();
        assert_eq!((sample.value.as_slice(), sample.encoding), (expect, Encoding::Raw));
        assert_eq!((sample.sequence, sample.epoch), (sequence as u64, relayed.server.epoch()));
        assert!(sample.utc >= before);
    }
    relayed.source.publish(&[b"large", &[1; 40_000], &[2; 40_000]]);
    counted(&relayed.server, "relayed", "unreadable", 1);
    let stats = relayed.queue.settle(PATIENCE).unwrap();
    assert!(stats.balances() && stats.lost == 0, "{stats:?}");
    let description = relayed.server.describe().streams.remove(0);
    assert_eq!((description.kind, description.value.unit.as_deref()), (StreamKind::Relayed, Some("mW")));
    let source = description.source.unwrap();
    assert_eq!((source.endpoint, source.numbered), (relayed.source.address(), false));
    assert!(description.docs.starts_with("Power.\n") && description.docs.contains("invisible"));
}

#[test]
fn values_are_read_in_the_encoding_that_is_told() {
    let options =
        RelayOptions::new().format(RelayFormat::PythonOneLiner).topic("dj").encoding(Encoding::Json);
    let mut relayed = relayed(options, &[b"dj\0"]);
    let values = relayed.client.subscribe::<serde_json::Value>("relayed").queue(10).unwrap();
    eventually("two listen", || relayed.server.stats().streams[0].subscribers == 1);
    relayed.source.publish(&[PYTHON]);
    let sample = values.recv_timeout(PATIENCE).unwrap();
    assert_eq!(sample.value, serde_json::json!({"x": 1, "y": 2.5}));
    // The time is that of another process: it is kept where it can be compared with others of its kind.
    assert_eq!(sample.monotonic_ns, 123_456_000_000);
    assert!(sample.utc > SystemTime::now() - Duration::from_secs(60), "{:?}", sample.utc);
    relayed.source.publish(&[PYTHON_FAILED]);
    let failed = values.recv_timeout(PATIENCE).unwrap_err();
    assert!(matches!(failed, SampleError::Failed { sequence: 1, .. }), "{failed:?}");
    assert!(!failed.to_string().contains("pickle"), "{failed}");
    // A pickle that would run code is counted, and nothing else.
    relayed.source.publish(&[b"dj\0\x17\0\x80\x04cposix\nsystem\n\x8c\x02id\x85R.{}"]);
    counted(&relayed.server, "relayed", "unreadable", 1);
}

#[test]
fn a_python_failure_tells_its_text_and_a_pickle_is_read_by_nobody() {
    let options = RelayOptions::new().format(RelayFormat::PythonOneLiner).encoding(Encoding::Pickle);
    let mut relayed = relayed(options, &[b""]);
    let numbers = relayed.client.subscribe::<f64>("relayed").queue(10).unwrap();
    eventually("it listens", || relayed.server.stats().streams[0].subscribers == 1);
    relayed.source.publish(&[PYTHON_FAILED]);
    let failed = numbers.recv_timeout(PATIENCE).unwrap_err();
    assert!(failed.to_string().ends_with("no light"), "{failed}");
    relayed.source.publish(&[PYTHON]);
    let unreadable = numbers.recv_timeout(PATIENCE).unwrap_err();
    assert!(unreadable.to_string().contains("Pickle"), "{unreadable}");
    relayed.queue.recv_timeout(PATIENCE).unwrap_err();
    assert_eq!(relayed.next().encoding, Encoding::Pickle);
}

#[test]
fn topics_are_compared_whole() {
    let options = RelayOptions::new().format(RelayFormat::Multipart).topic("new").topic("old");
    let mut relayed = relayed(options, &[b"new", b"old"]);
    relayed.source.publish(&[b"new_frame", b"1"]);
    relayed.source.publish(&[b"new", b"2"]);
    relayed.source.publish(&[b"old", b"3"]);
    assert_eq!(relayed.next().value.as_slice(), b"2");
    assert_eq!(relayed.next().value.as_slice(), b"3");
    assert_eq!(relay_counter(&relayed.server, "relayed", "foreign_topics"), 1);
}

#[test]
fn a_topic_may_stand_before_its_payload() {
    let options = RelayOptions::new().format(RelayFormat::Prefixed(b' ')).topic("power");
    let mut relayed = relayed(options, &[b"power "]);
    relayed.source.publish(&[b"power 1.5 mW"]);
    assert_eq!(relayed.next().value.as_slice(), b"1.5 mW");
}

#[test]
fn a_message_that_is_larger_than_declared_is_an_error() {
    let mut relayed = relayed(RelayOptions::new().largest_sample_bytes(100), &[b"", b"relayed\0"]);
    relayed.source.publish(&[b"a", &[7; 101]]);
    let error = relayed.queue.recv_timeout(PATIENCE).unwrap_err().to_string();
    assert!(error.contains("101") && error.contains("100"), "{error}");
    relayed.source.publish(&[b"a", &[7; 100]]);
    assert_eq!(relayed.next().value.len(), 100);
    assert_eq!(relay_counter(&relayed.server, "relayed", "too_large"), 1);
}

#[test]
fn large_payloads_come_as_frames() {
    let options = RelayOptions::new().format(RelayFormat::Bare).largest_sample_bytes(8 << 20);
    let mut relayed = relayed(options, &[b""]);
    let image: Vec<u8> = (0..4 << 20).map(|byte: u32| (byte % 251) as u8).collect();
    for sequence in 0..5 {
        relayed.source.publish(&[&image]);
        let sample = relayed.next();
        assert_eq!(sample.sequence, sequence);
        assert!(sample.value.as_slice() == image);
    }
}

#[test]
fn it_is_subscribed_while_somebody_listens() {
    let mut relayed = relayed(RelayOptions::new().format(RelayFormat::Multipart), &[b""]);
    relayed.source.publish(&[b"a", b"1"]);
    assert_eq!(relayed.next().sequence, 0);
    let Relayed { server, mut source, client, queue } = relayed;
    drop(queue);
    source.wait_for(&[]);
    source.publish(&[b"a", b"2"]);
    let queue = client.subscribe::<Payload>("relayed").queue(10).unwrap();
    source.wait_for(&[b""]);
    source.publish(&[b"a", b"3"]);
    let (last, next) = (queue.recv_timeout(PATIENCE).unwrap(), queue.recv_timeout(PATIENCE).unwrap());
    assert_eq!((last.value.as_slice(), last.sequence), (&b"1"[..], 0), "the last value that was seen here");
    assert_eq!((next.value.as_slice(), next.sequence), (&b"3"[..], 1));
    server.disable_stream("relayed").unwrap();
    source.wait_for(&[]);
    server.enable_stream("relayed").unwrap();
    source.wait_for(&[b""]);
}

#[test]
fn it_stays_subscribed_when_told() {
    let (server, mut source) = (server(), Publishing::anywhere());
    let options = RelayOptions::new().format(RelayFormat::Bare).keep_subscribed();
    server.add_relay_with("kept", &source.address(), options).unwrap();
    source.wait_for(&[b""]);
    source.publish(&[b"1"]);
    source.publish(&[b"2"]);
    eventually("both came", || server.stats().streams[0].produced == 2);
    let last =
        client(&server).subscribe::<Payload>("kept").queue(10).unwrap().recv_timeout(PATIENCE).unwrap();
    assert_eq!((last.value.as_slice(), last.sequence), (&b"2"[..], 1));
}

/// Relay enable, disable, remove, and closing a server that has a relay, all raised.
#[test]
fn defect_7_relays_are_enabled_disabled_removed_added_again_and_closed() {
    let (server, mut source) = (server(), Publishing::anywhere());
    let options = || RelayOptions::new().format(RelayFormat::Multipart);
    server.add_relay_with("relayed", &source.address(), options().disabled()).unwrap();
    let client = client(&server);
    let queue = client.subscribe::<Payload>("relayed").queue(10).unwrap();
    eventually("it listens", || server.stats().streams[0].subscribers == 1);
    for round in 0..3_u8 {
        server.enable_stream("relayed").unwrap();
        server.enable_stream("relayed").unwrap();
        source.wait_for(&[b""]);
        source.publish(&[b"a", &[round]]);
        let sample = until("the sample of this round", || queue.recv_timeout(PATIENCE).ok());
        assert_eq!(sample.value.as_slice(), [round]);
        server.disable_stream("relayed").unwrap();
        server.disable_stream("relayed").unwrap();
        let published = server.stats().streams[0].published;
        source.publish(&[b"a", b"disabled"]);
        source.wait_for(&[]);
        assert_eq!(server.stats().streams[0].published, published);
        server.remove_stream("relayed").unwrap();
        assert!(server.remove_stream("relayed").is_err() && server.enable_stream("relayed").is_err());
        assert!(server.describe().streams.is_empty());
        server.add_relay_with("relayed", &source.address(), options().disabled()).unwrap();
        assert!(matches!(
            server.add_relay_with("relayed", &source.address(), options()),
            Err(AddStreamError::StreamExists { .. })
        ));
    }
    // The client's calls to the server do the same.
    client.call::<()>("router.enable_stream", ("relayed",)).wait().unwrap();
    source.wait_for(&[b""]);
    client.call::<()>("router.disable_stream", ("relayed",)).wait().unwrap();
    source.wait_for(&[]);
    server.add_relay("nobody_there", "tcp://127.0.0.1:9").unwrap();
    let started = Instant::now();
    let report = server.stop();
    assert!(report.set_apart.is_empty(), "{report}");
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[test]
fn it_comes_back_with_its_source_and_may_be_there_first() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("tcp://127.0.0.1:{port}");
    let server = server();
    server.add_relay("relayed", &address).unwrap();
    let client = client(&server);
    let queue = client.subscribe::<Payload>("relayed").queue(100).unwrap();
    for round in 0..3_u8 {
        let mut source = Publishing::at(&address);
        source.wait_for(&[b"", b"relayed\0"]);
        source.publish(&[b"a", &[round]]);
        let sample = queue.recv_timeout(PATIENCE).unwrap();
        assert_eq!((sample.value.as_slice(), sample.sequence), (&[round][..], round.into()));
    }
}

#[test]
fn each_topic_is_a_stream() {
    let (server, mut source) = (server(), Publishing::anywhere());
    let options = RelayOptions::new().format(RelayFormat::Multipart).each_topic("laser").most_topics(3);
    server.add_relay_with("laser", &source.address(), options).unwrap();
    source.wait_for(&[b""]);
    for topic in [&b"power"[..], b"shutter", b"a..b", b"", b"\xff", b"third", b"fourth", b"power"] {
        source.publish(&[topic, b"1"]);
    }
    counted(&server, "laser", "refused_topics", 4);
    let names: Vec<String> = server.describe().streams.into_iter().map(|stream| stream.name).collect();
    assert_eq!(names, ["laser.power", "laser.shutter", "laser.third"]);
    let client = client(&server);
    let power = client.subscribe::<Payload>("laser.power").queue(10).unwrap();
    assert_eq!(power.recv_timeout(PATIENCE).unwrap().sequence, 1);
    // All of them together, by the name of the relay.
    server.disable_stream("laser").unwrap();
    assert!(server.describe().streams.iter().all(|stream| !stream.enabled));
    server.enable_stream("laser").unwrap();
    // One that was removed does not come back by itself.
    server.remove_stream("laser.third").unwrap();
    source.publish(&[b"third", b"2"]);
    source.publish(&[b"power", b"2"]);
    assert_eq!(power.recv_timeout(PATIENCE).unwrap().sequence, 2);
    assert_eq!(server.describe().streams.len(), 2);
    server.remove_stream("laser").unwrap();
    assert!(server.describe().streams.is_empty() && server.remove_stream("laser").is_err());
    source.wait_for(&[]);
}

#[test]
fn topics_that_are_named_are_streams_from_the_beginning() {
    let (server, mut source) = (server(), Publishing::anywhere());
    let options = RelayOptions::new()
        .format(RelayFormat::Multipart)
        .each_topic("")
        .topic_as("P/1", "power.1")
        .topic("shutter");
    server.add_relay_with("laser", &source.address(), options).unwrap();
    let names: Vec<String> = server.describe().streams.into_iter().map(|stream| stream.name).collect();
    assert_eq!(names, ["power.1", "shutter"]);
    let client = client(&server);
    let power = client.subscribe::<Payload>("power.1").queue(10).unwrap();
    source.wait_for(&[b"P/1"]);
    source.publish(&[b"P/1", b"7"]);
    assert_eq!(power.recv_timeout(PATIENCE).unwrap().value.as_slice(), b"7");
    server.remove_stream("shutter").unwrap();
    server.remove_stream("power.1").unwrap();
    source.wait_for(&[]);
}

#[test]
fn a_tap_sees_what_comes_and_holds_nothing_up() {
    let (seen, tapped) = crossbeam_channel::unbounded();
    let (door, gate) = support::door();
    let mut first = true;
    let options = RelayOptions::new().tap(2, move |message| {
        if std::mem::take(&mut first) {
            door.pass();
        }
        let frames: Vec<Vec<u8>> = message.frames().map(<[u8]>::to_vec).collect();
        let _ = seen.send((frames, message.to_string()));
    });
    let mut relayed = relayed(options, &[b"", b"relayed\0"]);
    relayed.source.publish(&[b"a", b"0"]);
    gate.arrived();
    for number in 1..10_u8 {
        relayed.source.publish(&[b"a", &[number]]);
    }
    for _ in 0..10 {
        relayed.next();
    }
    assert_eq!(relay_counter(&relayed.server, "relayed", "missed_by_tap"), 7);
    gate.open();
    let (frames, text) = tapped.recv_timeout(PATIENCE).unwrap();
    assert_eq!((frames, text.as_str()), (vec![b"a".to_vec(), b"0".to_vec()], "1 + 1 bytes: a"));
    assert_eq!(tapped.iter().take(2).count(), 2);
}

#[test]
fn a_tap_that_hangs_is_set_apart_and_named() {
    let (door, gate) = support::door();
    let options = RelayOptions::new().keep_subscribed().tap(2, move |_| door.pass());
    let (server, mut source) = (server(), Publishing::anywhere());
    server.add_relay_with("kept", &source.address(), options).unwrap();
    source.wait_for(&[b"", b"kept\0"]);
    source.publish(&[b"1"]);
    gate.arrived();
    let started = Instant::now();
    assert_eq!(server.stop().set_apart, ["tap kept"]);
    assert!(started.elapsed() < Duration::from_secs(1));
    gate.open();
}

#[test]
fn addresses_that_are_none_are_refused() {
    let server = server();
    for address in ["nonsense", "tcp://*:1", "tcp://127.0.0.1:*", "udp://127.0.0.1:1"] {
        let error = server.add_relay("a", address).unwrap_err();
        assert!(matches!(error, AddStreamError::Address { .. }), "{error}");
    }
    assert!(matches!(server.add_relay("a..b", "tcp://127.0.0.1:1"), Err(AddStreamError::Name(_))));
    assert!(server.describe().streams.is_empty());
}

/// Whatever a source sends is read or counted; each message exactly once.
#[test]
fn ten_thousand_random_messages() {
    const MESSAGES: u64 = 10_000;
    let mut random = Random::seeded(7);
    let (server, mut source) = (server(), Publishing::anywhere());
    let group = RelayOptions::new().each_topic("any").most_topics(100);
    server.add_relay_with("any", &source.address(), group).unwrap();
    server.add_relay_with("one", &source.address(), RelayOptions::new().keep_subscribed()).unwrap();
    source.wait_for(&[b"", b"one\0"]);
    until("both subscribe", || {
        source.publish(&[b"hello", b"1"]);
        let met = server.describe().streams.iter().any(|stream| stream.name == "any.hello");
        (met && relay_counter(&server, "one", "received") > 0).then_some(())
    });
    let before = relay_counter(&server, "any", "received");
    let mut valid = router_wire::sample::start_packet("one");
    let header = router_wire::SampleHeader {
        payload_in_own_frame: false,
        status: router_wire::SampleStatus::Value,
        encoding: Encoding::Raw,
        epoch: 1,
        incarnation: 1,
        sequence: u64::MAX,
        utc_ns: i64::MIN,
        monotonic_ns: u64::MAX,
    };
    router_wire::sample::finish_packet(&mut valid, "one", &header);
    for number in 0..MESSAGES {
        let most = if random.below(10) == 0 { 20 } else { 3 };
        let frames: Vec<Vec<u8>> = (0..=random.below(most))
            .map(|_| match random.below(4) {
                0 => random.bytes(60),
                1 => mutated(&valid, &mut random),
                2 => mutated(PYTHON, &mut random),
                _ => b"hello".to_vec(),
            })
            .collect();
        source.publish(&frames.iter().map(Vec::as_slice).collect::<Vec<_>>());
        // Fewer than what waits in a socket: a source drops what is too much, unseen.
        if (number + 1) % 200 == 0 {
            eventually("they came", || relay_counter(&server, "any", "received") == before + number + 1);
        }
    }
    // The other one asks for whole names only once a packet of its name has come.
    eventually("all came", || relay_counter(&server, "any", "received") == before + MESSAGES);
    let stats = server.stats();
    let counted = |counter: &str| stats.counters[&format!("relay.any.{counter}")];
    let refused: u64 = ["unreadable", "foreign_topics", "refused_topics"].map(counted).iter().sum();
    let streams = stats.streams.iter().filter(|stream| stream.name != "one");
    let produced: u64 = streams.map(|stream| stream.produced).sum();
    // Numbered packets that are no samples are neither.
    assert!(refused + produced <= counted("received") && refused > 0 && produced > 0, "{refused} {produced}");
    assert!(server.describe().streams.len() <= 101);
    let report = server.stop();
    assert!(report.set_apart.is_empty(), "{report}");
}

fn mutated(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..random.below(3) {
        let at = random.below(bytes.len());
        bytes[at] = random.below(256) as u8;
    }
    bytes.truncate(bytes.len() - random.below(3).min(bytes.len()));
    bytes
}
