//! Several clients that listen, are frozen by the suite, and say in the end what became of it. Some of their calls wait.

use router_client::{ConnectOptions, PendingCall, RouterClient};

use crate::account::Account;
use crate::child::{argument, number, orders, say, say_value};
use crate::failed::{Outcome, PATIENCE};

pub(crate) fn play() -> Outcome {
    let (address, streams) = (argument("address")?, argument("streams")?);
    let streams: Vec<&str> = streams.split(',').filter(|stream| !stream.is_empty()).collect();
    let mut clients = Vec::new();
    let mut queues = Vec::new();
    for _ in 0..number("clients", 1) {
        let client = RouterClient::connect_with(&address, ConnectOptions::default().name("subscriber"))?;
        for stream in &streams {
            queues.push(client.subscribe_raw(stream).queue(16)?);
        }
        clients.push(client);
    }
    for client in &clients {
        client.wait_connected(PATIENCE)?;
    }
    for queue in &queues {
        queue.recv_timeout(PATIENCE)?;
    }
    let calls = make_calls(&clients)?;
    say("ready", "");
    for order in orders() {
        if order == "connected" {
            for client in &clients {
                client.wait_connected(PATIENCE)?;
            }
            say("connected", "true");
        } else {
            let mut sum = Account { stream: streams.join(", "), ..Account::default() };
            for queue in &queues {
                sum.add(&Account::of("", &queue.settle(PATIENCE)?));
            }
            say_value("settle", &sum)?;
        }
    }
    drop(calls);
    Ok(())
}

/// Calls that wait on a lane where one hangs, as many as the suite says.
fn make_calls(clients: &[RouterClient]) -> Outcome<Vec<PendingCall<u64>>> {
    let (first, prefix) = (number("first", 0) as u64, argument("prefix").unwrap_or_default());
    let mut calls = Vec::new();
    for client in clients {
        if argument("hang").is_ok() {
            calls.push(client.call(&format!("{prefix}hang"), ()).start());
        }
        for call in 0..number("calls", 0) as u64 {
            calls.push(client.call(&format!("{prefix}queued"), (first + call,)).start());
        }
        // What went before it has arrived.
        client.call::<String>(&format!("{prefix}echo"), ("behind",)).wait()?;
    }
    Ok(calls)
}
