//! The bytes of every message kind, written down. A change here is a change of the wire: it bumps
//! `PROTOCOL_VERSION` and has a line in CHANGELOG.md. docs/protocol.md shows the same bytes.

use std::collections::BTreeMap;

use router_wire::body;
use router_wire::failure::{Failure, Refused};
use router_wire::hello::{ClientSocket, PingReply, PingRequest};
use router_wire::reply::{Progress, encode_progress_header};
use router_wire::request::{RequestFlags, encode_cancel, encode_goodbye};
use router_wire::sample::{finish_packet, mark_last_value, mark_payload_in_slot, start_packet, topic};
use router_wire::{
    Arguments, CallId, ClientId, ClientIdentity, ClientMessage, Encoding, HelloReply, HelloRequest,
    KeptOutcome, OutcomeHeader, OutcomeReport, OutcomeRequest, PROTOCOL_VERSION, RequestHeader, SampleHeader,
    SamplePacket, SampleStatus, ServerMessage, Status, arguments,
};

const EPOCH: u64 = 0x0102_0304_0506_0708;
const CALL: u64 = 42;

/// The bytes of text such as `01 00 'stage' 00`.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        match word.strip_prefix('\'') {
            Some(text) => bytes.extend_from_slice(text.trim_end_matches('\'').as_bytes()),
            None => bytes.push(u8::from_str_radix(word, 16).expect("two hexadecimal digits")),
        }
    }
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// Compares and shows the difference in hexadecimal.
#[track_caller]
fn check(encoded: &[u8], expect: &str) {
    assert_eq!(hex(encoded), hex(&bytes(expect)));
}

/// Looks for the bytes in docs/protocol.md.
#[track_caller]
fn check_documented(encoded: &[u8]) {
    let document = include_str!("../../docs/protocol.md").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(document.contains(&hex(encoded)), "docs/protocol.md does not show {}", hex(encoded));
}

#[test]
fn the_version_of_these_bytes() {
    assert_eq!(PROTOCOL_VERSION, 1);
}

#[test]
fn a_request() {
    let header = RequestHeader {
        flags: RequestFlags { body_in_own_frame: false, detached: true },
        encoding: Encoding::MessagePack,
        lease: 0,
        epoch: EPOCH,
        call: CALL,
        deadline_us: 2_000_000,
    };
    let mut message = Vec::new();
    header.encode("stage.move_to", &mut message);
    message.extend_from_slice(
        &arguments::encode(&(1500.0,), &[("speed".into(), body::encode("fast").unwrap())]).unwrap(),
    );
    check(
        &message,
        "01 02 01 00  00 00 00 00  08 07 06 05 04 03 02 01  2a 00 00 00 00 00 00 00
         80 84 1e 00 00 00 00 00  0d 00 'stage.move_to'
         92 91 cb 40 97 70 00 00 00 00 00 81 a5 'speed' a4 'fast'",
    );
    check_documented(&message);
    let ClientMessage::Request { header: read, target, body } = ClientMessage::decode(&message).unwrap()
    else {
        panic!("a request is read as one");
    };
    assert_eq!((read, target), (header, "stage.move_to"));
    let arguments = Arguments::decode(body).unwrap();
    assert_eq!(arguments.take::<f64>(0, "target_um").unwrap(), 1500.0);
    assert_eq!(ClientMessage::call_number(&message), Some(CALL));
}

#[test]
fn a_cancel_and_a_goodbye() {
    let cancel = encode_cancel(EPOCH, CALL);
    check(&cancel, "02 00 00 00 00 00 00 00  08 07 06 05 04 03 02 01  2a 00 00 00 00 00 00 00");
    check_documented(&cancel);
    assert_eq!(ClientMessage::decode(&cancel), Ok(ClientMessage::Cancel { epoch: EPOCH, call: CALL }));
    let goodbye = encode_goodbye(EPOCH);
    check(&goodbye, "03 00 00 00 00 00 00 00  08 07 06 05 04 03 02 01");
    check_documented(&goodbye);
    assert_eq!(ClientMessage::decode(&goodbye), Ok(ClientMessage::Goodbye { epoch: EPOCH }));
}

