//! 100,000 hostile messages over at most 2,000 connections, at all three ports of a server. What reached the application
//! behind the calls port is answered or counted, exactly; at a gateway also what it passes on.

use std::time::Duration;

use router_client::{ConnectOptions, RouterClient};
use router_server::ServerEndpoints;
use router_socket::{Context, Frame, SocketKind};
use router_wire::hello::ClientSocket;

use crate::child::{argument, number, orders, say};
use crate::descriptors;
use crate::failed::{Outcome, PATIENCE, check, until};
use crate::support::hostile_peer::{
    Expected, are_ended, half_open, hostile_message, hostile_subscription, oversized, raw_connections,
};
use crate::support::random::Random;
use crate::support::raw_client::{Answer, RawClient, message};

const DEALERS: u64 = 400;
const MESSAGES_PER_DEALER: u64 = 150;
const SUBSCRIBERS: usize = 240;
const MESSAGES_PER_SUBSCRIBER: usize = 125;
const RAW_CONNECTIONS: usize = 250;
const FRAMES_PER_RAW_CONNECTION: usize = 40;
const OVERSIZED: usize = 60;
const HALF_OPEN: usize = 300;
pub(crate) const CONNECTIONS: usize =
    DEALERS as usize + SUBSCRIBERS + RAW_CONNECTIONS * 2 + OVERSIZED * 2 + HALF_OPEN;
pub(crate) const MESSAGES: usize = DEALERS as usize * MESSAGES_PER_DEALER as usize
    + SUBSCRIBERS * MESSAGES_PER_SUBSCRIBER
    + RAW_CONNECTIONS * FRAMES_PER_RAW_CONNECTION
    + RAW_CONNECTIONS
    + OVERSIZED * 2;
const _: () = assert!(MESSAGES >= 100_000 && CONNECTIONS <= 2_000);

pub(crate) fn play() -> Outcome {
    // A DEALER with a context of its own takes a few beside its connection.
    descriptors::allow(12 * DEALERS + 2 * CONNECTIONS as u64)?;
    let endpoints = argument("endpoints")?;
    let [calls, samples, frames] = endpoints
        .split(' ')
        .map(str::parse)
        .collect::<Result<Vec<_>, _>>()?
        .try_into()
        .map_err(|_| "3 endpoints")?;
    let endpoints = ServerEndpoints { calls, samples, frames };
    let (max_body, prefix) = (number("max_body_bytes", 0), argument("prefix")?);
    let good =
        RouterClient::connect_with(&endpoints.calls.to_string(), ConnectOptions::default().name("good"))?;
    good.wait_connected(PATIENCE)?;
    let half_open = half_open(&endpoints, HALF_OPEN);
    let dealers = calls_messages(&good, &endpoints, &prefix)?;
    let subscribers = subscriptions(&endpoints, &prefix)?;
    let raw = raw_connections(&endpoints, RAW_CONNECTIONS, FRAMES_PER_RAW_CONNECTION);
    oversized(&endpoints, OVERSIZED, max_body);
    are_ended(half_open);
    say("sent", MESSAGES);
    for order in orders() {
        if order == "close" {
            break;
        }
    }
    drop((dealers, subscribers, raw, good));
    say("closed", CONNECTIONS);
    orders().for_each(drop);
    Ok(())
}

/// Messages at the calls port over DEALERs, which stay open. Names of what is called begin with `prefix`.
fn calls_messages(good: &RouterClient, endpoints: &ServerEndpoints, prefix: &str) -> Outcome<Vec<RawClient>> {
    let counted = || good.stats().deadline(PATIENCE).wait().map(|stats| stats.counters);
    let before = counted()?;
    let (mut expected, mut answers) = (Expected::default(), 0);
    let mut dealers = Vec::new();
    for dealer in 1..=DEALERS {
        let mut random = Random::seeded(dealer);
        let id = random.next();
        let mut client = RawClient::connect(&endpoints.calls, id, ClientSocket::Calls);
        if dealer % 2 == 0 {
            client.greet();
        }
        for number in 0..MESSAGES_PER_DEALER {
            let frames = hostile_message(&mut random, client.epoch, number, id, prefix);
            expected.sent(&frames);
            client.send(&frames.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        // What comes behind everything else is answered behind everything else that the loop answers itself.
        const LAST: u64 = u64::MAX - 1;
        let last = message("router.ping", LAST, client.epoch, &[]);
        expected.sent(std::slice::from_ref(&last));
        client.send(&[&last]);
        while !matches!(client.answer(), Answer::Outcome { header, .. } if header.call == LAST) {
            answers += 1;
        }
        answers += 1;
        // Calls that run on lanes may take longer.
        until("every message is answered or counted", || {
            while client.answer_within(Duration::ZERO).is_some() {
                answers += 1;
            }
            if answers >= expected.answers {
                return Ok(Some(()));
            }
            // A connection that greets as somebody else meanwhile is told nothing of what it called before.
            let unroutable = counted()?["unroutable_answers"] - before["unroutable_answers"];
            Ok((answers + unroutable >= expected.answers).then_some(()))
        })?;
        dealers.push(client);
    }
    let after = counted()?;
    for dealer in &mut dealers {
        check(dealer.answer_within(Duration::ZERO).is_none(), || "a message was answered twice".into())?;
    }
    for counter in ["bad_messages", "bad_frame_count"] {
        let (found, sent) = (after[counter] - before[counter], expected.counters[counter]);
        check(found == sent, || format!("the server counts {found} {counter} of {sent}"))?;
    }
    let unroutable = after["unroutable_answers"] - before["unroutable_answers"];
    check(answers + unroutable == expected.answers, || {
        format!("{answers} answers and {unroutable} unroutable ones of {}", expected.answers)
    })?;
    Ok(dealers)
}

/// Messages of subscribers that are no subscriptions, or not to whole names. The subscribers stay.
fn subscriptions(endpoints: &ServerEndpoints, prefix: &str) -> Outcome<Vec<router_socket::Socket>> {
    let name = format!("{prefix}count");
    let context = Context::new(1)?;
    let mut sockets = Vec::new();
    for subscriber in 0..SUBSCRIBERS {
        let mut random = Random::seeded(1000 + subscriber as u64);
        let mut socket = context.socket(SocketKind::XSub)?;
        // What it sends leaves before it goes.
        socket.set_linger(Duration::from_secs(2))?;
        socket.connect([&endpoints.samples, &endpoints.frames][subscriber % 2])?;
        for _ in 0..MESSAGES_PER_SUBSCRIBER {
            let (bytes, more) = hostile_subscription(&mut random, &name);
            until("a subscriber can send", || {
                Ok(socket.try_send(Frame::copy_from(&bytes), more).is_ok().then_some(()))
            })?;
            if more {
                until("a subscriber can send", || {
                    Ok(socket.try_send(Frame::copy_from(b"more"), false).is_ok().then_some(()))
                })?;
            }
        }
        sockets.push(socket);
    }
    Ok(sockets)
}
