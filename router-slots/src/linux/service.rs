//! `Slots` and `SlotsLoop`: hand out rings to readers of the same user, and take back what dead ones held.

use super::geometry::HOLDS_BYTES;
use super::memory;
use super::packet::{Answer, Ask, MAX_PACKET};
use super::ring::{Shared, SlotRing, TableId};
use super::socket::{self, Received};
use crate::{
    ListenError, MAX_ATTACHMENTS, MAX_CONNECTIONS, MAX_KEY_BYTES, Refusal, ServiceCounters, SlotAddress,
};
use parking_lot::Mutex;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// The most packets of one connection, and the most new connections, in one turn: nobody keeps others waiting.
const MAX_PER_TURN: usize = 64;

/// How long nothing is tried that the system has just had no descriptor or no memory for.
const PAUSE: Duration = Duration::from_millis(100);

/// A server's offer of rings. Dropped, its loop ends.
#[derive(Debug)]
pub struct Slots {
    address: SlotAddress,
    shared: Arc<Offer>,
}

/// The loop behind [`Slots`], which owns the sockets: [`SlotsLoop::run`] on a thread called `slots`.
#[derive(Debug)]
pub struct SlotsLoop {
    listener: OwnedFd,
    shared: Arc<Offer>,
    connections: Vec<Connection>,
    accept_again: Option<Instant>,
}

/// Between the handle and the loop.
#[derive(Debug)]
struct Offer {
    /// Wakes the loop.
    bell: OwnedFd,
    stopped: AtomicBool,
    rings: Mutex<HashMap<String, Offered>>,
    connections: AtomicUsize,
    attachments: AtomicUsize,
    turned_away: AtomicU64,
    strangers: AtomicU64,
    refused: AtomicU64,
    malformed: AtomicU64,
}

/// What is behind a key.
#[derive(Clone)]
enum Offered {
    Ring(Weak<Shared>),
    /// Made for the first reader.
    WhenAsked(Arc<dyn Fn() -> Option<SlotRing> + Send + Sync>),
}

impl Offered {
    fn ring(&self) -> Option<Arc<Shared>> {
        match self {
            Offered::Ring(ring) => ring.upgrade(),
            Offered::WhenAsked(make) => make().and_then(|ring| ring.downgrade().upgrade()),
        }
    }
}

impl fmt::Debug for Offered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Offered::Ring(_) => "Ring",
            Offered::WhenAsked(_) => "WhenAsked",
        })
    }
}

#[derive(Debug)]
struct Connection {
    socket: OwnedFd,
    attachments: BTreeMap<u32, (Weak<Shared>, TableId)>,
    /// It said something that means nothing, or no more. Nothing is read any more, but what it holds stays held until
    /// the system says that it is gone: it may be alive, and reading frames.
    muted: bool,
}

