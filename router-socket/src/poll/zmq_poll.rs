//! Waiting by `zmq_poll`: works wherever libzmq does.

use super::{PollEntry, Polled, Timeout, WakeUpSource};
use crate::error::{SocketError, last_zmq_error};
use std::ffi::{c_int, c_long};
use zmq_sys::zmq_pollitem_t;

/// Written and read within one poll; kept for its capacity.
#[derive(Default)]
pub(super) struct Items {
    items: Vec<zmq_pollitem_t>,
}

// SAFETY: between polls the pointers in `items` are left-overs that nobody follows.
unsafe impl Send for Items {}

impl Items {
    /// Waits until an entry is ready, the wake-up rings, or the time is over.
    pub(super) fn wait(
        &mut self,
        entries: &mut [PollEntry<'_>],
        wake_up: Option<WakeUpSource<'_>>,
        timeout: &Timeout,
    ) -> Result<Polled, SocketError> {
        let item = |socket, fd, events| zmq_pollitem_t { socket, fd, events, revents: 0 };
        let readable = zmq_sys::ZMQ_POLLIN as i16;
        self.items.clear();
        self.items.extend(entries.iter().map(|entry| match entry.socket() {
            Some(socket) => item(socket.raw(), 0, entry.wants()),
            #[cfg(unix)]
            None => item(std::ptr::null_mut(), entry.raw_descriptor(), entry.wants()),
            #[cfg(not(unix))]
            None => unreachable!("there are sockets only"),
        }));
        self.items.extend(wake_up.map(|source| match source {
            WakeUpSource::Descriptor(fd) => item(std::ptr::null_mut(), fd, readable),
            WakeUpSource::Socket(socket) => item(socket.raw(), 0, readable),
        }));
        entries.iter().filter_map(PollEntry::socket).for_each(|socket| socket.disturb());
        self.poll(timeout)?;
        for (entry, item) in entries.iter_mut().zip(&self.items) {
            entry.ready = item.revents;
        }
        let woken = self.items.get(entries.len()).is_some_and(|item| item.revents != 0);
        Ok(Polled { ready_entries: entries.iter().filter(|entry| entry.ready != 0).count(), woken })
    }

    fn poll(&mut self, timeout: &Timeout) -> Result<(), SocketError> {
        let mut is_first = true;
        loop {
            let left_ms = c_long::from(timeout.left_ms(is_first));
            is_first = false;
            // SAFETY: a list of the length given; its sockets are open, and borrowed by this thread for the call.
            let count =
                unsafe { zmq_sys::zmq_poll(self.items.as_mut_ptr(), self.items.len() as c_int, left_ms) };
            if count >= 0 {
                return Ok(());
            }
            match last_zmq_error() {
                zmq::Error::EINTR => {}
                other => return Err(SocketError::from_zmq("poll", other)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::Interest;
    use crate::{Context, Endpoint, Frame, SocketKind};
    use std::time::Duration;

    /// Both ways of waiting find the same.
    fn check(entries: &mut [PollEntry<'_>], timeout: Duration, expect: &[bool]) {
        let timeout = Timeout::new(Some(timeout));
        let by_zmq = Items::default().wait(entries, None, &timeout).unwrap();
        let found: Vec<_> = entries.iter().map(|entry| entry.ready).collect();
        assert_eq!(found.iter().map(|ready| *ready != 0).collect::<Vec<_>>(), expect);
        #[cfg(unix)]
        {
            let polled = super::super::descriptors::Items::default().wait(entries, None, &timeout).unwrap();
            assert_eq!(polled, by_zmq);
            assert_eq!(entries.iter().map(|entry| entry.ready).collect::<Vec<_>>(), found);
        }
        assert!(!by_zmq.woken);
    }

    #[test]
    fn what_is_ready_is_found() {
        let context = Context::new(1).unwrap();
        let mut left = context.socket(SocketKind::Pair).unwrap();
        let mut right = context.socket(SocketKind::Pair).unwrap();
        let span = Duration::from_millis(1);
        check(&mut [PollEntry::readable(&left), PollEntry::writable(&right)], span, &[false, false]);
        let endpoint = left.bind(&Endpoint::unique_inproc("poll")).unwrap();
        right.connect(&endpoint).unwrap();
        check(&mut [PollEntry::readable(&left), PollEntry::writable(&right)], span, &[false, true]);
        assert!(left.try_recv().unwrap().is_none());
        right.try_send(Frame::copy_from(b"x"), false).unwrap();
        let long = Duration::from_secs(20);
        check(&mut [PollEntry::readable(&left), PollEntry::readable(&right)], long, &[true, false]);
        check(&mut [PollEntry::new(&left, Interest::Both)], long, &[true]);
        while left.try_recv().unwrap().is_some() {}
        check(&mut [PollEntry::readable(&left)], span, &[false]);
    }
}
