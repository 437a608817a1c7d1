//! Peers of the same user that lie, and peers of another user.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

mod support;

use router_slots::{
    Borrower, ConnectError, Lender, LentSlot, MAX_CONNECTIONS, NotHeld, SlotAddress, SlotConnection,
    SlotDescriptor, SlotEvent, SlotRing,
};
use rustix::fd::AsFd;
use rustix::fs::SealFlags;
use rustix::io::Errno;
use std::sync::atomic::Ordering;
use std::time::Duration;
use support::processes::{Role, alone, role};
use support::raw::{Raw, attach, memory, memory_with, table};
use support::{Serving, check, eventually, fill, publish, ring};

/// A ring, offered, and a good reader that goes on reading beside whatever happens.
struct Scene {
    serving: Serving,
    ring: SlotRing,
}

impl Scene {
    fn new() -> Scene {
        let scene = Scene { serving: Serving::start(), ring: ring(4096, 2, 4, 2) };
        scene.serving.offer("s", &scene.ring);
        scene
    }

    fn raw(&self) -> Raw {
        Raw::connect(self.serving.address()).unwrap()
    }

    /// Someone who comes now is attached and reads.
    fn works(&self) {
        let (_connection, reader) = self.serving.attach("s");
        assert_eq!(check(&reader.hold(publish(&self.ring, 4096, 5)).unwrap()), Ok(5));
    }
}

#[test]
fn packets_that_mean_nothing() {
    let scene = Scene::new();
    let good = attach(1, "s");
    let mut packets = vec![b"x".to_vec(), vec![0; 1024], vec![0xff; 60_000], b"SLT2\x01\0\0\0\0s".to_vec()];
    packets.push(b"SLT1\x07\0\0\0\0".to_vec());
    packets.push(b"SLT1\x02\0\0\0\0more".to_vec());
    packets.push([&good[..], b"\xff\xfe"].concat());
    packets.push(attach(1, &"k".repeat(1025)));
    // Half messages.
    packets.extend((1..good.len() - 1).map(|len| good[..len].to_vec()));
    for (index, packet) in packets.iter().enumerate() {
        let raw = scene.raw();
        raw.send(packet, &[]).unwrap();
        assert_eq!(raw.receive(), b"", "packet {index} ends its connection");
    }
    eventually("nobody", || scene.serving.counters().connections == 0);
    assert_eq!(scene.serving.counters().malformed, packets.len() as u64);

    // An empty packet is a goodbye.
    let raw = scene.raw();
    raw.send(b"", &[]).unwrap();
    assert_eq!(raw.receive(), b"");
    assert_eq!(scene.serving.counters().malformed, packets.len() as u64);
    scene.works();
}

#[test]
fn ten_thousand_random_packets() {
    let scene = Scene::new();
    let mut random = 0x1234_5678_9abc_def1_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut raw = scene.raw();
    for _ in 0..10_000 {
        let mut packet: Vec<u8> = (0..next() % 40).map(|_| next() as u8).collect();
        if next() % 2 == 0 {
            packet.splice(0..0, *b"SLT1");
        }
        let (fd, _) = (std::io::pipe().unwrap().0, ());
        let fds = if next() % 4 == 0 { vec![fd.as_fd()] } else { vec![] };
        match raw.send(&packet, &fds) {
            Ok(()) | Err(Errno::AGAIN) => {}
            Err(_) => raw = scene.raw(),
        }
    }
    scene.works();
}

#[test]
fn descriptors_that_nobody_asked_for_are_closed() {
    alone("descriptors_that_nobody_asked_for_are_closed", || {
        let scene = Scene::new();
        let (table, _) = table();
        let fds = [table.as_fd(); 40];
        let round = || {
            let raw = scene.raw();
            raw.send(&attach(1, "nothing of this name"), &fds).unwrap();
            assert_eq!(raw.receive(), b"SLT1\x02\x01\0\0\0\x01");
            raw.send(b"SLT1\x02\x09\0\0\0", &fds).unwrap();
            raw.send(b"SLT1\x02\x09\0\0\0", &fds[..1]).unwrap();
            raw.attach(2, "s", &table).unwrap();
            assert!(!raw.receive().is_empty());
            raw.send(b"garbage", &fds).unwrap();
            eventually("read", || scene.serving.counters().malformed > 0);
            drop(raw);
            eventually("gone", || scene.serving.counters().connections == 0);
        };
        round();
        let before = support::open_descriptors();
        (0..20).for_each(|_| round());
        assert_eq!(support::open_descriptors(), before);
        scene.works();
    });
}

