//! What reaches the router loop from other threads.

use crossbeam_channel::Sender;
use router_wire::Name;
use router_wire::status::ClientStats;

use crate::job::JobKey;
use crate::stop_schedule::StopSchedule;
use crate::upstreams::{AddUpstream, Upstream};

/// A message in the router loop's mailbox. The mailbox needs no bound: there is at most one `Finished` and one
/// `Progress` for each call in flight, which are bounded, and the others come one by one from callers that wait.
pub(crate) enum RouterEvent {
    /// A call ended; `reply` is the whole message.
    Finished { key: JobKey, reply: Vec<u8> },
    /// A running call has a new progress report in its control.
    Progress { key: JobKey },
    /// A server behind this one is to be connected to.
    AddUpstream(Box<AddUpstream>),
    /// A server behind this one is to be left; it comes back, to be dropped elsewhere.
    RemoveUpstream { prefix: Name, answer: Sender<Option<Box<Upstream>>> },
    /// There are other names than before, and somebody waits for some.
    NamesChanged,
    /// Somebody wants to know the clients.
    Clients { answer: Sender<Vec<ClientStats>> },
    /// The server stops: close the listeners, cancel, answer, flush and end.
    Stop(StopSchedule),
}
