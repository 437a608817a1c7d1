//! A TCP relay between clients and a server that delays, stalls and cuts: a network that has a bad day.
//!
//! It listens at another address of this host, at the server's own ports. A server that tells its clients where its
//! streams are names its own address, so the relay puts its own in its place, which has as many bytes: what an address
//! translation in a router does.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::{Condvar, Mutex};

use crate::failed::{Outcome, check};

/// Chunks under way in one direction of a connection; behind them the sender's own system waits.
const UNDER_WAY: usize = 64;
const CHUNK_BYTES: usize = 64 << 10;

/// Relays to one server. Ends its connections when dropped.
pub(crate) struct Relay {
    shared: Arc<Shared>,
}

struct Shared {
    delay_ms: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
    /// What the server says of itself, and what its clients are told.
    addresses: (Vec<u8>, Vec<u8>),
}

#[derive(Default)]
struct State {
    is_stalled: bool,
    is_ended: bool,
    /// Both ends of every connection.
    connections: Vec<TcpStream>,
}

impl Relay {
    /// Listens at `listen` and relays to `to`, at each of `ports`. Addresses are numbers, and of equal length unless
    /// the server serves at every address.
    pub(crate) fn start(listen: &str, to: &str, ports: &[u16]) -> Outcome<Relay> {
        let addresses = (to.as_bytes().to_vec(), listen.as_bytes().to_vec());
        let shared = Arc::new(Shared {
            delay_ms: AtomicU64::new(0),
            state: Mutex::default(),
            changed: Condvar::new(),
            addresses,
        });
        for &port in ports {
            let listener = TcpListener::bind((listen, port))?;
            let (shared, to) = (Arc::clone(&shared), to.to_owned());
            std::thread::spawn(move || {
                for client in listener.incoming().map_while(Result::ok) {
                    if shared.state.lock().is_ended {
                        return;
                    }
                    // A server that is not there ends the client's connection.
                    if let Ok(server) = TcpStream::connect((to.as_str(), port)) {
                        let _ = connect(&shared, client, server);
                    }
                }
            });
        }
        Ok(Relay { shared })
    }

    /// Makes every byte late by `delay`, in each direction.
    pub(crate) fn delay(&self, delay: Duration) {
        self.shared.delay_ms.store(delay.as_millis() as u64, Ordering::Relaxed);
    }

    /// Takes nothing and hands nothing on until it is told otherwise; connections stand.
    pub(crate) fn stall(&self, stalled: bool) {
        self.shared.state.lock().is_stalled = stalled;
        self.shared.changed.notify_all();
    }

    /// Ends every connection; returns how many there were.
    pub(crate) fn cut(&self) -> Outcome<usize> {
        let connections = std::mem::take(&mut self.shared.state.lock().connections);
        for connection in &connections {
            let _ = connection.shutdown(Shutdown::Both);
        }
        check(!connections.is_empty(), || "nobody connected through the relay".into())?;
        Ok(connections.len() / 2)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.state.lock().is_ended = true;
        self.stall(false);
        let _ = self.cut();
    }
}

impl Shared {
    fn wait_while_stalled(&self) {
        let mut state = self.state.lock();
        while state.is_stalled {
            self.changed.wait(&mut state);
        }
    }

    /// Has the clients find the relay where the server names itself.
    fn translate(&self, bytes: &mut [u8]) {
        let (server, relay) = &self.addresses;
        if server.len() != relay.len() {
            return;
        }
        let mut from = 0;
        while let Some(at) = bytes[from..].windows(server.len()).position(|window| window == server) {
            from += at;
            bytes[from..from + relay.len()].copy_from_slice(relay);
        }
    }
}

/// Two threads for each direction: one takes, the other hands on when it is time.
fn connect(shared: &Arc<Shared>, client: TcpStream, server: TcpStream) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    shared.state.lock().connections.extend([client.try_clone()?, server.try_clone()?]);
    for (from, to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
        let (sender, receiver) = bounded(UNDER_WAY);
        let (taker, giver) = (Arc::clone(shared), Arc::clone(shared));
        std::thread::spawn(move || take(&taker, from, &sender));
        std::thread::spawn(move || hand_on(&giver, to, &receiver));
    }
    Ok(())
}

fn take(shared: &Shared, mut from: TcpStream, under_way: &Sender<(Instant, Vec<u8>)>) {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        shared.wait_while_stalled();
        match from.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(length) => {
                let mut bytes = chunk[..length].to_vec();
                shared.translate(&mut bytes);
                if under_way.send((Instant::now(), bytes)).is_err() {
                    return;
                }
            }
        }
    }
}

fn hand_on(shared: &Shared, mut to: TcpStream, under_way: &Receiver<(Instant, Vec<u8>)>) {
    for (taken, bytes) in under_way {
        let delay = Duration::from_millis(shared.delay_ms.load(Ordering::Relaxed));
        std::thread::sleep(delay.saturating_sub(taken.elapsed()));
        shared.wait_while_stalled();
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
