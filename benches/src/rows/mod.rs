//! What is measured: groups of rows, one a file.

mod calls;
mod cascade;
mod frames;
mod idle;
mod independence;
mod inproc;
mod mixed;
mod periodic;
mod rates;
mod samples;
mod scaling;
mod sizes;

use crate::Outcome;
use crate::plan::Plan;
use crate::plot::Plot;
use crate::row::Row;

/// Rows that are measured together, and asked for by name.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) does: &'static str,
    pub(crate) run: fn(&Plan) -> Outcome<Measured>,
}

/// What a group gives.
#[derive(Default)]
pub(crate) struct Measured {
    pub(crate) rows: Vec<Row>,
    /// Each with the name of its file.
    pub(crate) plots: Vec<(&'static str, Plot)>,
}

impl From<Vec<Row>> for Measured {
    fn from(rows: Vec<Row>) -> Measured {
        Measured { rows, plots: Vec::new() }
    }
}

/// All of them, in the order of the table.
pub(crate) const GROUPS: &[Group] = &[
    Group { name: "calls", does: "a call of 64 bytes, inline and on a lane, ipc and tcp", run: calls::run },
    Group { name: "inproc", does: "an inline call within one process", run: inproc::run },
    Group { name: "rates", does: "calls a second, of one client and of eight", run: rates::run },
    Group {
        name: "samples",
        does: "samples of 64 bytes a second, one and four subscribers",
        run: samples::run,
    },
    Group { name: "frames", does: "frames a second, every byte written and read", run: frames::run },
    Group { name: "paced", does: "frames at the pace of a camera: latency and CPU", run: frames::run_paced },
    Group { name: "periodic", does: "a stream at 1 kHz: when its ticks come", run: periodic::run },
    Group {
        name: "urgent",
        does: "urgent calls while every lane is busy and frames flow",
        run: mixed::urgent,
    },
    Group { name: "scalar", does: "a stream of numbers at 1 kHz while frames flow", run: mixed::scalar },
    Group { name: "cascade", does: "what a server in between adds to a call", run: cascade::run },
    Group { name: "independence", does: "calls beside calls that hang", run: independence::run },
    Group { name: "idle", does: "a server with nothing to do: CPU and memory", run: idle::run },
    Group { name: "scaling", does: "memory and CPU with many clients and many streams", run: scaling::run },
    Group { name: "sizes", does: "calls and samples of 16 bytes to 16 MB", run: sizes::run },
];
