//! A peer that says what it likes.

use router_slots::SlotAddress;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::{Errno, IoSlice, IoSliceMut};
use rustix::mm::{MapFlags, ProtFlags};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    SocketAddrUnix, SocketFlags, SocketType,
};
use std::mem::MaybeUninit;
use std::sync::atomic::AtomicU64;

pub struct Raw(pub OwnedFd);

impl Raw {
    pub fn connect(address: &SlotAddress) -> Result<Raw, Errno> {
        let socket =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        // Waits while too many wait to be accepted.
        rustix::net::connect(&socket, &SocketAddrUnix::new_abstract_name(address.as_str().as_bytes())?)?;
        Ok(Raw(socket))
    }

    /// Listens where a server would.
    pub fn listen(address: &SlotAddress) -> Raw {
        let socket =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
                .unwrap();
        let name = SocketAddrUnix::new_abstract_name(address.as_str().as_bytes()).unwrap();
        rustix::net::bind(&socket, &name).unwrap();
        rustix::net::listen(&socket, 8).unwrap();
        Raw(socket)
    }

    pub fn accept(&self) -> Raw {
        Raw(rustix::net::accept_with(&self.0, SocketFlags::CLOEXEC).unwrap())
    }

    pub fn send(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<(), Errno> {
        let mut space = [MaybeUninit::uninit(); 1024];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            assert!(control.push(SendAncillaryMessage::ScmRights(fds)));
        }
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        rustix::net::sendmsg(&self.0, &[IoSlice::new(bytes)], &mut control, flags).map(drop)
    }

    /// Waits for a packet; empty when the other end has closed.
    pub fn receive(&self) -> Vec<u8> {
        let mut buffer = [0; 2048];
        let mut space = [MaybeUninit::uninit(); 1024];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let iov = &mut [IoSliceMut::new(&mut buffer)];
        let received = rustix::net::recvmsg(&self.0, iov, &mut control, RecvFlags::CMSG_CLOEXEC);
        received.map_or(Vec::new(), |message| buffer[..message.bytes].to_vec())
    }

    pub fn attach(&self, request: u32, key: &str, table: impl AsFd) -> Result<(), Errno> {
        self.send(&attach(request, key), &[table.as_fd()])
    }
}

pub fn attach(request: u32, key: &str) -> Vec<u8> {
    [b"SLT1\x01", &request.to_le_bytes()[..], key.as_bytes()].concat()
}

/// Memory with these seals.
pub fn memory(len: u64, seals: SealFlags) -> OwnedFd {
    memory_with(len, seals, &[])
}

/// Memory with these numbers at these offsets, and these seals.
pub fn memory_with(len: u64, seals: SealFlags, words: &[(u64, u64)]) -> OwnedFd {
    let fd = rustix::fs::memfd_create("raw", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
    rustix::fs::ftruncate(&fd, len).unwrap();
    for (offset, word) in words {
        rustix::io::pwrite(&fd, &word.to_ne_bytes(), *offset).unwrap();
    }
    rustix::fs::fcntl_add_seals(&fd, seals).unwrap();
    fd
}

/// A whole table, and what it says.
pub fn table() -> (OwnedFd, &'static [AtomicU64]) {
    let fd = memory(4096, SealFlags::SHRINK | SealFlags::GROW);
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping, which stays to the end of the process.
    let entries = unsafe {
        let start = rustix::mm::mmap(std::ptr::null_mut(), 4096, access, MapFlags::SHARED, &fd, 0).unwrap();
        std::slice::from_raw_parts(start.cast(), 512)
    };
    rustix::fs::fcntl_add_seals(&fd, SealFlags::FUTURE_WRITE | SealFlags::SEAL).unwrap();
    (fd, entries)
}
