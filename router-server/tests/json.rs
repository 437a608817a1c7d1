//! JSON in, JSON out: what a program in any language sends with nothing but a ZeroMQ socket. The bytes are those of
//! examples/any_language and docs/protocol.md.

mod support;

use router_client::Call;
use router_server::{Preset, RouterServer};
use router_socket::{Context, Frame, PollEntry, Socket, SocketKind, poll};
use serde_json::{Value, json};
use support::{PATIENCE, TestStage, address, eventually, server, server_with};

/// A DEALER and `struct.pack`.
struct Script {
    socket: Socket,
    epoch: u64,
    calls: u64,
}

/// An answer: kind, status and body.
type Answer = (u8, u8, Value);

impl Script {
    fn greeted(server: &RouterServer) -> Script {
        let socket = Context::new(1).unwrap().socket(SocketKind::Dealer).unwrap();
        socket.connect(&address(server).parse().unwrap()).unwrap();
        let mut script = Script { socket, epoch: 0, calls: 0 };
        let client = json!({"id": [1, 2], "name": "call.py", "user": "alice", "host": "scope-3", "pid": 7});
        let (_, status, hello) = script.call(
            "router.hello",
            &json!([[], {"protocol_version": 1, "client": client, "socket": "calls"}]).to_string(),
        );
        assert_eq!((status, &hello["protocol_version"]), (0, &json!(1)), "{hello}");
        assert_eq!(hello["epoch"], json!(script.epoch));
        assert!(hello["samples"].as_str().unwrap().starts_with("tcp://127.0.0.1:"), "{hello}");
        script
    }

    fn send(&mut self, target: &str, body: &str) {
        self.calls += 1;
        let mut message = vec![1, 0, 2, 0]; // request, no flags, JSON
        message.extend(0_u32.to_le_bytes()); // no lease
        message.extend(self.epoch.to_le_bytes());
        message.extend(self.calls.to_le_bytes());
        message.extend(0_u64.to_le_bytes()); // no deadline
        message.extend((target.len() as u16).to_le_bytes());
        message.extend(target.as_bytes());
        message.extend(body.as_bytes());
        self.socket.try_send(Frame::from_vec(message), false).unwrap();
    }

    #[track_caller]
    fn answer(&mut self) -> Answer {
        let mut frames = Vec::new();
        while !self.socket.try_recv_message(&mut frames).unwrap() {
            let mut entries = [PollEntry::readable(&self.socket)];
            poll(&mut entries, Some(PATIENCE)).unwrap();
            assert!(entries[0].is_readable(), "no answer");
        }
        // A long body may have a frame of its own.
        let message: Vec<u8> = frames.iter().flat_map(|frame| frame.to_vec()).collect();
        assert_eq!(message[2], 2, "not JSON: {:?}", String::from_utf8_lossy(&message[24..]));
        self.epoch = u64::from_le_bytes(message[8..16].try_into().unwrap());
        assert_eq!(message[16..24], self.calls.to_le_bytes());
        (message[0], message[3], serde_json::from_slice(&message[24..]).unwrap())
    }

    #[track_caller]
    fn call(&mut self, target: &str, body: &str) -> Answer {
        self.send(target, body);
        self.answer()
    }

    #[track_caller]
    fn value(&mut self, target: &str, body: &str) -> Value {
        let (_, status, value) = self.call(target, body);
        assert_eq!(status, 0, "{value}");
        value
    }
}

fn reversed((mut bytes,): (serde_bytes::ByteBuf,)) -> serde_bytes::ByteBuf {
    bytes.reverse();
    bytes
}

fn add_calls(server: &RouterServer) {
    server.add_call("add", |(a, b): (f64, f64)| a + b).unwrap();
    server.add_call("reversed", reversed).unwrap();
    server.add_call("nothing", || ()).unwrap();
    server.add_call("halves", || [0.5, f64::NAN]).unwrap();
    server.add_call("echo", |(value,): (Value,)| value).unwrap();
}

