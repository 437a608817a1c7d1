//! The structs of zmq.h and the types they are made of.

use std::ffi::{c_short, c_void};

/// A file descriptor as zmq.h has it: `int`, on Windows the pointer-sized `SOCKET`.
#[cfg(unix)]
pub type RawFd = std::os::unix::io::RawFd;
/// A file descriptor as zmq.h has it: `int`, on Windows the pointer-sized `SOCKET`.
#[cfg(windows)]
pub type RawFd = std::os::windows::io::RawSocket;

/// One frame. Its content belongs to libzmq: make it with `zmq_msg_init*`, release it with `zmq_msg_close`.
#[repr(C)]
#[cfg_attr(target_pointer_width = "64", repr(align(8)))]
#[cfg_attr(target_pointer_width = "32", repr(align(4)))]
#[derive(Debug, Clone, Copy)]
pub struct zmq_msg_t {
    _private: [u8; 64],
}

impl Default for zmq_msg_t {
    /// Makes room for a message; `zmq_msg_init*` makes it one.
    fn default() -> zmq_msg_t {
        zmq_msg_t { _private: [0; 64] }
    }
}

/// What libzmq calls, from any of its threads, when the last reference to the data of `zmq_msg_init_data` is gone.
pub type zmq_free_fn = unsafe extern "C" fn(data: *mut c_void, hint: *mut c_void);

/// One entry of the list that `zmq_poll` waits on: a socket, or where `socket` is null a descriptor.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct zmq_pollitem_t {
    /// The socket, or null.
    pub socket: *mut c_void,
    /// The descriptor, if `socket` is null.
    pub fd: RawFd,
    /// `ZMQ_POLLIN` and `ZMQ_POLLOUT`, by the caller.
    pub events: c_short,
    /// Those that are so, by `zmq_poll`.
    pub revents: c_short,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_64_bytes_aligned_as_a_pointer() {
        assert_eq!(size_of::<zmq_msg_t>(), 64);
        assert_eq!(align_of::<zmq_msg_t>(), align_of::<*mut c_void>());
    }
}