#[test]
fn an_outcome_with_a_value() {
    let header = OutcomeHeader {
        body_in_own_frame: false,
        encoding: Encoding::MessagePack,
        status: Status::Done,
        epoch: EPOCH,
        call: CALL,
    };
    let mut message = header.encode().to_vec();
    message.extend_from_slice(&body::encode(&1500.0).unwrap());
    check(
        &message,
        "81 00 01 00  00 00 00 00  08 07 06 05 04 03 02 01  2a 00 00 00 00 00 00 00  cb 40 97 70 00 00 00 00 00",
    );
    check_documented(&message);
    let ServerMessage::Outcome { header: read, body } = ServerMessage::decode(&message).unwrap() else {
        panic!("an outcome is read as one");
    };
    assert_eq!(read, header);
    assert_eq!(body::decode::<f64>(body).unwrap(), 1500.0);
}

#[test]
fn every_failure() {
    let check_failure = |failure: Failure, status: u8, expect: &str| {
        assert_eq!(failure.status() as u8, status);
        let body = body::encode(&failure).unwrap();
        check(&body, expect);
        assert_eq!(body::decode::<Failure>(&body).unwrap(), failure);
    };
    let mut refused = Refused::new("out_of_range", "too far");
    check_failure(
        Failure::Refused(refused.clone()),
        1,
        "81 a7 'Refused' 82 a4 'kind' ac 'out_of_range' a7 'message' a7 'too' 20 'far'",
    );
    refused.details = serde_bytes::ByteBuf::from(body::encode(&[("um", 12000)]).unwrap());
    check_failure(
        Failure::Refused(refused),
        1,
        "81 a7 'Refused' 83 a4 'kind' ac 'out_of_range' a7 'message' a7 'too' 20 'far'
         a7 'details' c4 08 91 92 a2 'um' cd 2e e0",
    );
    check_failure(
        Failure::Cancelled { by: "me".into(), may_still_be_running: true },
        2,
        "81 a9 'Cancelled' 82 a2 'by' a2 'me' b4 'may_still_be_running' c3",
    );
    check_failure(
        Failure::DeadlineExceeded { may_still_be_running: false },
        3,
        "81 b0 'DeadlineExceeded' 81 b4 'may_still_be_running' c2",
    );
    check_failure(Failure::Busy { what: "lane".into() }, 4, "81 a4 'Busy' 81 a4 'what' a4 'lane'");
    check_failure(
        Failure::NotFound { name: "a".into(), nearest: vec!["b".into()] },
        5,
        "81 a8 'NotFound' 82 a4 'name' a1 'a' a7 'nearest' 91 a1 'b'",
    );
    check_failure(
        Failure::bad_argument("speed", "no"),
        6,
        "81 ac 'BadArguments' 82 a8 'argument' a5 'speed' a7 'message' a2 'no'",
    );
    check_failure(Failure::ClientLost, 7, "aa 'ClientLost'");
    check_failure(Failure::OtherEpoch { epoch: 5 }, 8, "81 aa 'OtherEpoch' 81 a5 'epoch' 05");
    check_failure(Failure::Panicked { message: "x".into() }, 9, "81 a8 'Panicked' 81 a7 'message' a1 'x'");
    check_failure(
        Failure::BadRequest { message: "x".into() },
        10,
        "81 aa 'BadRequest' 81 a7 'message' a1 'x'",
    );
}

#[test]
fn progress() {
    let mut message = encode_progress_header(EPOCH, CALL).to_vec();
    let report = Progress { fraction: 0.5, message: "moving".into() };
    message.extend_from_slice(&body::encode(&report).unwrap());
    check(
        &message,
        "82 00 01 00  00 00 00 00  08 07 06 05 04 03 02 01  2a 00 00 00 00 00 00 00
         82 a8 'fraction' cb 3f e0 00 00 00 00 00 00 a7 'message' a6 'moving'",
    );
    check_documented(&message);
    let ServerMessage::Progress { epoch: EPOCH, call: CALL, body } = ServerMessage::decode(&message).unwrap()
    else {
        panic!("progress is read as such");
    };
    assert_eq!(body::decode::<Progress>(body).unwrap(), report);
}

