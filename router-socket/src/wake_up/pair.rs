//! An inproc PAIR: works wherever libzmq does.
//!
//! The sending socket has many users, one at a time: the one exception to "a socket has one owner". The high-water
//! mark stays at its default, although one message would do: a sender that has met a full pipe may take a millisecond
//! to notice that it was emptied, and a wake-up would be lost. The doorbell rings at most once for each sleep.

use crate::context::{Context, SocketKind};
use crate::endpoint::Endpoint;
use crate::error::SocketError;
use crate::frame::Frame;
use crate::poll::WakeUpSource;
use crate::socket::Socket;
use std::sync::Mutex;

/// The loop's end.
pub(crate) struct WakeUp {
    socket: Socket,
}

/// The end of those who wake it.
pub(crate) struct Waker {
    socket: Mutex<Socket>,
}

/// Makes both ends.
pub(crate) fn wake_up(context: &Context) -> Result<(Waker, WakeUp), SocketError> {
    let endpoint = Endpoint::unique_inproc("wake-up");
    let receiver = context.socket(SocketKind::Pair)?;
    receiver.bind(&endpoint)?;
    let sender = context.socket(SocketKind::Pair)?;
    sender.connect(&endpoint)?;
    Ok((Waker { socket: Mutex::new(sender) }, WakeUp { socket: receiver }))
}

impl Waker {
    /// Makes the loop's socket readable. A pipe that is full is readable already.
    pub(crate) fn wake(&self) {
        let mut socket = self.socket.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let _ = socket.try_send(Frame::copy_from(&[]), false);
    }
}

impl WakeUp {
    /// Forgets all wake-ups so far.
    pub(crate) fn empty(&mut self) {
        while let Ok(Some(_)) = self.socket.try_recv() {}
    }

    pub(crate) fn source(&self) -> WakeUpSource<'_> {
        WakeUpSource::Socket(&self.socket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_readable(wake_up: &WakeUp) -> bool {
        wake_up.socket.events_readable().unwrap()
    }

    #[test]
    fn many_wakes_are_one_and_emptying_forgets_them() {
        let context = Context::new(1).unwrap();
        let (waker, mut wake_up) = wake_up(&context).unwrap();
        assert!(!is_readable(&wake_up));
        for _ in 0..10 {
            waker.wake();
        }
        assert!(is_readable(&wake_up));
        let WakeUpSource::Socket(socket) = wake_up.source() else { panic!("it is a socket") };
        assert_eq!(socket.raw(), wake_up.socket.raw());
        wake_up.empty();
        assert!(!is_readable(&wake_up));
        waker.wake();
        assert!(is_readable(&wake_up));
    }

    #[test]
    fn waking_a_loop_that_is_gone_does_nothing() {
        let context = Context::new(1).unwrap();
        let (waker, wake_up) = wake_up(&context).unwrap();
        drop(wake_up);
        waker.wake();
    }
}