impl Slots {
    /// Begins to listen at an address of its own.
    ///
    /// # Errors
    /// [`ListenError`].
    pub fn listen(epoch: u64) -> Result<(Slots, SlotsLoop), ListenError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|e| ListenError { reason: e.to_string() })?;
        let address = SlotAddress::new(epoch, u128::from_le_bytes(random));
        let listen = || {
            let bell = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
            Ok((bell, socket::listen(&address)?))
        };
        let (bell, listener) = listen().map_err(|e: Errno| ListenError { reason: e.to_string() })?;
        let shared = Arc::new(Offer {
            bell,
            stopped: AtomicBool::new(false),
            rings: Mutex::default(),
            connections: AtomicUsize::new(0),
            attachments: AtomicUsize::new(0),
            turned_away: AtomicU64::new(0),
            strangers: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            malformed: AtomicU64::new(0),
        });
        let slots_loop =
            SlotsLoop { listener, shared: Arc::clone(&shared), connections: Vec::new(), accept_again: None };
        Ok((Slots { address, shared }, slots_loop))
    }

    /// Returns what readers need to know to [connect](super::SlotConnection::connect).
    pub fn address(&self) -> &SlotAddress {
        &self.address
    }

    /// Attaches readers that ask for `key` to this ring from now on. The ring's owner keeps it: when the last
    /// clone is dropped, it is offered no longer.
    ///
    /// The key should name one life of a stream (name and incarnation): a reader that has the key has the ring.
    ///
    /// # Panics
    /// If the key is longer than 1024 bytes.
    pub fn offer(&self, key: &str, ring: &SlotRing) {
        assert!(key.len() <= MAX_KEY_BYTES, "a ring's key has at most {MAX_KEY_BYTES} bytes");
        self.shared.rings.lock().insert(key.to_owned(), Offered::Ring(ring.downgrade()));
    }

    /// As [`offer`](Slots::offer), for a ring that need not exist before somebody wants it: `ring` makes it, or returns the
    /// one that it made before, in the loop, where it must not wait. `None` refuses. Whoever makes it keeps it.
    ///
    /// # Panics
    /// If the key is longer than 1024 bytes.
    pub fn offer_when_asked(&self, key: &str, ring: impl Fn() -> Option<SlotRing> + Send + Sync + 'static) {
        assert!(key.len() <= MAX_KEY_BYTES, "a ring's key has at most {MAX_KEY_BYTES} bytes");
        self.shared.rings.lock().insert(key.to_owned(), Offered::WhenAsked(Arc::new(ring)));
    }

    /// Attaches nobody to the ring of this key any more. Readers that are attached stay so.
    pub fn withdraw(&self, key: &str) {
        self.shared.rings.lock().remove(key);
    }

    /// Returns what strangers and readers did.
    pub fn counters(&self) -> ServiceCounters {
        let shared = &self.shared;
        ServiceCounters {
            connections: shared.connections.load(Ordering::Relaxed),
            attachments: shared.attachments.load(Ordering::Relaxed),
            turned_away: shared.turned_away.load(Ordering::Relaxed),
            strangers: shared.strangers.load(Ordering::Relaxed),
            refused: shared.refused.load(Ordering::Relaxed),
            malformed: shared.malformed.load(Ordering::Relaxed),
        }
    }

    /// Ends the loop. What readers hold then stays held as long as its ring lives.
    pub fn stop(&self) {
        self.shared.stopped.store(true, Ordering::Release);
        // Full means that it has been rung.
        let _ = rustix::io::write(&self.shared.bell, &1_u64.to_ne_bytes());
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        self.stop();
    }
}

impl SlotsLoop {
    /// Turns until [`Slots::stop`].
    pub fn run(mut self) {
        while !self.is_stopped() {
            self.turn(None);
        }
    }

    /// Tells whether the handle was stopped or dropped.
    pub fn is_stopped(&self) -> bool {
        self.shared.stopped.load(Ordering::Acquire)
    }

    /// Waits until something happens, `timeout` at most, and does what there is to do without waiting again.
    pub fn turn(&mut self, timeout: Option<Duration>) {
        let now = Instant::now();
        self.accept_again = self.accept_again.filter(|&moment| moment > now);
        let pause = self.accept_again.map(|moment| moment - now);
        let timeout = pause.into_iter().chain(timeout).min();
        let ready = self.poll(timeout);
        if ready.bell {
            // Emptied before it is looked why it rang.
            let _ = rustix::io::read(&self.shared.bell, &mut [0; 8]);
        }
        for (index, events) in ready.connections.into_iter().enumerate() {
            self.connections[index].turn(&self.shared, events);
        }
        self.connections.retain(|connection| !connection.is_gone());
        if ready.listener {
            self.accept();
        }
        self.shared.connections.store(self.connections.len(), Ordering::Relaxed);
        let attachments = self.connections.iter().map(|connection| connection.attachments.len()).sum();
        self.shared.attachments.store(attachments, Ordering::Relaxed);
    }

    fn poll(&self, timeout: Option<Duration>) -> Ready {
        let listen = if self.accept_again.is_none() { PollFlags::IN } else { PollFlags::empty() };
        let mut entries = Vec::with_capacity(2 + self.connections.len());
        entries.push(PollFd::new(&self.shared.bell, PollFlags::IN));
        entries.push(PollFd::new(&self.listener, listen));
        entries.extend(self.connections.iter().map(|connection| {
            // That the other end is gone is told unasked.
            let ask = if connection.muted { PollFlags::empty() } else { PollFlags::IN };
            PollFd::new(&connection.socket, ask)
        }));
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        if let Err(e) = rustix::event::poll(&mut entries, timeout.as_ref()) {
            // Whatever is ready is so in the next turn.
            entries.iter_mut().for_each(PollFd::clear_revents);
            if e != Errno::INTR {
                // No memory to wait with: the one case in which this thread waits elsewhere.
                std::thread::sleep(PAUSE);
            }
        }
        let mut events = entries.iter().map(PollFd::revents);
        Ready {
            bell: events.next().is_some_and(|events| !events.is_empty()),
            listener: events.next().is_some_and(|events| events.contains(PollFlags::IN)),
            connections: events.collect(),
        }
    }

