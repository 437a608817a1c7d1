//! What the `zmq` crate has no method for: messages of somebody else's bytes, and options.

use std::ffi::{c_int, c_void};

use crate::Outcome;
use crate::pool::Pooled;

/// Sends a buffer by reference, and waits for room; it goes back to its pool when libzmq has sent it.
pub(crate) fn send(socket: &mut zmq::Socket, buffer: Pooled) -> Outcome {
    unsafe extern "C" fn give_back(_bytes: *mut c_void, buffer: *mut c_void) {
        // SAFETY: the box leaked below, and libzmq calls this once.
        drop(unsafe { Box::from_raw(buffer.cast::<Pooled>()) });
    }
    let mut buffer = Box::new(buffer);
    let (bytes, size) = (buffer.as_mut_ptr(), buffer.len());
    let owner = Box::into_raw(buffer);
    let mut message = zmq_sys::zmq_msg_t::default();
    // SAFETY: the bytes are the owner's and stay where they are until `give_back`; libzmq only reads them. The pointer to
    // the socket is that of an open one, used by this thread only. A message that was sent is an empty one.
    let status = unsafe {
        zmq_sys::zmq_msg_init_data(&mut message, bytes.cast(), size, Some(give_back), owner.cast());
        let status = zmq_sys::zmq_msg_send(&mut message, socket.as_mut_ptr(), 0);
        if status == -1 {
            zmq_sys::zmq_msg_close(&mut message);
        }
        status
    };
    if status == -1 { Err("libzmq does not send".into()) } else { Ok(()) }
}

/// Sets an option that is a number.
pub(crate) fn set_option(socket: &mut zmq::Socket, option: u32, value: i32) -> Outcome {
    let (value, size) = ((&raw const value).cast(), size_of::<i32>());
    // SAFETY: an open socket, and a value with its size.
    let status = unsafe { zmq_sys::zmq_setsockopt(socket.as_mut_ptr(), option as c_int, value, size) };
    if status == 0 { Ok(()) } else { Err(format!("libzmq does not know option {option}").into()) }
}
