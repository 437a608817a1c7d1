//! The streams of a server behind this one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use router_socket::Endpoint;
use router_wire::describe::{StreamKind, StreamSocket};
use router_wire::{Name, SampleStatus};

use super::super::handle::StreamSettings;
use super::super::{AddStreamError, DeclareError, StreamOptions, UpstreamStreams};
use super::{Served, serve, serve_at, serve_tcp, wait_until};
use crate::stop_schedule::StopSchedule;

/// The server behind, of that epoch.
fn behind(epoch: u64) -> Served {
    serve_tcp(StreamSettings { epoch, ..StreamSettings::default() })
}

/// Tells `here` of a server behind it, as a router loop does.
fn told(here: &Served, behind: &Served, epoch: u64) -> UpstreamStreams {
    let upstream = here.streams.add_upstream(&Name::parse("rig2").unwrap()).unwrap();
    upstream.server(epoch, behind.samples.clone(), behind.frames.clone());
    upstream.described(behind.streams.describe());
    upstream
}

fn wait_for_names(here: &Served, names: &[&str]) {
    let found = || here.streams.describe().into_iter().map(|stream| stream.name).collect::<Vec<_>>();
    wait_until(&format!("{names:?}"), || found() == names);
}

#[test]
fn they_pass_under_the_prefix_with_everything_else_as_it_was() {
    let (there, here) = (behind(7), serve());
    let options = StreamOptions::new().docs("Where it is.").unit("um");
    let mut small = there.streams.add_publisher::<u64>("stage.position_um", 100, options).unwrap();
    let mut large = there.streams.add_publisher::<u8>("camera", 1 << 20, StreamOptions::new()).unwrap();
    there.streams.add_periodic("load", 30.0, || 1, StreamOptions::new().disabled()).unwrap();
    let upstream = told(&here, &there, 7);
    wait_for_names(&here, &["rig2.camera", "rig2.load", "rig2.stage.position_um"]);
    let [camera, load, stage] = &here.streams.describe()[..] else { panic!("three") };
    assert_eq!((camera.socket, camera.largest_sample_bytes), (StreamSocket::Frames, 1 << 20));
    assert_eq!((load.kind, load.frequency_hz, load.enabled), (StreamKind::Periodic, Some(30.0), false));
    assert_eq!((stage.docs.as_str(), stage.value.unit.as_deref()), ("Where it is.", Some("um")));
    assert_eq!(stage.source.as_ref().map(|source| source.numbered), Some(true));

    let (mut listener, mut frames) =
        (here.listen("rig2.stage.position_um"), here.listen_to_frames("rig2.camera"));
    there.wait_for_subscribers("stage.position_um", 1);
    there.wait_for_subscriber_behind("camera", &frames);
    for number in 0..10 {
        small.publish(&number).unwrap();
        large.publish_bytes(vec![number as u8; 200_000]).unwrap();
    }
    small.publish_error("stuck").unwrap();
    let incarnation = there.streams.describe()[2].incarnation;
    for number in 0..10 {
        let (sample, frame) = (listener.next_sample(), frames.next_sample());
        assert_eq!((sample.name.as_str(), sample.value::<u64>()), ("rig2.stage.position_um", number));
        assert_eq!((sample.header.epoch, sample.header.incarnation), (7, incarnation));
        assert_eq!((sample.sequence(), frame.sequence()), (number, number));
        assert!(frame.header.payload_in_own_frame && frame.payload == vec![number as u8; 200_000]);
    }
    assert_eq!(listener.next_sample().status(), SampleStatus::Error);
    // Its declarations pass, and none is made here.
    let declared = listener.next_of(|status| status == SampleStatus::Declaration);
    assert_eq!((declared.header.epoch, declared.sequence()), (7, 10));
    let asked = here.streams.declare("rig2.stage.position_um", 5).unwrap_err();
    assert!(matches!(asked, DeclareError::AskSource { upstream: Some(prefix), .. } if prefix == "rig2"));
    there.streams.declare("stage.position_um", 5).unwrap();
    let settled = listener.next_of(|status| status == SampleStatus::Declaration);
    assert_eq!(settled.payload, 5_u64.to_le_bytes());
    assert_eq!(upstream.counters()["upstream.rig2.lost_before"], 0);
    assert!(here.streams.counters()["upstream.rig2.received"] >= 21);
    // A second listener here begins with the last value that passed.
    let mut second = here.listen("rig2.stage.position_um");
    let last = second.next_sample();
    assert_eq!((last.sequence(), last.last_value, last.status()), (10, true, SampleStatus::Error));
}

