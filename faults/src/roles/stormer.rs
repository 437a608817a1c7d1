//! Connects and disconnects as fast as it can, in every way there is.

use std::io::Write;
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::Duration;

use router_client::{ConnectOptions, RouterClient};
use router_socket::Endpoint;

use crate::child::{argument, number, orders, say};
use crate::failed::{Outcome, PATIENCE};
use crate::support::zmtp;

const THREADS: usize = 4;

pub(crate) fn play() -> Outcome {
    let endpoints: Vec<Endpoint> =
        argument("endpoints")?.split(' ').map(str::parse).collect::<Result<_, _>>()?;
    let clients = number("clients", 0);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn({
                    let endpoints = &endpoints;
                    move || storm(endpoints, clients / THREADS, thread)
                })
            })
            .collect();
        for thread in threads {
            thread.join().map_err(|_| "a thread of the storm panicked")??;
        }
        Ok::<_, crate::failed::Failed>(())
    })?;
    say("over", "");
    orders().for_each(drop);
    Ok(())
}

/// For each client that comes, calls and goes, nine connections that are none.
fn storm(endpoints: &[Endpoint], clients: usize, thread: usize) -> Outcome {
    for round in 0..clients {
        let options = ConnectOptions::default().name("storm").connect_timeout(PATIENCE);
        let client = RouterClient::connect_with(&endpoints[0].to_string(), options)?;
        client.call::<String>("echo", ("hello",)).deadline(PATIENCE).wait()?;
        let _listens = client.subscribe_raw("count").queue(10)?;
        for (index, endpoint) in endpoints.iter().enumerate() {
            // Gone before a word is said.
            drop(zmtp::dial(endpoint));
            // Gone without a goodbye, in the middle of the handshake: the system resets the connection.
            let mut half = zmtp::dial(endpoint);
            half.write_all(&zmtp::greeting("NULL")[..(7 * round + thread) % 64])?;
            reset_on_close(&half);
            // A subscriber, or a caller, for a moment.
            let mut whole = zmtp::handshake(endpoint, if index == 0 { "DEALER" } else { "SUB" });
            let _ = whole.write_all(&zmtp::message_frame(b"\x01count\0", false));
        }
    }
    Ok(())
}

fn reset_on_close(stream: &TcpStream) {
    let linger = libc::linger { l_onoff: 1, l_linger: Duration::ZERO.as_secs() as i32 };
    // SAFETY: an open descriptor, and a value with its length.
    unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size_of::<libc::linger>() as libc::socklen_t,
        );
    }
}
