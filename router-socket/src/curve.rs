//! CURVE: who may talk is decided by keys, and nobody else can listen.
//!
//! The server has a key pair and gives its public key to its clients; a client has a pair of its own. Without an
//! authenticator (ZAP), any client that knows the server's public key is let in.

use crate::error::SocketError;
use std::ffi::{CStr, c_char};

/// The bytes of a key in Z85 text.
const TEXT_BYTES: usize = 40;

/// A public and a secret key, as 40 characters of Z85 text each.
#[derive(Clone, PartialEq, Eq)]
pub struct CurveKeyPair {
    /// To give away.
    pub public: String,
    /// To keep.
    pub secret: String,
}

impl CurveKeyPair {
    /// Makes a new pair.
    ///
    /// # Errors
    /// [`SocketError::Zmq`] if libzmq was built without CURVE.
    pub fn generate() -> Result<CurveKeyPair, SocketError> {
        let mut public = [0 as c_char; TEXT_BYTES + 1];
        let mut secret = [0 as c_char; TEXT_BYTES + 1];
        // SAFETY: room for 40 characters and NUL each.
        if unsafe { zmq_sys::zmq_curve_keypair(public.as_mut_ptr(), secret.as_mut_ptr()) } != 0 {
            return Err(SocketError::last("make a CURVE key pair"));
        }
        Ok(CurveKeyPair { public: text(&public), secret: text(&secret) })
    }
}

impl std::fmt::Debug for CurveKeyPair {
    /// Shows the public key only.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CurveKeyPair").field("public", &self.public).finish_non_exhaustive()
    }
}

fn text(key: &[c_char; TEXT_BYTES + 1]) -> String {
    // SAFETY: libzmq has written NUL behind the key, and the room was zero before.
    unsafe { CStr::from_ptr(key.as_ptr()) }.to_string_lossy().into_owned()
}

/// The options of a socket that speaks CURVE; set them before binding or connecting.
#[cfg(feature = "curve")]
impl crate::socket::Socket {
    /// Makes this end the server of the handshake (`true`), whichever end binds.
    ///
    /// # Errors
    /// [`SocketError::Option`].
    pub fn curve_server(&self, server: bool) -> Result<(), SocketError> {
        self.set_int(zmq_sys::ZMQ_CURVE_SERVER, "CURVE_SERVER", server.into())
    }

    /// Sets this end's public key, in Z85 text.
    ///
    /// # Errors
    /// [`SocketError::Option`] if it is not a key.
    pub fn curve_publickey(&self, key: &str) -> Result<(), SocketError> {
        self.set_key(zmq_sys::ZMQ_CURVE_PUBLICKEY, "CURVE_PUBLICKEY", key)
    }

    /// Sets this end's secret key, in Z85 text.
    ///
    /// # Errors
    /// [`SocketError::Option`] if it is not a key.
    pub fn curve_secretkey(&self, key: &str) -> Result<(), SocketError> {
        self.set_key(zmq_sys::ZMQ_CURVE_SECRETKEY, "CURVE_SECRETKEY", key)
    }

    /// Sets the public key that the server must have, in Z85 text. For clients.
    ///
    /// # Errors
    /// [`SocketError::Option`] if it is not a key.
    pub fn curve_serverkey(&self, key: &str) -> Result<(), SocketError> {
        self.set_key(zmq_sys::ZMQ_CURVE_SERVERKEY, "CURVE_SERVERKEY", key)
    }

    fn set_key(&self, option: u32, name: &'static str, key: &str) -> Result<(), SocketError> {
        // libzmq takes 32 bytes for a binary key, so text of that length must not get there.
        if key.len() != TEXT_BYTES || !key.is_ascii() {
            return Err(SocketError::Option { option: name, reason: zmq::Error::EINVAL });
        }
        self.set_bytes(option, name, key.as_bytes())
    }
}