#[test]
fn tables_that_could_fail_are_refused() {
    let scene = Scene::new();
    let raw = scene.raw();
    let all = SealFlags::SHRINK | SealFlags::GROW | SealFlags::FUTURE_WRITE | SealFlags::SEAL;
    let refused = |request: u8| [b'S', b'L', b'T', b'1', 2, request, 0, 0, 0, 4];
    let file = tempfile::tempfile().unwrap();
    file.set_len(4096).unwrap();
    let pipe = std::io::pipe().unwrap();
    let unfit = [
        memory(4096, SealFlags::empty()),
        memory(4096, SealFlags::GROW),
        memory(4096, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL),
        memory(4096, all.difference(SealFlags::SHRINK)),
        memory(0, all),
        memory(4095, all),
        memory(1 << 40, all),
        file.into(),
        pipe.0.into(),
        raw.0.try_clone().unwrap(),
    ];
    for (index, fd) in unfit.iter().enumerate() {
        raw.attach(index as u32, "s", fd).unwrap();
        assert_eq!(raw.receive(), refused(index as u8), "descriptor {index}");
    }
    raw.send(&attach(20, "s"), &[]).unwrap();
    assert_eq!(raw.receive(), refused(20), "no descriptor");
    assert_eq!(scene.serving.counters().refused, unfit.len() as u64 + 1);
    assert_eq!(scene.ring.counters().readers, 0);

    let (table, _) = table();
    raw.attach(30, "s", &table).unwrap();
    assert_eq!(raw.receive()[4], 1);
    assert_eq!(rustix::fs::ftruncate(&table, 0), Err(Errno::PERM), "it stays as it is");
    // The number is taken.
    raw.attach(30, "s", &table).unwrap();
    eventually("malformed", || scene.serving.counters().malformed == 1);
    scene.works();
}

#[test]
fn hundreds_of_connections_are_counted_and_bounded() {
    let scene = Scene::new();
    let many: Vec<_> = (0..MAX_CONNECTIONS + 150).map(|_| scene.raw()).collect();
    eventually("the rest is turned away", || {
        let counters = scene.serving.counters();
        counters.turned_away == 150 && counters.connections == MAX_CONNECTIONS
    });
    drop(many);
    eventually("nobody", || scene.serving.counters().connections == 0);
    scene.works();
}

#[test]
fn without_a_descriptor_left_the_loop_pauses_and_goes_on() {
    alone("without_a_descriptor_left_the_loop_pauses_and_goes_on", || {
        let (slots, mut slots_loop) = router_slots::Slots::listen(1).unwrap();
        let _waiting = [(); 5].map(|()| Raw::connect(slots.address()).unwrap());
        let limit = |current| {
            let rlimit = rustix::process::Rlimit { current: Some(current), maximum: Some(4096) };
            rustix::process::setrlimit(rustix::process::Resource::Nofile, rlimit).unwrap();
        };
        // Those that are open stay so, and no new one has a number that low.
        limit(3);
        for _ in 0..50 {
            slots_loop.turn(Some(Duration::ZERO));
        }
        let counters = slots.counters();
        assert!(
            counters.turned_away < 50 && counters.turned_away >= 1,
            "it asks again and again: {counters:?}"
        );
        assert_eq!(counters.connections, 0);
        limit(4096);
        eventually("all are accepted", || {
            slots_loop.turn(Some(Duration::from_millis(10)));
            slots.counters().connections == 5
        });
    });
}

#[test]
fn one_process_attaches_to_a_bounded_number_of_rings() {
    let serving = Serving::start();
    let ring = ring(64, 1, 100, 1);
    serving.offer("s", &ring);
    let raw = Raw::connect(serving.address()).unwrap();
    let (table, _) = table();
    for request in 0..router_slots::MAX_ATTACHMENTS as u32 {
        raw.attach(request, "s", &table).unwrap();
        assert_eq!(raw.receive()[4], 1, "attached");
    }
    raw.attach(99, "s", &table).unwrap();
    assert_eq!(raw.receive(), b"SLT1\x02\x63\0\0\0\x03");
    assert_eq!(ring.counters().readers, router_slots::MAX_ATTACHMENTS);
    drop(raw);
    eventually("no reader", || ring.counters().readers == 0);
}

