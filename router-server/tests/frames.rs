//! Frames and arrays from a driver to a viewer: over every transport, through a gateway, for late subscribers, of every
//! size; whoever receives them views them where they are.

mod support;

use router_client::{ConnectOptions, RouterClient, SampleError};
use router_frame::{Axis, Element, Frame, FrameInfo, FrameWriter, NdArray, PixelFormat, Snapshot};
use router_server::{Encoding, RouterServer, ServerOptions, SharedContext, StreamOptions};
use support::{Chain, Ends, PATIENCE, client, client_at, eventually, server};

/// Sizes around those at which the way of a sample changes [f32 pixels of a row]: within a packet, in a frame of its own,
/// longer than libzmq's receive buffer, longer than 64 KiB.
const WIDTHS: [u32; 9] = [1, 7, 991, 992, 1_015, 2_015, 2_017, 16_384, 300_000];
const LARGEST_BYTES: usize = 2 << 20;

/// A frame whose pixels count from its width on.
fn frame(writer: &mut FrameWriter, width: u32) -> Frame {
    let mut open = writer.begin(&FrameInfo::new(PixelFormat::F32, 1, width)).unwrap();
    let pixels = open.elements_mut::<f32>().unwrap();
    (width..).zip(pixels).for_each(|(value, pixel)| *pixel = value as f32);
    open.set_frame_counter(u64::from(width));
    open.finish().unwrap()
}

fn array(length: u32) -> NdArray {
    let elements: Vec<f64> = (0..length).map(f64::from).collect();
    NdArray::copy_from(vec![Axis::new("time", "s", length.into())], "V", &elements).unwrap()
}

fn first_and_last<T: Element>(elements: &[T]) -> (T, T) {
    (elements[0], elements[elements.len() - 1])
}

/// Publishes frames and arrays of all sizes and looks at each where it arrives.
#[track_caller]
fn check(server: &RouterServer, client: &RouterClient, prefix: &str) {
    let name = |name: &str| format!("{prefix}{name}");
    let mut frames = server.add_publisher::<Frame>("camera.frame", LARGEST_BYTES).unwrap();
    let mut traces = server.add_publisher::<NdArray>("scope.trace", LARGEST_BYTES).unwrap();
    let received = client.subscribe::<Frame>(&name("camera.frame")).queue(100).unwrap();
    let received_traces = client.subscribe::<NdArray>(&name("scope.trace")).queue(100).unwrap();
    eventually("both are heard", || frames.is_heard() && traces.is_heard());
    let mut writer = FrameWriter::new();
    for width in WIDTHS {
        let sent = frame(&mut writer, width);
        frames.publish(&sent).unwrap();
        let sample = received.recv_timeout(PATIENCE).unwrap();
        assert_eq!((sample.encoding, &sample.value), (Encoding::Frame, &sent));
        // Not a copy: where it came, numbers of 4 bytes can be read.
        let pixels = sample.value.elements::<f32>().unwrap();
        assert_eq!(first_and_last(pixels), (width as f32, (2 * width - 1) as f32));

        let sent = array(width / 2 + 1);
        traces.publish(&sent).unwrap();
        let trace = received_traces.recv_timeout(PATIENCE).unwrap().value;
        let elements = trace.elements::<f64>().unwrap();
        assert_eq!((first_and_last(elements), trace.axes()), ((0.0, f64::from(width / 2)), sent.axes()));
    }
    let stats = received.settle(PATIENCE).unwrap();
    assert!(stats.balances() && stats.lost == 0, "{stats:?}");

    // The last value comes by another way: marked, and again by reference.
    let late = client.subscribe::<Frame>(&name("camera.frame")).queue(1).unwrap();
    let again = late.recv_timeout(PATIENCE).unwrap().value;
    assert_eq!((again.width, again.elements::<f32>().unwrap()[0]), (WIDTHS[8], WIDTHS[8] as f32));
}

