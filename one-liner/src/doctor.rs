//! What `one-liner doctor` looks at, from the address to the samples, each step resting on those before it.

pub(crate) mod check;
pub(crate) mod network;
pub(crate) mod server;
pub(crate) mod streams;
mod zmtp;