    fn accept(&mut self) {
        for _ in 0..MAX_PER_TURN {
            let socket = match socket::accept(&self.listener) {
                Ok(Some(socket)) => socket,
                Ok(None) => return,
                // No descriptor left, or no memory: it stays ready, and asking again at once would keep a core busy.
                Err(_) => {
                    self.shared.turned_away.fetch_add(1, Ordering::Relaxed);
                    self.accept_again = Some(Instant::now() + PAUSE);
                    return;
                }
            };
            if !socket::is_same_user(&socket).unwrap_or(false) {
                self.shared.strangers.fetch_add(1, Ordering::Relaxed);
            } else if self.connections.len() >= MAX_CONNECTIONS {
                self.shared.turned_away.fetch_add(1, Ordering::Relaxed);
            } else {
                self.connections.push(Connection { socket, attachments: BTreeMap::new(), muted: false });
            }
        }
    }
}

/// What a poll found.
struct Ready {
    bell: bool,
    listener: bool,
    connections: Vec<PollFlags>,
}

impl Connection {
    /// Reads and answers what there is.
    fn turn(&mut self, shared: &Offer, events: PollFlags) {
        // The process has ended or closed its end: nothing that it said before matters now.
        if events.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            for (ring, table) in std::mem::take(&mut self.attachments).into_values() {
                if let Some(ring) = ring.upgrade() {
                    ring.remove_table(table);
                }
            }
            self.muted = true;
            return;
        }
        if !events.contains(PollFlags::IN) || self.muted {
            return;
        }
        let mut buffer = [0; MAX_PACKET];
        for _ in 0..MAX_PER_TURN {
            let done = match socket::receive(&self.socket, &mut buffer) {
                Ok(Received::Nothing) => return,
                Ok(Received::Packet(len, fd)) => self.answer(shared, &buffer[..len], fd),
                Ok(Received::End) => Err(Mute::Quiet),
                Ok(Received::TooLong) => Err(Mute::Malformed),
                Err(_) => Err(Mute::Quiet),
            };
            if let Err(mute) = done {
                if let Mute::Malformed = mute {
                    shared.malformed.fetch_add(1, Ordering::Relaxed);
                }
                self.muted = true;
                return;
            }
        }
    }

    fn answer(&mut self, shared: &Offer, packet: &[u8], fd: Option<OwnedFd>) -> Result<(), Mute> {
        match Ask::decode(packet).ok_or(Mute::Malformed)? {
            Ask::Attach { request, .. } if self.attachments.contains_key(&request) => Err(Mute::Malformed),
            Ask::Attach { request, key } => match self.attach(shared, request, key, fd) {
                Ok(ring) => {
                    let answer = Answer::Attached {
                        request,
                        slots: ring.geometry().slots(),
                        held: ring.held() as u32,
                        largest_bytes: ring.geometry().largest_bytes() as u64,
                    };
                    // A reader that reads no answers has no more to say.
                    socket::send(&self.socket, &answer.encode(), Some(ring.fd())).map_err(|_| Mute::Quiet)
                }
                Err(reason) => {
                    shared.refused.fetch_add(1, Ordering::Relaxed);
                    let answer = Answer::Refused { request, reason };
                    socket::send(&self.socket, &answer.encode(), None).map_err(|_| Mute::Quiet)
                }
            },
            Ask::Detach { request } => {
                if let Some((ring, table)) = self.attachments.remove(&request)
                    && let Some(ring) = ring.upgrade()
                {
                    ring.remove_table(table);
                }
                Ok(())
            }
        }
    }

    fn attach(
        &mut self,
        shared: &Offer,
        request: u32,
        key: &str,
        fd: Option<OwnedFd>,
    ) -> Result<Arc<Shared>, Refusal> {
        if self.attachments.len() >= MAX_ATTACHMENTS {
            return Err(Refusal::TooManyAttachments);
        }
        // Made outside the lock.
        let offered = shared.rings.lock().get(key).cloned();
        let ring = offered.and_then(|offered| offered.ring()).ok_or(Refusal::NotOffered)?;
        let fd = fd.ok_or(Refusal::UnfitTable)?;
        let table = memory::open(&fd, HOLDS_BYTES).map_err(|_| Refusal::UnfitTable)?;
        let table = ring.add_table(table).map_err(|_| Refusal::TooManyReaders)?;
        self.attachments.insert(request, (Arc::downgrade(&ring), table));
        Ok(ring)
    }

    /// Nothing is held for it, and nothing will be read.
    fn is_gone(&self) -> bool {
        self.muted && self.attachments.is_empty()
    }
}

/// Why nothing more is read of a connection.
enum Mute {
    Malformed,
    Quiet,
}
