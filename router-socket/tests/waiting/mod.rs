//! Waiting for what must happen, with a deadline.
#![allow(dead_code)] // each test file uses some of it

use router_socket::{Endpoint, Frame, Monitor, PollEntry, Socket, SocketEvent, poll};
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Returns the next whole message.
#[track_caller]
pub(crate) fn receive(socket: &mut Socket) -> Vec<Frame> {
    let mut frames = Vec::new();
    let deadline = Instant::now() + DEADLINE;
    while !socket.try_recv_message(&mut frames).unwrap() {
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(left > Duration::ZERO, "no message within {DEADLINE:?}");
        poll(&mut [PollEntry::readable(socket)], Some(left)).unwrap();
    }
    frames
}

/// Returns the next message of one frame as bytes.
#[track_caller]
pub(crate) fn receive_bytes(socket: &mut Socket) -> Vec<u8> {
    let frames = receive(socket);
    assert_eq!(frames.len(), 1, "{frames:?}");
    frames[0].to_vec()
}

/// Sends, waiting for room.
#[track_caller]
pub(crate) fn send(socket: &mut Socket, frames: &[&[u8]]) {
    for (i, frame) in frames.iter().enumerate() {
        let more = i + 1 < frames.len();
        let mut sent = socket.try_send(Frame::copy_from(frame), more);
        let deadline = Instant::now() + DEADLINE;
        while let Err(refused) = sent {
            assert!(Instant::now() < deadline, "{refused}");
            poll(&mut [PollEntry::writable(socket)], Some(Duration::from_millis(100))).unwrap();
            sent = socket.try_send(refused.frame, more);
        }
    }
}

/// Returns what `look` finds, asking again until it does.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {DEADLINE:?}: {what}");
        std::thread::yield_now();
    }
}

/// Returns the first event that `wanted` takes; others are skipped.
#[track_caller]
pub(crate) fn event<T>(monitor: &mut Monitor, wanted: impl Fn(&SocketEvent) -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        while let Some(event) = monitor.try_next() {
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(left > Duration::ZERO, "no such event within {DEADLINE:?}");
        poll(&mut [monitor.poll_entry()], Some(left)).unwrap();
    }
}

/// Returns loopback with any free port.
pub(crate) fn any_port() -> Endpoint {
    "tcp://127.0.0.1:*".parse().unwrap()
}