/// These were always 0.
#[test]
fn connections_that_end_are_counted() {
    let (there, here) = (behind(7), serve());
    let _large = there.streams.add_publisher::<u64>("large", 1 << 20, StreamOptions::new()).unwrap();
    let upstream = told(&here, &there, 7);
    wait_for_names(&here, &["rig2.large"]);
    let frames = here.listen_to_frames("rig2.large");
    there.wait_for_subscriber_behind("large", &frames);
    assert_eq!(upstream.counters()["upstream.rig2.disconnects"], 0);
    drop(there);
    wait_until("it is counted", || upstream.counters()["upstream.rig2.disconnects"] >= 1);
}

#[test]
fn they_are_subscribed_to_while_somebody_listens_here() {
    let (there, here) = (behind(7), serve());
    let mut small = there.streams.add_publisher::<u64>("small", 100, StreamOptions::new()).unwrap();
    let mut large = there.streams.add_publisher::<u64>("large", 1 << 20, StreamOptions::new()).unwrap();
    let _upstream = told(&here, &there, 7);
    wait_for_names(&here, &["rig2.large", "rig2.small"]);
    for round in 0..2 {
        let (listener, frames) = (here.listen("rig2.small"), here.listen_to_frames("rig2.large"));
        there.wait_for_subscribers("small", 1);
        there.wait_for_subscriber_behind("large", &frames);
        for (mut listener, publisher) in [(listener, &mut small), (frames, &mut large)] {
            let number = publisher.publish(&round).unwrap().sequence().unwrap();
            let first = listener.next_sample();
            // The first is the last value of the time when nobody listened, if there is one.
            let sample =
                if first.last_value && first.sequence() < number { listener.next_sample() } else { first };
            assert_eq!((sample.sequence(), sample.value::<u64>()), (number, round));
        }
        there.wait_for_subscribers("small", 0);
        there.wait_for_subscribers("large", 0);
        for publisher in [&mut small, &mut large] {
            publisher.publish(&99).unwrap();
        }
    }
}

#[test]
fn what_it_serves_no_more_is_removed_and_what_has_moved_is_another_stream() {
    let (there, here) = (behind(7), serve());
    let _kept = there.streams.add_publisher::<u64>("kept", 100, StreamOptions::new()).unwrap();
    let _moved = there.streams.add_publisher::<u64>("moved", 100, StreamOptions::new()).unwrap();
    let mut gone = there.streams.add_publisher::<u64>("gone", 100, StreamOptions::new()).unwrap();
    let upstream = told(&here, &there, 7);
    wait_for_names(&here, &["rig2.gone", "rig2.kept", "rig2.moved"]);
    let (mut listener, mut moving) = (here.listen("rig2.gone"), here.listen("rig2.moved"));
    there.wait_for_subscribers("gone", 1);
    there.wait_for_subscribers("moved", 1);
    gone.publish(&1).unwrap();
    there.streams.remove("gone").unwrap();
    there.streams.remove("moved").unwrap();
    assert_eq!(listener.next_sample().sequence(), 0);
    let removed = listener.next_of(|status| status == SampleStatus::Removed);
    assert_eq!((removed.header.epoch, removed.sequence()), (7, 0));
    let _moved = there.streams.add_publisher::<u64>("moved", 1 << 20, StreamOptions::new()).unwrap();
    upstream.described(there.streams.describe());
    wait_for_names(&here, &["rig2.kept", "rig2.moved"]);
    wait_until("it is large now", || here.streams.describe()[1].socket == StreamSocket::Frames);
    let told = moving.next_of(|status| status == SampleStatus::Elsewhere);
    assert_eq!(told.payload, [1]);

    upstream.lost("it does not answer");
    wait_until("they say so", || here.streams.describe()[0].docs.contains("it does not answer"));
    upstream.server(7, there.samples.clone(), there.frames.clone());
    wait_until("no more", || !here.streams.describe()[0].docs.contains("it does not answer"));
    // Somebody may remove one here.
    here.streams.remove("rig2.kept").unwrap();
    drop(upstream);
    wait_for_names(&here, &[]);
    told_again(&here, &there);
    assert!(here.streams.stop(StopSchedule::from(Instant::now())).is_empty());
}

