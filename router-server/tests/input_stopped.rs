//! Connections that the server has stopped to read from, because its router loop was busy, and that end then.

mod support;

use std::time::Duration;

use router_client::{ConnectOptions, interface};
use router_socket::{Context, Endpoint, Frame, Socket, SocketKind};
use support::child::{self, play, say};
use support::raw_client::message;
use support::{Child, Door, PATIENCE, client_at, door, server};

const DEALERS: usize = 8;
/// A message of a dealer; so large that not many fill what the system buffers [bytes].
const MESSAGE_BYTES: usize = 4 << 10;

/// Holds up the router loop.
struct Busy {
    holding: Door,
}

#[interface]
impl Busy {
    #[call(inline)]
    pub fn hold(&self) {
        say("holding", "");
        self.holding.pass();
    }
}

#[test]
fn child_process() {
    play(|_| {
        let server = server();
        let (holding, gate) = door();
        server.add_call("beep", || 1).unwrap();
        server.add_instrument("busy", Busy { holding }).unwrap();
        say("calls", &server.endpoints().calls);
        let mut orders = child::orders();
        orders.next();
        gate.open();
        for _ in orders {}
    });
}

#[test]
fn the_server_outlives_clients_that_leave_with_more_unread_than_their_connection_takes() {
    let mut server = Child::start("server", &[]);
    let calls: Endpoint = server.hears("calls").parse().unwrap();
    let good = client_at(&calls.to_string(), ConnectOptions::default());
    let mut dealers: Vec<Socket> = (0..DEALERS)
        .map(|_| {
            let socket = Context::new(1).unwrap().socket(SocketKind::Dealer).unwrap();
            socket.set_linger(Duration::ZERO).unwrap();
            socket.connect(&calls).unwrap();
            socket
        })
        .collect();
    let held = good.call::<()>("busy.hold", ()).deadline(PATIENCE).start();
    server.hears("holding");
    dealers.iter_mut().for_each(fill);
    drop(dealers);
    // Nothing tells when the server's I/O thread has seen all of them leave, and what it does a little later.
    std::thread::sleep(Duration::from_millis(2500));
    server.tell("go on");
    // It took longer than a client waits for the pings of its server: its outcome may be unknown.
    let _ = held.wait();
    good.wait_connected(PATIENCE).unwrap();
    assert_eq!(good.call("beep", ()).deadline(PATIENCE).wait(), Ok(1));
}

/// Sends until no more goes, neither into the queues of both sides nor into what the system buffers between them.
fn fill(socket: &mut Socket) {
    let message = message("nothing.here", 1, 0, &[0; MESSAGE_BYTES]);
    let mut sends = || socket.try_send(Frame::copy_from(&message), false).is_ok();
    let mut refusals = 0;
    while refusals < 20 {
        if sends() {
            refusals = 0;
        } else {
            refusals += 1;
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
