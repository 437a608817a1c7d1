//! Frames carry bytes by reference, and drop what they carry once.

#![allow(clippy::unwrap_used)] // clippy lets tests unwrap, and counts helpers of tests as something else

mod waiting;

use proptest::prelude::*;
use router_socket::{Context, Endpoint, Frame, Socket, SocketKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use waiting::{receive, until};

/// Bytes that count how often they are dropped.
struct Counted {
    bytes: Vec<u8>,
    drops: Arc<AtomicUsize>,
}

impl Counted {
    fn new(length: usize) -> (Counted, Arc<AtomicUsize>) {
        let drops = Arc::new(AtomicUsize::new(0));
        (Counted { bytes: vec![42; length], drops: Arc::clone(&drops) }, drops)
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.drops.fetch_add(1, Ordering::SeqCst);
    }
}

fn inproc_pair(context: &Context) -> (Socket, Socket) {
    let receiver = context.socket(SocketKind::Pair).unwrap();
    let endpoint = receiver.bind(&Endpoint::unique_inproc("frames")).unwrap();
    let sender = context.socket(SocketKind::Pair).unwrap();
    sender.connect(&endpoint).unwrap();
    (sender, receiver)
}

#[test]
fn an_owner_is_dropped_once_with_the_last_reference() {
    let (owner, drops) = Counted::new(100_000);
    let address = owner.bytes.as_ptr();
    let frame = Frame::from_owner(owner);
    assert_eq!(frame.as_ptr(), address);
    let second = frame.shared();
    let third = second.shared();
    drop(frame);
    drop(third);
    assert_eq!(drops.load(Ordering::SeqCst), 0);
    assert_eq!((second.len(), second.as_ptr()), (100_000, address));
    drop(second);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn inproc_passes_references() {
    let context = Context::new(1).unwrap();
    let (mut sender, mut receiver) = inproc_pair(&context);
    let (owner, drops) = Counted::new(100_000);
    let frame = Frame::from_owner(owner);
    let address = frame.as_ptr();
    sender.try_send(frame.shared(), true).unwrap();
    sender.try_send(frame, false).unwrap();
    let frames = receive(&mut receiver);
    assert_eq!(frames.len(), 2);
    assert!(frames.iter().all(|frame| frame.as_ptr() == address && frame.len() == 100_000));
    assert_eq!(drops.load(Ordering::SeqCst), 0);
    drop(frames);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn an_owner_that_goes_over_the_network_is_dropped_once() {
    let context = Context::new(1).unwrap();
    let mut receiver = context.socket(SocketKind::Router).unwrap();
    let endpoint = receiver.bind(&waiting::any_port()).unwrap();
    let mut sender = context.socket(SocketKind::Dealer).unwrap();
    sender.connect(&endpoint).unwrap();
    let (owner, drops) = Counted::new(1_000_000);
    sender.try_send(Frame::from_owner(owner), false).unwrap();
    let frames = receive(&mut receiver);
    assert_eq!(frames[1].len(), 1_000_000);
    assert!(frames[1].iter().all(|byte| *byte == 42));
    until("the sender's owner is dropped", || (drops.load(Ordering::SeqCst) == 1).then_some(()));
}

#[test]
fn a_refused_frame_comes_back_unchanged() {
    let context = Context::new(1).unwrap();
    let mut dealer = context.socket(SocketKind::Dealer).unwrap(); // connected to nothing
    let (owner, drops) = Counted::new(1_000);
    let refused = dealer.try_send(Frame::from_owner(owner), false).unwrap_err();
    assert!(matches!(refused.reason, router_socket::SendRefusal::Full));
    assert_eq!(&*refused.frame, &[42; 1_000]);
    assert_eq!(
        refused.to_string(),
        "failed to send a frame of 1000 bytes: the queue is full or there is no connection"
    );
    drop(refused);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn threads_share_one_frame() {
    let (owner, drops) = Counted::new(1_000);
    let frame = Frame::from_owner(owner);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    let shared = frame.shared();
                    assert_eq!(shared[999], 42);
                }
            });
        }
    });
    drop(frame);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn a_vec_is_not_copied() {
    let bytes = {
        let mut bytes = Vec::with_capacity(5_000); // more than it needs
        bytes.extend([7; 4_000]);
        bytes
    };
    let address = bytes.as_ptr();
    let frame = Frame::from_vec(bytes);
    assert_eq!(frame.as_ptr(), address);
}

#[test]
fn a_frame_of_this_process_names_no_connection() {
    let context = Context::new(1).unwrap();
    let (mut sender, mut receiver) = inproc_pair(&context);
    sender.try_send(Frame::copy_from(b"x"), false).unwrap();
    for frame in [Frame::copy_from(b"x"), receive(&mut receiver).remove(0)] {
        assert_eq!(frame.connection(), None);
        assert_eq!(frame.connection_fd(), None);
        assert_eq!(frame.peer_address(), None);
        assert!(!frame.more());
    }
}

#[test]
fn a_long_frame_is_shown_shortened() {
    assert_eq!(format!("{:?}", Frame::copy_from(b"a\0b")), r#"Frame(3 bytes: "a\x00b")"#);
    let long = format!("{:?}", Frame::from_vec(vec![b'x'; 1_000]));
    assert_eq!(long, format!("Frame(1000 bytes: \"{}\"...)", "x".repeat(32)));
}

proptest! {
    #[test]
    fn every_way_to_make_a_frame_keeps_the_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let expect = bytes.clone();
        prop_assert_eq!(&*Frame::copy_from(&bytes), &expect[..]);
        prop_assert_eq!(&*Frame::copy_from(&bytes).shared(), &expect[..]);
        prop_assert_eq!(&*Frame::from_owner(bytes.clone()), &expect[..]);
        prop_assert_eq!(&*Frame::from_vec(bytes).shared(), &expect[..]);
    }
}