fn told_again(here: &Served, there: &Served) {
    let again = told(here, there, 7);
    wait_for_names(here, &["rig2.kept", "rig2.moved"]);
    assert!(matches!(
        here.streams.add_publisher::<u64>("rig2.kept", 100, StreamOptions::new()),
        Err(AddStreamError::StreamExists { .. })
    ));
    assert!(matches!(
        here.streams.add_upstream(&Name::parse("rig2").unwrap()),
        Err(AddStreamError::StreamExists { .. })
    ));
    drop(again);
}

#[test]
fn another_life_of_it_goes_on_also_elsewhere() {
    let here = serve();
    let there = behind(7);
    let mut publisher = there.streams.add_publisher::<u64>("count", 100, StreamOptions::new()).unwrap();
    let upstream = told(&here, &there, 7);
    let mut listener = here.listen("rig2.count");
    there.wait_for_subscribers("count", 1);
    publisher.publish(&1).unwrap();
    assert_eq!(listener.next_sample().header.epoch, 7);
    let samples: Endpoint = there.samples.clone();
    let frames: Endpoint = there.frames.clone();
    drop(there);
    upstream.lost("it is gone");
    for (epoch, there) in [
        (8, serve_at(&samples, &frames, StreamSettings { epoch: 8, ..StreamSettings::default() }, None)),
        (9, behind(9)),
    ] {
        let mut publisher = there.streams.add_publisher::<u64>("count", 100, StreamOptions::new()).unwrap();
        upstream.server(epoch, there.samples.clone(), there.frames.clone());
        upstream.described(there.streams.describe());
        there.wait_for_subscribers("count", 1);
        publisher.publish(&2).unwrap();
        let sample = listener.next_sample();
        assert_eq!((sample.header.epoch, sample.sequence()), (epoch, 0));
    }
}

/// Small streams go on while a large one sends more than can be carried: none of theirs is lost or late.
#[test]
fn a_flood_of_frames_does_not_hold_small_streams_up() {
    const SMALL: u64 = 500;
    let (there, here) = (behind(7), serve());
    let mut small = there.streams.add_publisher::<u64>("small", 100, StreamOptions::new()).unwrap();
    let mut large = there.streams.add_publisher::<u8>("large", 4 << 20, StreamOptions::new()).unwrap();
    let upstream = told(&here, &there, 7);
    wait_for_names(&here, &["rig2.large", "rig2.small"]);
    let (mut listener, mut frames) = (here.listen("rig2.small"), here.listen_to_frames("rig2.large"));
    there.wait_for_subscribers("small", 1);
    there.wait_for_subscriber_behind("large", &frames);
    let ended = Arc::new(AtomicBool::new(false));
    let flood = std::thread::spawn({
        let ended = Arc::clone(&ended);
        let bytes: Arc<[u8]> = vec![1; 4 << 20].into();
        move || {
            while !ended.load(Ordering::SeqCst) {
                large.publish_bytes(Arc::clone(&bytes)).unwrap();
                std::thread::sleep(Duration::from_micros(200));
            }
        }
    });
    let taker = std::thread::spawn({
        let ended = Arc::clone(&ended);
        move || {
            let mut taken = 0_u64;
            while !ended.load(Ordering::SeqCst) {
                taken += u64::from(frames.within(Duration::from_millis(10)).is_some());
            }
            taken
        }
    });
    let mut latest = Duration::ZERO;
    for number in 0..SMALL {
        let sent = Instant::now();
        small.publish(&number).unwrap();
        assert_eq!(listener.next_sample().sequence(), number);
        latest = latest.max(sent.elapsed());
        std::thread::sleep(Duration::from_millis(1));
    }
    ended.store(true, Ordering::SeqCst);
    flood.join().unwrap();
    let taken = taker.join().unwrap();
    let produced = there.stats("large").produced;
    println!("{taken} of {produced} frames passed; the slowest small sample took {latest:?}");
    println!("{:?}", upstream.counters());
    assert!(taken > 0);
    assert!(latest < Duration::from_secs(2), "{latest:?}");
}