#[test]
fn over_tcp() {
    let server = server();
    check(&server, &client(&server), "");
}

#[cfg(unix)]
#[test]
fn over_ipc() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("ipc://{}", folder.path().join("rig").display());
    let server = RouterServer::bind(&address).unwrap();
    check(&server, &client_at(&address, ConnectOptions::default()), "");
}

#[test]
fn within_a_process() {
    let context = SharedContext::new().unwrap();
    let server = RouterServer::bind_in(&context, "inproc://rig", ServerOptions::default()).unwrap();
    check(&server, &RouterClient::connect_in(&context, "inproc://rig").unwrap(), "");
}

#[test]
fn through_a_gateway() {
    let chain = Chain::of(2);
    let far = client(chain.first());
    let prefix = chain.name("");
    check(chain.last(), &far, &prefix);
}

#[test]
fn what_is_no_frame_and_what_is_too_large_are_errors() {
    let server = server();
    let client = client(&server);
    let mut numbers = server.add_publisher::<f64>("stage.position_um", 100).unwrap();
    let info = FrameInfo::new(PixelFormat::Mono8, 100, 100);
    let options = StreamOptions::new().schema(info.schema());
    let mut frames =
        server.add_publisher_with::<Frame>("camera.frame", info.payload_bytes().unwrap(), options).unwrap();
    let as_frame = client.subscribe::<Frame>("stage.position_um").queue(10).unwrap();
    let viewed = client.subscribe::<Frame>("camera.frame").queue(10).unwrap();
    let as_number = client.subscribe::<f64>("camera.frame").queue(10).unwrap();
    eventually("both are heard", || numbers.is_heard() && frames.is_heard());
    numbers.publish(&1.5).unwrap();
    let error = as_frame.recv_timeout(PATIENCE).unwrap_err();
    assert!(
        matches!(error, SampleError::Decode { .. }) && error.to_string().contains("a frame, got 1.5"),
        "{error}"
    );
    let mut writer = FrameWriter::new();
    let fits = writer.begin(&info).unwrap().finish().unwrap();
    frames.publish(&fits).unwrap();
    let error = as_number.recv_timeout(PATIENCE).unwrap_err().to_string();
    assert!(error.contains("got a frame: read it as router_frame::Frame"), "{error}");
    assert_eq!(viewed.recv_timeout(PATIENCE).unwrap().value, fits);
    let wider = writer.begin(&FrameInfo { stride_bytes: 101, ..info }).unwrap().finish().unwrap();
    assert!(frames.publish(&wider).unwrap_err().to_string().contains("10228"));
    // Bytes of another program that say that they are a frame.
    let hostile = vec![1_u8; 200];
    frames.publish_bytes_at(hostile, Encoding::Frame, std::time::SystemTime::now()).unwrap();
    let error = viewed.recv_timeout(PATIENCE).unwrap_err().to_string();
    assert!(error.contains("expected a frame, got 200 bytes: "), "{error}");

    let description = client.describe().ends().unwrap();
    let stream = description.streams.iter().find(|stream| stream.name == "camera.frame").unwrap();
    assert_eq!(
        (stream.value.type_name.as_str(), &stream.value.schema["frame"]["height"]),
        ("Frame", &100.into())
    );
}

#[test]
fn what_a_camera_snaps_is_a_frame_too() {
    let server = server();
    let client = client(&server);
    server.add_call("camera.snap", || Snapshot(frame(&mut FrameWriter::new(), 100))).unwrap();
    server.add_instrument_stream_with("camera.live", 50.0, "camera.snap", (), StreamOptions::new()).unwrap();
    let snapped = client.call::<Snapshot>("camera.snap", ()).ends().unwrap();
    assert_eq!(snapped.0, frame(&mut FrameWriter::new(), 100));
    let live = client.subscribe::<Frame>("camera.live").queue(10).unwrap();
    assert_eq!(live.recv_timeout(PATIENCE).unwrap().value, snapped.0);
}
