//! Frames in one process: what is held stays, what is not held is used again, and everything is counted.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

mod support;

use router_slots::{
    AttachError, BorrowCounters, Borrower, ConnectError, CreateError, HeldSlot, Lender, LentSlot, NoSlot,
    NotHeld, Refusal, RingSize, SlotConnection, SlotDescriptor, SlotEvent, SlotReader, SlotRing, SlotWriter,
};
use support::{LONG, Serving, check, eventually, fill, publish, ring};

#[test]
fn a_frame_is_read_where_it_was_written() {
    let (serving, ring) = (Serving::start(), ring(100_000, 4, 2, 2));
    serving.offer("camera.frame", &ring);
    let (connection, reader) = serving.attach("camera.frame");

    let mut writer = ring.writer(70_001).unwrap();
    assert_eq!((writer.len(), writer.as_ptr() as usize % 4096), (70_001, 0));
    fill(&mut writer, 7);
    let descriptor = writer.publish();
    assert_eq!(descriptor.len, 70_001);

    let held = reader.hold(descriptor).unwrap();
    assert_eq!((held.len(), check(&held)), (70_001, Ok(7)));
    assert_eq!(held.as_ptr() as usize % 4096, 0);
    assert_eq!(reader.largest_bytes(), 100_000);
    assert_eq!(reader.most_held(), 2);
    let counters = connection.counters();
    assert_eq!((counters.held, counters.borrowed, counters.rings), (1, 1, 1));
    assert!(counters.mapped_bytes >= 100_000 * 10, "{counters:?}");
    drop(held);
    assert_eq!(connection.counters().held, 0);
}

#[test]
fn a_held_frame_stays_and_delays_nobody() {
    let (serving, ring) = (Serving::start(), ring(4096, 3, 2, 2));
    serving.offer("s", &ring);
    let (_connection, reader) = serving.attach("s");
    let held: Vec<_> = (1..=2).map(|number| reader.hold(publish(&ring, 4096, number)).unwrap()).collect();
    for number in 3..1000 {
        publish(&ring, 4096, number);
        assert_eq!(check(&held[0]), Ok(1));
        assert_eq!(check(&held[1]), Ok(2));
    }
    let counters = ring.counters();
    assert_eq!((counters.kept, counters.published, counters.no_slot), (2, 4, 0));
    assert!(counters.warm <= 3 + 1 + 2, "warm slots are used again: {counters:?}");
    drop(held);
    ring.look_through();
    assert_eq!(ring.counters().kept, 0);
}

#[test]
fn the_newest_frames_can_be_held_and_older_ones_are_lost() {
    let (serving, ring) = (Serving::start(), ring(64, 3, 1, 8));
    serving.offer("s", &ring);
    let (connection, reader) = serving.attach("s");
    let descriptors: Vec<_> = (0..10).map(|number| publish(&ring, 64, number)).collect();
    for (number, &descriptor) in descriptors.iter().enumerate() {
        match reader.hold(descriptor) {
            Ok(held) => assert_eq!((check(&held), number >= 6), (Ok(number as u64), true)),
            Err(e) => assert_eq!((e, number < 6), (NotHeld::Lost, true)),
        }
    }
    let counters = connection.counters();
    assert_eq!((counters.lost, counters.borrowed, counters.held), (6, 4, 0));
}

#[test]
fn every_reader_at_its_limit_leaves_a_slot() {
    let (serving, ring) = (Serving::start(), ring(64, 2, 3, 2));
    serving.offer("s", &ring);
    let readers: Vec<_> = (0..3).map(|_| serving.attach("s")).collect();
    let mut held = Vec::new();
    for number in 0..1000 {
        let descriptor = publish(&ring, 64, number);
        // Different readers hold different frames, until all hold two.
        let (_, reader) = &readers[number as usize % 3];
        held.extend(reader.hold(descriptor).map(|slot| (slot, number)));
    }
    assert_eq!(held.len(), 6);
    for (slot, number) in &held {
        assert_eq!(check(slot), Ok(*number));
    }
    assert_eq!(ring.counters().no_slot, 0);
}

