//! What `docs/call-path.md` counts: a server and a client that makes calls and nothing else, each a process of its own,
//! and the same with a DEALER and a ROUTER that echoes.
//!
//! ```sh
//! call_path serve ENDPOINT                        # until its input ends
//! call_path call ENDPOINT METHOD CALLS WINDOW     # METHOD: inline, lane
//! call_path echo ENDPOINT
//! call_path send ENDPOINT CALLS WINDOW
//! ```

use std::collections::VecDeque;
use std::error::Error;
use std::time::{Duration, Instant};

use router_client::{RouterClient, interface};
use router_server::RouterServer;
use router_socket::{Context, Endpoint, Frame, PollEntry, Socket, SocketKind};

/// With header and length as arguments: 64 bytes.
const VALUE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef01234567";

/// Answers with what it was given.
struct Mirror;

#[interface]
impl Mirror {
    /// On the lane.
    pub fn lane(&self, value: String) -> String {
        value
    }

    /// In the router loop.
    #[call(inline)]
    pub fn inline(&self, value: String) -> String {
        value
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    match given.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", endpoint] => {
            let server = RouterServer::bind(endpoint)?;
            server.add_instrument("mirror", Mirror)?;
            server.add_instrument("warm", Mirror)?;
            wait_for_the_end()?;
            // `warm.inline` may be among them: valgrind takes its time with what runs for the first time.
            let moved = server.stats().counters.get("inline_methods_moved").copied().unwrap_or_default();
            println!("inline methods that took over 10 ms once and moved to their lane: {moved}");
            Ok(())
        }
        ["echo", endpoint] => {
            let router = Context::new(1)?.socket(SocketKind::Router)?;
            router.bind(&endpoint.parse()?)?;
            std::thread::spawn(move || echo(router));
            wait_for_the_end()
        }
        ["call", endpoint, method, calls, window] => call(endpoint, method, calls.parse()?, window.parse()?),
        ["send", endpoint, calls, window] => send(endpoint, calls.parse()?, window.parse()?),
        _ => Err("see the top of call_path.rs".into()),
    }
}

fn wait_for_the_end() -> Result<(), Box<dyn Error>> {
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

fn call(endpoint: &str, method: &str, calls: usize, window: usize) -> Result<(), Box<dyn Error>> {
    let client = RouterClient::connect(endpoint)?;
    client.wait_connected(Duration::from_secs(30))?;
    for _ in 0..10 {
        client.call::<String>(&format!("warm.{method}"), (VALUE,)).wait()?;
    }
    let name = format!("mirror.{method}");
    let begun = Instant::now();
    if window == 1 {
        for _ in 0..calls {
            client.call::<String>(&name, (VALUE,)).wait()?;
        }
    } else {
        let mut started = VecDeque::new();
        for _ in 0..calls {
            if started.len() == window
                && let Some(oldest) = started.pop_front()
            {
                router_client::PendingCall::<String>::wait(oldest)?;
            }
            started.push_back(client.call(&name, (VALUE,)).start());
        }
        started.into_iter().try_for_each(|call| call.wait().map(drop))?;
    }
    tell(calls, begun);
    Ok(())
}

fn send(endpoint: &str, calls: usize, window: usize) -> Result<(), Box<dyn Error>> {
    let mut dealer = Context::new(1)?.socket(SocketKind::Dealer)?;
    dealer.connect(&endpoint.parse::<Endpoint>()?)?;
    let begun = Instant::now();
    for sent in 0..calls + window {
        if sent >= window {
            while dealer.try_recv()?.is_none() {
                router_socket::poll(&mut [PollEntry::readable(&dealer)], None)?;
            }
        }
        if sent < calls {
            dealer.try_send(Frame::copy_from(&[7; 64]), false)?;
        }
    }
    tell(calls, begun);
    Ok(())
}

fn echo(mut router: Socket) {
    let mut frames = Vec::new();
    loop {
        while let Ok(true) = router.try_recv_message(&mut frames) {
            let count = frames.len();
            for (index, frame) in frames.drain(..).enumerate() {
                let _ = router.try_send(frame, index + 1 < count); // who has gone needs no echo
            }
        }
        if router_socket::poll(&mut [PollEntry::readable(&router)], None).is_err() {
            return;
        }
    }
}

fn tell(calls: usize, begun: Instant) {
    println!("{:.2} us a call", begun.elapsed().as_secs_f64() * 1e6 / calls as f64);
}
