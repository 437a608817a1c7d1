//! Each decoder with what must hold of whatever it takes. A decoder that panics, or reads what it did not write, fails.

use router_frame::{Frame, NdArray};
use router_wire::describe::Description;
use router_wire::envelope::Envelope;
use router_wire::hello::{PingReply, PingRequest};
use router_wire::python_packet::{PythonPacket, PythonTime, pickled_text};
use router_wire::reply::Progress;
use router_wire::request::{encode_cancel, encode_goodbye};
use router_wire::status::ServerStats;
use router_wire::{
    Arguments, ClientMessage, Failure, HelloReply, HelloRequest, Name, SamplePacket, ServerMessage, body,
    json, name, sample,
};

/// Feeds bytes to decoders.
pub type Decode = fn(&[u8]);

/// All of them, by the names of their targets and of the folders of their corpus.
pub const DECODERS: [(&str, Decode); 14] = [
    ("client_message", client_message),
    ("server_message", server_message),
    ("sample_packet", sample_packet),
    ("arguments", arguments),
    ("failure", failure),
    ("hello", hello),
    ("ping", ping),
    ("description", description),
    ("name", name),
    ("envelope", envelope),
    ("python_packet", python_packet),
    ("json_body", json_body),
    ("frame", frame),
    ("array", array),
];

/// What a client sends. What was read is written as it was, but for what is reserved.
pub fn client_message(bytes: &[u8]) {
    let number = ClientMessage::call_number(bytes);
    match ClientMessage::decode(bytes) {
        Ok(ClientMessage::Request { header, target, body }) => {
            assert_eq!(number, Some(header.call));
            let mut written = Vec::new();
            header.encode(target, &mut written);
            written.extend_from_slice(body);
            let again = ClientMessage::decode(&written);
            assert_eq!(again, Ok(ClientMessage::Request { header, target, body }));
            self::arguments(body);
        }
        Ok(ClientMessage::Cancel { epoch, call }) => {
            assert_eq!(
                ClientMessage::decode(&encode_cancel(epoch, call)),
                Ok(ClientMessage::Cancel { epoch, call })
            );
        }
        Ok(ClientMessage::Goodbye { epoch }) => {
            assert_eq!(ClientMessage::decode(&encode_goodbye(epoch)), Ok(ClientMessage::Goodbye { epoch }));
        }
        Err(_) => {}
    }
}

/// What a server answers.
pub fn server_message(bytes: &[u8]) {
    match ServerMessage::decode(bytes) {
        Ok(ServerMessage::Outcome { header, body }) => {
            let written = [&header.encode()[..], body].concat();
            assert_eq!(ServerMessage::decode(&written), Ok(ServerMessage::Outcome { header, body }));
            failure(body);
        }
        Ok(ServerMessage::Progress { body, .. }) => drop(router_wire::body::decode::<Progress>(body)),
        Err(_) => {}
    }
}

/// A stream's packet.
pub fn sample_packet(bytes: &[u8]) {
    let Ok(packet) = SamplePacket::decode(bytes) else { return };
    let mut written = sample::start_packet(packet.topic);
    written.extend_from_slice(packet.payload);
    sample::finish_packet(&mut written, packet.topic, &packet.header);
    if packet.last_value {
        sample::mark_last_value(&mut written);
    }
    sample::mark_skipped(&mut written, packet.skipped);
    let again = SamplePacket::decode(&written).expect("what was written is read");
    assert_eq!((again.topic, again.header, again.payload), (packet.topic, packet.header, packet.payload));
    assert_eq!((again.last_value, again.skipped), (packet.last_value, packet.skipped));
    if let Ok(topic) = router_wire::Topic::parse(packet.topic) {
        assert_eq!((topic.as_str(), topic.name().as_str()), (packet.topic, packet.name()));
    }
    let _ = body::preview(packet.payload);
}

/// The body of a request.
pub fn arguments(bytes: &[u8]) {
    let _ = body::value_length(bytes);
    let Ok(arguments) = Arguments::decode(bytes) else { return };
    let _ = arguments.check(&["target_um", "speed"]);
    let _ = arguments.take::<f64>(0, "target_um");
    let _ = arguments.take::<String>(1, "speed");
    let _ = body::decode::<serde_json::Value>(&arguments.keywords_to_map());
    let written = arguments.to_body();
    let again = Arguments::decode(&written).expect("what was written is read");
    assert_eq!(again.to_body(), written);
}

