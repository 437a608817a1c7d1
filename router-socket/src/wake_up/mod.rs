//! What `zmq_poll` can wait on besides sockets: an eventfd where there is one, an inproc PAIR elsewhere.
//!
//! [`WakeUp`] is the end that the loop polls and empties, [`Waker`] the end that everyone else rings.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod eventfd;
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
mod pair;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use eventfd::{WakeUp, Waker, wake_up};
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) use pair::{WakeUp, Waker, wake_up};
