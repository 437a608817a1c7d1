//! Publishers and readers that are killed or stopped at any moment, 500 of them: no frame is torn, nothing leaks,
//! nobody stalls.
//!
//! Every frame is filled with a pattern of its number. A reader looks at every byte when it begins to hold a frame, and
//! again when it ends to. A child that finds a wrong byte panics; so does its test when it finds it gone.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

mod support;

use router_slots::{
    Borrower, HeldSlot, Lender, LentSlot, NotHeld, SlotAddress, SlotConnection, SlotDescriptor, SlotEvent,
    SlotReader,
};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::processes::{Role, alone, role};
use support::{LONG, Serving, check, eventually, fill, ring};

const READERS_KILLED: usize = 300;
const PUBLISHERS_KILLED: usize = 200;

/// Of frames in these tests [bytes]: some pages, and not whole ones.
const FRAME: usize = 40_001;

/// How many frames each reader holds.
const HELD: usize = 3;

#[test]
fn readers_killed_at_any_moment() {
    alone("readers_killed_at_any_moment", || {
        let folder = tempfile::tempdir().unwrap();
        let (serving, ring) = (Serving::start(), ring(FRAME, 4, 4, HELD));
        serving.offer("s", &ring);
        let mut report = Report::new(folder.path());
        let paths: Vec<PathBuf> = (0..3).map(|index| folder.path().join(format!("reader{index}"))).collect();
        let start = |index: usize| {
            let path = paths[index].to_str().unwrap();
            Role::start(&[
                "reader",
                serving.address().as_str(),
                path,
                report_path(folder.path()).to_str().unwrap(),
            ])
        };
        let (done, slowest) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            let end = SetOnDrop(&done);
            scope.spawn(|| publish_until(&done, &ring, &paths, &slowest));
            let mut witness = start(0);
            report.wait_for("reader0 verified");
            let open = support::open_descriptors();

            let mut had_begun = 0;
            for index in 0..READERS_KILLED {
                let name = 1 + index % 2;
                let mut victim = start(name);
                // From before it runs to after it has held a few frames.
                if index % 3 == 0 {
                    report.wait_for(&format!("reader{name} verified"));
                    had_begun += 1;
                }
                std::thread::sleep(Duration::from_micros((index as u64 * 373) % 9000));
                assert_eq!(victim.0.try_wait().unwrap(), None, "victim {index} ended by itself");
                victim.kill();
                report.forget();
            }
            assert!(had_begun >= 100);
            report.wait_for("reader0 verified");
            assert_eq!(witness.0.try_wait().unwrap(), None, "the witness ended by itself");
            eventually("dead readers are gone", || {
                ring.counters().readers == 1 && serving.counters().connections == 1
            });
            eventually("descriptors are closed", || support::open_descriptors() == open);
            witness.kill();
            drop(end);
        });
        eventually("what dead readers held is free", || {
            ring.look_through();
            let counters = ring.counters();
            counters.readers == 0 && counters.kept == 0
        });
        let counters = ring.counters();
        assert_eq!((counters.no_slot, counters.writing), (0, 0), "{counters:?}");
        assert!(counters.frames > 1000, "{counters:?}");
        assert_eq!(serving.counters().malformed, 0);
        let slowest = Duration::from_micros(slowest.load(Ordering::Relaxed));
        assert!(slowest < Duration::from_secs(2), "the publisher waited {slowest:?} for a slot");
        println!("{} frames, slowest slot {slowest:?}, {counters:?}", counters.frames);
    });
}

#[test]
fn publishers_killed_at_any_moment() {
    alone("publishers_killed_at_any_moment", || {
        let folder = tempfile::tempdir().unwrap();
        let mut report = Report::new(folder.path());
        let paths: Vec<PathBuf> = (0..2).map(|index| folder.path().join(format!("reader{index}"))).collect();
        let before = support::open_descriptors();
        let (attached, verified, survived) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            let tallies = [&attached, &verified, &survived];
            let readers: Vec<_> = paths
                .iter()
                .map(|path| {
                    let (sender, addresses) = std::sync::mpsc::channel();
                    (sender, scope.spawn(move || read_of_many(path, &addresses, tallies)))
                })
                .collect();
            for index in 0..PUBLISHERS_KILLED {
                let mut publisher = Role::start(&["publisher", folder.path().to_str().unwrap()]);
                // Every fourth is killed before anybody could know of it.
                if index % 4 != 0 {
                    let address: SlotAddress = report.wait_for("address").parse().unwrap();
                    for (sender, _) in &readers {
                        sender.send(address.clone()).unwrap();
                    }
                }
                std::thread::sleep(Duration::from_micros((index as u64 * 619) % 12_000));
                assert_eq!(publisher.0.try_wait().unwrap(), None, "publisher {index} ended by itself");
                publisher.kill();
                report.forget();
            }
            for (sender, thread) in readers {
                drop(sender);
                thread.join().unwrap();
            }
        });
        let tallies = [&attached, &verified, &survived].map(|tally| tally.load(Ordering::Relaxed));
        println!("attached, frames verified, frames held when a publisher died: {tallies:?}");
        assert!(tallies.iter().all(|&tally| tally > 20), "{tallies:?}");
        eventually("nothing is left", || support::open_descriptors() == before && support::mappings() == 0);
    });
}

