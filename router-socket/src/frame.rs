//! `Frame`: one part of a message. A wrapper of `zmq_msg_t`, because `zmq::Message` cannot carry what someone else
//! owns and cannot be sent twice by reference.

use crate::error::SocketError;
use std::cell::UnsafeCell;
use std::ffi::{CStr, c_int, c_void};
use std::ops::Deref;
use std::sync::Mutex;
use zmq_sys::zmq_msg_t;

/// Up to this length a copy is cheaper than a reference: that takes two more blocks of memory, which libzmq's thread
/// gives back.
const COPIED_BYTES: usize = 512;

/// One part of a message: bytes that never change.
///
/// Reading is free; [`Frame::shared`] and [`Frame::from_owner`] make frames of the same bytes without copying.
///
/// ```
/// # use router_socket::Frame;
/// let image = Frame::from_vec(vec![7; 1_000_000]);
/// let same = image.shared();
/// assert_eq!(image.as_ptr(), same.as_ptr());
/// ```
pub struct Frame {
    /// Behind a cell because making a second reference marks the first as shared.
    msg: UnsafeCell<zmq_msg_t>,
    /// Written when received: another part of the same message follows.
    more: bool,
    /// Held while `shared` changes `msg`; reading needs no lock, it touches nothing that changes.
    sharing: Mutex<()>,
}

/// The connection that a frame came through, for as long as the frame is held.
///
/// It is the address of what libzmq keeps about the connection. A held frame keeps that alive, so no other connection
/// can get the same token meanwhile: whoever keys a table by tokens keeps a frame (the routing id, say) beside each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionToken(usize);

// SAFETY: a zmq_msg_t may be moved to another thread; its content is counted atomically, and what `from_owner` puts
// behind it is Send.
unsafe impl Send for Frame {}
// SAFETY: `&Frame` reads type, size and data, which nothing changes while the frame lives. The one call through a
// shared reference that writes, zmq_msg_copy in `shared`, sets a flag that no reader reads, under `sharing`. What
// `from_owner` puts behind it is Sync.
unsafe impl Sync for Frame {}

impl Frame {
    /// Takes the bytes without copying them (512 bytes or fewer are copied, which is cheaper).
    pub fn from_vec(bytes: Vec<u8>) -> Frame {
        if bytes.len() <= COPIED_BYTES { Frame::copy_from(&bytes) } else { Frame::from_owner(bytes) }
    }

    /// Copies the bytes.
    pub fn copy_from(bytes: &[u8]) -> Frame {
        let mut msg = zmq_msg_t::default();
        // SAFETY: `msg` is room for a message; on success its data has exactly `bytes.len()` bytes of its own.
        unsafe {
            if zmq_sys::zmq_msg_init_size(&mut msg, bytes.len()) != 0 {
                out_of_memory(bytes.len());
            }
            let data = zmq_sys::zmq_msg_data(&mut msg).cast::<u8>();
            data.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
        Frame::wrap(msg)
    }

    /// Carries bytes that `owner` owns, without copying them.
    ///
    /// `owner` is dropped once, by whichever thread lets go of the last reference: often one of libzmq's, so its drop
    /// must be short and must not panic (a panic there aborts the process).
    pub fn from_owner<T: AsRef<[u8]> + Send + Sync + 'static>(owner: T) -> Frame {
        unsafe extern "C" fn drop_owner<T>(_data: *mut c_void, owner: *mut c_void) {
            // SAFETY: `owner` is the box leaked below, and libzmq calls this once.
            drop(unsafe { Box::from_raw(owner.cast::<T>()) });
        }
        let owner = Box::into_raw(Box::new(owner));
        // SAFETY: the box has just been made; it stays where it is, and nobody else has it, until `drop_owner`.
        let bytes = unsafe { (*owner).as_ref() };
        let mut msg = zmq_msg_t::default();
        // SAFETY: the bytes live as long as the owner; libzmq never writes to them.
        let status = unsafe {
            zmq_sys::zmq_msg_init_data(
                &mut msg,
                bytes.as_ptr().cast_mut().cast(),
                bytes.len(),
                Some(drop_owner::<T>),
                owner.cast(),
            )
        };
        if status != 0 {
            out_of_memory(bytes.len());
        }
        Frame::wrap(msg)
    }

    /// Makes a frame of what stands behind the first `start` bytes, without copying it; an empty one where there is
    /// nothing.
    pub fn without_first(self, start: usize) -> Frame {
        struct Rest {
            frame: Frame,
            start: usize,
        }
        impl AsRef<[u8]> for Rest {
            fn as_ref(&self) -> &[u8] {
                self.frame.get(self.start..).unwrap_or_default()
            }
        }
        if self.len().saturating_sub(start) <= COPIED_BYTES {
            return Frame::copy_from(self.get(start..).unwrap_or_default());
        }
        Frame::from_owner(Rest { frame: self, start })
    }

