//! Many threads post to one loop: nothing is lost, and few posts cost a wake-up.

#![allow(clippy::unwrap_used)] // clippy lets tests unwrap, and counts helpers of tests as something else

mod waiting;

use router_socket::{Context, Frame, PollEntry, PostError, SocketKind, mailbox};
use std::time::{Duration, Instant};
use waiting::DEADLINE;

#[test]
fn four_threads_post_and_nothing_is_lost() {
    const THREADS: usize = 4;
    const POSTS: usize = 100_000;
    let context = Context::new(1).unwrap();
    let (sender, mut mailbox) = mailbox::<(usize, usize)>(&context, None).unwrap();
    let deadline = Instant::now() + 3 * DEADLINE;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let sender = sender.clone();
            scope.spawn(move || {
                for post in 0..POSTS {
                    sender.post((thread, post)).unwrap();
                    if post % 1_000 == 0 {
                        std::thread::yield_now(); // lets the loop fall asleep now and then
                    }
                }
            });
        }
        let mut next = [0; THREADS];
        while next != [POSTS; THREADS] {
            while let Some((thread, post)) = mailbox.try_take() {
                assert_eq!(post, next[thread], "in order");
                next[thread] += 1;
            }
            if next != [POSTS; THREADS] {
                assert!(Instant::now() < deadline, "lost: {next:?}");
                // No timeout: a lost wake-up would hang, were there not the deadline of the poll.
                mailbox.poll(&mut [], Some(DEADLINE)).unwrap();
            }
        }
    });
    assert!(mailbox.wake_ups() > 0);
    assert!(mailbox.wake_ups() < (THREADS * POSTS) as u64, "{} wake-ups", mailbox.wake_ups());
}

#[test]
fn a_post_wakes_a_loop_that_sleeps() {
    let context = Context::new(1).unwrap();
    let (sender, mut mailbox) = mailbox::<usize>(&context, Some(1)).unwrap();
    let (answer, answers) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut taken = 0;
            while taken < 1_000 {
                let begun = Instant::now();
                mailbox.poll(&mut [], Some(DEADLINE)).unwrap();
                assert!(begun.elapsed() < DEADLINE, "a wake-up was lost");
                while let Some(number) = mailbox.try_take() {
                    assert_eq!(number, taken);
                    taken += 1;
                    answer.send(number).unwrap();
                }
            }
        });
        for number in 0..1_000 {
            sender.post(number).unwrap();
            assert_eq!(answers.recv_timeout(DEADLINE).unwrap(), number);
        }
    });
}

#[test]
fn posts_to_a_loop_that_is_awake_cost_no_wake_up() {
    let context = Context::new(1).unwrap();
    let (sender, mut mailbox) = mailbox(&context, None).unwrap();
    for number in 0..1_000 {
        sender.post(number).unwrap();
    }
    assert_eq!(sender.len(), 1_000);
    while mailbox.try_take().is_some() {}
    assert_eq!(mailbox.wake_ups(), 0);
    assert!(sender.is_empty());
}

#[test]
fn a_message_that_waits_keeps_the_loop_awake_and_sockets_are_still_seen() {
    let context = Context::new(1).unwrap();
    let (sender, mut mailbox) = mailbox(&context, None).unwrap();
    let mut left = context.socket(SocketKind::Pair).unwrap();
    let endpoint = left.bind(&router_socket::Endpoint::unique_inproc("poll")).unwrap();
    let right = context.socket(SocketKind::Pair).unwrap();
    right.connect(&endpoint).unwrap();
    left.try_send(Frame::copy_from(b"x"), false).unwrap();
    sender.post(()).unwrap();

    let begun = Instant::now();
    let mut entries = [PollEntry::readable(&right), PollEntry::new(&left, router_socket::Interest::Both)];
    mailbox.poll(&mut entries, Some(DEADLINE)).unwrap();
    assert!(begun.elapsed() < DEADLINE);
    assert!(entries[0].is_readable() && !entries[0].is_writable());
    assert!(!entries[1].is_readable() && entries[1].is_writable());
}

#[test]
fn a_poll_ends_with_its_timeout() {
    let context = Context::new(1).unwrap();
    let (_sender, mut mailbox) = mailbox::<()>(&context, None).unwrap();
    for span in [Duration::ZERO, Duration::from_micros(1), Duration::from_millis(20)] {
        let begun = Instant::now();
        mailbox.poll(&mut [], Some(span)).unwrap();
        assert!(begun.elapsed() >= span);
    }
}

#[test]
fn a_refused_message_comes_back() {
    let context = Context::new(1).unwrap();
    let (sender, mailbox) = mailbox(&context, Some(2)).unwrap();
    sender.post("one").unwrap();
    sender.post("two").unwrap();
    assert!(sender.post("three") == Err(PostError::Full("three")));
    drop(mailbox);
    let refused = sender.post("four").unwrap_err();
    assert_eq!(refused.to_string(), "the loop has ended");
    assert!(refused == PostError::Closed("four"));
}