#[test]
fn a_reader_at_its_limit_copies() {
    let (serving, ring) = (Serving::start(), ring(64, 2, 1, 1));
    serving.offer("s", &ring);
    let (connection, reader) = serving.attach("s");
    let held = reader.hold(publish(&ring, 64, 1)).unwrap();
    let second = publish(&ring, 64, 2);
    assert_eq!(reader.hold(second).unwrap_err(), NotHeld::TooMany { held: 1 });
    let mut copied = vec![1, 2, 3];
    reader.copy(second, &mut copied).unwrap();
    assert_eq!((check(&copied), copied.len()), (Ok(2), 64));
    let counters = connection.counters();
    assert_eq!((counters.refused, counters.copied, counters.held), (1, 1, 1));
    drop(held);
    assert!(reader.hold(second).is_ok());
}

#[test]
fn descriptors_that_lead_nowhere() {
    let (serving, ring) = (Serving::start(), ring(5000, 2, 1, 2));
    serving.offer("s", &ring);
    let (connection, reader) = serving.attach("s");
    let good = publish(&ring, 4999, 1);
    for (descriptor, expected) in [
        (SlotDescriptor { slot: 999, ..good }, NotHeld::NoSuchSlot),
        (SlotDescriptor { slot: u32::MAX, ..good }, NotHeld::NoSuchSlot),
        (SlotDescriptor { slot: good.slot + 1, ..good }, NotHeld::Lost),
        (SlotDescriptor { len: 5001, ..good }, NotHeld::NoSuchSlot),
        (SlotDescriptor { len: u64::MAX, ..good }, NotHeld::NoSuchSlot),
        (SlotDescriptor { len: 5000, ..good }, NotHeld::NoSuchSlot),
        (SlotDescriptor { stamp: good.stamp + 1, ..good }, NotHeld::Lost),
        (SlotDescriptor { slot: good.slot + 1, stamp: 0, ..good }, NotHeld::Lost),
    ] {
        assert_eq!(reader.hold(descriptor).unwrap_err(), expected, "{descriptor:?}");
        assert_eq!(reader.copy(descriptor, &mut Vec::new()).unwrap_err(), expected, "{descriptor:?}");
    }
    assert_eq!(connection.counters(), BorrowCounters { lost: 6, malformed: 10, ..connection.counters() });
    assert_eq!(connection.counters().held, 0);
    assert_eq!(check(&reader.hold(good).unwrap()), Ok(1));
}

#[test]
fn a_descriptor_of_another_life_of_the_stream_leads_nowhere() {
    let (serving, old) = (Serving::start(), ring(64, 2, 1, 1));
    let descriptor = publish(&old, 64, 1);
    drop(old);
    let new = ring(64, 2, 1, 1);
    publish(&new, 64, 1);
    serving.offer("s", &new);
    let (_connection, reader) = serving.attach("s");
    assert_eq!(reader.hold(descriptor).unwrap_err(), NotHeld::Lost);
}

#[test]
fn what_a_writer_does_not_publish_is_seen_by_nobody() {
    let (serving, ring) = (Serving::start(), ring(64, 1, 1, 1));
    serving.offer("s", &ring);
    let (_connection, reader) = serving.attach("s");
    let first = publish(&ring, 64, 1);
    let mut writer = ring.writer(64).unwrap();
    assert_eq!(ring.counters().writing, 1);
    fill(&mut writer, 2);
    assert_eq!(check(&reader.hold(first).unwrap()), Ok(1));
    drop(writer);
    assert_eq!((ring.counters().writing, ring.counters().free), (0, 1));

    let mut writer = ring.writer(64).unwrap();
    fill(&mut writer, 3);
    writer.truncate(10);
    writer.truncate(20);
    let descriptor = writer.publish();
    assert_eq!(reader.hold(descriptor).unwrap().len(), 10);
}

#[test]
fn no_slot_is_said_and_nobody_waits() {
    let ring = ring(64, 2, 0, 1);
    assert_eq!(ring.writer(65).unwrap_err(), NoSlot::TooLarge { len: 65, largest_bytes: 64 });
    publish(&ring, 64, 1);
    // More writers than one take what the depth would keep.
    let writers: Vec<_> = (0..3).map(|_| ring.writer(64).unwrap()).collect();
    assert_eq!(ring.writer(64).unwrap_err(), NoSlot::AllTaken { slots: 3 });
    assert_eq!((ring.counters().no_slot, ring.counters().published), (1, 0));
    drop(writers);
    assert!(ring.writer(64).is_ok());
}

#[test]
fn prefaulted_slots_are_there() {
    let ring = ring(1 << 20, 4, 1, 1);
    assert_eq!(ring.counters().warm, 0);
    assert_eq!(ring.prefault(3), Ok(3));
    assert_eq!((ring.counters().warm, ring.counters().free), (3, 3));
    assert_eq!(ring.prefault(2), Ok(3));
    publish(&ring, 64, 1);
    assert_eq!(ring.counters().warm, 3, "a slot that is there comes first");
    assert_eq!(ring.prefault(usize::MAX), Ok(7));
}

