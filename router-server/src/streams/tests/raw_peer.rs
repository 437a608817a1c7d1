//! A peer that speaks ZMTP by hand, and what no honest client says.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use router_socket::Endpoint;

use super::DEADLINE;

pub(super) struct RawPeer {
    stream: TcpStream,
    /// Held by this peer alone: it tells its thread whether it is still there.
    here: Arc<()>,
}

impl RawPeer {
    /// Connects as a SUB of ZMTP 3.0.
    pub(super) fn connect(endpoint: &Endpoint) -> RawPeer {
        let mut peer = RawPeer::open(endpoint);
        let mut greeting = [0; 64];
        greeting[0] = 0xff;
        greeting[9] = 0x7f;
        greeting[10] = 3;
        greeting[12..16].copy_from_slice(b"NULL");
        peer.write(&greeting);
        peer.read(64);
        peer.write(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03SUB");
        let [_, length] = peer.read(2)[..] else { panic!("a short command") };
        assert!(peer.read(length.into()).starts_with(b"\x05READY"));
        peer
    }

    /// Answers heartbeats from now on, and reads nothing: the server does not give the connection up.
    pub(super) fn stay_alive(&self) {
        let (mut stream, here) = (self.stream.try_clone().unwrap(), Arc::downgrade(&self.here));
        std::thread::spawn(move || {
            while here.strong_count() > 0 && stream.write_all(b"\x04\x05\x04PONG").is_ok() {
                std::thread::sleep(Duration::from_millis(300));
            }
        });
    }

    /// Sends a message of one frame, of at most 255 bytes.
    pub(super) fn send(&mut self, message: &[u8]) {
        let length = u8::try_from(message.len()).unwrap();
        self.write(&[&[0, length], message].concat());
    }

    pub(super) fn subscribe(&mut self, topic: &[u8]) {
        self.send(&[b"\x01", topic].concat());
    }

    pub(super) fn unsubscribe(&mut self, topic: &[u8]) {
        self.send(&[b"\0", topic].concat());
    }

    fn open(endpoint: &Endpoint) -> RawPeer {
        let address = (endpoint.host().unwrap(), endpoint.port().unwrap());
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        RawPeer { stream, here: Arc::default() }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    fn read(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }
}

impl Drop for RawPeer {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both); // the thread that answers heartbeats has a copy
    }
}
