//! A server behind a gateway lies: what it answers and publishes is swallowed, doubled and changed. The gateway's own
//! clients notice nothing, and every call through it ends.

use std::time::Duration;

use crate::caller::Caller;
use crate::child::Child;
use crate::failed::{Outcome, PATIENCE, check};
use crate::memory::SLACK;
use crate::outcomes::Outcomes;
use crate::roles::{LIAR, UPSTREAM};
use crate::row::Row;
use crate::server::Server;
use crate::watched::Watched;

const CALLERS: u64 = 4;
const LIES_FOR: Duration = Duration::from_secs(8);

pub(crate) fn run() -> Outcome<Row> {
    let honest = Server::start(&[("frame_bytes", "100000"), ("frame_hz", "50")])?;
    let mut liar = Child::start("liar", &[("endpoints", &honest.endpoints)])?;
    liar.hears("listens")?;
    let mut watched = Watched::start(&[("upstream", &honest.address().replace("127.0.0.1", LIAR))], "")?;
    let gateway = &mut watched.server;
    let prefix = format!("{UPSTREAM}.");
    let streams = format!("{prefix}count,{prefix}frames");
    let mut callers = (1..=CALLERS)
        .map(|number| Caller::start_at_a_liar(number, gateway.address(), &prefix, &streams))
        .collect::<Outcome<Vec<_>>>()?;
    std::thread::sleep(LIES_FOR);
    let mut outcomes = Outcomes::default();
    callers.iter_mut().try_for_each(|caller| caller.child.tell("end"))?;
    for caller in callers {
        // It lives, and its calls end.
        caller.child.hears_within("ended", PATIENCE)?;
        outcomes.hear(&caller.child.heard());
    }
    outcomes.hear(&honest.child.heard());
    outcomes.must_have_ended()?;
    let lies: u64 = liar.ask("lies")?;
    drop((liar, honest));
    let bad = gateway.counter("bad_messages")?;
    check(bad > 0, || format!("the gateway counts no bad message, of {lies} lies"))?;
    let done = format!("a server behind a gateway lies {lies} times to it, in calls and streams");
    watched.finish(done, format!("{bad} bad_messages counted; {outcomes}"), SLACK)
}
