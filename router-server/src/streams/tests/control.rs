//! Enable, disable, remove and add again, at any time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use router_wire::SampleStatus;
use router_wire::describe::{StreamKind, StreamSocket};

use super::super::{PublishError, Published, StreamOptions};
use super::{serve, serve_tcp, wait_until};

/// While a program publishes as fast as it can.
#[test]
fn nothing_is_published_after_disable_returns() {
    let served = serve();
    let mut publisher = served.streams.add_publisher::<u64>("pushed", 100, StreamOptions::new()).unwrap();
    let (stop, attempts) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let pusher = std::thread::spawn({
        let (stop, attempts) = (Arc::clone(&stop), Arc::clone(&attempts));
        move || {
            let mut numbers = Vec::new();
            while !stop.load(Ordering::SeqCst) {
                let attempt = attempts.fetch_add(1, Ordering::SeqCst);
                if let Some(number) = publisher.publish(&attempt).unwrap().sequence() {
                    numbers.push(number);
                }
                std::thread::sleep(Duration::from_micros(50));
            }
            numbers
        }
    });
    let mut listener = served.listen("pushed");
    listener.next_sample();
    for _ in 0..20 {
        served.streams.disable("pushed").unwrap();
        let produced = served.stats("pushed").produced;
        served.streams.disable("pushed").unwrap(); // once more changes nothing
        let attempted = attempts.load(Ordering::SeqCst);
        wait_until("it tries on", || attempts.load(Ordering::SeqCst) > attempted + 10);
        assert_eq!(served.stats("pushed").produced, produced);
        served.streams.enable("pushed").unwrap();
        served.streams.enable("pushed").unwrap();
        wait_until("it goes on", || served.stats("pushed").produced > produced);
    }
    stop.store(true, Ordering::SeqCst);
    let numbers = pusher.join().unwrap();
    // Disabled publishes took no number: there is no gap.
    assert!(numbers.iter().copied().eq(0..numbers.len() as u64));
}

#[test]
fn control_is_idempotent_for_every_kind() {
    let served = serve();
    served.streams.add_periodic("periodic", 500.0, || 1, StreamOptions::new()).unwrap();
    let _publisher = served.streams.add_publisher::<u8>("pushed", 10, StreamOptions::new()).unwrap();
    for name in ["periodic", "pushed"] {
        for enabled in [false, false, true, true] {
            if enabled { served.streams.enable(name) } else { served.streams.disable(name) }.unwrap();
            assert_eq!(served.stats(name).enabled, enabled);
        }
    }
    served.streams.set_frequency("periodic", 500.0).unwrap();
    served.streams.set_frequency("periodic", 400.0).unwrap();
    served.streams.set_frequency("periodic", 400.0).unwrap();
    let error = served.streams.enable("periodi").unwrap_err();
    assert_eq!(error.to_string(), "there is no `periodi` here; did you mean `periodic`?");
    assert!(served.streams.disable("x").is_err() && served.streams.remove("x").is_err());
    let names: Vec<String> = served.streams.names().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["periodic", "pushed"]);
}

#[test]
fn a_stream_added_again_is_another_incarnation() {
    let served = serve();
    let mut listener = served.listen("stage");
    let mut former = served.streams.add_publisher::<u32>("stage", 100, StreamOptions::new()).unwrap();
    served.wait_for_subscribers("stage", 1);
    for value in 0..5 {
        assert_eq!(former.publish(&value).unwrap(), Published::Sent { sequence: value.into() });
    }
    let first = listener.next_sample().header;
    served.streams.remove("stage").unwrap();
    assert!(served.streams.remove("stage").is_err());
    let removed = listener.next_of(|status| status == SampleStatus::Removed);
    assert_eq!((removed.sequence(), removed.header.incarnation), (4, first.incarnation));
    assert!(matches!(former.publish(&9), Err(PublishError::Removed { .. })));

    let mut publisher = served.streams.add_publisher::<u32>("stage", 100, StreamOptions::new()).unwrap();
    assert!(publisher.is_heard(), "whoever listened listens still");
    publisher.publish(&7).unwrap();
    let again = listener.next_sample();
    assert_eq!((again.sequence(), again.value::<u32>()), (0, 7));
    assert!(again.header.incarnation > first.incarnation);
    assert_eq!(again.header.epoch, first.epoch);
    assert!(matches!(former.publish(&9), Err(PublishError::Removed { .. })), "the former one stays removed");
}

