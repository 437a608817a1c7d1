//! A network between client and server that is slow, stalls for seconds, and cuts connections. The bystander has
//! another way to the same server.

use std::time::{Duration, Instant};

use crate::caller::{BACK_WITHIN, Caller};
use crate::failed::{Outcome, check};
use crate::memory::SLACK;
use crate::outcomes::Outcomes;
use crate::relay::Relay;
use crate::row::Row;
use crate::watched::Watched;

const DELAY: Duration = Duration::from_millis(50);
const STALLS: u32 = 3;
const CUTS: u32 = 20;

pub(crate) fn run() -> Outcome<Row> {
    let watched =
        Watched::start(&[("frame_bytes", "100000"), ("frame_hz", "20"), ("shared_memory", "0")], "")?;
    let ports = watched.server.ports()?;
    let relay = Relay::start("127.0.0.2", "127.0.0.1", &ports)?;
    relay.delay(DELAY);
    let mut caller = Caller::start(1, &format!("tcp://127.0.0.2:{}", ports[0]), "count,frames")?;
    let mut slowest = Duration::ZERO;
    for _ in 0..STALLS {
        relay.stall(true);
        while caller.child.hears("state")? != "Lost" {}
        relay.stall(false);
        slowest = slowest.max(caller.is_back("a stall", Instant::now(), BACK_WITHIN)?);
    }
    let mut connections = 0;
    for _ in 0..CUTS {
        connections += relay.cut()?;
        slowest = slowest.max(caller.is_back("a cut", Instant::now(), BACK_WITHIN)?);
    }
    let mut outcomes = Outcomes::default();
    let account = caller.end(&mut outcomes)?;
    check(account.breaks == 0, || format!("{} breaks are counted though the source lives", account.breaks))?;
    outcomes.hear(&watched.server.child.heard());
    outcomes.must_be_right()?;
    let done = format!(
        "50 ms each way; {STALLS} stalls until the server is lost, {connections} connections cut in {CUTS} cuts; back within {} ms",
        slowest.as_millis()
    );
    watched.finish(done, format!("{outcomes}; caller: {account}"), SLACK)
}