#[test]
fn a_script_calls_with_json_and_is_answered_in_json() {
    let server = server();
    add_calls(&server);
    let mut script = Script::greeted(&server);
    for (target, body, expect) in [
        ("add", "[[1, 2.5], {}]", json!(3.5)),
        ("nothing", "", json!(null)),
        ("nothing", "[[], {}]", json!(null)),
        ("halves", "", json!([0.5, null])),
        ("echo", r#"[["µ \n \u0000"], {}]"#, json!("µ \n \0")),
        ("echo", "[[-9223372036854775808], {}]", json!(i64::MIN)),
        ("echo", r#"[[{"a": [true, null, {}]}], {}]"#, json!({"a": [true, null, {}]})),
    ] {
        assert_eq!(script.value(target, body), expect, "{target}{body}");
    }
    assert!(script.value("router.ping", "")["utc_ns"].is_i64());
    let described = script.value("router.describe", "");
    assert!(described["calls"].as_array().unwrap().iter().any(|call| call["name"] == "add"));
}

#[test]
fn an_instrument_takes_keywords_reports_progress_and_refuses_in_json() {
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    server.add_named_call("park", "stage.move_to", Preset::new((0.0,))).unwrap();
    let tell = |call: &Call, ()| call.progress(0.5, "half").map(|()| 1);
    server.add_call("told", tell).unwrap();
    let mut script = Script::greeted(&server);
    assert_eq!(script.value("stage.move_to", r#"[[], {"target_um": 0}]"#), json!(0.0));
    assert_eq!(script.value("park", ""), json!(0.0));
    script.send("told", "");
    assert_eq!(script.answer(), (130, 0, json!({"fraction": 0.5, "message": "half"})));
    assert_eq!(script.answer(), (129, 0, json!(1)));
    let (_, status, refused) = script.call("stage.move_to", "[[-1], {}]");
    assert_eq!(status, 1);
    assert!(refused["Refused"]["kind"].is_string(), "{refused}");
}

#[test]
fn what_is_wrong_is_named_in_json() {
    let server = server_with(|options| options.max_body_bytes = 1000);
    add_calls(&server);
    server.add_call("bytes", || "x".repeat(990)).unwrap();
    server.add_call("quotes", || "\"".repeat(600)).unwrap();
    let mut script = Script::greeted(&server);
    let mut check = |target: &str, body: &str, status: u8, expect: &str| {
        let (_, found, failure) = script.call(target, body);
        assert_eq!(found, status, "{failure}");
        assert!(failure.to_string().contains(expect), "{target}{body}: {failure}");
    };
    check("add", "[[1, 2}", 6, "expected `,` or `]` at line 1 column 7");
    check("add", "{\"a\": 1}", 6, "[positional, keyword]");
    check("add", "[[1], {}]", 6, "missing");
    check("add", "[[1, \"far\"], {}]", 6, "expected f64, got \\\"far\\\"");
    check("add", &format!("[[{}1{}], {{}}]", "[".repeat(64), "]".repeat(64)), 6, "nested deeper than 64");
    check("ad", "", 5, "add");
    check("bytes", "", 0, "xxx");
    check("quotes", "", 1, "in JSON; the limit is 1000");
    check("echo", &format!("[[\"{}\"], {{}}]", "x".repeat(1200)), 6, "max_body_bytes");
    check("router.hello", "[[], {\"protocol_version\": \"one\"}]", 6, "");
    script.epoch = 12345;
    let (_, status, failure) = script.call("add", "[[1, 2], {}]");
    assert_eq!((status, &failure), (8, &json!({"OtherEpoch": {"epoch": server.epoch()}})));
}

#[test]
fn it_passes_through_a_gateway() {
    let behind = server();
    add_calls(&behind);
    let mut publisher = behind.add_publisher::<u64>("numbers", 10).unwrap();
    let gateway = server();
    gateway.add_upstream("rig", &address(&behind)).unwrap();
    let mut script = Script::greeted(&gateway);
    eventually("the upstream is there", || script.call("rig.add", "[[1, 2], {}]").2 == json!(3.0));
    let bytes = json!({"$base64": "AAH/"});
    assert_eq!(script.value("rig.reversed", &json!([[bytes], {}]).to_string()), json!({"$base64": "/wEA"}));
    let (_, status, failure) = script.call("rig.ad", "");
    assert_eq!((status, &failure["NotFound"]["name"]), (5, &json!("rig.ad")));
    let long = format!("[[\"{}\"], {{}}]", "x".repeat(100_000));
    assert_eq!(script.value("rig.echo", &long).as_str().unwrap().len(), 100_000);
    // The stream of a server behind is that server's.
    script.value("router.disable_stream", r#"[["rig.numbers"], {}]"#);
    assert!(matches!(publisher.publish(&1), Ok(router_server::Published::Disabled)));
    // An answer of the gateway itself.
    behind.stop();
    eventually("it is noticed", || script.call("rig.add", "[[1, 2], {}]").1 != 0);
}
