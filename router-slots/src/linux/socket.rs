//! Unix sockets that carry packets and descriptors, and never wait.

use crate::SlotAddress;
use rustix::cmsg_space;
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::io::{Errno, IoSlice, IoSliceMut};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};
use std::mem::MaybeUninit;

use super::packet::MAX_PACKET;

/// A packet arrives whole or not at all, and the system says when the other end is gone.
const KIND: SocketType = SocketType::SEQPACKET;
const FLAGS: SocketFlags = SocketFlags::CLOEXEC.union(SocketFlags::NONBLOCK);

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 64;

/// What a turn found in a socket.
#[derive(Debug)]
pub(super) enum Received {
    /// The first descriptor that came with it; all others are closed.
    Packet(usize, Option<OwnedFd>),
    /// A packet that is too long.
    TooLong,
    /// An empty packet, or the other end says no more.
    End,
    /// Nothing now.
    Nothing,
}

pub(super) fn listen(address: &SlotAddress) -> Result<OwnedFd, Errno> {
    let socket = rustix::net::socket_with(AddressFamily::UNIX, KIND, FLAGS, None)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new_abstract_name(address.as_str().as_bytes())?)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

/// Connects, or says at once why not: `AGAIN` if too many wait to be accepted, `CONNREFUSED` if nobody listens.
pub(super) fn connect(address: &SlotAddress) -> Result<OwnedFd, Errno> {
    let socket = rustix::net::socket_with(AddressFamily::UNIX, KIND, FLAGS, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new_abstract_name(address.as_str().as_bytes())?)?;
    Ok(socket)
}

/// Returns the next connection, if one waits.
pub(super) fn accept(socket: impl AsFd) -> Result<Option<OwnedFd>, Errno> {
    match rustix::net::accept_with(socket, FLAGS) {
        Ok(connection) => Ok(Some(connection)),
        Err(Errno::AGAIN | Errno::CONNABORTED | Errno::INTR) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Returns the user at the other end: whoever connected, or who listened when it did.
pub(super) fn peer_user(socket: impl AsFd) -> Result<u32, Errno> {
    // Not rustix's `socket_peercred`: its process id is never 0, and that of a process in another name space is.
    let mut credentials = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut len = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the descriptor is open while it is borrowed; `credentials` has `len` bytes, any of which may be written.
    let done = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut credentials).cast(),
            &raw mut len,
        )
    };
    if done != 0 {
        let error = std::io::Error::last_os_error();
        return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO));
    }
    Ok(credentials.uid)
}

/// Tells whether the other end is a process of the user that this one runs as.
pub(super) fn is_same_user(socket: impl AsFd) -> Result<bool, Errno> {
    Ok(peer_user(socket)? == rustix::process::geteuid().as_raw())
}

/// Sends one packet, with a descriptor if there is one.
pub(super) fn send(socket: impl AsFd, packet: &[u8], fd: Option<BorrowedFd<'_>>) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = fd.map(|fd| [fd]);
    if let Some(fds) = &fds {
        assert!(control.push(SendAncillaryMessage::ScmRights(fds)), "there is room for one descriptor");
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    rustix::io::retry_on_intr(|| {
        rustix::net::sendmsg(&socket, &[IoSlice::new(packet)], &mut control, flags).map(drop)
    })
}

/// Receives one packet into `buffer`.
pub(super) fn receive(socket: impl AsFd, buffer: &mut [u8; MAX_PACKET]) -> Result<Received, Errno> {
    // Room for one descriptor: the system closes what finds none. What came and is not wanted is closed here.
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let received = rustix::net::recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, flags);
    let message = match received {
        Ok(message) => message,
        Err(Errno::AGAIN | Errno::INTR) => return Ok(Received::Nothing),
        Err(e) => return Err(e),
    };
    let mut first = None;
    for ancillary in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = ancillary {
            for fd in fds {
                first.get_or_insert(fd);
            }
        }
    }
    if message.flags.contains(ReturnFlags::TRUNC) {
        return Ok(Received::TooLong);
    }
    match message.bytes {
        0 => Ok(Received::End),
        bytes => Ok(Received::Packet(bytes, first)),
    }
}
