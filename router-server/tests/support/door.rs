//! A door in a method: the test knows that somebody stands before it, and decides when it opens.

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::PATIENCE;

/// The side of the method.
#[derive(Clone)]
pub(crate) struct Door {
    arrived: Sender<()>,
    opened: Receiver<()>,
}

/// The side of the test. Dropping it opens the door for ever.
pub(crate) struct Gate {
    arrived: Receiver<()>,
    _open: Sender<()>,
    open_for_one: Sender<()>,
}

/// A closed door.
pub(crate) fn door() -> (Door, Gate) {
    let (arrived, arrivals) = unbounded();
    let (open_for_one, opened) = bounded(1024);
    let gate = Gate { arrived: arrivals, _open: open_for_one.clone(), open_for_one };
    (Door { arrived, opened }, gate)
}

impl Door {
    /// Says that somebody is here and waits until the door opens, however often it is asked to stop waiting.
    pub(crate) fn pass(&self) {
        let _ = self.arrived.send(());
        let _ = self.opened.recv();
    }

    /// Says that somebody is here and goes on.
    pub(crate) fn ring(&self) {
        let _ = self.arrived.send(());
    }
}

impl Gate {
    /// Waits until somebody stands before the door.
    #[track_caller]
    pub(crate) fn arrived(&self) {
        self.arrived.recv_timeout(PATIENCE).expect("somebody comes to the door");
    }

    /// How many came that were not waited for.
    pub(crate) fn arrivals(&self) -> usize {
        self.arrived.len()
    }

    /// Lets one through.
    pub(crate) fn let_one(&self) {
        self.open_for_one.send(()).expect("the gate holds a receiver's sender");
    }

    /// Lets everyone through from now on.
    pub(crate) fn open(self) {}
}
