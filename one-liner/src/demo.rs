//! What `one-liner demo` serves: this computer, a simulated stage and a simulated camera.
#![allow(
    unreachable_pub,
    reason = "an instrument's interface is its methods that are `pub`, in a binary too"
)]

pub(crate) mod addresses;
pub(crate) mod behind;
mod camera;
mod gaussian;
mod host;
mod instruments;
pub(crate) mod live_table;
mod port_holder;
pub(crate) mod program;
mod stage;

pub(crate) use instruments::Instruments;
