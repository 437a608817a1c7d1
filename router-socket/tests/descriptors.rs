//! What the build of libzmq knows of the platform, checked on the live descriptors of this process (Linux).
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // clippy lets tests unwrap, and counts helpers of tests as something else

mod waiting;

use router_socket::{Context, Socket, SocketEvent, SocketKind, has, mailbox, version};
use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::sync::{Mutex, MutexGuard};
use waiting::{any_port, event, receive_bytes, send};

/// The descriptors belong to the process, and tests of one file share it.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Returns what each descriptor of this process is: `socket:[4711]`, `anon_inode:[eventfd]`, ...
fn descriptors() -> BTreeMap<RawFd, String> {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap();
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let target = std::fs::read_link(entry.path()).ok()?; // the folder's own descriptor is gone
            let fd = entry.file_name().to_str()?.parse().ok()?;
            Some((fd, target.to_string_lossy().into_owned()))
        })
        .collect()
}

fn count_eventfds() -> usize {
    descriptors().values().filter(|target| *target == "anon_inode:[eventfd]").count()
}

fn option_of(fd: RawFd, level: i32, option: i32) -> i32 {
    let mut value = 0_i32;
    let mut size = size_of::<i32>() as libc::socklen_t;
    // SAFETY: room for an int; a descriptor that is not a socket gives an error.
    let status = unsafe { libc::getsockopt(fd, level, option, (&raw mut value).cast(), &mut size) };
    assert_eq!(status, 0, "{}", std::io::Error::last_os_error());
    value
}

/// A ROUTER and a DEALER that have exchanged a message, and the descriptor of the ROUTER's end.
fn connected_pair(context: &Context) -> (Socket, Socket, RawFd) {
    let mut router = context.socket(SocketKind::Router).unwrap();
    let mut monitor = router.monitor().unwrap();
    let endpoint = router.bind(&any_port()).unwrap();
    let mut dealer = context.socket(SocketKind::Dealer).unwrap();
    dealer.connect(&endpoint).unwrap();
    send(&mut dealer, &[b"hello"]);
    assert_eq!(waiting::receive(&mut router).len(), 2);
    let fd = event(&mut monitor, |event| match event {
        SocketEvent::Accepted { fd } => Some(*fd),
        _ => None,
    });
    (router, dealer, fd)
}

#[test]
fn libzmq_is_4_3_5_with_curve_and_ipc() {
    assert_eq!(version(), (4, 3, 5));
    assert!(has("ipc"));
    assert_eq!(has("curve"), cfg!(feature = "curve"));
    assert!(!has("no such thing"));
}

#[test]
fn signalers_are_eventfds() {
    let _alone = alone();
    let before = count_eventfds();
    let context = Context::new(1).unwrap();
    let sockets: Vec<_> = (0..10).map(|_| context.socket(SocketKind::Dealer).unwrap()).collect();
    let with_sockets = count_eventfds();
    assert!(with_sockets >= before + 10, "{before} eventfds before, {with_sockets} with ten sockets");
    let _mailbox = mailbox::<()>(&context, None).unwrap();
    assert_eq!(count_eventfds(), with_sockets + 1, "the wake-up of a mailbox");
    drop(sockets);
}

#[test]
fn keepalive_reaches_the_kernel_at_both_ends() {
    let _alone = alone();
    let context = Context::new(1).unwrap();
    let (_router, dealer, accepted) = connected_pair(&context);
    let mut ends = 0;
    let is_tcp = |fd| {
        let mut size = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        // SAFETY: all zero is a valid address, and there is room for the largest.
        unsafe {
            let mut peer: libc::sockaddr_storage = std::mem::zeroed();
            libc::getpeername(fd, (&raw mut peer).cast(), &mut size) == 0
                && i32::from(peer.ss_family) == libc::AF_INET
        }
    };
    for (fd, target) in descriptors() {
        if target.starts_with("socket:") && is_tcp(fd) {
            ends += 1;
            assert_eq!(option_of(fd, libc::SOL_SOCKET, libc::SO_KEEPALIVE), 1);
            assert_eq!(option_of(fd, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE), 1);
            assert_eq!(option_of(fd, libc::IPPROTO_TCP, libc::TCP_KEEPINTVL), 1);
            assert_eq!(option_of(fd, libc::IPPROTO_TCP, libc::TCP_KEEPCNT), 3);
            assert_eq!(option_of(fd, libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT), 3000, "[ms]");
        }
    }
    assert_eq!(ends, 2);
    assert!(is_tcp(accepted), "the monitor names the descriptor of the connection");
    drop(dealer);
}

#[test]
fn a_child_process_inherits_no_descriptor() {
    let _alone = alone();
    let before = descriptors();
    let context = Context::new(2).unwrap();
    let (_router, _dealer, _) = connected_pair(&context);
    let _mailbox = mailbox::<()>(&context, None).unwrap();
    let ours: Vec<_> = descriptors().into_iter().filter(|(fd, _)| !before.contains_key(fd)).collect();
    assert!(ours.len() >= 8, "{ours:?}");
    for (fd, target) in ours {
        // SAFETY: reads a flag; fails for a descriptor that was closed.
        let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
        assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC, "descriptor {fd}, {target}");
    }
}

#[test]
fn threads_of_libzmq_have_names() {
    let _alone = alone();
    let context = Context::new(1).unwrap();
    let mut pair = context.socket(SocketKind::Pair).unwrap(); // starts the threads
    let endpoint = pair.bind(&router_socket::Endpoint::unique_inproc("names")).unwrap();
    let mut other = context.socket(SocketKind::Pair).unwrap();
    other.connect(&endpoint).unwrap();
    send(&mut other, &[b"x"]);
    assert_eq!(receive_bytes(&mut pair), b"x");
    waiting::until("a thread named ZMQbg/IO/0", || {
        std::fs::read_dir("/proc/self/task").unwrap().find_map(|task| {
            let name = std::fs::read_to_string(task.ok()?.path().join("comm")).ok()?;
            (name.trim() == "ZMQbg/IO/0").then_some(())
        })
    });
}