#[test]
fn a_peer_that_never_reads_delays_nobody() {
    let scene = Scene::new();
    let raw = scene.raw();
    let mut sent = 0;
    let deadline = std::time::Instant::now() + support::LONG;
    // Until the server reads nothing more of it: its answers find no room.
    loop {
        match raw.send(&attach(sent, "nothing of this name"), &[]) {
            Ok(()) => sent += 1,
            Err(Errno::AGAIN) => std::thread::yield_now(),
            Err(_) => break,
        }
        assert!(std::time::Instant::now() < deadline, "{sent} answers, and still room");
    }
    assert!(sent > 10);
    scene.works();
}

#[test]
fn garbage_in_a_table_costs_its_own_slots() {
    let scene = Scene::new();
    let (raw, (fd, entries)) = (scene.raw(), table());
    raw.attach(1, "s", &fd).unwrap();
    assert_eq!(raw.receive()[4], 1);
    let (_connection, reader) = scene.serving.attach("s");
    let kept = reader.hold(publish(&scene.ring, 4096, 1)).unwrap();

    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut worst = 0;
    for number in 2..5000 {
        for entry in entries {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            // For a while any slot, then any number.
            entry.store(if number / 64 % 2 == 0 { random >> 60 } else { random }, Ordering::Relaxed);
        }
        let mut writer = scene.ring.writer(4096).unwrap();
        fill(&mut writer, number);
        let held = reader.hold(writer.publish()).unwrap();
        assert_eq!((check(&held), check(&kept)), (Ok(number), Ok(1)));
        worst = worst.max(scene.ring.counters().kept);
    }
    assert_eq!(scene.ring.counters().no_slot, 0);
    // The liar's two and the one for copying, the good reader's frame, and the one it had just given back.
    assert!((2..=5).contains(&worst), "{worst} slots kept");
    drop((raw, kept));
    eventually("free at once", || {
        scene.ring.look_through();
        scene.ring.counters().kept == 0
    });
}

#[test]
fn a_reader_that_speaks_nonsense_still_holds_what_it_holds() {
    let scene = Scene::new();
    let (raw, (fd, entries)) = (scene.raw(), table());
    raw.attach(1, "s", &fd).unwrap();
    assert_eq!(raw.receive()[4], 1);
    let descriptor = publish(&scene.ring, 4096, 1);
    entries[0].store(u64::from(descriptor.slot) + 1, Ordering::SeqCst);
    raw.send(b"nonsense", &[]).unwrap();
    eventually("nonsense", || scene.serving.counters().malformed == 1);
    // It is not heard any more, but alive, and it may read.
    raw.attach(2, "s", &fd).unwrap();
    for number in 2..200 {
        assert_ne!(publish(&scene.ring, 4096, number).slot, descriptor.slot, "frame {number}");
    }
    assert_eq!((scene.serving.counters().connections, scene.ring.counters().readers), (1, 1));
    drop(raw);
    eventually("gone", || scene.ring.counters().readers == 0);
    assert_eq!(scene.ring.counters().kept, 1);
    scene.ring.look_through();
    assert_eq!(scene.ring.counters().kept, 0);
}

#[test]
fn a_fork_gives_nothing_back() {
    alone("a_fork_gives_nothing_back", || {
        let scene = Scene::new();
        let (_connection, reader) = scene.serving.attach("s");
        let held = reader.hold(publish(&scene.ring, 4096, 1)).unwrap();
        // SAFETY: the child drops two values and ends; it takes no lock that another thread could have had.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let refused = matches!(reader.hold(publish_nothing()), Err(NotHeld::Forked));
            drop(held);
            // SAFETY: ends the child here.
            unsafe { libc::_exit(if refused { 0 } else { 1 }) };
        }
        let mut status = 0;
        // SAFETY: our child, not waited for yet.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0);
        for number in 2..100 {
            publish(&scene.ring, 4096, number);
            assert_eq!(check(&held), Ok(1), "after frame {number}");
        }
        assert_eq!(scene.ring.counters().kept, 1);
    });

    fn publish_nothing() -> SlotDescriptor {
        SlotDescriptor { slot: 0, len: 0, stamp: 1 }
    }
}

#[test]
fn another_user_is_turned_away_on_both_sides() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not tested: only root can start a process of another user");
        return;
    }
    // Another user comes to us.
    let scene = Scene::new();
    let mut stranger = Role::start(&["stranger", scene.serving.address().as_str()]);
    assert!(stranger.0.wait().unwrap().success());
    assert_eq!(scene.serving.counters().strangers, 2);
    assert_eq!(scene.serving.counters().connections, 0);
    scene.works();
}

