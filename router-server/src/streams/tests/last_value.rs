//! What a new subscriber gets first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use router_wire::SampleStatus;

use super::super::{Published, StreamOptions};
use super::serve;

/// Subscribers come and go while a program publishes 10,000 samples a second: each begins with the newest one before
/// it, and goes on without gap and without repetition, whether it was the only one or not.
#[test]
fn it_has_neither_gap_nor_duplicate_against_the_live_samples() {
    let served = serve();
    let mut publisher = served.streams.add_publisher::<u64>("pushed", 100, StreamOptions::new()).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let pusher = std::thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            for value in 0.. {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let published = publisher.publish(&value).unwrap();
                assert_eq!(published.sequence(), Some(value));
                assert!(!matches!(published, Published::DroppedAtSource { .. }));
                std::thread::sleep(Duration::from_micros(50));
            }
        }
    });
    let mut others = Vec::new();
    for round in 0..50_usize {
        let mut listener = served.listen("pushed");
        let first = listener.next();
        let mut expect = first.sequence();
        assert_eq!(first.value::<u64>(), expect);
        let mut live = 0;
        while live < 20 + round % 7 * 10 {
            let sample = listener.next_sample();
            if sample.last_value {
                // Sent to all because somebody else subscribed, or behind a first live one: by its number it is old.
                assert!(sample.sequence() <= expect, "in round {round}");
                continue;
            }
            live += 1;
            expect += 1;
            assert_eq!((sample.sequence(), sample.value::<u64>()), (expect, expect), "in round {round}");
        }
        // Sometimes others listen on, sometimes nobody does.
        if round % 3 == 0 {
            others.push(listener);
        } else if round % 5 == 0 {
            others.clear();
            drop(listener);
            served.wait_for_subscribers("pushed", 0);
        }
    }
    stop.store(true, Ordering::SeqCst);
    pusher.join().unwrap();
}

#[test]
fn it_is_the_newest_of_the_time_when_nobody_listened() {
    let served = serve();
    let mut publisher = served.streams.add_publisher::<u32>("pushed", 100, StreamOptions::new()).unwrap();
    for value in 0..5 {
        assert_eq!(publisher.publish(&value).unwrap(), Published::Unheard { sequence: value.into() });
    }
    let mut listener = served.listen("pushed");
    let last = listener.next();
    assert_eq!((last.sequence(), last.value::<u32>(), last.last_value), (4, 4, true));
    publisher.publish(&5).unwrap();
    assert_eq!(listener.next_sample().sequence(), 5);
    drop(listener);
    served.wait_for_subscribers("pushed", 0);
    // The newest one that was sent stays, too.
    assert_eq!(served.listen("pushed").next().sequence(), 5);
    served.wait_for_subscribers("pushed", 0);
    publisher.publish(&6).unwrap();
    let mut two = [served.listen("pushed"), served.listen("pushed")];
    for listener in &mut two {
        assert_eq!(listener.next().sequence(), 6);
    }
}

#[test]
fn it_comes_for_large_samples_too_without_a_copy_of_the_payload() {
    let served = serve();
    let mut publisher =
        served.streams.add_publisher::<Vec<u16>>("frame", 1 << 20, StreamOptions::new()).unwrap();
    let image: Vec<u16> = (0..100_000).map(|pixel| pixel as u16).collect();
    publisher.publish(&image).unwrap();
    let mut first = served.listen_to_frames("frame");
    let last = first.next();
    assert!(last.last_value && last.header.payload_in_own_frame);
    assert_eq!(last.value::<Vec<u16>>(), image);
    publisher.publish_bytes(vec![1; 200_000]).unwrap();
    assert_eq!(first.next_sample().payload.len(), 200_000);
    let mut second = served.listen_to_frames("frame");
    let last = second.next();
    assert!(last.last_value && last.payload.len() == 200_000);
}

#[test]
fn there_is_none_where_none_was_asked_for_and_none_before_the_first_sample() {
    let served = serve();
    let mut live =
        served.streams.add_publisher::<u32>("live", 100, StreamOptions::new().without_last_value()).unwrap();
    let mut kept = served.streams.add_publisher::<u32>("kept", 100, StreamOptions::new()).unwrap();
    let mut early = served.listen("kept");
    served.wait_for_subscribers("kept", 1);
    live.publish(&0).unwrap();
    let mut listener = served.listen("live");
    served.wait_for_subscribers("live", 1);
    live.publish(&1).unwrap();
    kept.publish(&0).unwrap();
    let first = listener.next_of(|status| status != SampleStatus::Declaration);
    assert_eq!((first.sequence(), first.last_value), (1, false));
    let first = early.next_of(|status| status != SampleStatus::Declaration);
    assert_eq!((first.sequence(), first.last_value), (0, false));
}

#[test]
fn it_is_an_error_where_the_newest_sample_is_one() {
    let served = serve();
    let mut publisher = served.streams.add_publisher::<u32>("pushed", 100, StreamOptions::new()).unwrap();
    publisher.publish(&1).unwrap();
    publisher.publish_error("the shutter is closed").unwrap();
    let last = served.listen("pushed").next();
    assert_eq!((last.status(), last.sequence(), last.last_value), (SampleStatus::Error, 1, true));
}