#[test]
fn a_stopped_reader_keeps_its_frames_and_delays_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (serving, ring) = (Serving::start(), ring(FRAME, 4, 2, HELD));
    serving.offer("s", &ring);
    let mut report = Report::new(folder.path());
    let path = folder.path().join("reader0");
    let report_path = report_path(folder.path());
    let (done, slowest) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let end = SetOnDrop(&done);
        let paths = std::slice::from_ref(&path);
        scope.spawn(|| publish_until(&done, &ring, paths, &slowest));
        let mut stopped = Role::start(&[
            "reader",
            serving.address().as_str(),
            path.to_str().unwrap(),
            report_path.to_str().unwrap(),
        ]);
        report.wait_for("reader0 verified");
        stopped.signal(libc::SIGSTOP);
        let before = ring.counters().frames;
        eventually("frames go on", || ring.counters().frames > before + 3000);
        let counters = ring.counters();
        assert_eq!((counters.no_slot, counters.readers), (0, 1), "{counters:?}");
        assert!(counters.kept <= HELD + 1, "{counters:?}");
        report.forget();
        stopped.signal(libc::SIGCONT);
        // It looks at what it held all the time, and would have ended.
        report.wait_for("reader0 verified");
        report.wait_for("reader0 verified");
        assert_eq!(stopped.0.try_wait().unwrap(), None, "the reader ended by itself");
        drop(end);
    });
    assert!(slowest.load(Ordering::Relaxed) < 2_000_000);
}

/// Not a test of its own: what the children of the tests above do.
#[test]
#[ignore = "runs as a child of other tests"]
fn child() {
    let Some(role) = role() else { return };
    match &role.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["reader", address, path, report] => reader(address, Path::new(path), Path::new(report)),
        ["publisher", folder] => publisher(Path::new(folder)),
        other => panic!("no such role: {other:?}"),
    }
}

/// Publishes as fast as it can until told to end.
fn publish_until(
    done: &AtomicBool,
    ring: &router_slots::SlotRing,
    paths: &[PathBuf],
    slowest_us: &AtomicU64,
) {
    let outlet = UnixDatagram::unbound().unwrap();
    outlet.set_nonblocking(true).unwrap();
    for number in 1.. {
        if done.load(Ordering::Relaxed) {
            return;
        }
        let begin = Instant::now();
        let mut writer = ring.writer(FRAME).expect("there is always a slot");
        slowest_us.fetch_max(begin.elapsed().as_micros() as u64, Ordering::Relaxed);
        fill(&mut writer, number);
        let descriptor = writer.publish().encode();
        for path in paths {
            // Nobody there, or a reader that is behind: its loss.
            let _ = outlet.send_to(&descriptor, path);
        }
    }
}

/// The child that reads one ring until it is killed.
fn reader(address: &str, path: &Path, report: &Path) {
    let inlet = inlet(path);
    let outlet = UnixDatagram::unbound().unwrap();
    outlet.set_nonblocking(true).unwrap();
    let mut connection = SlotConnection::connect(&address.parse().unwrap()).unwrap();
    let slots = connection.attach_within("s", LONG).unwrap();
    let mut reading = Reading::new(slots);
    let name = path.file_name().unwrap().to_str().unwrap();
    let mut reported = 0;
    while let Some(descriptor) = receive(&inlet) {
        reading.take(descriptor);
        // When it holds as many as it may, which it goes on doing.
        if reading.verified > reported && reading.held.len() == HELD {
            let sent = outlet.send_to(format!("{name} verified").as_bytes(), report);
            reported = if sent.is_ok() { reading.verified + 50 } else { reported };
        }
    }
}

