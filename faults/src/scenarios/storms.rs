//! Connections come and go as fast as they can, with and without a word.

use crate::child::Child;
use crate::descriptors;
use crate::failed::{Outcome, check, until};
use crate::memory::SLACK;
use crate::row::Row;
use crate::watched::Watched;

const CLIENTS: u64 = 2000;
/// Others for each client that comes and goes: three ports, three ways.
const OTHERS: u64 = 9;

pub(crate) fn run() -> Outcome<Row> {
    descriptors::allow(4096)?;
    let mut watched = Watched::start(&[], "")?;
    let server = &mut watched.server;
    let descriptors = server.child.descriptors()?;
    let ended = |server: &mut crate::server::Server| -> Outcome<u64> {
        Ok(server.counter("disconnects")? + server.counter("stream_disconnects")?)
    };
    let before = ended(server)?;
    let clients = CLIENTS.to_string();
    let with = [("endpoints", server.endpoints.as_str()), ("clients", clients.as_str())];
    let storm = Child::start("stormer", &with)?;
    storm.hears("over")?;
    drop(storm);
    until("the server closes what is gone", || {
        Ok((server.child.descriptors()? <= descriptors).then_some(()))
    })?;
    let counted = ended(server)? - before;
    check(counted >= CLIENTS, || format!("{counted} ends of connections are counted"))?;
    let done =
        format!("{CLIENTS} clients come, call and go; {} connections that are no clients", CLIENTS * OTHERS);
    watched.finish(done, format!("{counted} ended connections counted, no descriptor left"), SLACK)
}
