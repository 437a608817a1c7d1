//! What the tests of the server have for hostile peers: the same messages, random bytes, handshakes and raw clients.
#![allow(dead_code)] // the tests use more of it

pub(crate) use crate::failed::PATIENCE;

#[path = "../../router-server/tests/support/hostile_peer.rs"]
pub(crate) mod hostile_peer;
#[path = "../../router-server/tests/support/random.rs"]
pub(crate) mod random;
#[path = "../../router-server/tests/support/raw_client.rs"]
pub(crate) mod raw_client;
#[path = "../../router-server/tests/support/zmtp.rs"]
pub(crate) mod zmtp;
