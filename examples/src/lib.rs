//! One folder per idea, each with a README, a server and a client; `cargo xtask examples` runs them as their
//! READMEs say and compares what they print.
//!
//! This library is what servers and clients share, as a crate with the traits would be. It is also the place from
//! which rustdoc compiles the code blocks of the README.

#[path = "../adapter/stage.rs"]
pub mod adapter;
#[path = "../remote_error/stage.rs"]
pub mod remote_error;
#[path = "../speedtest/sizes.rs"]
pub mod speedtest;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
