//! Every decoder takes any bytes: it reads them or refuses them, and what it read it writes as it was.

use proptest::collection::vec;
use proptest::prelude::*;
use router_wire::describe::Description;
use router_wire::hello::{PingReply, PingRequest};
use router_wire::reply::Progress;
use router_wire::request::{RequestFlags, encode_cancel, encode_goodbye};
use router_wire::status::ServerStats;
use router_wire::{
    Arguments, ClientMessage, Encoding, Failure, HelloReply, HelloRequest, Name, PythonPacket, RequestHeader,
    SampleHeader, SamplePacket, SampleStatus, ServerMessage, body, python_packet, sample,
};

/// Runs every decoder over `bytes`.
fn decode_all(bytes: &[u8]) {
    let _ = ClientMessage::decode(bytes);
    let _ = ClientMessage::call_number(bytes);
    let _ = ServerMessage::decode(bytes);
    let _ = SamplePacket::decode(bytes);
    let _ = SampleHeader::decode(bytes);
    let _ = sample::split_topic(bytes);
    let _ = PythonPacket::decode(bytes);
    let _ = python_packet::pickled_text(bytes);
    let _ = Arguments::decode(bytes);
    let _ = body::value_length(bytes);
    let _ = body::preview(bytes);
    let _ = body::decode::<Failure>(bytes);
    let _ = body::decode::<Progress>(bytes);
    let _ = body::decode::<HelloRequest>(bytes);
    let _ = body::decode::<HelloReply>(bytes);
    let _ = body::decode::<PingRequest>(bytes);
    let _ = body::decode::<PingReply>(bytes);
    let _ = body::decode::<Description>(bytes);
    let _ = body::decode::<ServerStats>(bytes);
    let _ = body::decode::<serde_json::Value>(bytes);
    let _ = body::decode::<Name>(bytes);
}

/// A request as a client would send it.
fn a_request() -> Vec<u8> {
    let header = RequestHeader {
        flags: RequestFlags::default(),
        encoding: Encoding::MessagePack,
        lease: 0,
        epoch: 7,
        call: 1,
        deadline_us: 0,
    };
    let mut message = Vec::new();
    header.encode("stage.move_to", &mut message);
    let keyword = [("speed".to_owned(), body::encode("fast").expect("plain data"))];
    message.extend_from_slice(
        &router_wire::arguments::encode(&(1500.0, vec![1, 2, 3]), &keyword).expect("plain data"),
    );
    message
}

/// A packet as a server would send it.
fn a_packet() -> Vec<u8> {
    let mut packet = sample::start_packet("stage.position_um");
    body::encode_into(&2.5, &mut packet).expect("plain data");
    let header = SampleHeader {
        payload_in_own_frame: false,
        status: SampleStatus::Value,
        encoding: Encoding::MessagePack,
        epoch: 7,
        incarnation: 1,
        sequence: 3,
        utc_ns: 0,
        monotonic_ns: 0,
    };
    sample::finish_packet(&mut packet, "stage.position_um", &header);
    packet
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes(bytes in vec(any::<u8>(), 0..400)) {
        decode_all(&bytes);
    }

    #[test]
    fn mutated_and_truncated_messages(
        packet in any::<bool>(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        length in any::<prop::sample::Index>(),
        behind in vec(any::<u8>(), 0..8),
    ) {
        let mut message = if packet { a_packet() } else { a_request() };
        for (index, byte) in changes {
            let at = index.index(message.len());
            message[at] = byte;
        }
        message.truncate(length.index(message.len() + 1));
        message.extend_from_slice(&behind);
        decode_all(&message);
    }

    #[test]
    fn what_is_read_is_written_as_it_was(bytes in vec(any::<u8>(), 34..120), kind in 1_u8..4) {
        let mut bytes = bytes;
        bytes[0] = kind;
        match ClientMessage::decode(&bytes) {
            Ok(ClientMessage::Cancel { epoch, call }) => {
                let written = encode_cancel(epoch, call);
                prop_assert_eq!(&written[8..], &bytes[8..24]);
            }
            Ok(ClientMessage::Goodbye { epoch }) => {
                let written = encode_goodbye(epoch);
                prop_assert_eq!(&written[8..], &bytes[8..16]);
            }
            Ok(ClientMessage::Request { header, target, body }) => {
                let mut written = Vec::new();
                header.encode(target, &mut written);
                written.extend_from_slice(body);
                // The reserved byte is read over, so that a later version may use it.
                bytes[3] = 0;
                prop_assert_eq!(written, bytes);
            }
            Err(_) => {}
        }
    }

    #[test]
    fn requests_come_back(
        detached in any::<bool>(), body_in_own_frame in any::<bool>(),
        lease in any::<u32>(), epoch in any::<u64>(), call in any::<u64>(), deadline_us in any::<u64>(),
        target in "[a-z_]{1,20}(\\.[a-zé0-9_\\[\\]]{1,20}){0,3}", body in vec(any::<u8>(), 0..50),
    ) {
        let flags = RequestFlags { body_in_own_frame, detached };
        let header = RequestHeader { flags, encoding: Encoding::MessagePack, lease, epoch, call, deadline_us };
        let mut message = Vec::new();
        header.encode(&target, &mut message);
        message.extend_from_slice(&body);
        let expect = ClientMessage::Request { header, target: &target, body: &body };
        prop_assert_eq!(ClientMessage::decode(&message), Ok(expect));
    }

    #[test]
    fn packets_come_back(
        payload_in_own_frame in any::<bool>(), epoch in any::<u64>(), incarnation in any::<u64>(),
        sequence in any::<u64>(), utc_ns in any::<i64>(), monotonic_ns in any::<u64>(),
        status in prop::sample::select(vec![
            SampleStatus::Value, SampleStatus::Error, SampleStatus::Declaration, SampleStatus::Elsewhere,
            SampleStatus::Removed,
        ]),
        payload in vec(any::<u8>(), 0..50),
    ) {
        let encoding = Encoding::Raw;
        let header = SampleHeader {
            payload_in_own_frame, status, encoding, epoch, incarnation, sequence, utc_ns, monotonic_ns,
        };
        let mut packet = sample::start_packet("1hz_sine[3]");
        packet.extend_from_slice(&payload);
        sample::finish_packet(&mut packet, "1hz_sine[3]", &header);
        let read = SamplePacket::decode(&packet).unwrap();
        prop_assert_eq!((read.name(), read.header, read.payload), ("1hz_sine[3]", header, &payload[..]));
    }
}

#[test]
fn a_deeply_nested_body_is_refused_before_the_stack_ends() {
    // Arrays of one element inside each other. 500 of them ended the process when only the decoders' own limit
    // of 1,024 held.
    for depth in [500, 1 << 20] {
        let mut nested = vec![0x91_u8; depth];
        nested.push(0xc0);
        decode_all(&nested);
        assert!(body::decode::<serde_json::Value>(&nested).is_err(), "{depth}");
        assert_eq!(body::value_length(&nested), Ok(depth + 1));
    }
    let allowed = [vec![0x91; body::MAX_DEPTH - 1], vec![0xc0]].concat();
    assert!(body::decode::<serde_json::Value>(&allowed).is_ok());
}