#[test]
fn every_kind_of_sample() {
    assert_eq!(topic("stage.position_um"), bytes("'stage.position_um' 00"));
    let check_packet = |status: SampleStatus, encoding: Encoding, payload: &[u8], expect: &str| {
        let header = SampleHeader {
            payload_in_own_frame: false,
            status,
            encoding,
            epoch: EPOCH,
            incarnation: 1,
            sequence: 7,
            utc_ns: 1_700_000_000_000_000_000,
            monotonic_ns: 1_000_000_000,
        };
        let mut packet = start_packet("s.x");
        packet.extend_from_slice(payload);
        finish_packet(&mut packet, "s.x", &header);
        let times = "00 00 2a 36 fe 9c 97 17  00 ca 9a 3b 00 00 00 00";
        let numbers =
            "00 00 00 00  08 07 06 05 04 03 02 01  01 00 00 00 00 00 00 00  07 00 00 00 00 00 00 00";
        let (status_and_encoding, payload_bytes) = expect.split_at(5);
        check(&packet, &format!("'s.x' 00  01 00 {status_and_encoding} {numbers} {times} {payload_bytes}"));
        if status == SampleStatus::Value && encoding == Encoding::MessagePack {
            check_documented(&packet);
        }
        let read = SamplePacket::decode(&packet).unwrap();
        assert_eq!((read.name(), read.header, read.payload), ("s.x", header, payload));
    };
    let value = body::encode(&2.5).unwrap();
    check_packet(SampleStatus::Value, Encoding::MessagePack, &value, "00 01  cb 40 04 00 00 00 00 00 00");
    check_packet(SampleStatus::Value, Encoding::Raw, &[9, 8], "00 03  09 08");
    let error = body::encode(&Failure::ClientLost).unwrap();
    check_packet(SampleStatus::Error, Encoding::MessagePack, &error, "01 01  aa 'ClientLost'");
    check_packet(SampleStatus::Declaration, Encoding::None, &[], "02 00");
    let token = 5_u64.to_le_bytes();
    check_packet(SampleStatus::Declaration, Encoding::Raw, &token, "02 03  05 00 00 00 00 00 00 00");
    check_packet(SampleStatus::Elsewhere, Encoding::Raw, &[1], "03 03  01");
    check_packet(SampleStatus::Removed, Encoding::None, &[], "04 00");
}

#[test]
fn a_payload_in_a_frame_of_its_own_is_a_flag() {
    let header = SampleHeader {
        payload_in_own_frame: true,
        status: SampleStatus::Value,
        encoding: Encoding::Raw,
        epoch: 1,
        incarnation: 1,
        sequence: 0,
        utc_ns: -1,
        monotonic_ns: 0,
    };
    check(
        &header.encode(),
        "01 01 00 03 00 00 00 00  01 00 00 00 00 00 00 00  01 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00
         ff ff ff ff ff ff ff ff  00 00 00 00 00 00 00 00",
    );
}

#[test]
fn a_last_value_is_a_flag() {
    let header = SampleHeader {
        payload_in_own_frame: false,
        status: SampleStatus::Value,
        encoding: Encoding::None,
        epoch: 1,
        incarnation: 1,
        sequence: 0,
        utc_ns: 0,
        monotonic_ns: 0,
    };
    let mut packet = start_packet("s");
    finish_packet(&mut packet, "s", &header);
    mark_last_value(&mut packet);
    assert_eq!(packet[..6], bytes("'s' 00 01 02 00 00"));
    let read = SamplePacket::decode(&packet).unwrap();
    assert!(read.last_value && !read.in_slot);
    assert_eq!(read.header, header);
}

