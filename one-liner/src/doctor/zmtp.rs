//! The first words of ZeroMQ's protocol, spoken by hand: what listens at a port tells them before any message.
//!
//! <https://rfc.zeromq.org/spec/23/>; libzmq's own sockets hide what the peer said.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// What is at the other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A ZeroMQ socket of this type: `ROUTER`, `XPUB`.
    Socket(String),
    /// A ZeroMQ socket that asks for this mechanism first: `CURVE`.
    Asks(String),
    /// Something else, which began with these bytes.
    Other(Vec<u8>),
    /// It ended the connection without a word.
    HungUp,
    /// It says nothing.
    Silent,
}

const SIGNATURE_BYTES: usize = 10;
const GREETING_BYTES: usize = 64;
/// Flags of a frame that is a command; with the second bit set its length takes eight bytes.
const COMMAND: u8 = 0x04;
const LONG_COMMAND: u8 = 0x06;
/// A stranger's READY is not longer.
const READY_BYTES: u64 = 4096;

/// Greets what is at the other end of `stream` and reads what it is.
///
/// # Blocking
/// At most about three times `patience`.
pub(crate) fn greet(mut stream: TcpStream, patience: Duration) -> Peer {
    let timeouts =
        stream.set_read_timeout(Some(patience)).and_then(|()| stream.set_write_timeout(Some(patience)));
    if timeouts.is_err() {
        return Peer::HungUp;
    }
    // The signature comes by itself; whoever waits for ours is no ZeroMQ socket.
    let mut greeting = [0; GREETING_BYTES];
    let mut begun = 0;
    while begun < SIGNATURE_BYTES {
        match stream.read(&mut greeting[begun..SIGNATURE_BYTES]) {
            Ok(0) if begun == 0 => return Peer::HungUp,
            Err(error) if begun == 0 => return nothing(&error),
            Ok(0) | Err(_) => break,
            Ok(more) => begun += more,
        }
        if greeting[0] != 0xff {
            break;
        }
    }
    if begun < SIGNATURE_BYTES || greeting[0] != 0xff || greeting[9] & 1 == 0 {
        return Peer::Other(greeting[..begun].to_vec());
    }
    let rest = stream.write_all(&ours()).and_then(|()| stream.read_exact(&mut greeting[SIGNATURE_BYTES..]));
    if let Err(error) = rest {
        return nothing(&error);
    }
    let mechanism: Vec<u8> = greeting[12..32].iter().copied().take_while(|byte| *byte != 0).collect();
    if mechanism != b"NULL" {
        return Peer::Asks(String::from_utf8_lossy(&mechanism).into_owned());
    }
    match ready(&mut stream) {
        Ok(body) => Peer::Socket(socket_type(&body).unwrap_or_else(|| "unknown".to_owned())),
        Err(error) => nothing(&error),
    }
}

fn nothing(error: &io::Error) -> Peer {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Peer::Silent,
        _ => Peer::HungUp,
    }
}

/// Version 3.0 with the mechanism NULL.
fn ours() -> [u8; GREETING_BYTES] {
    let mut greeting = [0; GREETING_BYTES];
    (greeting[0], greeting[9], greeting[10]) = (0xff, 0x7f, 3);
    greeting[12..16].copy_from_slice(b"NULL");
    greeting
}

/// Reads the command that follows the greeting.
fn ready(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut flags = [0; 1];
    stream.read_exact(&mut flags)?;
    let length = match flags[0] {
        COMMAND => {
            let mut length = [0; 1];
            stream.read_exact(&mut length)?;
            u64::from(length[0])
        }
        LONG_COMMAND => {
            let mut length = [0; 8];
            stream.read_exact(&mut length)?;
            u64::from_be_bytes(length)
        }
        _ => return Err(io::ErrorKind::InvalidData.into()),
    };
    if length > READY_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body)?;
    Ok(body)
}

/// The property `Socket-Type` of a READY.
fn socket_type(body: &[u8]) -> Option<String> {
    let mut rest = body.strip_prefix(b"\x05READY")?;
    while let Some((name_length, behind)) = rest.split_first() {
        let (name, behind) = behind.split_at_checked(usize::from(*name_length))?;
        let (length, behind) = behind.split_first_chunk::<4>()?;
        let (value, behind) = behind.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        if name.eq_ignore_ascii_case(b"Socket-Type") {
            return Some(String::from_utf8_lossy(value).into_owned());
        }
        rest = behind;
    }
    None
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Socket(kind) => write!(f, "a ZeroMQ socket of type {kind}"),
            Peer::Asks(mechanism) => write!(f, "a ZeroMQ socket that asks for {mechanism}"),
            Peer::Other(bytes) => {
                write!(f, "no ZeroMQ socket: it began with \"{}\"", bytes.escape_ascii())
            }
            Peer::HungUp => f.write_str("it ended the connection without a word"),
            Peer::Silent => f.write_str("it accepts the connection and says nothing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// What `greet` says of a peer that sends `said` and then keeps quiet, or hangs up.
    fn check(said: &'static [u8], hangs_up: bool, expect: Peer) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let peer = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(said).unwrap();
            if hangs_up {
                return None;
            }
            let _ = stream.read_to_end(&mut Vec::new());
            Some(stream)
        });
        let patience = if matches!(expect, Peer::Silent) { 50 } else { 20_000 };
        assert_eq!(greet(stream, Duration::from_millis(patience)), expect);
        peer.join().unwrap();
    }

    const ROUTER: &[u8] = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        \x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06ROUTER";
    const CURVE: &[u8] = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01CURVE\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

    #[test]
    fn peers_are_told_apart() {
        check(ROUTER, false, Peer::Socket("ROUTER".into()));
        check(CURVE, false, Peer::Asks("CURVE".into()));
        check(b"SSH-2.0-Op", false, Peer::Other(b"SSH-2.0-Op".to_vec()));
        check(b"", false, Peer::Silent);
        check(b"", true, Peer::HungUp);
    }

    #[test]
    fn any_ready_is_read_or_refused() {
        for length in 0..ROUTER.len() - 66 {
            assert_eq!(socket_type(&ROUTER[66..66 + length]), None, "{length}");
        }
        assert_eq!(socket_type(b"\x05READY\xff"), None);
        assert_eq!(socket_type(b"\x05READY\x01a\xff\xff\xff\xff"), None);
    }
}
