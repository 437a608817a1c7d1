//! Clients that take more than their share: answers that they do not read, calls and names without end, bodies that
//! cost more than they carry. And honest ones that look like them for a moment.

mod support;

use std::time::Duration;

use router_client::interface;
use router_server::RouterServer;
use router_wire::hello::{ClientSocket, HelloRequest};
use router_wire::status::ClientStats;
use router_wire::{ClientId, ClientIdentity, Failure, PROTOCOL_VERSION, Status, arguments, body};
use support::raw_client::{Answer, header, keywords, message};
use support::{
    Door, RawClient, TestStage, client, client_named, counter, door, eventually, server, server_with,
};

/// More than a server remembers clients.
const MANY_CLIENTS: u64 = 5000;
/// The number of the first ping; no other call has one as large.
const PINGS: u64 = 1 << 40;

/// Sends a ping that confirms `received_bytes` of answers.
fn ping(raw: &mut RawClient, number: u64, received_bytes: u64) {
    let keyword = ("received_bytes".to_owned(), body::encode(&received_bytes).unwrap());
    let ping = message("router.ping", number, raw.epoch, &arguments::encode(&(), &[keyword]).unwrap());
    raw.send(&[&ping]);
}

/// Says that it is there, and hears that it is.
fn pinged(raw: &mut RawClient) {
    ping(raw, PINGS, 0);
    assert_eq!(raw.outcome(PINGS).0, Status::Done);
}

/// Confirms whatever was sent until nothing is held back; how each call ended that was answered meanwhile.
fn outcomes_after_confirming(raw: &mut RawClient, pings: u64) -> Vec<(u64, Status)> {
    (1..=pings).for_each(|number| ping(raw, PINGS + number, u64::MAX));
    let mut outcomes = Vec::new();
    loop {
        match raw.answer() {
            Answer::Outcome { header, .. } if header.call == PINGS + pings => return outcomes,
            Answer::Outcome { header, .. } if header.call < PINGS => {
                outcomes.push((header.call, header.status));
            }
            _ => {}
        }
    }
}

/// What the server says of a client, if it knows one of this name.
fn known(server: &RouterServer, label: &str) -> Option<ClientStats> {
    server.stats().clients.into_iter().find(|client| client.client == label)
}

/// A greeting of a client with the id `id`, whoever sends it.
fn hello_of(id: u64) -> Vec<u8> {
    let client = ClientIdentity {
        id: ClientId(9, id),
        name: "liar".into(),
        user: "mallory".into(),
        host: "scope-4".into(),
        pid: 1,
    };
    let hello = HelloRequest {
        protocol_version: PROTOCOL_VERSION,
        client,
        socket: ClientSocket::Calls,
        dialled: String::new(),
        gateways: Vec::new(),
    };
    message("router.hello", u64::MAX, 0, &keywords(&hello))
}

#[test]
fn refusals_that_nobody_reads_are_bounded() {
    const REQUESTS: u64 = 30_000;
    const MOST_KEPT: u64 = 10_000;
    let server = server_with(|options| options.stalled_client_bytes = 64 << 10);
    let mut raw = RawClient::greeted(&server, 1);
    (0..REQUESTS).for_each(|number| raw.request(number, "nothing.here", &()));
    let kept = outcomes_after_confirming(&mut raw, 200).len() as u64;
    assert!(kept <= MOST_KEPT, "{kept} refusals were kept");
    assert!(counter(&server, "unconfirmed_answers_dropped") >= REQUESTS - kept);
}

