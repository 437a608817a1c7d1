//! Closures, tasks and slow consumers.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use crossbeam_channel::{bounded, unbounded};
use parking_lot::Mutex;

use super::super::packet::Place::Samples;
use super::super::{OnSample, Queue, SampleError, SubscriptionStats};
use super::fake_server::{FakeServer, SOON};

const NAME: &str = "stage.position_um";

#[test]
fn a_closure_gets_every_sample_and_may_panic() {
    let mut server = FakeServer::start();
    let client = server.client();
    let (sender, values) = unbounded();
    let on_sample = client
        .subscribe::<u64>(NAME)
        .on_sample(move |sample| {
            let value = sample.unwrap().value;
            sender.send(value).unwrap();
            assert_ne!(value, 1, "this test panics in its closure");
        })
        .unwrap();
    server.next_subscription(Samples);
    (0..3).for_each(|sequence| server.sample(Samples, NAME, sequence));
    for expect in 0..3 {
        assert_eq!(values.recv_timeout(SOON), Ok(expect));
    }
    assert_eq!((on_sample.panics(), on_sample.stats().received), (1, 3));
    drop(on_sample);
    assert!(values.recv().is_err(), "the closure is gone when drop returns");
    assert_eq!(server.next_subscription(Samples), format!("-{NAME}"));
}

#[test]
fn a_closure_that_hangs_delays_nobody() {
    let mut server = FakeServer::start();
    let client = server.ungreeted_client(|_, _| Ok(()));
    let (entered, has_entered) = bounded(1);
    let (release, released) = bounded::<()>(0);
    let calls = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&calls);
    let hung = client
        .subscribe::<u64>(NAME)
        .on_sample(move |_| {
            *counted.lock() += 1;
            let _ = entered.try_send(());
            let _ = released.recv();
        })
        .unwrap();
    let queue = client.subscribe::<u64>(NAME).queue(3000).unwrap();
    server.greet(&client);
    server.next_subscription(Samples);
    server.sample(Samples, NAME, 0);
    has_entered.recv_timeout(SOON).unwrap();
    (1..3000).for_each(|sequence| server.sample(Samples, NAME, sequence));
    for expect in 0..3000 {
        assert_eq!(queue.recv_timeout(SOON).unwrap().value, expect);
    }
    let settled = |stats: SubscriptionStats| stats.balances() && stats.received == 1 && stats.dropped == 1999;
    while !settled(hung.stats()) {
        std::thread::yield_now(); // the hub hands the last one to the queue first or last
    }
    drop(hung); // waits for a moment only, or this test would not end
    drop(release);
    drop(queue);
    assert_eq!(server.next_subscription(Samples), format!("-{NAME}"));
    assert_eq!(*calls.lock(), 1);
}

#[test]
fn a_closure_may_end_its_own_subscription() {
    let mut server = FakeServer::start();
    let client = server.client();
    let own: Arc<Mutex<Option<OnSample>>> = Arc::default();
    let (sender, ended) = bounded(1);
    let slot = Arc::clone(&own);
    let mut held = own.lock();
    *held = Some(
        client
            .subscribe::<u64>(NAME)
            .on_sample(move |_| {
                drop(slot.lock().take());
                sender.send(()).unwrap();
            })
            .unwrap(),
    );
    drop(held);
    server.next_subscription(Samples);
    server.sample(Samples, NAME, 0);
    ended.recv_timeout(SOON).unwrap();
    assert_eq!(server.next_subscription(Samples), format!("-{NAME}"));
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls as an executor does; `None` when the stream ended.
fn next(queue: &mut Queue<u64>) -> Option<Result<u64, SampleError>> {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        match queue.poll_next(&mut Context::from_waker(&waker)) {
            Poll::Ready(sample) => return sample.map(|sample| sample.map(|sample| sample.value)),
            Poll::Pending => std::thread::park_timeout(SOON),
        }
    }
}

#[test]
fn a_queue_is_a_stream_without_a_runtime() {
    let mut server = FakeServer::start();
    let client = server.client();
    let mut queue = client.subscribe::<u64>(NAME).queue(10).unwrap();
    server.next_subscription(Samples);
    let (waits, is_waiting) = bounded(0);
    let polls = std::thread::spawn(move || {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        assert!(queue.poll_next(&mut Context::from_waker(&waker)).is_pending());
        waits.send(()).unwrap();
        let first = next(&mut queue);
        (first, next(&mut queue), next(&mut queue))
    });
    is_waiting.recv_timeout(SOON).unwrap();
    server.sample(Samples, NAME, 0);
    server.sample(Samples, NAME, 1);
    while client.samples().counters().malformed_samples() < 1 {
        // A malformed packet behind the samples tells that the loop has handed them on.
        server.raw(Samples, vec![[NAME.as_bytes(), &[0]].concat()]);
        std::thread::yield_now();
    }
    client.samples().close().unwrap();
    assert_eq!(polls.join().unwrap(), (Some(Ok(0)), Some(Ok(1)), None));
}

#[test]
fn threads_may_share_a_queue() {
    let mut server = FakeServer::start();
    let client = server.client();
    let queue = client.subscribe::<u64>(NAME).queue(100).unwrap();
    server.next_subscription(Samples);
    let mut values = std::thread::scope(|scope| {
        let take = || (0..20).map(|_| queue.recv_timeout(SOON).unwrap().value).collect::<Vec<_>>();
        let takers = [scope.spawn(take), scope.spawn(take)];
        (0..40).for_each(|sequence| server.sample(Samples, NAME, sequence));
        takers.map(|taker| taker.join().unwrap()).concat()
    });
    values.sort_unstable();
    assert_eq!(values, (0..40).collect::<Vec<_>>());
    assert_eq!((queue.stats().received, queue.stats().waiting), (40, 0));
}

#[test]
fn a_slow_queue_drops_and_a_slow_cache_replaces() {
    let mut server = FakeServer::start();
    let client = server.ungreeted_client(|_, _| Ok(()));
    let oldest = client.subscribe::<u64>(NAME).keep_oldest().queue(5).unwrap();
    let newest = client.subscribe::<u64>(NAME).queue(5).unwrap();
    let cache = client.subscribe::<u64>(NAME).cache().unwrap();
    let fast = client.subscribe::<u64>(NAME).queue(100).unwrap();
    server.greet(&client);
    server.next_subscription(Samples);
    (0..50).for_each(|sequence| server.sample(Samples, NAME, sequence));
    (0..50).for_each(|_| drop(fast.recv_timeout(SOON).unwrap()));
    client.samples().close().unwrap(); // everything is handed on: what is left is the consumers'
    assert_eq!(cache.latest().unwrap().value, 49);
    let values = |queue: &Queue<u64>| queue.iter().map(|sample| sample.unwrap().value).collect::<Vec<_>>();
    assert_eq!(values(&oldest), [0, 1, 2, 3, 4]);
    assert_eq!(values(&newest), [45, 46, 47, 48, 49]);
    for (stats, expect) in
        [(oldest.stats(), (5, 45, 0)), (newest.stats(), (5, 45, 0)), (cache.stats(), (1, 0, 49))]
    {
        assert_eq!((stats.received, stats.dropped, stats.replaced), expect);
        assert!(stats.balances());
    }
}