/// Every outcome but a value.
pub fn failure(bytes: &[u8]) {
    let _ = body::preview(bytes);
    let Ok(failure) = body::decode::<Failure>(bytes) else { return };
    let _ = failure.to_string();
    let written = body::encode(&failure).expect("what was read is written");
    assert_eq!(body::decode::<Failure>(&written), Ok(failure));
}

/// Who a client is, and what a server tells it.
pub fn hello(bytes: &[u8]) {
    if let Ok(request) = body::decode::<HelloRequest>(bytes) {
        let _ = request.client.tamed().to_string();
    }
    let _ = body::decode::<HelloReply>(bytes);
}

/// A ping and its answer.
pub fn ping(bytes: &[u8]) {
    let _ = body::decode::<PingRequest>(bytes);
    let _ = body::decode::<PingReply>(bytes);
}

/// What a server tells of itself, and how it is.
pub fn description(bytes: &[u8]) {
    if let Ok(description) = body::decode::<Description>(bytes) {
        let written = body::encode(&description).expect("what was read is written");
        assert!(body::decode::<Description>(&written).is_ok());
    }
    let _ = body::decode::<ServerStats>(bytes);
    let _ = body::decode::<serde_json::Value>(bytes);
}

/// Names, and topics that begin with one.
pub fn name(bytes: &[u8]) {
    let _ = sample::split_topic(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(name) = Name::parse(text) else { return };
    assert_eq!(name.as_str(), text);
    assert!(text.starts_with(name.first_part()));
    let topic = sample::topic(text);
    assert_eq!(sample::split_topic(&topic).map(|(name, rest)| (name, rest.len())), Ok((text, 0)));
    let _ = name::nearest(text, ["stage.move_to", "stage.stop"]);
}

/// Whose message a gateway passes on.
pub fn envelope(bytes: &[u8]) {
    let Ok(envelope) = Envelope::decode(bytes) else { return };
    assert!(Envelope::is_one(bytes));
    assert_eq!(Envelope::decode(&envelope.encode()), Ok(envelope));
}

/// A packet of the Python package, and the text of a failed one.
pub fn python_packet(bytes: &[u8]) {
    let _ = pickled_text(bytes);
    let Ok(packet) = PythonPacket::decode(bytes) else { return };
    assert!(bytes.starts_with(packet.topic) && bytes.ends_with(packet.payload));
    let _ = packet.time.and_then(PythonTime::seconds_as_ns);
    let _ = pickled_text(packet.payload);
}

/// Bodies in JSON, and MessagePack that is told in JSON.
pub fn json_body(bytes: &[u8]) {
    if let Ok(read) = json::arguments(bytes) {
        assert!(Arguments::decode(&read).is_ok());
    }
    if let Ok(read) = json::to_message_pack(bytes) {
        assert!(body::value_length(&read).is_ok());
    }
    let _ = json::from_message_pack(bytes);
}

/// A camera's frame.
pub fn frame(bytes: &[u8]) {
    let Ok(frame) = Frame::from_bytes(bytes.to_vec().into()) else { return };
    assert!(bytes.ends_with(frame.pixels()));
    assert_eq!(frame.rows().count(), frame.height as usize);
    let _ = (frame.elements::<u8>(), frame.elements::<u16>(), frame.elements::<f32>());
    let _ = frame.statistics();
    let copied = Frame::copy_from(frame.info(), frame.pixels()).expect("what was read is copied");
    let again = Frame::from_bytes(copied.bytes().clone()).expect("what was written is read");
    assert_eq!(again.bytes(), copied.bytes());
    let packed = frame.clone().packed().expect("the copy of what is there is no larger");
    assert!(packed.rows().eq(frame.rows()) && packed.is_aligned());
}

/// An array of numbers.
pub fn array(bytes: &[u8]) {
    let Ok(array) = NdArray::from_bytes(bytes.to_vec().into()) else { return };
    let elements: usize = array.shape().iter().product();
    assert_eq!(elements * array.info().element.bytes(), array.element_bytes().len());
    let aligned = array.clone().aligned().expect("the copy of what is there is no larger");
    assert_eq!(aligned.element_bytes(), array.element_bytes());
    assert_eq!(NdArray::from_bytes(aligned.bytes().clone()).as_ref(), Ok(&array));
}