#[test]
fn a_payload_in_a_slot_is_a_flag_and_in_no_frame_of_its_own() {
    let header = SampleHeader {
        payload_in_own_frame: true,
        status: SampleStatus::Value,
        encoding: Encoding::Raw,
        epoch: 1,
        incarnation: 1,
        sequence: 0,
        utc_ns: 0,
        monotonic_ns: 0,
    };
    let mut packet = start_packet("s");
    finish_packet(&mut packet, "s", &header);
    packet.extend_from_slice(&[9; 20]);
    mark_payload_in_slot(&mut packet);
    assert_eq!(packet[..6], bytes("'s' 00 01 04 00 03"));
    let read = SamplePacket::decode(&packet).unwrap();
    assert!(read.in_slot && !read.last_value);
    assert_eq!(
        (read.header, read.payload),
        (SampleHeader { payload_in_own_frame: false, ..header }, &[9; 20][..])
    );
    for flags in [5, 7, 8] {
        packet[3] = flags;
        assert!(SamplePacket::decode(&packet).is_err(), "{flags}");
    }
}

#[test]
fn hello() {
    let identity = ClientIdentity {
        id: ClientId(1, 2),
        name: "napari".into(),
        user: "alice".into(),
        host: "scope-3".into(),
        pid: 4411,
    };
    assert_eq!(identity.to_string(), "alice@scope-3 napari pid 4411");
    let request = HelloRequest {
        protocol_version: 1,
        client: identity,
        socket: ClientSocket::Control,
        dialled: String::new(),
        gateways: Vec::new(),
    };
    let encoded = body::encode(&request).unwrap();
    check(
        &encoded,
        "83 b0 'protocol_version' 01
         a6 'client' 85 a2 'id' 92 01 02 a4 'name' a6 'napari' a4 'user' a5 'alice' a4 'host' a7 'scope-3' a3 'pid' cd 11 3b
         a6 'socket' a7 'control'",
    );
    assert_eq!(body::decode::<HelloRequest>(&encoded).unwrap(), request);

    let reply = HelloReply {
        protocol_version: 1,
        version: "0.1.0".into(),
        epoch: 7,
        server: "rig".into(),
        samples: "tcp://*:5556".into(),
        frames: "tcp://*:5557".into(),
        slots: String::new(),
        max_body_bytes: 1 << 26,
        max_unconfirmed_bytes: 1 << 27,
        urgent: vec!["stage.stop".into()],
        idempotent: Vec::new(),
        registry_version: 3,
    };
    let encoded = body::encode(&reply).unwrap();
    check(
        &encoded,
        "8a b0 'protocol_version' 01 a7 'version' a5 '0.1.0' a5 'epoch' 07 a6 'server' a3 'rig'
         a7 'samples' ac 'tcp://*:5556' a6 'frames' ac 'tcp://*:5557'
         ae 'max_body_bytes' ce 04 00 00 00 b5 'max_unconfirmed_bytes' ce 08 00 00 00
         a6 'urgent' 91 aa 'stage.stop' b0 'registry_version' 03",
    );
    assert_eq!(body::decode::<HelloReply>(&encoded).unwrap(), reply);
    let reply = HelloReply { idempotent: vec!["stage.home".into()], ..reply };
    let encoded = body::encode(&reply).unwrap();
    assert!(hex(&encoded).contains(&hex(&bytes("aa 'idempotent' 91 aa 'stage.home'"))));
    assert_eq!(body::decode::<HelloReply>(&encoded).unwrap(), reply);
    let reply = HelloReply { slots: "one-liner-slots.7.9".into(), ..reply };
    let encoded = body::encode(&reply).unwrap();
    assert!(hex(&encoded).contains(&hex(&bytes("a5 'slots' b3 'one-liner-slots.7.9'"))));
    assert_eq!(body::decode::<HelloReply>(&encoded).unwrap(), reply);
}

#[test]
fn ping() {
    let request = body::encode(&PingRequest { received_bytes: 5 }).unwrap();
    check(&request, "81 ae 'received_bytes' 05");
    let reply = PingReply { epoch: 7, utc_ns: 1, monotonic_ns: 2, registry_version: 3 };
    let encoded = body::encode(&reply).unwrap();
    check(&encoded, "84 a5 'epoch' 07 a6 'utc_ns' 01 ac 'monotonic_ns' 02 b0 'registry_version' 03");
    assert_eq!(body::decode::<PingReply>(&encoded).unwrap(), reply);
}

