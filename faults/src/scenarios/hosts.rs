//! Several PCs, made of network namespaces: a cable is pulled during calls and streaming, a client's host vanishes, the
//! server's address changes, and the way is long. The bystander is on a host of its own.

use std::time::{Duration, Instant};

use crate::bystander::Bystander;
use crate::caller::{BACK_WITHIN, Caller};
use crate::child::Child;
use crate::failed::{Outcome, check, until};
use crate::hosts::{Hosts, NAME, address};
use crate::memory::SLACK;
use crate::outcomes::Outcomes;
use crate::row::Row;
use crate::server::Server;
use crate::waiting_calls::{self, EACH, Holder, NUMBERS};
use crate::watched::Watched;

const PULLS: u32 = 3;
/// How long calls are answered in between.
const CALM: Duration = Duration::from_millis(500);
/// How long the cable stays out: longer than the state takes to be `Lost`, and the connections to be given up.
const OUT_FOR: Duration = Duration::from_secs(7);
/// By when both sides must know that the other is gone; 4 s unless the machine is busy.
const NOTICED_WITHIN: Duration = Duration::from_secs(8);
/// A new address needs the old connections to be given up and the name to be looked up again.
const FOUND_AGAIN_WITHIN: Duration = Duration::from_secs(10);
const DELAY_MS: u32 = 50;

pub(crate) fn run() -> Outcome<Row> {
    let hosts = Hosts::build()?;
    let mut server = Server::start_on(&hosts.server, &[("frame_bytes", "100000"), ("frame_hz", "20")])?;
    let bystander = Bystander::start_on(&hosts.clients[1], &format!("tcp://{}", address(2, 1)))?;
    let resident = server.resident()?;
    let mut watched = Watched { server, bystander, resident };
    let mut outcomes = Outcomes::default();

    let pulled = pull_cable(&hosts, &mut watched.server, &mut outcomes)?;
    let vanished = vanish(&hosts, &mut watched.server)?;
    let moved = change_address(&hosts, &mut outcomes)?;
    let far = far_away(&hosts, &mut outcomes)?;
    outcomes.hear(&watched.server.child.heard());
    outcomes.must_be_right()?;
    watched.finish([pulled, vanished, moved, far].join("; "), outcomes.to_string(), SLACK)
}

/// During calls and streaming.
fn pull_cable(hosts: &Hosts, server: &mut Server, outcomes: &mut Outcomes) -> Outcome<String> {
    let mut caller = Caller::start_on(&hosts.clients[0], 1, &format!("tcp://{NAME}"), "count,frames")?;
    let (mut client_noticed, mut server_noticed, mut back) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for _ in 0..PULLS {
        std::thread::sleep(CALM);
        let ended = server.counter("disconnects")?;
        hosts.set_link(1, false)?;
        let pulled = Instant::now();
        while caller.child.hears("state")? != "Lost" {}
        client_noticed = client_noticed.max(pulled.elapsed());
        until("the server notices", || Ok((server.counter("disconnects")? > ended).then_some(())))?;
        server_noticed = server_noticed.max(pulled.elapsed());
        std::thread::sleep(OUT_FOR.saturating_sub(pulled.elapsed()));
        hosts.set_link(1, true)?;
        back = back.max(caller.is_back("the cable is back", Instant::now(), BACK_WITHIN)?);
    }
    check(client_noticed.max(server_noticed) < NOTICED_WITHIN, || {
        format!("the client noticed after {client_noticed:?}, the server after {server_noticed:?}")
    })?;
    let account = caller.end(outcomes)?;
    check(account.breaks == 0, || format!("{} breaks are counted though the source lives", account.breaks))?;
    // The caller's call that hung goes, and makes room for the next one that does.
    server.child.tell("open")?;
    outcomes.hear(&server.child.heard());
    Ok(format!(
        "cable pulled for 7 s {PULLS} times: the client knows within {:.1} s, the server within {:.1} s, all back within {} ms ({account})",
        client_noticed.as_secs_f64(),
        server_noticed.as_secs_f64(),
        back.as_millis()
    ))
}

/// A client's host is gone at once: nothing of it arrives any more, no end of a connection either.
fn vanish(hosts: &Hosts, server: &mut Server) -> Outcome<String> {
    let [first, second] = &hosts.clients;
    let holder = Holder::start(server, Some(second), &format!("tcp://{}", address(2, 1)), 7 << NUMBERS)?;
    let mut client = waiting_calls::leave(Some(first), &format!("tcp://{NAME}"), (7 << NUMBERS) + (1 << 20))?;
    client.hears("ready")?;
    waiting_calls::wait_for(server, 1 + EACH)?;
    let lost = server.counter("lost_clients")?;
    hosts.set_link(1, false)?;
    client.kill();
    let gone = Instant::now();
    waiting_calls::wait_for(server, 1)?;
    let took = gone.elapsed();
    check(took < NOTICED_WITHIN, || format!("the server gave the client up after {took:?}"))?;
    check(server.counter("lost_clients")? > lost, || "no lost client is counted".into())?;
    holder.let_go(server)?;
    hosts.set_link(1, true)?;
    Ok(format!(
        "a client's host vanished: given up within {:.1} s, its {EACH} calls never ran",
        took.as_secs_f64()
    ))
}

/// The server's host gets another address, and its name with it.
fn change_address(hosts: &Hosts, outcomes: &mut Outcomes) -> Outcome<String> {
    let mut caller = Caller::start_on(&hosts.clients[0], 2, &format!("tcp://{NAME}"), "count,frames")?;
    // In this order: with the first address the system takes those that were added to it.
    hosts.take_address(1, 1)?;
    hosts.give_address(1, 9)?;
    let changed = Instant::now();
    while caller.child.hears("state")? != "Lost" {}
    let took = caller.is_back("a change of address", changed, FOUND_AGAIN_WITHIN)?;
    let account = caller.end(outcomes)?;
    check(account.breaks == 0, || format!("{} breaks are counted though the source lives", account.breaks))?;
    Ok(format!(
        "the server's address changed: found again by name within {:.1} s ({account})",
        took.as_secs_f64()
    ))
}

/// 50 ms away: by the kernel where it can, otherwise by a relay on the client's host.
fn far_away(hosts: &Hosts, outcomes: &mut Outcomes) -> Outcome<String> {
    let client = &hosts.clients[0];
    let by_kernel = hosts.delay(1, DELAY_MS);
    let (address, relay) = if by_kernel {
        (format!("tcp://{NAME}"), None)
    } else {
        let (to, delay) = (address(1, 9), DELAY_MS.to_string());
        let with = [
            ("listen", "127.0.0.1"),
            ("to", to.as_str()),
            ("ports", "5555 5556 5557"),
            ("delay_ms", delay.as_str()),
        ];
        let relay = Child::start_on(client, "relay", &with)?;
        relay.hears("listens")?;
        ("tcp://127.0.0.1".to_owned(), Some(relay))
    };
    let mut caller = Caller::start_on(client, 3, &address, "count,frames")?;
    let since = Instant::now();
    caller.is_back("its start", since, BACK_WITHIN)?;
    let account = caller.end(outcomes)?;
    drop(relay);
    check(account.lost == 0 && account.breaks == 0, || format!("samples were lost: {account}"))?;
    let how = if by_kernel { "tc netem" } else { "a relay, the kernel has no netem" };
    Ok(format!("{DELAY_MS} ms away ({how}): nothing lost"))
}