    /// Makes another frame of the same bytes: a reference, or a copy where the bytes are few.
    ///
    /// It names the same connection, and never says that more frames follow.
    pub fn shared(&self) -> Frame {
        let mut msg = zmq_msg_t::default();
        let _guard = self.sharing.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // SAFETY: an initialised destination; the source is marked as shared under the lock, see `Sync` above.
        let status = unsafe {
            zmq_sys::zmq_msg_init(&mut msg);
            zmq_sys::zmq_msg_copy(&mut msg, self.msg.get())
        };
        assert_eq!(status, 0, "zmq_msg_copy fails for invalid messages only");
        Frame::wrap(msg)
    }

    /// Tells whether another frame of the same message follows. `false` for frames that were not received.
    pub fn more(&self) -> bool {
        self.more
    }

    /// Names the connection this frame came through; see [`ConnectionToken`].
    ///
    /// `None` for frames of this process: made here, received over `inproc`, or made by libzmq itself (the
    /// unsubscriptions an XPUB reports when a connection ends).
    pub fn connection(&self) -> Option<ConnectionToken> {
        // Both are strings in the node of a map that belongs to the connection's metadata. The descriptor is there
        // whenever the peer's address is known, the socket type always.
        let value = self.property(c"__fd").or_else(|| self.property(c"Socket-Type"))?;
        Some(ConnectionToken(value.as_ptr() as usize))
    }

    /// Returns the file descriptor of the connection, as it was when the frame came. It may be closed by now.
    pub fn connection_fd(&self) -> Option<i32> {
        self.property(c"__fd")?.to_str().ok()?.parse().ok()
    }

    /// Returns the address of the peer, without port; over `ipc` on Linux `localhost:UID:GID:PID`.
    pub fn peer_address(&self) -> Option<&str> {
        self.property(c"Peer-Address")?.to_str().ok()
    }

    fn property(&self, name: &CStr) -> Option<&CStr> {
        // SAFETY: a valid message and a string that ends with NUL. The value belongs to metadata that lives as long
        // as this frame and never changes.
        unsafe {
            let value = zmq_sys::zmq_msg_gets(self.msg.get(), name.as_ptr());
            (!value.is_null()).then(|| CStr::from_ptr(value))
        }
    }

    fn wrap(msg: zmq_msg_t) -> Frame {
        Frame { msg: UnsafeCell::new(msg), more: false, sharing: Mutex::new(()) }
    }

    /// Gives the frame to libzmq; on failure the frame is as it was.
    ///
    /// # Safety
    /// `socket` is an open socket that no other thread uses meanwhile.
    pub(crate) unsafe fn send(&mut self, socket: *mut c_void, flags: c_int) -> Result<(), zmq::Error> {
        loop {
            // SAFETY: a valid message, and a socket by the contract above. A message that was sent is an empty one.
            if unsafe { zmq_sys::zmq_msg_send(self.msg.get_mut(), socket, flags) } != -1 {
                return Ok(());
            }
            match crate::error::last_zmq_error() {
                zmq::Error::EINTR => {}
                other => return Err(other),
            }
        }
    }

    /// Receives a frame if one waits.
    ///
    /// # Safety
    /// `socket` is an open socket that no other thread uses meanwhile.
    pub(crate) unsafe fn receive(socket: *mut c_void) -> Result<Option<Frame>, SocketError> {
        let mut msg = zmq_msg_t::default();
        // SAFETY: room for a message; an empty one cannot fail.
        unsafe { zmq_sys::zmq_msg_init(&mut msg) };
        let mut frame = Frame::wrap(msg);
        loop {
            // SAFETY: a valid message, and a socket by the contract above.
            let size =
                unsafe { zmq_sys::zmq_msg_recv(frame.msg.get_mut(), socket, zmq_sys::ZMQ_DONTWAIT as c_int) };
            if size != -1 {
                // SAFETY: the message that was just received.
                frame.more = unsafe { zmq_sys::zmq_msg_more(frame.msg.get_mut()) } != 0;
                return Ok(Some(frame));
            }
            match crate::error::last_zmq_error() {
                zmq::Error::EINTR => {}
                zmq::Error::EAGAIN => return Ok(None),
                other => return Err(SocketError::from_zmq("receive", other)),
            }
        }
    }
}

impl Deref for Frame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: a valid message; both calls only read, and the data stays as long as the message.
        unsafe {
            let size = zmq_sys::zmq_msg_size(self.msg.get());
            if size == 0 {
                return &[]; // the data of an owner of no bytes may be any address
            }
            std::slice::from_raw_parts(zmq_sys::zmq_msg_data(self.msg.get()).cast::<u8>(), size)
        }
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for Frame {
    fn from(bytes: Vec<u8>) -> Frame {
        Frame::from_vec(bytes)
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const SHOWN_BYTES: usize = 32;
        let shown = &self[..self.len().min(SHOWN_BYTES)];
        write!(f, "Frame({} bytes: \"{}\"", self.len(), shown.escape_ascii())?;
        f.write_str(if self.len() > SHOWN_BYTES { "...)" } else { ")" })
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        // SAFETY: a valid message, closed once.
        unsafe { zmq_sys::zmq_msg_close(self.msg.get_mut()) };
    }
}

/// libzmq reports nothing else when it makes a message.
fn out_of_memory(bytes: usize) -> ! {
    panic!("no memory for a frame of {bytes} bytes");
}