#[test]
fn frames_go_round_in_as_few_slots_as_there_can_be() {
    let (serving, ring) = (Serving::start(), ring(64, 3, 1, 20));
    serving.offer("s", &ring);
    let (_connection, reader) = serving.attach("s");
    let held: Vec<_> = (0..20).map(|number| reader.hold(publish(&ring, 64, number)).unwrap()).collect();
    drop(held);
    for number in 20..40 {
        publish(&ring, 64, number);
    }
    let used: std::collections::BTreeSet<u32> =
        (0..100).map(|number| publish(&ring, 64, number).slot).collect();
    assert_eq!(used.len(), 4, "{used:?} of {:?}", ring.counters());
}

#[test]
fn sizes_that_are_not_possible() {
    let size = RingSize { largest_bytes: 1 << 20, depth: 4, readers: 2, held: 2 };
    assert!(matches!(SlotRing::create(RingSize { depth: 0, ..size }), Err(CreateError::Size(_))));
    let huge = SlotRing::create(RingSize { largest_bytes: isize::MAX as usize / 16, ..size });
    assert!(matches!(huge, Err(CreateError::System { .. })), "{huge:?}");
}

#[test]
fn readers_come_and_go() {
    let (serving, ring) = (Serving::start(), ring(64, 2, 2, 1));
    let mut connection = serving.connect();
    let refused = |key: &str, reason| Err(AttachError::Refused { key: key.into(), reason });
    assert_eq!(connection.attach_within("s", LONG).map(drop), refused("s", Refusal::NotOffered));
    serving.offer("s", &ring);
    let first = connection.attach_within("s", LONG).unwrap();
    let second = connection.attach_within("s", LONG).unwrap();
    assert_eq!(connection.attach_within("s", LONG).map(drop), refused("s", Refusal::TooManyReaders));

    // A reader that is gone makes room, once what it held is gone too.
    let held = first.hold(publish(&ring, 64, 1)).unwrap();
    drop(first);
    assert_eq!(connection.attach_within("s", LONG).map(drop), refused("s", Refusal::TooManyReaders));
    assert_eq!(check(&held), Ok(1));
    drop(held);
    eventually("a reader less", || ring.counters().readers == 1);
    let _third = connection.attach_within("s", LONG).unwrap();

    serving.withdraw("s");
    drop(second);
    assert_eq!(connection.attach_within("s", LONG).map(drop), refused("s", Refusal::NotOffered));
    assert_eq!(serving.counters().refused, 4);
    assert_eq!(serving.counters().malformed, 0);
    let long = "k".repeat(2000);
    assert_eq!(connection.attach_within(&long, LONG).map(drop), refused(&long, Refusal::NotOffered));
}

#[test]
fn a_ring_may_be_made_for_its_first_reader() {
    let serving = Serving::start();
    let made = std::sync::Arc::new(std::sync::OnceLock::new());
    let keeps = std::sync::Arc::clone(&made);
    serving.offer_when_asked("s", move || Some(keeps.get_or_init(|| ring(64, 2, 2, 1)).clone()));
    serving.offer_when_asked("none", || None);
    let mut connection = serving.connect();
    let none = connection.attach_within("none", LONG).map(drop);
    assert_eq!(none, Err(AttachError::Refused { key: "none".into(), reason: Refusal::NotOffered }));
    assert!(made.get().is_none());
    let (first, second) =
        (connection.attach_within("s", LONG).unwrap(), connection.attach_within("s", LONG).unwrap());
    let descriptor = publish(made.get().unwrap(), 64, 7);
    for reader in [first, second] {
        assert_eq!(check(&reader.hold(descriptor).unwrap()), Ok(7));
    }
}

#[test]
fn what_is_held_outlives_reader_connection_service_and_ring() {
    let (serving, ring) = (Serving::start(), ring(64, 1, 1, 1));
    serving.offer("s", &ring);
    let (connection, reader) = serving.attach("s");
    let held = reader.hold(publish(&ring, 64, 1)).unwrap();
    drop((connection, reader));
    for number in 2..100 {
        publish(&ring, 64, number);
        assert_eq!(check(&held), Ok(1));
    }
    drop(serving);
    for number in 100..200 {
        publish(&ring, 64, number);
        assert_eq!(check(&held), Ok(1));
    }
    drop(ring);
    assert_eq!(check(&held), Ok(1));
}

