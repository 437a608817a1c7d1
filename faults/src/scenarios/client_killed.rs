//! Clients die with calls that wait. The server gives them up: none of these calls ever starts.

use std::time::{Duration, Instant};

use crate::failed::Outcome;
use crate::memory::SLACK;
use crate::row::Row;
use crate::waiting_calls::{self, EACH, Holder, NUMBERS};
use crate::watched::Watched;

const ROUNDS: u64 = 5;
const CLIENTS: u64 = 10;

pub(crate) fn run() -> Outcome<Row> {
    let mut watched = Watched::start(&[], "")?;
    let server = &mut watched.server;
    let address = server.address().to_owned();
    let lost_before = server.counter("lost_clients")?;
    let mut slowest = Duration::ZERO;
    for round in 1..=ROUNDS {
        let numbers = round << NUMBERS;
        let holder = Holder::start(server, None, &address, numbers)?;
        let mut clients = (1..=CLIENTS)
            .map(|client| waiting_calls::leave(None, &address, "", numbers + (client << 20)))
            .collect::<Outcome<Vec<_>>>()?;
        for client in &clients {
            client.hears("ready")?;
        }
        waiting_calls::wait_for(server, 1 + CLIENTS * EACH)?;
        let killed = Instant::now();
        clients.iter_mut().for_each(|client| drop(client.kill()));
        waiting_calls::wait_for(server, 1)?;
        slowest = slowest.max(killed.elapsed());
        holder.let_go(server)?;
    }
    let lost = server.counter("lost_clients")? - lost_before;
    let done = format!(
        "{} clients killed (-9) with {EACH} calls waiting each; given up within {:.1} s",
        ROUNDS * CLIENTS,
        slowest.as_secs_f64()
    );
    let losses =
        format!("{lost} lost clients; {} calls end `client lost`, none ran", ROUNDS * CLIENTS * EACH);
    watched.finish(done, losses, SLACK)
}
