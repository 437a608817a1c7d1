//! Several PCs, made of network namespaces: cables are pulled during calls and streaming, hosts vanish, the server's
//! address changes, and the way is long. One client dials the server itself and one the gateway before it; bystanders
//! are on a host of their own, one at each.

use std::time::{Duration, Instant};

use crate::account::Account;
use crate::bystander::Bystander;
use crate::caller::{BACK_WITHIN, Caller};
use crate::child::Child;
use crate::failed::{Outcome, check, until};
use crate::hosts::{Cable, Hosts, NAME, address};
use crate::memory::SLACK;
use crate::outcomes::Outcomes;
use crate::roles::UPSTREAM;
use crate::row::Row;
use crate::server::Server;
use crate::waiting_calls::{self, EACH, Holder, NUMBERS};
use crate::watched::Watched;

const PULLS: u32 = 3;
/// How long calls are answered in between.
const CALM: Duration = Duration::from_millis(500);
/// How long a cable stays out: longer than the state takes to be `Lost`, and the connections to be given up.
const OUT_FOR: Duration = Duration::from_secs(7);
/// By when both sides must know that the other is gone; 4 s unless the machine is busy.
const NOTICED_WITHIN: Duration = Duration::from_secs(8);
/// A new address needs the old connections to be given up and the name to be looked up again.
const FOUND_AGAIN_WITHIN: Duration = Duration::from_secs(10);
const DELAY_MS: u32 = 50;

/// The cables that fail: to a client, and to the gateway.
const FAIL: [Cable; 2] = [Cable::ServerToClient1, Cable::ServerToGateway];

pub(crate) fn run() -> Outcome<Row> {
    let hosts = Hosts::build()?;
    let mut server = Server::start_on(&hosts.server, &[("frame_bytes", "100000"), ("frame_hz", "20")])?;
    let mut gateway = Server::start_on(&hosts.gateway, &[("upstream", &format!("tcp://{NAME}"))])?;
    let second = &hosts.clients[1];
    let bystander = Bystander::start_on(second, &dial(Cable::ServerToClient2))?;
    let at_gateway = Bystander::start_on(second, &dial(Cable::GatewayToClient2))?;
    let (resident, gateway_resident) = (server.resident()?, gateway.resident()?);
    let mut watched = Watched { server, bystander, resident };
    let mut outcomes = Outcomes::default();

    let pulled = pull_cables(&hosts, &mut watched.server, &mut outcomes)?;
    let moved = change_address(&hosts, &mut outcomes)?;
    let far = far_away(&hosts, &mut outcomes)?;
    gateway.memory_is_back("gateway", gateway_resident, SLACK)?;
    let noticed = at_gateway.noticed_nothing()?;
    outcomes.hear(&watched.server.child.heard());
    outcomes.must_be_right()?;
    let vanished = vanish(&hosts, &mut watched.server, &mut gateway)?;
    let losses = format!(
        "{outcomes}; the gateway's bystander: calls {}, gaps {} ms, nothing lost",
        noticed.calls, noticed.gaps
    );
    watched.finish([pulled, moved, far, vanished].join("; "), losses, SLACK)
}

fn dial(cable: Cable) -> String {
    format!("tcp://{}", address(cable, 1))
}

/// Those who call and listen from the first client's host: directly, and through the gateway.
struct Callers {
    direct: Caller,
    behind: Caller,
}

impl Callers {
    /// Starts them as the callers `number` and the next one.
    fn start(hosts: &Hosts, number: u64) -> Outcome<Callers> {
        let host = &hosts.clients[0];
        let prefix = format!("{UPSTREAM}.");
        let streams = format!("{prefix}count,{prefix}frames");
        Ok(Callers {
            direct: Caller::start_on(host, number, &format!("tcp://{NAME}"), "", "count,frames")?,
            behind: Caller::start_on(host, number + 1, &dial(Cable::GatewayToClient1), &prefix, &streams)?,
        })
    }

    /// Waits until both are back; returns how long each took.
    fn are_back(&mut self, after: &str, since: Instant, within: Duration) -> Outcome<[Duration; 2]> {
        let direct = self.direct.is_back(after, since, within)?;
        Ok([direct, self.behind.is_back(&format!("{after}, at the gateway"), since, within)?])
    }

    /// Ends them; returns what became of the samples of both. The source lives: nothing is a break.
    fn end(self, outcomes: &mut Outcomes) -> Outcome<[Account; 2]> {
        let accounts = [self.direct.end(outcomes)?, self.behind.end(outcomes)?];
        for account in &accounts {
            let breaks = account.breaks;
            check(breaks == 0, || format!("{breaks} breaks are counted though the source lives"))?;
        }
        Ok(accounts)
    }
}

