//! The commands, one file each.

pub(crate) mod call;
pub(crate) mod demo;
pub(crate) mod describe;
pub(crate) mod disable;
pub(crate) mod enable;
pub(crate) mod hz;
pub(crate) mod list;
pub(crate) mod outcome;
pub(crate) mod ping;
pub(crate) mod stats;
pub(crate) mod watch;