#[test]
fn large_answers_to_requests_on_the_control_connection_are_bounded() {
    const CALLS: u64 = 20;
    const BOUND: usize = 256 << 10;
    let server = server_with(|options| options.stalled_client_bytes = BOUND);
    server.add_call("image", || "x".repeat(BOUND / 2)).unwrap();
    let mut control = RawClient::greeted_control(&server, 1);
    let mut calls = RawClient::greeted(&server, 1);
    pinged(&mut calls);
    (0..CALLS).for_each(|number| control.request(number, "image", &()));
    eventually("all are answered", || {
        let done = server.stats().calls.iter().any(|call| call.name == "image" && call.count == CALLS);
        done && known(&server, &calls.label()).is_some_and(|client| client.in_flight == 0)
    });
    // Two do not fit beside the header of each: one is sent, and one is held back until it is confirmed.
    assert_eq!(counter(&server, "unconfirmed_answers_dropped"), CALLS - 2);
    let unconfirmed = known(&server, &calls.label()).unwrap().unconfirmed_bytes as usize;
    assert!((BOUND / 2..=BOUND).contains(&unconfirmed), "{unconfirmed} bytes are unconfirmed");
    let outcomes = outcomes_after_confirming(&mut calls, 20);
    assert_eq!(outcomes.len() as u64, CALLS, "each call has its outcome: {outcomes:?}");
    let of = |status| outcomes.iter().filter(|outcome| outcome.1 == status).count() as u64;
    assert_eq!((of(Status::Done), of(Status::Undelivered)), (2, CALLS - 2), "{outcomes:?}");
}

/// An instrument whose stop hangs.
struct Stuck {
    stopping: Door,
}

#[interface]
impl Stuck {
    #[call(urgent)]
    pub fn stop(&self) {
        self.stopping.pass();
    }
}

#[test]
fn one_connection_with_many_names_has_the_share_of_one_client() {
    const SHARE: u64 = 64;
    let server = server();
    let (stopping, gate) = door();
    server.add_instrument("laser", Stuck { stopping }).unwrap();
    let good = client_named(&server, "good");
    let mut liar = RawClient::greeted(&server, 1);
    liar.request(0, "laser.stop", &());
    gate.arrived();
    for id in 1..=MANY_CLIENTS {
        liar.send(&[&hello_of(id)]);
        liar.request(id, "laser.stop", &());
    }
    eventually("all its hellos are refused", || counter(&server, "changed_identities") == MANY_CLIENTS);
    // As many as run and as many as wait; each of the others was refused before it was queued.
    let stats = server.stats();
    let lane = stats.lanes.iter().find(|lane| lane.name == "laser urgent").unwrap();
    assert!((1..=SHARE).contains(&lane.queued), "{} stops wait", lane.queued);
    assert!(known(&server, &good.identity().to_string()).is_some(), "the idle client was forgotten");
    assert!(stats.clients.len() <= 2, "{:?}", stats.clients);
}

#[test]
fn a_stop_ends_the_move_it_overtook_though_another_connection_has_many_names() {
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    let mut control = RawClient::greeted_control(&server, 7);
    let mut calls = RawClient::greeted(&server, 7);
    let mut liar = RawClient::greeted(&server, 1);
    for id in 1..=MANY_CLIENTS {
        liar.send(&[&hello_of(id)]);
    }
    eventually("all its hellos are refused", || counter(&server, "changed_identities") == MANY_CLIENTS);
    control.request(10, "stage.stop", &());
    control.value::<()>(10);
    // Sent before the stop, on a slower connection.
    calls.request(5, "stage.move_to", &(5.0,));
    let failure = calls.failure(5);
    assert!(matches!(&failure, Failure::Cancelled { by, .. } if by.contains("stage.stop")), "{failure}");
    assert!(rig.stage.moves().is_empty());
}

#[test]
fn a_greeting_or_ping_with_a_huge_body_is_refused_unread() {
    const NILS: u32 = 1 << 20;
    let server = server();
    server.add_call("beep", || 1).unwrap();
    let client = client(&server);
    let mut raw = RawClient::greeted(&server, 1);
    // No positional arguments and `client`, a list of nils: each takes one byte here and many when it is decoded.
    let mut nils = vec![0x92, 0x90, 0x81, 0xa6];
    nils.extend(b"client");
    nils.push(0xdd);
    nils.extend(NILS.to_be_bytes());
    nils.resize(nils.len() + NILS as usize, 0xc0);
    for (number, target) in [(3, "router.hello"), (4, "router.ping")] {
        raw.send(&[&message(target, number, raw.epoch, &nils)]);
        let failure = raw.failure(number);
        let refused = matches!(&failure, Failure::BadArguments { message, .. } if message.contains("limit"));
        assert!(refused, "{target}: {failure}");
    }
    assert_eq!(client.call("beep", ()).wait(), Ok(1));
    pinged(&mut raw);
}