#[test]
fn a_server_that_lies_is_left() {
    let all = SealFlags::SHRINK | SealFlags::GROW | SealFlags::FUTURE_WRITE | SealFlags::SEAL;
    let attached = |slots: u32, held: u32, largest: u64| {
        let numbers =
            [&0_u32.to_le_bytes()[..], &slots.to_le_bytes(), &held.to_le_bytes(), &largest.to_le_bytes()];
        [b"SLT1\x01", &numbers.concat()[..]].concat()
    };
    // Two slots of a page, behind a page of headers.
    let good = attached(2, 1, 4096);
    // Of these, the first has a frame that is longer than it, and the second one of its size.
    let headers = [(0, 1), (8, 5000), (128, 2), (136, 4096)];
    let whole = || Some(memory_with(3 * 4096, all, &headers));
    let page = || Some(memory(4096, all));
    let address: SlotAddress = format!("one-liner-slots.liar.{}", std::process::id()).parse().unwrap();
    let server = Raw::listen(&address);
    for (index, (packet, fd, fits)) in [
        (good.clone(), whole(), true),
        (good.clone(), None, false),
        (good.clone(), page(), false),
        (good.clone(), Some(memory(1 << 30, all)), false),
        (good.clone(), Some(memory(3 * 4096, all.difference(SealFlags::SHRINK))), false),
        (good.clone(), Some(memory(3 * 4096, all.difference(SealFlags::FUTURE_WRITE))), false),
        (good.clone(), Some(tempfile::tempfile().unwrap().into()), false),
        (attached(3, 1, 4096), whole(), false),
        (attached(0, 1, 4096), whole(), false),
        (attached(u32::MAX, 1, 4096), whole(), false),
        (attached(2, 0, 4096), whole(), false),
        (attached(2, 512, 4096), whole(), false),
        (attached(2, 1, 0), whole(), false),
        (attached(2, 1, 4097), whole(), false),
        (attached(2, 1, u64::MAX), whole(), false),
        (attached(2, 1, u64::MAX / 2 - 10_000), whole(), false),
        (good[..good.len() - 1].to_vec(), whole(), false),
        (b"SLT1\x02\x09\0\0\0\x01".to_vec(), None, false), // an answer to what was not asked
        (vec![0xff; 5000], None, false),
        (b"".to_vec(), None, false),
    ]
    .into_iter()
    .enumerate()
    {
        let mut connection = SlotConnection::connect(&address).unwrap();
        connection.attach("s").unwrap();
        let peer = server.accept();
        assert_eq!(peer.receive(), attach(0, "s"));
        peer.send(&packet, &fd.iter().map(|fd| fd.as_fd()).collect::<Vec<_>>()).unwrap();
        let mut event = None;
        eventually("an event", || {
            event = connection.turn();
            event.is_some()
        });
        match event {
            Some(SlotEvent::Attached(0, reader)) if fits => {
                let hold = |slot, len, stamp| reader.hold(SlotDescriptor { slot, len, stamp });
                assert_eq!(hold(1, 4096, 1).unwrap_err(), NotHeld::Lost);
                assert_eq!(hold(0, 5000, 1).unwrap_err(), NotHeld::NoSuchSlot);
                assert_eq!(hold(0, 4096, 1).unwrap_err(), NotHeld::NoSuchSlot);
                assert_eq!(hold(1, 4096, 2).unwrap().len(), 4096);
            }
            Some(SlotEvent::Closed) if !fits => {
                assert!(connection.is_closed() && connection.turn().is_none());
                assert!(connection.attach("s").is_err());
                assert_eq!(connection.counters().rings, 0);
            }
            other => panic!("answer {index}: {other:?}"),
        }
    }
}

/// Not a test of its own: what the children of the tests above do.
#[test]
#[ignore = "runs as a child of other tests"]
fn child() {
    let Some(role) = role() else { return };
    match &role.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["stranger", address] => {
            let address: SlotAddress = address.parse().unwrap();
            let nobody = rustix::process::Uid::from_raw(65_534);
            // Of this thread alone, which is the one that connects.
            rustix::thread::set_thread_uid(nobody).unwrap();
            let refused = SlotConnection::connect(&address).unwrap_err();
            assert_eq!(refused, ConnectError::AnotherUser { address: address.clone() });
            // One that does not look who listens is not heard.
            let raw = Raw::connect(&address).unwrap();
            let _ = raw.attach(1, "s", table().0);
            assert_eq!(raw.receive(), b"");
        }
        other => panic!("no such role: {other:?}"),
    }
}
