//! What `one-liner demo` serves: this computer, a simulated stage and a simulated camera.
#![allow(
    unreachable_pub,
    reason = "an instrument's interface is its methods that are `pub`, in a binary too"
)]

pub(crate) mod addresses;
mod camera;
mod gaussian;
mod host;
mod instruments;
pub(crate) mod live_table;
mod port_holder;
mod stage;

pub(crate) use instruments::add_instruments;
