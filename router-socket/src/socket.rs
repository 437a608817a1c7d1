//! `Socket`: one owner at a time, and never a call that waits.

use crate::context::{Context, SocketKind};
use crate::endpoint::Endpoint;
use crate::error::{SocketError, last_zmq_error};
use crate::frame::Frame;
use crate::monitor::{Monitor, MonitoredSocket};
use crate::refusal::{SendRefusal, TrySendError};
use std::cell::Cell;
use std::ffi::{CString, c_int, c_void};
use std::sync::Arc;

/// How many frames of one message are kept; more come from a peer that does not speak our protocol.
pub const MAX_FRAMES: usize = 16;

/// A ZeroMQ socket: `Send` and not `Sync`, as libzmq's are.
///
/// Every socket starts with LINGER 0, TCP keep-alive that gives a dead peer up after 3 s, 2 s for a handshake, reconnects after 100 ms to 1 s; the setters are in [`options`](crate::options), and hold for what is bound or connected afterwards.
///
/// ```compile_fail,E0277
/// fn needs_sync<T: Sync>() {}
/// needs_sync::<router_socket::Socket>();
/// ```
/// ```
/// fn needs_send<T: Send>() {}
/// needs_send::<router_socket::Socket>();
/// ```
pub struct Socket {
    /// The same socket as `zmq`, where the calls go that the `zmq` crate has no method for.
    raw: *mut c_void,
    kind: SocketKind,
    context: Context,
    /// Tells a monitor that the socket is closed.
    monitored: Arc<MonitoredSocket>,
    /// Frames of the last message that were thrown away.
    discarded_frames: usize,
    /// ZMQ_FD, which stays the same for life.
    descriptor: zmq_sys::RawFd,
    /// Nothing waits to be received, and no news for the socket: what comes next makes the descriptor readable. Anything
    /// done with the socket may take the news in, and with it the sign on the descriptor, so whatever is done ends it.
    quiet: Cell<bool>,
    /// Owns the socket and closes it.
    _zmq: zmq::Socket,
}

// SAFETY: libzmq's sockets may move between threads, with a full fence, which whatever moves a value has.
unsafe impl Send for Socket {}

impl Socket {
    pub(crate) fn new(context: &Context, kind: SocketKind) -> Result<Socket, SocketError> {
        let mut zmq = context
            .zmq()
            .socket(kind.to_zmq())
            .map_err(|reason| SocketError::from_zmq("make a socket", reason))?;
        let raw = zmq.as_mut_ptr();
        let mut socket = Socket {
            raw,
            kind,
            context: context.clone(),
            monitored: Arc::new(MonitoredSocket::open(raw)),
            discarded_frames: 0,
            descriptor: zmq_sys::RawFd::default(),
            quiet: Cell::new(false),
            _zmq: zmq,
        };
        socket.descriptor = socket.get_number(zmq_sys::ZMQ_FD, "read FD")?;
        socket.set_defaults()?;
        Ok(socket)
    }

    /// Listens at `endpoint`; returns the real one, with the port that `*` became.
    ///
    /// # Errors
    /// [`SocketError::AddressInUse`] names the endpoint. libzmq would silently take over an `ipc` path that another
    /// program listens on; this looks first whether someone answers there. [`SocketError::NoIpv6`] where the system
    /// has none.
    ///
    /// `[::]` is every address of this machine, IPv4 too where the system has both; `*` is every IPv4 address. A name
    /// is bound at its IPv4 address, and at its IPv6 address if it has no other.
    pub fn bind(&self, endpoint: &Endpoint) -> Result<Endpoint, SocketError> {
        #[cfg(unix)]
        if let Some(path) = endpoint.ipc_path()
            && is_answered(path)
        {
            return Err(SocketError::AddressInUse { endpoint: endpoint.clone() });
        }
        if endpoint.inproc_name().is_none() {
            self.refuse_old_protocols()?;
        }
        self.check_ipv6(endpoint)?;
        self.set_ipv6(endpoint.is_ipv6())?;
        match self.at("bind to", endpoint, zmq_sys::zmq_bind) {
            Err(no_ipv4 @ (SocketError::AddressNotAvailable { .. } | SocketError::Endpoint { .. }))
                if endpoint.has_host_name() =>
            {
                self.set_ipv6(true)?;
                self.at("bind to", endpoint, zmq_sys::zmq_bind).map_err(|_| no_ipv4)?;
            }
            bound => bound?,
        }
        let real = self.last_endpoint()?;
        Ok(real.parse().unwrap_or_else(|_| endpoint.clone()))
    }

