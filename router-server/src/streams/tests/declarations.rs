//! The newest number, declared in the stream behind the sample it names.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use router_wire::SampleStatus;

use super::super::{DeclareError, StreamOptions};
use super::{DEADLINE, serve};

#[test]
fn they_come_behind_the_sample_they_name_also_in_a_flood() {
    let served = serve();
    let mut listener = served.listen("flood");
    let mut publisher = served.streams.add_publisher::<u64>("flood", 100, StreamOptions::new()).unwrap();
    let mut beside = served.streams.add_publisher::<u64>("beside", 100, StreamOptions::new()).unwrap();
    let _beside = served.listen("beside");
    served.wait_for_subscribers("flood", 1);
    served.wait_for_subscribers("beside", 1);
    let stop = Arc::new(AtomicBool::new(false));
    let flood = |mut publish: Box<dyn FnMut() + Send>| {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                publish();
            }
        })
    };
    let floods = [
        flood(Box::new(move || {
            publisher.publish(&1).unwrap();
        })),
        flood(Box::new(move || {
            beside.publish(&1).unwrap();
        })),
    ];
    listener.next_sample(); // before the first one, 0 is declared
    let mut highest_declared = None;
    let mut tokens = HashSet::new();
    let deadline = Instant::now() + DEADLINE;
    let mut packets = 0_u64;
    while tokens.len() < 50 {
        assert!(Instant::now() < deadline, "only {} declarations came", tokens.len());
        // A declaration is dropped where the listener is too far behind, like everything else: it asks again.
        if packets.is_multiple_of(100) {
            served.streams.declare("flood", packets).unwrap();
        }
        packets += 1;
        let packet = listener.next();
        if packet.status() == SampleStatus::Declaration {
            highest_declared = highest_declared.max(Some(packet.sequence()));
            if !packet.payload.is_empty() {
                tokens.insert(u64::from_le_bytes(packet.payload[..].try_into().unwrap()));
            }
        } else {
            let sequence = packet.sequence();
            assert!(Some(sequence) > highest_declared, "{sequence} comes behind {highest_declared:?}");
        }
    }
    stop.store(true, Ordering::SeqCst);
    floods.into_iter().for_each(|flood| flood.join().unwrap());
    assert!(tokens.iter().all(|token| token.is_multiple_of(100)));
}

#[test]
fn a_heard_stream_declares_by_itself() {
    let served = serve();
    let mut publisher = served.streams.add_publisher::<u32>("slow", 100, StreamOptions::new()).unwrap();
    let mut listener = served.listen("slow");
    served.wait_for_subscribers("slow", 1);
    publisher.publish(&1).unwrap();
    publisher.publish(&2).unwrap();
    for _ in 0..2 {
        let declared = listener.next_of(|status| status == SampleStatus::Declaration);
        assert_eq!((declared.sequence(), declared.payload.len()), (1, 0));
    }
}

#[test]
fn a_stream_without_a_sample_answers_too() {
    let served = serve();
    let _publisher = served.streams.add_publisher::<u32>("empty", 100, StreamOptions::new()).unwrap();
    let mut listener = served.listen("empty");
    served.wait_for_subscribers("empty", 1);
    served.streams.declare("empty", 77).unwrap();
    let declared = listener.next();
    assert_eq!((declared.status(), declared.sequence()), (SampleStatus::Declaration, 0));
    assert_eq!(declared.payload, 77_u64.to_le_bytes());
    assert!(matches!(served.streams.declare("emty", 1), Err(DeclareError::NotFound(_))));
}

#[test]
fn what_nobody_heard_is_declared_as_well() {
    let served = serve();
    let options = StreamOptions::new().without_last_value();
    let mut publisher = served.streams.add_publisher::<u32>("unheard", 100, options).unwrap();
    for value in 0..10 {
        publisher.publish(&value).unwrap();
    }
    let mut listener = served.listen("unheard");
    served.wait_for_subscribers("unheard", 1);
    served.streams.declare("unheard", 1).unwrap();
    assert_eq!(listener.next().sequence(), 9);
}