#[test]
fn a_call_is_not_ended_by_the_deadline_of_an_earlier_one_with_its_number() {
    const DEADLINE: Duration = Duration::from_millis(600);
    // A number that was used before is refused for as long as the outcome is kept.
    let server = server_with(|options| options.outcomes_kept = 0);
    let (holding, gate) = door();
    server.add_call("echo", |(number,): (i32,)| number).unwrap();
    server.add_call("hold", move || holding.pass()).unwrap();
    let mut raw = RawClient::greeted(&server, 1);
    let within_deadline = |raw: &mut RawClient, number: u64, target: &str, body: Vec<u8>| {
        let mut header = header(number, raw.epoch);
        header.deadline_us = DEADLINE.as_micros() as u64;
        let mut message = Vec::new();
        header.encode(target, &mut message);
        message.extend(body);
        raw.send(&[&message]);
    };
    within_deadline(&mut raw, 5, "echo", arguments::encode(&(1,), &[]).unwrap());
    assert_eq!(raw.value::<i32>(5), 1);
    raw.request(5, "hold", &());
    gate.arrived();
    // The deadline of this one comes after the one that must not count any more.
    within_deadline(&mut raw, 6, "hold", arguments::encode(&(), &[]).unwrap());
    assert_eq!(raw.failure(6), Failure::DeadlineExceeded { may_still_be_running: false });
    gate.open();
    raw.value::<()>(5);
}

#[test]
fn a_client_that_was_silent_for_too_long_learns_how_its_calls_ended() {
    const BOUND: usize = 64 << 10;
    let server = server_with(|options| options.stalled_client_bytes = BOUND);
    server.add_call("image", || "x".repeat(BOUND - 4096)).unwrap();
    let mut raw = RawClient::greeted(&server, 1);
    pinged(&mut raw);
    raw.request(1, "image", &());
    raw.request(2, "image", &());
    assert_eq!(raw.outcome(1).0, Status::Done);
    eventually("it is given up", || counter(&server, "lost_clients") == 1);
    // Its connection stands, and it goes on where it was.
    let outcomes = outcomes_after_confirming(&mut raw, 2);
    assert_eq!(outcomes, [(2, Status::Undelivered)]);
    assert_eq!(counter(&server, "unconfirmed_answers_dropped"), 1);
}

#[test]
fn a_client_that_greets_again_has_the_time_to_ping() {
    let server = server();
    let (holding, gate) = door();
    server.add_call("hold", move || holding.pass()).unwrap();
    let mut raw = RawClient::greeted(&server, 1);
    pinged(&mut raw);
    eventually("it is given up", || counter(&server, "lost_clients") == 1);
    raw.greet();
    raw.request(1, "hold", &());
    gate.arrived();
    raw.request(2, "hold", &());
    // The server looks for lost clients four times a second. One that is lost has its queued calls ended.
    let ended = raw.answer_within(Duration::from_millis(600));
    assert!(ended.is_none(), "{ended:?}");
    assert_eq!(counter(&server, "lost_clients"), 1);
    gate.open();
    raw.value::<()>(1);
    raw.value::<()>(2);
}

#[test]
fn what_is_held_for_a_stranger_that_has_left_goes() {
    const MIB: usize = 1 << 20;
    let server = server_with(|options| options.stalled_client_bytes = 2 * MIB);
    server.add_call("large", || vec![0_u8; MIB]).unwrap();
    // It does not greet and does not ping, as a short script may do; it asks for much, reads nothing and leaves.
    let mut raw = RawClient::connect(&server.endpoints().calls, 7, ClientSocket::Calls);
    raw.epoch = server.epoch();
    (1..=20).for_each(|number| raw.request(number, "large", &()));
    let ended = || server.stats().calls.iter().any(|call| call.name == "large" && call.count == 20);
    eventually("all have ended", ended);
    drop(raw);
    eventually("it is found out", || counter(&server, "lost_clients") == 1);
    assert!(counter(&server, "unconfirmed_answers_dropped") >= 15);
}
