//! Sockets and nothing else: what everything here is compared with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use router_socket::{Context, Endpoint, Frame, PollEntry, Socket, SocketError, SocketKind};

const LOOK: Duration = Duration::from_millis(100);

/// A thread that does something with a socket until this is dropped.
struct Worker {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    fn start(run: impl FnOnce(&AtomicBool) + Send + 'static) -> Worker {
        let ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ended);
        Worker { ended, thread: Some(std::thread::spawn(move || run(&told))) }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A worker that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// A ROUTER that sends back what it gets, and a DEALER that talks to it.
pub(crate) struct Echo {
    dealer: Socket,
    _worker: Worker,
}

impl Echo {
    /// Over `tcp` on any free port.
    pub(crate) fn start() -> Result<Echo, Box<dyn std::error::Error>> {
        let mut router = Context::new(1)?.socket(SocketKind::Router)?;
        let endpoint: Endpoint = router.bind(&"tcp://127.0.0.1:*".parse()?)?;
        let worker = Worker::start(move |ended| {
            let mut frames = Vec::new();
            while !ended.load(Ordering::Relaxed) {
                while let Ok(true) = router.try_recv_message(&mut frames) {
                    let count = frames.len();
                    for (index, frame) in frames.drain(..).enumerate() {
                        if router.try_send(frame, index + 1 < count).is_err() {
                            return;
                        }
                    }
                }
                let _ = router_socket::poll(&mut [PollEntry::readable(&router)], Some(LOOK));
            }
        });
        let dealer = Context::new(1)?.socket(SocketKind::Dealer)?;
        dealer.connect(&endpoint)?;
        Ok(Echo { dealer, _worker: worker })
    }

    /// Sends one message.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
        Ok(self.dealer.try_send(Frame::copy_from(bytes), false)?)
    }

    /// Waits for one message.
    pub(crate) fn receive(&mut self) -> Result<Frame, SocketError> {
        loop {
            if let Some(frame) = self.dealer.try_recv()? {
                return Ok(frame);
            }
            router_socket::poll(&mut [PollEntry::readable(&self.dealer)], Some(LOOK))?;
        }
    }
}

/// A flood from a PUB that never waits to a SUB that takes what comes.
pub(crate) struct Flood {
    /// Messages that were given to the PUB.
    pub(crate) sent: u64,
    /// Messages that the SUB took.
    pub(crate) arrived: u64,
}

impl Flood {
    /// Floods for `span`.
    pub(crate) fn run(bytes: &'static [u8], span: Duration) -> Result<Flood, Box<dyn std::error::Error>> {
        let mut publisher = Context::new(1)?.socket(SocketKind::Pub)?;
        let endpoint = publisher.bind(&"tcp://127.0.0.1:*".parse()?)?;
        let mut subscriber = Context::new(1)?.socket(SocketKind::Sub)?;
        subscriber.subscribe(b"")?;
        subscriber.connect(&endpoint)?;
        let sent = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&sent);
        let worker = Worker::start(move |ended| {
            while !ended.load(Ordering::Relaxed) {
                for _ in 0..64 {
                    let _ = publisher.try_send(Frame::copy_from(bytes), false);
                }
                counter.fetch_add(64, Ordering::Relaxed);
            }
        });
        let mut arrived = 0;
        // The connection comes first.
        while arrived == 0 {
            arrived += drain(&mut subscriber)?;
        }
        let (start, sent_before) = (Instant::now(), sent.load(Ordering::Relaxed));
        arrived = 0;
        while start.elapsed() < span {
            arrived += drain(&mut subscriber)?;
        }
        let sent = sent.load(Ordering::Relaxed) - sent_before;
        drop(worker);
        Ok(Flood { sent, arrived })
    }
}

fn drain(subscriber: &mut Socket) -> Result<u64, SocketError> {
    let mut count = 0;
    while count < 1000 && subscriber.try_recv()?.is_some() {
        count += 1;
    }
    if count == 0 {
        router_socket::poll(&mut [PollEntry::readable(subscriber)], Some(LOOK))?;
    }
    Ok(count)
}
