//! The commands, one file each.

pub(crate) mod bw;
pub(crate) mod call;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod describe;
pub(crate) mod disable;
pub(crate) mod doctor;
pub(crate) mod enable;
pub(crate) mod grab;
pub(crate) mod graph;
pub(crate) mod hz;
pub(crate) mod list;
pub(crate) mod outcome;
pub(crate) mod ping;
pub(crate) mod stats;
pub(crate) mod stream_arguments;
pub(crate) mod stream_meter;
pub(crate) mod switch;
pub(crate) mod top;
pub(crate) mod view;
pub(crate) mod watch;