#[test]
fn removed_and_added_many_times_while_ticking() {
    let served = serve();
    let mut listener = served.listen("again");
    let mut incarnations = Vec::new();
    for round in 0..30_u64 {
        served.streams.add_periodic("again", 2_000.0, move || round, StreamOptions::new()).unwrap();
        loop {
            let sample = listener.next_sample();
            if sample.value::<u64>() == round {
                incarnations.push(sample.header.incarnation);
                break;
            }
        }
        served.streams.remove("again").unwrap();
    }
    assert!(incarnations.is_sorted_by(|a, b| a < b), "{incarnations:?}");
}

#[test]
fn a_subscriber_at_the_wrong_socket_is_told() {
    let served = serve();
    let large = 1 << 20;
    let _small = served.streams.add_publisher::<u32>("small", 100, StreamOptions::new()).unwrap();
    let _large = served.streams.add_publisher::<u32>("large", large, StreamOptions::new()).unwrap();
    for (mut listener, name, right) in
        [(served.listen_to_frames("small"), "small", 0), (served.listen("large"), "large", 1)]
    {
        let told = listener.next();
        assert_eq!((told.status(), told.name.as_str()), (SampleStatus::Elsewhere, name));
        assert_eq!(told.payload, [right]);
        assert_eq!(served.stats(name).subscribers, 0);
    }
}

#[test]
fn who_subscribed_before_the_stream_was_there_is_served_or_told() {
    let served = serve_tcp(Default::default());
    let mut early = served.listen("camera");
    let mut early_right = served.listen_to_frames("camera");
    // It has to be there before the stream: the frames of another one prove it.
    let mut marker = served.streams.add_publisher::<u32>("marker", 1 << 20, StreamOptions::new()).unwrap();
    early_right.subscribe("marker");
    early.subscribe("marker");
    assert_eq!(early.next().status(), SampleStatus::Elsewhere);
    // The first large stream had the socket replaced; the listener connects again while it is read.
    wait_until("it listens", || {
        early_right.within(Duration::ZERO).is_none() && served.stats("marker").subscribers == 1
    });
    marker.publish(&0).unwrap();
    early_right.next_sample();

    let mut publisher = served.streams.add_publisher::<u32>("camera", 1 << 20, StreamOptions::new()).unwrap();
    let told = early.next();
    assert_eq!(
        (told.status(), told.name.as_str(), &told.payload[..]),
        (SampleStatus::Elsewhere, "camera", &[1][..])
    );
    assert!(publisher.is_heard());
    publisher.publish(&1).unwrap();
    assert_eq!(early_right.next_sample().value::<u32>(), 1);

    // Added again as a small one, it is the other way round.
    served.streams.remove("camera").unwrap();
    let mut publisher = served.streams.add_publisher::<u32>("camera", 100, StreamOptions::new()).unwrap();
    let told = early_right.next_of(|status| status == SampleStatus::Elsewhere);
    assert_eq!(told.payload, [0]);
    assert!(publisher.is_heard());
    publisher.publish(&2).unwrap();
    assert_eq!(early.next_sample().value::<u32>(), 2);
}

#[test]
fn a_stream_is_described() {
    let served = serve();
    let options = StreamOptions::new().docs("Where it is.").unit("um").on_demand().without_last_value();
    served.streams.add_periodic("stage.position_um", 30.0, || 1.5_f64, options).unwrap();
    let _camera =
        served.streams.add_publisher::<Vec<u8>>("camera", 1 << 20, StreamOptions::new().disabled()).unwrap();
    let [camera, stage] = &served.streams.describe()[..] else { panic!("two") };
    assert_eq!(
        (camera.name.as_str(), camera.kind, camera.socket),
        ("camera", StreamKind::Pushed, StreamSocket::Frames)
    );
    assert_eq!((camera.enabled, camera.frequency_hz, camera.largest_sample_bytes), (false, None, 1 << 20));
    assert_eq!((stage.frequency_hz, stage.on_demand, stage.last_value), (Some(30.0), true, false));
    assert_eq!((stage.docs.as_str(), stage.value.unit.as_deref()), ("Where it is.", Some("um")));
    assert_eq!(stage.value.type_name, "f64");
    assert_eq!((stage.kind, stage.socket), (StreamKind::Periodic, StreamSocket::Samples));
}