#[test]
fn a_reader_sees_that_its_server_has_ended() {
    let serving = Serving::start();
    let mut connection = serving.connect();
    let address = serving.address().clone();
    assert!(connection.attach_within("s", LONG).is_err());
    drop(serving);
    assert!(matches!(connection.attach("s").map(|_| connection.turn()), Err(AttachError::Closed { .. })));
    assert!(matches!(connection.turn(), Some(SlotEvent::Closed)));
    assert!(connection.is_closed() && connection.turn().is_none());
    let gone = SlotConnection::connect(&address).unwrap_err();
    assert_eq!(gone, ConnectError::NobodyThere { address });
}

#[test]
fn attaching_does_not_wait() {
    // Nobody turns the loop yet.
    let (slots, mut slots_loop) = router_slots::Slots::listen(1).unwrap();
    let ring = ring(64, 1, 1, 1);
    slots.offer("s", &ring);
    let mut connection = SlotConnection::connect(slots.address()).unwrap();
    let request = connection.attach("s").unwrap();
    assert!(connection.turn().is_none());
    let mut answer = None;
    eventually("an answer", || {
        slots_loop.turn(Some(std::time::Duration::ZERO));
        answer = connection.turn();
        answer.is_some()
    });
    assert!(matches!(answer, Some(SlotEvent::Attached(number, _)) if number == request));
    assert_eq!((slots.counters().connections, slots.counters().attachments), (1, 1));
    drop((connection, answer));
    eventually("nobody", || {
        slots_loop.turn(Some(std::time::Duration::ZERO));
        slots.counters().connections == 0 && ring.counters().readers == 0
    });
}

#[test]
fn nothing_is_left_behind() {
    // Other tests of this process make mappings and descriptors too: a process of its own counts.
    support::processes::alone("nothing_is_left_behind", || {
        let round = || {
            let (serving, ring) = (Serving::start(), ring(64, 2, 2, 2));
            serving.offer("s", &ring);
            let (mut connection, reader) = serving.attach("s");
            let _second = connection.attach_within("s", LONG).unwrap();
            assert!(connection.attach_within("t", LONG).is_err());
            let _held = reader.hold(publish(&ring, 64, 1)).unwrap();
        };
        round();
        let before = (support::open_descriptors(), support::mappings());
        (0..20).for_each(|_| round());
        assert_eq!((support::open_descriptors(), support::mappings()), before);
        assert_eq!(before.1, 0);
    });
}

#[test]
fn what_may_be_shared_between_threads() {
    fn may<T: Send + Sync + 'static>() {}
    fn owner<T: AsRef<[u8]> + Send + Sync + 'static>() {}
    may::<SlotRing>();
    may::<SlotReader>();
    may::<SlotWriter>();
    may::<SlotConnection>();
    owner::<HeldSlot>();
}

#[test]
fn threads_hold_and_drop_while_frames_are_written() {
    let (serving, ring) = (Serving::start(), ring(8192, 4, 2, 3));
    serving.offer("s", &ring);
    let newest = std::sync::Mutex::new(publish(&ring, 8192, 0));
    let done = std::sync::atomic::AtomicBool::new(false);
    let readers: Vec<_> = (0..2).map(|_| serving.attach("s")).collect();
    std::thread::scope(|scope| {
        let (newest, done) = (&newest, &done);
        let threads: Vec<_> = readers
            .iter()
            .flat_map(|reader| [reader; 3])
            .map(|(_, reader)| {
                scope.spawn(move || {
                    let (mut read, mut last) = (0, 0);
                    while !done.load(std::sync::atomic::Ordering::Relaxed) || read == 0 {
                        let descriptor = *newest.lock().unwrap();
                        if let Ok(held) = reader.hold(descriptor) {
                            let number = check(&held).unwrap();
                            assert!(number >= last, "frame {number} after {last}");
                            last = number;
                            assert_eq!(check(&held), Ok(number));
                            read += 1;
                        }
                    }
                })
            })
            .collect();
        for number in 1..5000 {
            let descriptor = publish(&ring, 8192, number);
            *newest.lock().unwrap() = descriptor;
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        for thread in threads {
            thread.join().unwrap();
        }
    });
    ring.look_through();
    assert_eq!((ring.counters().kept, ring.counters().no_slot), (0, 0));
}