    /// Starts to connect to `endpoint` and returns at once; libzmq keeps trying until [`Socket::disconnect`].
    ///
    /// # Errors
    /// [`SocketError::NoIpv6`] where the system has none. A host name that does not resolve is none: libzmq keeps
    /// asking for it.
    ///
    /// A name is taken for its IPv4 address; see [`Socket::connect_ipv6`].
    pub fn connect(&self, endpoint: &Endpoint) -> Result<(), SocketError> {
        self.check_ipv6(endpoint)?;
        self.set_ipv6(endpoint.is_ipv6())?;
        self.at("connect to", endpoint, zmq_sys::zmq_connect)
    }

    /// Does what [`Socket::connect`] does, by the IPv6 address of a name, or the IPv4 address where it has none.
    ///
    /// libzmq takes one address of a name and never tries another: whoever wants both connects by one, and when
    /// [`SocketEvent::ConnectRetried`](crate::SocketEvent::ConnectRetried) tells that it failed, disconnects and
    /// connects by the other.
    ///
    /// # Errors
    /// As [`Socket::connect`].
    pub fn connect_ipv6(&self, endpoint: &Endpoint) -> Result<(), SocketError> {
        self.check_ipv6(endpoint)?;
        self.set_ipv6(true)?;
        self.at("connect to", endpoint, zmq_sys::zmq_connect)
    }

    /// Stops listening at an endpoint that [`Socket::bind`] returned.
    ///
    /// # Errors
    /// [`SocketError::NotConnected`] if it is not bound.
    pub fn unbind(&self, endpoint: &Endpoint) -> Result<(), SocketError> {
        self.at("unbind", endpoint, zmq_sys::zmq_unbind)
    }

    /// Ends the connection to `endpoint`, or the attempts to make it. What waits of it is gone; of a SUB or XSUB one
    /// message is, of whichever connection is next.
    ///
    /// # Errors
    /// [`SocketError::NotConnected`] if it is not connected.
    pub fn disconnect(&mut self, endpoint: &Endpoint) -> Result<(), SocketError> {
        if matches!(self.kind, SocketKind::Sub | SocketKind::XSub) {
            // Looking whether something waits makes libzmq take the first frame of a message. If the connection then
            // ends, it asserts that the second one is there, which ends the process (libzmq issue 2163).
            self.try_recv_message(&mut Vec::new())?;
        }
        self.at("disconnect", endpoint, zmq_sys::zmq_disconnect)
    }

    /// Sends a frame, or gives it back; never waits. `more` says that another frame of the same message follows.
    ///
    /// A message is refused with its first frame or not at all: once that is taken, libzmq takes the rest.
    ///
    /// # Errors
    /// [`TrySendError`] with the frame and the reason.
    pub fn try_send(&mut self, mut frame: Frame, more: bool) -> Result<(), TrySendError> {
        self.disturb();
        let flags = zmq_sys::ZMQ_DONTWAIT | if more { zmq_sys::ZMQ_SNDMORE } else { 0 };
        // SAFETY: an open socket, used by this thread only: `&mut self`.
        let mut sent = unsafe { frame.send(self.raw, flags as c_int) };
        if sent == Err(zmq::Error::EAGAIN) && self.events().is_ok() {
            // A sender looks for news of its pipes about once a millisecond, and so may think that one is full long
            // after it was emptied. Reading the events looks at once.
            // SAFETY: as above.
            sent = unsafe { frame.send(self.raw, flags as c_int) };
        }
        sent.map_err(|error| TrySendError { frame, reason: SendRefusal::from_zmq(error) })
    }