/// The child that publishes one ring until it is killed.
fn publisher(folder: &Path) {
    let (slots, slots_loop) = router_slots::Slots::listen(1).unwrap();
    let ring = ring(FRAME, 4, 4, HELD);
    slots.offer("s", &ring);
    std::thread::spawn(|| slots_loop.run());
    let outlet = UnixDatagram::unbound().unwrap();
    outlet.send_to(format!("address {}", slots.address()).as_bytes(), report_path(folder)).unwrap();
    let paths: Vec<PathBuf> = (0..2).map(|index| folder.join(format!("reader{index}"))).collect();
    publish_until(&AtomicBool::new(false), &ring, &paths, &AtomicU64::new(0));
}

/// Reads of one publisher after another, until there are no more.
fn read_of_many(path: &Path, addresses: &std::sync::mpsc::Receiver<SlotAddress>, tallies: [&AtomicU64; 3]) {
    let inlet = inlet(path);
    inlet.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let [attached, verified, survived] = tallies;
    for address in addresses {
        let Ok(mut connection) = SlotConnection::connect(&address) else { continue };
        let Ok(slots) = connection.attach_within("s", LONG) else { continue };
        attached.fetch_add(1, Ordering::Relaxed);
        let mut reading = Reading::new(slots);
        let deadline = Instant::now() + LONG;
        while !matches!(connection.turn(), Some(SlotEvent::Closed)) {
            if let Some(descriptor) = receive(&inlet) {
                reading.take(descriptor);
            }
            assert!(Instant::now() < deadline, "the dead publisher was not noticed");
        }
        verified.fetch_add(reading.verified, Ordering::Relaxed);
        survived.fetch_add(reading.held.len() as u64, Ordering::Relaxed);
        drop(connection);
        reading.end();
    }
}

/// The frames that one reader holds, the oldest first.
struct Reading {
    slots: SlotReader,
    held: VecDeque<(HeldSlot, u64)>,
    verified: u64,
}

impl Reading {
    fn new(slots: SlotReader) -> Reading {
        Reading { slots, held: VecDeque::new(), verified: 0 }
    }

    fn take(&mut self, descriptor: SlotDescriptor) {
        if self.held.len() == HELD {
            self.end_oldest();
        }
        match self.slots.hold(descriptor) {
            Ok(held) => {
                let number = check(&held).expect("a frame that is begun to be held is whole");
                assert_eq!(held.len(), FRAME);
                self.held.push_back((held, number));
                self.verified += 1;
            }
            Err(NotHeld::Lost) => {}
            Err(e) => panic!("{e}"),
        }
    }

    fn end_oldest(&mut self) {
        if let Some((held, number)) = self.held.pop_front() {
            assert_eq!(check(&held), Ok(number), "it stayed as it was");
        }
    }

    fn end(mut self) {
        while !self.held.is_empty() {
            self.end_oldest();
        }
    }
}

fn inlet(path: &Path) -> UnixDatagram {
    // Of the one before, which was killed.
    let _ = std::fs::remove_file(path);
    let inlet = UnixDatagram::bind(path).unwrap();
    inlet.set_read_timeout(Some(LONG)).unwrap();
    inlet
}

fn receive(inlet: &UnixDatagram) -> Option<SlotDescriptor> {
    let mut bytes = [0; SlotDescriptor::BYTES];
    // A wait with a time limit is interrupted when the process goes on after SIGSTOP (signal(7)).
    let received = loop {
        match inlet.recv(&mut bytes) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            received => break received,
        }
    };
    match received {
        Ok(len) => Some(SlotDescriptor::decode(&bytes[..len]).unwrap()),
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
        Err(e) => panic!("{e}"),
    }
}

fn report_path(folder: &Path) -> PathBuf {
    folder.join("report")
}

/// What children say.
struct Report(UnixDatagram);

impl Report {
    fn new(folder: &Path) -> Report {
        let inlet = UnixDatagram::bind(report_path(folder)).unwrap();
        inlet.set_read_timeout(Some(LONG)).unwrap();
        Report(inlet)
    }

    /// Waits for a line that begins so, and returns the rest.
    fn wait_for(&mut self, start: &str) -> String {
        let mut bytes = [0; 200];
        let deadline = Instant::now() + LONG;
        loop {
            let len = self.0.recv(&mut bytes).unwrap_or_else(|e| panic!("no `{start}`: {e}"));
            let line = str::from_utf8(&bytes[..len]).unwrap();
            if let Some(rest) = line.strip_prefix(start) {
                return rest.trim().to_owned();
            }
            assert!(Instant::now() < deadline, "no `{start}`");
        }
    }

    /// Forgets what was said until now.
    fn forget(&mut self) {
        self.0.set_nonblocking(true).unwrap();
        while self.0.recv(&mut [0; 200]).is_ok() {}
        self.0.set_nonblocking(false).unwrap();
    }
}

/// So that a thread ends also when its test fails.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