#[test]
fn outcome_questions_and_reports() {
    let client = ClientId(0x0102_0304_0506_0708, 9);
    let id = CallId { client, number: CALL, epoch: 7 };
    let request = body::encode(&OutcomeRequest::of(id)).unwrap();
    check(&request, "82 a7 'call_id' d9 23 '01020304050607080000000000000009-42' a5 'epoch' 07");
    check_documented(&request);
    let read = body::decode::<OutcomeRequest>(&request).unwrap();
    assert_eq!((read.call_id, read.epoch()), (id, 7));
    let whole = body::encode(&[("call_id", id.to_string())].into_iter().collect::<BTreeMap<_, _>>()).unwrap();
    assert_eq!(body::decode::<OutcomeRequest>(&whole).unwrap().epoch(), 7);

    let check_report = |report: OutcomeReport, expect: &str| {
        let encoded = body::encode(&report).unwrap();
        check(&encoded, expect);
        assert_eq!(body::decode::<OutcomeReport>(&encoded).unwrap(), report);
        encoded
    };
    let progress = Some(Progress { fraction: 0.5, message: "moving".into() });
    check_report(
        OutcomeReport::Running { call: "s.move".into(), progress },
        "81 a7 'running' 82 a4 'call' a6 's.move' a8 'progress'
         82 a8 'fraction' cb 3f e0 00 00 00 00 00 00 a7 'message' a6 'moving'",
    );
    let mut kept = KeptOutcome {
        call: "s.move".into(),
        status: Status::Done,
        encoding: Encoding::MessagePack,
        bytes: 9,
        body: Some(serde_bytes::ByteBuf::from(body::encode(&1500.0).unwrap())),
    };
    let finished = check_report(
        OutcomeReport::Finished(kept.clone()),
        "81 a8 'finished' 85 a4 'call' a6 's.move' a6 'status' 00 a8 'encoding' ac 'message_pack' a5 'bytes' 09
         a4 'body' c4 09 cb 40 97 70 00 00 00 00 00",
    );
    check_documented(&finished);
    (kept.status, kept.body) = (Status::Refused, None);
    check_report(
        OutcomeReport::Finished(kept),
        "81 a8 'finished' 85 a4 'call' a6 's.move' a6 'status' 01 a8 'encoding' ac 'message_pack' a5 'bytes' 09
         a4 'body' c0",
    );
    check_report(OutcomeReport::NeverRan, "a9 'never_ran'");
    check_report(OutcomeReport::Forgotten, "a9 'forgotten'");
    check_report(OutcomeReport::OtherEpoch { epoch: 8 }, "81 ab 'other_epoch' 81 a5 'epoch' 08");
}

#[test]
fn a_request_in_json() {
    let header = RequestHeader {
        flags: RequestFlags::default(),
        encoding: Encoding::Json,
        lease: 0,
        epoch: 0x0102_0304_0506_0708,
        call: 1,
        deadline_us: 0,
    };
    let mut request = Vec::new();
    header.encode("stage.move_to", &mut request);
    request.extend_from_slice(br#"[[1500.0], {"speed": "fast"}]"#);
    check_documented(&request);
    let ClientMessage::Request { body, .. } = ClientMessage::decode(&request).unwrap() else { panic!() };
    let arguments = router_wire::json::arguments(body).unwrap();
    assert_eq!(Arguments::decode(&arguments).unwrap().take::<f64>(0, "target_um").unwrap(), 1500.0);

    let (epoch, call) = (header.epoch, header.call);
    let header = OutcomeHeader {
        body_in_own_frame: false,
        encoding: Encoding::Json,
        status: Status::Done,
        epoch,
        call,
    };
    let mut answer = header.encode().to_vec();
    answer.extend(router_wire::json::from_message_pack(&body::encode(&1500.0).unwrap()).unwrap());
    check_documented(&answer);
}
