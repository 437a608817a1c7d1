//! A subscriber that never reads costs what it may, and costs others nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::handle::StreamSettings;
use super::super::{Published, StreamOptions};
use super::raw_peer::RawPeer;
use super::{Served, serve_tcp};

const MIB: usize = 1 << 20;

/// A frame whose life is counted.
struct Counted {
    bytes: Vec<u8>,
    alive: Arc<AtomicUsize>,
}

impl Counted {
    fn new(len: usize, alive: &Arc<AtomicUsize>) -> Counted {
        alive.fetch_add(1, Ordering::SeqCst);
        Counted { bytes: vec![1; len], alive: Arc::clone(alive) }
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

fn with_budget(bytes: usize) -> Served {
    serve_tcp(StreamSettings { stalled_subscriber_bytes: bytes, ..StreamSettings::default() })
}

/// Publishes 100 frames of 1 MiB that another subscriber reads one by one; returns how many stay alive.
fn frames_held_by(served: &Served, publisher: &mut super::super::Publisher<[u8]>) -> usize {
    let mut healthy = served.listen_to_frames(publisher.name());
    let others = served.stats(publisher.name()).subscribers;
    served.wait_for_subscribers(publisher.name(), others.max(2));
    let alive = Arc::new(AtomicUsize::new(0));
    for _ in 0..100 {
        let published = publisher.publish_bytes(Counted::new(MIB, &alive)).unwrap();
        assert!(matches!(published, Published::Sent { .. }));
        while healthy.next_sample().last_value {}
    }
    alive.load(Ordering::SeqCst)
}

/// What the kernel holds of a connection on loopback [frames of 1 MiB], and libzmq's encoder one more; the proxy's
/// last value, and what the healthy one has just read.
const BESIDE: usize = 10;

#[test]
fn frames_for_it_are_bounded_by_the_budget() {
    let served = with_budget(16 * MIB);
    let mut publisher = served.streams.add_publisher::<[u8]>("frame", MIB, StreamOptions::new()).unwrap();
    let mut stalled = RawPeer::connect(&served.frames);
    stalled.subscribe(b"frame\0");
    stalled.stay_alive();
    served.wait_for_subscribers("frame", 1);
    let held = frames_held_by(&served, &mut publisher);
    // libzmq acknowledges every half of a mark, so half of it is always used: the least mark was raised.
    assert!((8..=16 + BESIDE).contains(&held), "{held} frames are held");
}

#[test]
fn a_budget_smaller_than_two_frames_still_holds_two() {
    let served = with_budget(MIB);
    let mut publisher = served.streams.add_publisher::<[u8]>("frame", MIB, StreamOptions::new()).unwrap();
    let mut stalled = RawPeer::connect(&served.frames);
    stalled.subscribe(b"frame\0");
    stalled.stay_alive();
    served.wait_for_subscribers("frame", 1);
    let held = frames_held_by(&served, &mut publisher);
    assert!((2..=2 + BESIDE).contains(&held), "{held} frames are held");
}

/// A larger stream takes a lower mark, and that another socket: subscribers connect again, the stalled one too.
#[test]
fn a_larger_stream_added_later_is_within_the_budget_as_well() {
    let served = with_budget(32 * MIB);
    let mut small = served.streams.add_publisher::<[u8]>("small", MIB, StreamOptions::new()).unwrap();
    let mut old = served.listen_to_frames("small");
    served.wait_for_subscribers("small", 1);
    for _ in 0..20 {
        small.publish_bytes(vec![1; MIB]).unwrap();
        old.next_sample();
    }
    let mut large = served.streams.add_publisher::<[u8]>("large", 16 * MIB, StreamOptions::new()).unwrap();
    let newest = small.publish_bytes(vec![2; MIB]).unwrap().sequence().unwrap();
    while old.next_sample().sequence() < newest {}
    // Of the same size, or smaller: nobody is disturbed.
    let _same = served.streams.add_publisher::<[u8]>("same", 16 * MIB, StreamOptions::new()).unwrap();
    let _smaller = served.streams.add_publisher::<[u8]>("smaller", 2 * MIB, StreamOptions::new()).unwrap();
    let mut stalled = RawPeer::connect(&served.frames);
    stalled.subscribe(b"large\0");
    stalled.stay_alive();
    served.wait_for_subscribers("large", 1);
    for _ in 0..60 {
        let sequence = small.publish_bytes(vec![3; MIB]).unwrap().sequence().unwrap();
        while old.next_sample().sequence() < sequence {}
    }
    assert_eq!(served.stats("small").subscribers, 1);
    let held = frames_held_by(&served, &mut large);
    assert!((2..=2 + BESIDE).contains(&held), "{held} frames are held");
}

#[test]
fn samples_for_it_are_bounded_too() {
    const BYTES: usize = 64 << 10;
    let served = with_budget(MIB); // 16 of the largest samples
    let mut publisher = served.streams.add_publisher::<[u8]>("sample", BYTES, StreamOptions::new()).unwrap();
    let mut stalled = RawPeer::connect(&served.samples);
    stalled.subscribe(b"sample\0");
    stalled.stay_alive();
    served.wait_for_subscribers("sample", 1);
    let mut healthy = served.listen("sample");
    served.wait_for_subscribers("sample", 2);
    let alive = Arc::new(AtomicUsize::new(0));
    for _ in 0..400 {
        publisher.publish_bytes(Counted::new(BYTES, &alive)).unwrap();
        healthy.next_sample();
    }
    let held = alive.load(Ordering::SeqCst);
    assert!((8..=16 + BESIDE * MIB / BYTES).contains(&held), "{held} samples are held");
}