    /// Takes a frame that waits, or `None`; never waits. The frames of a message come together.
    ///
    /// # Errors
    /// [`SocketError::ContextTerminated`].
    pub fn try_recv(&mut self) -> Result<Option<Frame>, SocketError> {
        // SAFETY: an open socket, used by this thread only: `&mut self`.
        let received = unsafe { Frame::receive(self.raw) };
        self.quiet.set(matches!(received, Ok(None)));
        received
    }

    /// Takes all frames of a message that waits into `frames`, which is cleared first; `false` if none waits.
    ///
    /// At most [`MAX_FRAMES`] are kept; [`Socket::discarded_frames`] tells how many more the message had.
    ///
    /// # Errors
    /// [`SocketError::ContextTerminated`].
    pub fn try_recv_message(&mut self, frames: &mut Vec<Frame>) -> Result<bool, SocketError> {
        frames.clear();
        self.discarded_frames = 0;
        while let Some(frame) = self.try_recv()? {
            let more = frame.more();
            if frames.len() < MAX_FRAMES {
                frames.push(frame);
            } else {
                self.discarded_frames += 1;
            }
            if !more {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Tells how many frames of the last message [`Socket::try_recv_message`] threw away: 0 for any honest peer.
    pub fn discarded_frames(&self) -> usize {
        self.discarded_frames
    }

    /// Starts to report what happens to this socket's connections. A second monitor ends the first.
    ///
    /// # Errors
    /// [`SocketError::TooManySockets`]: a monitor takes two.
    pub fn monitor(&mut self) -> Result<Monitor, SocketError> {
        Monitor::start(&self.context, Arc::clone(&self.monitored))
    }

    /// Tells whether a message waits, without waiting for one.
    ///
    /// # Errors
    /// [`SocketError::ContextTerminated`].
    pub fn events_readable(&self) -> Result<bool, SocketError> {
        Ok(self.events()? & zmq_sys::ZMQ_POLLIN as c_int != 0)
    }

    /// Tells whether a message could be sent now. A ROUTER always says yes.
    ///
    /// # Errors
    /// [`SocketError::ContextTerminated`].
    pub fn events_writable(&self) -> Result<bool, SocketError> {
        Ok(self.events()? & zmq_sys::ZMQ_POLLOUT as c_int != 0)
    }

    /// Returns the descriptor that becomes readable when the socket's state may have changed (ZMQ_FD).
    ///
    /// It is edge-triggered: receive until nothing waits before waiting on it, also after every send.
    ///
    /// # Errors
    /// [`SocketError::ContextTerminated`].
    pub fn fd(&self) -> Result<zmq_sys::RawFd, SocketError> {
        self.get_number(zmq_sys::ZMQ_FD, "read FD")
    }

    /// The same, as it was when the socket was made.
    #[cfg_attr(not(unix), allow(dead_code, reason = "for the system's own poll"))]
    pub(crate) fn descriptor(&self) -> zmq_sys::RawFd {
        self.descriptor
    }

    /// Tells whether nothing waited when the socket was asked last and nothing was done with it since: a poll tells when
    /// something comes, and until then there is no need to ask.
    pub fn is_quiet(&self) -> bool {
        self.quiet.get()
    }

    /// Something is done with the socket that may take in news.
    pub(crate) fn disturb(&self) {
        self.quiet.set(false);
    }

    /// Returns the endpoint that was bound or connected last, as libzmq writes it.
    ///
    /// # Errors
    /// [`SocketError::ContextTerminated`].
    pub fn last_endpoint(&self) -> Result<String, SocketError> {
        const LONGEST: usize = 512;
        let mut text = vec![0_u8; LONGEST];
        let room = text.as_mut_ptr().cast();
        let size = self.get(zmq_sys::ZMQ_LAST_ENDPOINT, "read LAST_ENDPOINT", room, LONGEST)?;
        text.truncate(size.saturating_sub(1)); // the NUL
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Returns what kind of socket this is.
    pub fn kind(&self) -> SocketKind {
        self.kind
    }

    /// Returns the context the socket was made from.
    pub fn context(&self) -> &Context {
        &self.context
    }

    pub(crate) fn raw(&self) -> *mut c_void {
        self.raw
    }

    fn get_number<T: Copy + Default>(&self, option: u32, action: &'static str) -> Result<T, SocketError> {
        let mut value = T::default();
        self.get(option, action, (&raw mut value).cast(), size_of::<T>())?;
        Ok(value)
    }

    /// Reads an option into the `size` bytes at `value`; returns how many it has.
    fn get(
        &self,
        option: u32,
        action: &'static str,
        value: *mut c_void,
        mut size: usize,
    ) -> Result<usize, SocketError> {
        // SAFETY: an open socket, not used by another thread (not Sync), and `size` bytes of room.
        let status = unsafe { zmq_sys::zmq_getsockopt(self.raw, option as c_int, value, &mut size) };
        if status == 0 { Ok(size) } else { Err(SocketError::last(action)) }
    }

    /// Takes all news in and tells what can be done: ZMQ_POLLIN, ZMQ_POLLOUT.
    pub(crate) fn events(&self) -> Result<c_int, SocketError> {
        self.disturb();
        loop {
            match self.get_number(zmq_sys::ZMQ_EVENTS, "read EVENTS") {
                Err(SocketError::Zmq { reason: zmq::Error::EINTR, .. }) => {}
                Ok(events) => {
                    self.quiet.set(events & zmq_sys::ZMQ_POLLIN as c_int == 0);
                    return Ok(events);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// libzmq would say that the address is not valid.
    fn check_ipv6(&self, endpoint: &Endpoint) -> Result<(), SocketError> {
        let any = (std::net::Ipv6Addr::UNSPECIFIED, 0);
        if endpoint.is_ipv6() && std::net::UdpSocket::bind(any).is_err() {
            return Err(SocketError::NoIpv6 { endpoint: endpoint.clone() });
        }
        Ok(())
    }

    fn at(
        &self,
        action: &'static str,
        endpoint: &Endpoint,
        function: unsafe extern "C" fn(*mut c_void, *const std::ffi::c_char) -> c_int,
    ) -> Result<(), SocketError> {
        self.disturb();
        let text = CString::new(endpoint.to_string()).expect("an endpoint has no NUL: it was parsed");
        // SAFETY: an open socket, not used by another thread (not Sync), and a string that ends with NUL.
        match unsafe { function(self.raw, text.as_ptr()) } {
            0 => Ok(()),
            _ => Err(SocketError::last_at(action, endpoint)),
        }
    }
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let endpoint = self.last_endpoint().unwrap_or_default();
        f.debug_struct("Socket").field("kind", &self.kind).field("endpoint", &endpoint).finish()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.monitored.close();
    }
}

/// Tells whether a program listens at `path`. libzmq unlinks what is there before it binds.
#[cfg(unix)]
fn is_answered(path: &str) -> bool {
    // An abstract name, `@...`, cannot be unlinked, and a wildcard has no path yet.
    !path.starts_with(['@', '*']) && std::os::unix::net::UnixStream::connect(path).is_ok()
}

/// Keeps the error number of an option call together with the option's name.
pub(crate) fn option_result(status: c_int, option: &'static str) -> Result<(), SocketError> {
    if status == 0 {
        return Ok(());
    }
    match last_zmq_error() {
        zmq::Error::ETERM => Err(SocketError::ContextTerminated),
        reason => Err(SocketError::Option { option, reason }),
    }
}
