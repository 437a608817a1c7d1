//! One client, many threads: whoever waits turns the calls loop, hands it on, and no call is lost.

mod support;

use std::future::Future;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Poll, Wake};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use support::{Ends, PATIENCE, client, counter, door, server};

const THREADS: u64 = 8;
const CALLS: u64 = 20_000;

#[test]
fn eight_threads_with_twenty_thousand_calls_each() {
    let server = server();
    server.add_call("double", |(number,): (u64,)| 2 * number).unwrap();
    let client = client(&server);
    let (ended, ends) = mpsc::channel();
    for thread in 0..THREADS {
        let (client, ended) = (client.clone(), ended.clone());
        std::thread::spawn(move || {
            for call in 0..CALLS {
                let number = thread * CALLS + call;
                assert_eq!(client.call::<u64>("double", (number,)).wait().unwrap(), 2 * number);
            }
            ended.send(thread).unwrap();
        });
    }
    for _ in 0..THREADS {
        // A lost wake-up hangs: what another thread posts may free it, but not the last one.
        ends.recv_timeout(10 * PATIENCE).expect("a call was lost, or a thread has failed");
    }
    assert_eq!(counter(&server, "requests") / (THREADS * CALLS), 1, "hellos, pings and every call once");
}

/// Some wait, some start several and wait for them later, some poll: every way to wait for a call beside the others.
#[test]
fn every_way_to_wait_beside_the_others() {
    const ROUNDS: u64 = 300;
    let server = server();
    server.add_call("double", |(number,): (u64,)| 2 * number).unwrap();
    let client = client(&server);
    let (ended, ends) = mpsc::channel();
    let run = |work: Box<dyn Fn(u64) + Send>| {
        let ended = ended.clone();
        std::thread::spawn(move || {
            (0..ROUNDS).for_each(work);
            ended.send(()).unwrap();
        });
    };
    for _ in 0..2 {
        let waits = client.clone();
        run(Box::new(move |number| {
            assert_eq!(waits.call::<u64>("double", (number,)).wait().unwrap(), 2 * number);
        }));
        let starts = client.clone();
        run(Box::new(move |number| {
            let calls: Vec<_> = (0..8).map(|_| starts.call::<u64>("double", (number,)).start()).collect();
            calls.into_iter().for_each(|call| assert_eq!(call.wait().unwrap(), 2 * number));
        }));
        let looks = client.clone();
        run(Box::new(move |number| {
            let call = looks.call::<u64>("double", (number,)).start();
            while !call.is_finished() {
                std::thread::yield_now();
            }
            assert_eq!(call.wait().unwrap(), 2 * number);
        }));
        let polls = client.clone();
        run(Box::new(move |number| {
            let call = polls.call::<u64>("double", (number,)).start();
            assert_eq!(block_on(call).0.unwrap(), 2 * number);
        }));
        let gives_up = client.clone();
        run(Box::new(move |number| {
            let mut call = gives_up.call::<u64>("double", (number,)).start();
            loop {
                match call.wait_timeout(Duration::from_micros(number % 50)) {
                    Ok(result) => return assert_eq!(result.unwrap(), 2 * number),
                    Err(still_runs) => call = still_runs,
                }
            }
        }));
    }
    for _ in 0..10 {
        ends.recv_timeout(10 * PATIENCE).expect("a call was lost, or a thread has failed");
    }
}

#[test]
fn who_turns_the_loop_returns_with_its_own_outcome_and_another_goes_on() {
    let server = server();
    let (door, gate) = door();
    server.add_call("slow", move |(): ()| door.pass()).unwrap();
    server.add_call("double", |(number,): (u64,)| 2 * number).unwrap();
    let client = client(&server);
    let slow = client.call::<()>("slow", ()).start();
    let waits = std::thread::spawn(move || slow.wait());
    // Whoever has the loop, these come through, and their callers are not kept for the slow one.
    for number in 0..1000 {
        assert_eq!(client.call::<u64>("double", (number,)).ends(), Ok(2 * number));
    }
    gate.open();
    waits.join().unwrap().unwrap();
}

#[test]
fn a_waiting_caller_keeps_its_own_time() {
    let server = server();
    let (door, gate) = door();
    server.add_call("slow", move |(): ()| door.pass()).unwrap();
    let client = client(&server);
    let slow = client.call::<()>("slow", ()).start();
    let begun = Instant::now();
    let Err(slow) = slow.wait_timeout(Duration::from_millis(30)) else { panic!("it has not ended") };
    assert!(begun.elapsed() >= Duration::from_millis(30) && begun.elapsed() < PATIENCE);
    gate.open();
    slow.wait().unwrap();
}

#[test]
fn tasks_are_woken_by_the_clients_own_thread_and_not_by_a_caller() {
    let server = server();
    server.add_call("double", |(number,): (u64,)| 2 * number).unwrap();
    let client = client(&server);
    let caller = client.clone();
    let (stop, stopped) = mpsc::channel::<()>();
    let callers = std::thread::spawn(move || {
        while stopped.try_recv().is_err() {
            assert_eq!(caller.call::<u64>("double", (1,)).wait().unwrap(), 2);
        }
        std::thread::current().id()
    });
    let woken_by: Vec<ThreadId> = (0..500)
        .filter_map(|number| {
            let (result, woken_by) = block_on(client.call::<u64>("double", (number,)).start());
            assert_eq!(result.unwrap(), 2 * number);
            woken_by
        })
        .collect();
    stop.send(()).unwrap();
    let caller = callers.join().unwrap();
    let [first, rest @ ..] = &woken_by[..] else { panic!("no task was ever woken") };
    assert!(rest.iter().all(|thread| thread == first) && *first != caller);
}

struct Unpark(std::thread::Thread, mpsc::SyncSender<ThreadId>);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        let _ = self.1.try_send(std::thread::current().id());
        self.0.unpark();
    }
}

/// The future's output, and which thread woke it, if it had to be.
fn block_on<F: Future + Unpin>(mut future: F) -> (F::Output, Option<ThreadId>) {
    let (woke, woken) = mpsc::sync_channel(1);
    let waker = Arc::new(Unpark(std::thread::current(), woke)).into();
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = std::pin::Pin::new(&mut future).poll(&mut context) {
            return (output, woken.try_recv().ok());
        }
        std::thread::park_timeout(PATIENCE);
    }
}