/// During calls and streaming.
fn pull_cables(hosts: &Hosts, server: &mut Server, outcomes: &mut Outcomes) -> Outcome<String> {
    let mut callers = Callers::start(hosts, 1)?;
    let (mut client_noticed, mut server_noticed) = (Duration::ZERO, Duration::ZERO);
    let mut back = [Duration::ZERO; 2];
    for _ in 0..PULLS {
        std::thread::sleep(CALM);
        let lost = server.counter("lost_clients")?;
        let pulled = Instant::now();
        FAIL.iter().try_for_each(|cable| hosts.set_link(*cable, false))?;
        while callers.direct.child.hears("state")? != "Lost" {}
        client_noticed = client_noticed.max(pulled.elapsed());
        until("the server notices", || {
            Ok((server.counter("lost_clients")? >= lost + FAIL.len() as u64).then_some(()))
        })?;
        server_noticed = server_noticed.max(pulled.elapsed());
        std::thread::sleep(OUT_FOR.saturating_sub(pulled.elapsed()));
        FAIL.iter().try_for_each(|cable| hosts.set_link(*cable, true))?;
        let took = callers.are_back("the cables are back", Instant::now(), BACK_WITHIN)?;
        back = [back[0].max(took[0]), back[1].max(took[1])];
    }
    check(client_noticed.max(server_noticed) < NOTICED_WITHIN, || {
        format!("the client noticed after {client_noticed:?}, the server after {server_noticed:?}")
    })?;
    let [direct, behind] = callers.end(outcomes)?;
    // The callers' calls that hung go, and make room for the next ones that do.
    server.child.tell("open")?;
    Ok(format!(
        "the cables of a client and of a gateway pulled for 7 s {PULLS} times: the client knows within {:.1} s, the server within {:.1} s, all back within {} ms ({direct}), through the gateway {} ms ({behind})",
        client_noticed.as_secs_f64(),
        server_noticed.as_secs_f64(),
        back[0].as_millis(),
        back[1].as_millis()
    ))
}

/// The server's host gets another address on both cables, and its name with it.
fn change_address(hosts: &Hosts, outcomes: &mut Outcomes) -> Outcome<String> {
    let mut callers = Callers::start(hosts, 3)?;
    // In this order: with the first address the system takes those that were added to it.
    FAIL.iter().try_for_each(|cable| hosts.take_address(*cable, 1))?;
    FAIL.iter().try_for_each(|cable| hosts.give_address(*cable, 9))?;
    let changed = Instant::now();
    while callers.direct.child.hears("state")? != "Lost" {}
    let took = callers.are_back("a change of address", changed, FOUND_AGAIN_WITHIN)?;
    let [direct, behind] = callers.end(outcomes)?;
    Ok(format!(
        "the server's address changed: found again by name within {:.1} s ({direct}), by the gateway within {:.1} s ({behind})",
        took[0].as_secs_f64(),
        took[1].as_secs_f64()
    ))
}

/// 50 ms away: by the kernel where it can, otherwise by a relay on the client's host.
fn far_away(hosts: &Hosts, outcomes: &mut Outcomes) -> Outcome<String> {
    let client = &hosts.clients[0];
    let by_kernel = hosts.delay(Cable::ServerToClient1, DELAY_MS);
    let (address, relay) = if by_kernel {
        (format!("tcp://{NAME}"), None)
    } else {
        let (to, delay) = (address(Cable::ServerToClient1, 9), DELAY_MS.to_string());
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
    let mut caller = Caller::start_on(client, 5, &address, "", "count,frames")?;
    let since = Instant::now();
    caller.is_back("its start", since, BACK_WITHIN)?;
    let account = caller.end(outcomes)?;
    drop(relay);
    check(account.lost == 0 && account.breaks == 0, || format!("samples were lost: {account}"))?;
    let how = if by_kernel { "tc netem" } else { "a relay, the kernel has no netem" };
    Ok(format!("{DELAY_MS} ms away ({how}): nothing lost"))
}

/// A client's host and the gateway's are gone at once: nothing of them arrives any more, no end of a connection either.
/// The gateway comes back.
fn vanish(hosts: &Hosts, server: &mut Server, gateway: &mut Server) -> Outcome<String> {
    let [first, second] = &hosts.clients;
    let numbers = 7 << NUMBERS;
    // What callers left hanging has gone.
    server.child.tell("open")?;
    waiting_calls::wait_for(server, 0)?;
    let holder = Holder::start(server, Some(second), &dial(Cable::ServerToClient2), numbers)?;
    let mut client = waiting_calls::leave(Some(first), &format!("tcp://{NAME}"), "", numbers + (1 << 20))?;
    client.hears("ready")?;
    let prefix = format!("{UPSTREAM}.");
    let at_gateway = dial(Cable::GatewayToClient2);
    let behind = waiting_calls::leave(Some(second), &at_gateway, &prefix, numbers + (2 << 20))?;
    behind.hears("ready")?;
    waiting_calls::wait_for(server, 1 + 2 * EACH)?;
    let lost = server.counter("lost_clients")?;
    FAIL.iter().try_for_each(|cable| hosts.set_link(*cable, false))?;
    client.kill();
    gateway.child.kill();
    let gone = Instant::now();
    waiting_calls::wait_for(server, 1)?;
    let took = gone.elapsed();
    check(took < NOTICED_WITHIN, || format!("the server gave the clients up after {took:?}"))?;
    let counted = server.counter("lost_clients")? - lost;
    check(counted >= 2, || format!("{counted} lost clients are counted"))?;
    holder.let_go(server)?;
    FAIL.iter().try_for_each(|cable| hosts.set_link(*cable, true))?;
    gateway.restart()?;
    let back = Instant::now();
    let mut outcomes = Outcomes::default();
    let caller = Caller::start_on(second, 6, &at_gateway, &prefix, &format!("{prefix}count"))?;
    let took_back = back.elapsed();
    caller.end(&mut outcomes)?;
    outcomes.hear(&server.child.heard());
    outcomes.must_be_right()?;
    Ok(format!(
        "a client's host and the gateway's vanished: given up within {:.1} s, their {} calls never ran; the gateway serves {} ms after its return",
        took.as_secs_f64(),
        2 * EACH,
        took_back.as_millis()
    ))
}
