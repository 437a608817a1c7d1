//! How many frames a second go through slots: `cargo bench -p router-slots`.
//!
//! The publisher writes every byte of every frame (a copy of one that it has), each reader is a process of its own that
//! reads every byte, and descriptors go over a Unix datagram socket each, which makes the publisher wait for a reader
//! that is 10 descriptors behind: every frame is read by every reader. Each row once free, once with all processes on
//! core 0. What a frame costs all processes together is in the last columns: it depends less on what else runs here.

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn main() {
    println!("this platform has no slots");
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn main() {
    linux::main();
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod linux {
    use router_slots::{
        Borrower, Lender, LentSlot, NotHeld, RingSize, SlotConnection, SlotDescriptor, SlotRing, Slots,
    };
    use std::hint::black_box;
    use std::os::unix::net::UnixDatagram;
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    const SMALL: usize = 1920 * 1080;
    const LARGE: usize = 4096 * 3000;
    const SECONDS: f64 = 1.5;

    pub(super) fn main() {
        let args: Vec<String> = std::env::args().skip(1).collect();
        if let [role, address, path] = &args[..]
            && role == "reader"
        {
            return read(address, Path::new(path));
        }
        alone();
        println!("each reader reading every byte: frames/s    free   pinned    CPU/frame    free   pinned");
        for (bytes, readers) in [(SMALL, 1), (SMALL, 4), (LARGE, 1), (LARGE, 4)] {
            let [free, pinned] = [false, true].map(|pinned| frames_per_s(bytes, readers, pinned));
            println!(
                "{:>6.2} MB, readers: {readers}  {:>26.0} {:>8.0} {:>17.0} us {:>5.0} us",
                bytes as f64 / 1e6,
                free.0,
                pinned.0,
                free.1,
                pinned.1
            );
        }
    }

    /// What each step costs.
    fn alone() {
        let size = RingSize { largest_bytes: LARGE, depth: 4, readers: 1, held: 2 };
        let ring = SlotRing::create(size).expect("a ring");
        let (slots, slots_loop) = Slots::listen(0).expect("a socket");
        slots.offer("s", &ring);
        let thread = std::thread::spawn(|| slots_loop.run());
        let mut connection = SlotConnection::connect(slots.address()).expect("the loop listens");
        let reader = connection.attach_within("s", Duration::from_secs(5)).expect("a reader");

        let begin = Instant::now();
        ring.prefault(usize::MAX).expect("memory");
        let first = begin.elapsed() / ring.counters().slots as u32;
        println!(
            "the first use of a slot of {:.1} MB: {:.1} ms",
            LARGE as f64 / 1e6,
            first.as_secs_f64() * 1e3
        );

        let step = |name: &str, times: u32, f: &mut dyn FnMut()| {
            (0..times / 10).for_each(|_| f());
            let begin = Instant::now();
            (0..times).for_each(|_| f());
            println!("{name}: {:.3} us", begin.elapsed().as_secs_f64() * 1e6 / f64::from(times));
        };
        step("a writer and publish, 8 bytes", 100_000, &mut || {
            let mut writer = ring.writer(8).expect("a slot");
            writer.fill(1);
            black_box(writer.publish());
        });
        let descriptor = ring.writer(8).expect("a slot").publish();
        step("hold and give back", 1_000_000, &mut || drop(black_box(reader.hold(descriptor))));
        let lost = SlotDescriptor { stamp: 1, ..descriptor };
        step("find that a frame is lost", 1_000_000, &mut || {
            assert!(matches!(reader.hold(lost), Err(NotHeld::Lost)));
        });
        for (bytes, times) in [(SMALL, 2000), (LARGE, 200)] {
            let source = vec![7; bytes];
            let mut to = vec![vec![0; bytes]; 5];
            let megabytes = bytes as f64 / 1e6;
            // As many as the ring goes round in.
            step(&format!("memcpy of {megabytes:.2} MB to one of 5 places"), times, &mut || {
                to.rotate_left(1);
                to[0].copy_from_slice(black_box(&source));
                black_box(&mut to);
            });
            step(&format!("writer, memcpy of {megabytes:.2} MB, publish"), times, &mut || {
                let mut writer = ring.writer(bytes).expect("a slot");
                writer.copy_from_slice(black_box(&source));
                black_box(writer.publish());
            });
        }
        drop(slots);
        thread.join().expect("the loop ends");
    }

    /// The processor time of this process and of the children that have ended [us].
    fn cpu_us() -> f64 {
        [libc::RUSAGE_SELF, libc::RUSAGE_CHILDREN]
            .map(|who| {
                // SAFETY: all zero is a value of it, and the system writes one.
                let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
                // SAFETY: the system writes into what is borrowed here.
                assert_eq!(unsafe { libc::getrusage(who, &raw mut usage) }, 0);
                [usage.ru_utime, usage.ru_stime]
                    .map(|t| t.tv_sec as f64 * 1e6 + t.tv_usec as f64)
                    .iter()
                    .sum::<f64>()
            })
            .iter()
            .sum()
    }

    /// Returns frames a second, and what one costs all processes together [us].
    fn frames_per_s(bytes: usize, readers: usize, pinned: bool) -> (f64, f64) {
        let every = rustix::thread::sched_getaffinity(None).expect("the cores of this process");
        if pinned {
            let mut first = rustix::thread::CpuSet::new();
            first.set(0);
            rustix::thread::sched_setaffinity(None, &first).expect("core 0");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let ring =
            SlotRing::create(RingSize { largest_bytes: bytes, depth: 16, readers, held: 2 }).expect("a ring");
        ring.prefault(18).expect("memory");
        let (slots, slots_loop) = Slots::listen(0).expect("a socket");
        slots.offer("s", &ring);
        let thread = std::thread::spawn(|| slots_loop.run());
        let mut children = Vec::new();
        let mut outlets = Vec::new();
        for index in 0..readers {
            let path = folder.path().join(index.to_string());
            let child = Command::new(std::env::current_exe().expect("this program"))
                .args(["reader", slots.address().as_str(), path.to_str().expect("plain")])
                .stdout(Stdio::piped())
                .spawn()
                .expect("a child");
            children.push(child);
            let outlet = UnixDatagram::unbound().expect("a socket");
            let deadline = Instant::now() + Duration::from_secs(20);
            // Bound once it is attached.
            while outlet.connect(&path).is_err() {
                assert!(Instant::now() < deadline, "reader {index} is not ready");
                std::thread::sleep(Duration::from_millis(1));
            }
            outlets.push(outlet);
        }

        let source: Vec<u8> = (0..bytes).map(|index| index as u8).collect();
        let publish = |times: usize| {
            for _ in 0..times {
                let mut writer = ring.writer(bytes).expect("a slot");
                writer.copy_from_slice(&source);
                let descriptor = writer.publish().encode();
                outlets.iter().for_each(|outlet| drop(outlet.send(&descriptor)));
            }
        };
        // Until readers have mapped every slot.
        let cpu = cpu_us();
        publish(100);
        let begin = Instant::now();
        let mut frames = 0;
        while begin.elapsed().as_secs_f64() < SECONDS {
            publish(10);
            frames += 10;
        }
        for outlet in &outlets {
            outlet.send(&[]).expect("the end");
        }
        for child in children {
            let said = child.wait_with_output().expect("the child ends").stdout;
            let said = String::from_utf8(said).expect("numbers");
            let expected = format!("{} frames, 0 lost", frames + 100);
            assert_eq!(said.trim(), expected, "every reader reads every frame");
        }
        let rate = f64::from(frames) / begin.elapsed().as_secs_f64();
        let cpu_us = (cpu_us() - cpu) / f64::from(frames + 100);
        drop(slots);
        thread.join().expect("the loop ends");
        rustix::thread::sched_setaffinity(None, &every).expect("all cores");
        (rate, cpu_us)
    }

    /// A reader: until an empty descriptor.
    fn read(address: &str, path: &Path) {
        let mut connection =
            SlotConnection::connect(&address.parse().expect("an address")).expect("a server");
        let reader = connection.attach_within("s", Duration::from_secs(5)).expect("a ring");
        let inlet = UnixDatagram::bind(path).expect("a socket");
        let (mut frames, mut lost, mut bytes) = (0, 0, [0; SlotDescriptor::BYTES]);
        loop {
            let len = inlet.recv(&mut bytes).expect("a descriptor");
            let Some(descriptor) = SlotDescriptor::decode(&bytes[..len]) else { break };
            match reader.hold(descriptor) {
                Ok(frame) => {
                    frames += 1;
                    black_box(sum(&frame));
                }
                Err(_) => lost += 1,
            }
        }
        println!("{frames} frames, {lost} lost");
    }

    /// Reads every byte.
    fn sum(bytes: &[u8]) -> u64 {
        let words = bytes.chunks_exact(8);
        let rest: u64 = words.remainder().iter().map(|&byte| u64::from(byte)).sum();
        words.fold(rest, |sum, word| sum.wrapping_add(u64::from_le_bytes(word.try_into().expect("8 bytes"))))
    }
}
