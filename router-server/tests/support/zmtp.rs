//! The bytes of a ZeroMQ connection, written by hand: what libzmq's own sockets would never send.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use router_socket::Endpoint;

use super::PATIENCE;

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// A TCP connection to a listener of the server.
pub(crate) fn dial(endpoint: &Endpoint) -> TcpStream {
    let stream = TcpStream::connect((endpoint.host().unwrap(), endpoint.port().unwrap())).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// The first 64 bytes of a connection with security mechanism `mechanism`.
pub(crate) fn greeting(mechanism: &str) -> Vec<u8> {
    let mut bytes = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0];
    bytes.extend_from_slice(mechanism.as_bytes());
    bytes.resize(64, 0);
    bytes
}

/// The command that ends a handshake, as a socket of type `kind`.
pub(crate) fn ready(kind: &str) -> Vec<u8> {
    let mut body = b"\x05READY\x0bSocket-Type".to_vec();
    body.extend_from_slice(&(kind.len() as u32).to_be_bytes());
    body.extend_from_slice(kind.as_bytes());
    frame(&body, COMMAND)
}

/// A frame that is followed by more of its message, or not.
pub(crate) fn message_frame(body: &[u8], more: bool) -> Vec<u8> {
    frame(body, if more { MORE } else { 0 })
}

/// The beginning of a frame that says it will have `bytes` bytes.
pub(crate) fn frame_of(bytes: u64) -> Vec<u8> {
    let mut start = vec![LONG];
    start.extend_from_slice(&bytes.to_be_bytes());
    start
}

fn frame(body: &[u8], flags: u8) -> Vec<u8> {
    let mut frame = Vec::new();
    match u8::try_from(body.len()) {
        Ok(length) => frame.extend_from_slice(&[flags, length]),
        Err(_) => {
            frame.push(flags | LONG);
            frame.extend_from_slice(&(body.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(body);
    frame
}

/// Greets and completes the handshake as a socket of type `kind`.
pub(crate) fn handshake(endpoint: &Endpoint, kind: &str) -> TcpStream {
    let mut stream = dial(endpoint);
    stream.write_all(&greeting("NULL")).unwrap();
    stream.read_exact(&mut [0; 64]).unwrap();
    stream.write_all(&ready(kind)).unwrap();
    // The server's READY: a short command.
    let mut start = [0; 2];
    stream.read_exact(&mut start).unwrap();
    stream.read_exact(&mut vec![0; usize::from(start[1])]).unwrap();
    stream
}

/// Whether the server ends the connection, reading away whatever it sends before.
pub(crate) fn is_ended_by_server(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 4096];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}
