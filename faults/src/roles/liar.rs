//! A server that lies to whoever dials it: it hands on what clients say to an honest server, and what that one answers
//! and publishes, of which it swallows, doubles and changes a part. It listens at 127.0.0.2, at the ports of the honest
//! one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use router_socket::{Context, Endpoint, Frame, PollEntry, Socket, SocketKind, poll};

use crate::child::{argument, orders, say};
use crate::failed::Outcome;
use crate::support::random::Random;

const HONEST: &str = "127.0.0.1";
pub(crate) const LIAR: &str = "127.0.0.2";
const _: () = assert!(HONEST.len() == LIAR.len());

/// A message, by its frames.
type Message = Vec<Vec<u8>>;

pub(crate) fn play() -> Outcome {
    let endpoints = argument("endpoints")?;
    let [calls, samples, frames] =
        endpoints.split(' ').collect::<Vec<_>>().try_into().map_err(|_| "3 endpoints")?;
    let lies = Arc::<AtomicU64>::default();
    for (seed, (honest, is_calls)) in
        [(calls, true), (samples, false), (frames, false)].into_iter().enumerate()
    {
        let mine: Endpoint = honest.replace(HONEST, LIAR).parse()?;
        let honest: Endpoint = honest.parse()?;
        let liar = Liar { random: Random::seeded(seed as u64 + 7), told: Arc::clone(&lies) };
        let context = Context::new(1)?;
        let kind = if is_calls { SocketKind::Router } else { SocketKind::XPub };
        let front = context.socket(kind)?;
        front.bind(&mine)?;
        std::thread::spawn(move || {
            let ended = if is_calls { answer(liar, front, &honest) } else { publish(liar, front, &honest) };
            eprintln!("the liar at {mine}: {:?}", ended.err());
        });
    }
    say("listens", "");
    for _ in orders() {
        say("lies", lies.load(Ordering::Relaxed));
    }
    Ok(())
}

struct Liar {
    random: Random,
    told: Arc<AtomicU64>,
}

impl Liar {
    /// What is said instead of `message`. Its first `honest` bytes stay where they are, if any of it does.
    fn lie(&mut self, mut message: Message, honest: usize) -> Vec<Message> {
        let random = &mut self.random;
        let which = random.below(24);
        if which < 6 {
            self.told.fetch_add(1, Ordering::Relaxed);
        }
        let at = random.below(message.len());
        let from = if at == 0 { honest } else { 0 };
        match which {
            0 => return Vec::new(),
            1 => return vec![message.clone(), message],
            2 => {
                let rest = message[at].len().saturating_sub(from);
                message[at].truncate(from + random.below(rest + 1));
            }
            3 => {
                let rest = message[at].len().saturating_sub(from);
                for _ in 0..random.below(6).min(rest) {
                    message[at][from + random.below(rest)] = random.next() as u8;
                }
            }
            4 => {
                let length = random.below(300);
                message[at].truncate(from);
                message[at].extend(random.bytes(length));
            }
            5 => {
                for _ in 0..random.below(40) {
                    let length = random.below(50);
                    message.push(random.bytes(length));
                }
            }
            _ => {}
        }
        vec![message]
    }
}

/// Has each connection of clients as one of its own with the honest server.
fn answer(mut liar: Liar, mut front: Socket, honest: &Endpoint) -> Outcome {
    let context = Context::new(1)?;
    let mut behind: Vec<(Vec<u8>, Socket)> = Vec::new();
    let mut frames = Vec::new();
    loop {
        while front.try_recv_message(&mut frames)? {
            let mut message = bytes_of(&frames);
            let peer = message.remove(0);
            let index = match behind.iter().position(|(known, _)| *known == peer) {
                Some(index) => index,
                None => {
                    let dealer = context.socket(SocketKind::Dealer)?;
                    dealer.connect(honest)?;
                    behind.push((peer, dealer));
                    behind.len() - 1
                }
            };
            send(&mut behind[index].1, &message);
        }
        for (peer, dealer) in &mut behind {
            while dealer.try_recv_message(&mut frames)? {
                let mut message = bytes_of(&frames);
                // Clients are sent to the liar's streams, not to the honest ones.
                message.iter_mut().for_each(|frame| translate(frame));
                for mut said in liar.lie(message, 0) {
                    said.insert(0, peer.clone());
                    send(&mut front, &said);
                }
            }
        }
        let mut entries: Vec<_> = behind.iter().map(|(_, dealer)| PollEntry::readable(dealer)).collect();
        entries.push(PollEntry::readable(&front));
        poll(&mut entries, Some(Duration::from_secs(1)))?;
    }
}

/// Publishes what the honest server does, under the same names.
fn publish(mut liar: Liar, mut front: Socket, honest: &Endpoint) -> Outcome {
    let context = Context::new(1)?;
    let mut behind = context.socket(SocketKind::XSub)?;
    behind.connect(honest)?;
    let mut frames = Vec::new();
    loop {
        while front.try_recv_message(&mut frames)? {
            send(&mut behind, &bytes_of(&frames));
        }
        while behind.try_recv_message(&mut frames)? {
            let message = bytes_of(&frames);
            let name = message[0].iter().position(|byte| *byte == 0).map_or(0, |nul| nul + 1);
            for said in liar.lie(message, name) {
                send(&mut front, &said);
            }
        }
        poll(&mut [PollEntry::readable(&front), PollEntry::readable(&behind)], Some(Duration::from_secs(1)))?;
    }
}

fn bytes_of(frames: &[Frame]) -> Message {
    frames.iter().map(|frame| frame.to_vec()).collect()
}

/// Sends what there is room for.
fn send(socket: &mut Socket, message: &[Vec<u8>]) {
    for (index, frame) in message.iter().enumerate() {
        if socket.try_send(Frame::copy_from(frame), index + 1 < message.len()).is_err() {
            return;
        }
    }
}

fn translate(bytes: &mut [u8]) {
    let mut from = 0;
    while let Some(at) = bytes[from..].windows(HONEST.len()).position(|window| window == HONEST.as_bytes()) {
        from += at;
        bytes[from..from + LIAR.len()].copy_from_slice(LIAR.as_bytes());
    }
}
