//! The C functions and constants of zmq.h (libzmq 4.3.5), and a build of libzmq that has what the router needs.
//!
//! The `zmq` crate from the registry is used unmodified; it asks for `zmq-sys` 0.12, whose build of libzmq 4.3.4
//! knows nothing of the platform: no eventfd, keep-alive options that return success and do nothing, sockets that
//! leak into child processes, no CURVE. `[patch.crates-io]` in the workspace puts this crate in its place. A
//! build without that patch works, and is slower: `router-socket` tests that its signalers are eventfds.
//!
//! What the build sets, and why, is in `build.rs`. It needs cargo, a C++ compiler and make; nothing is downloaded
//! apart from crates.
//!
//! # CURVE
//! The feature `curve` builds libsodium from the source inside `libsodium-sys-stable` and links it statically. On
//! Windows that crate would download a prebuilt library, so there the feature does nothing, and
//! `zmq_has("curve")` answers 0. `router-socket` has the feature on by default.
//!
//! # Layout
//! - [`constants`]: options, flags, events, as `u32` as the `zmq` crate expects them
//! - [`functions`]: the functions of the stable API
//! - [`types`]: `zmq_msg_t`, `zmq_pollitem_t`, `zmq_free_fn`
//! - [`errno`]: error numbers, those of the platform and libzmq's own

#![allow(non_camel_case_types)]

pub mod constants;
pub mod errno;
pub mod functions;
pub mod types;

pub use constants::*;
pub use functions::*;
pub use types::*;

// Links libsodium behind libzmq, which refers to it.
#[cfg(all(feature = "curve", not(windows)))]
use libsodium_sys as _;
