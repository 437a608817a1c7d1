//! What a caller can do with a call that was made, against a server that is scripted.

mod fake_server;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use fake_server::{FakeServer, PATIENCE, Seen};
use router_client::{CallError, ConnectOptions, PendingCall, RouterClient};
use router_wire::hello::ClientSocket;

#[test]
fn the_newest_report_is_kept_and_the_next_one_can_be_waited_for() {
    let server = FakeServer::start();
    let client = server.client(ConnectOptions::default());
    let pending = client.call::<u32>("a", ()).start();
    let asked = server.next_request();
    assert!(pending.progress().is_none());
    server.progress(&asked, 0.25, "going");
    let report = pending.progress_timeout(PATIENCE).unwrap();
    assert_eq!((report.fraction, report.message.as_str()), (0.25, "going"));
    assert!(pending.progress().is_none(), "taken once");
    for fraction in [0.5, 0.75] {
        server.progress(&asked, fraction, "");
    }
    server.done(&asked, &1);
    while !pending.is_finished() {
        std::thread::yield_now();
    }
    // Both came before the outcome; only the newer one is kept.
    assert_eq!(pending.progress().map(|report| report.fraction), Some(0.75));
    assert!(pending.progress_timeout(PATIENCE).is_none(), "no more will come");
    assert_eq!(pending.wait().unwrap(), 1);
}

#[test]
fn a_call_that_takes_long_is_given_back() {
    let server = FakeServer::start();
    let client = server.client(ConnectOptions::default());
    let pending = client.call::<u32>("a", ()).start();
    let pending = pending.wait_timeout(Duration::from_millis(1)).unwrap_err();
    assert!(!pending.is_finished());
    server.done(&server.next_request(), &1);
    assert_eq!(pending.wait_timeout(PATIENCE).unwrap().unwrap(), 1);
}

#[test]
fn a_cancel_follows_its_request_on_the_same_socket() {
    let server = FakeServer::start();
    server.manners.lock().urgent.push("stage.stop".to_owned());
    let client = server.client(ConnectOptions::default());
    for (name, socket) in [("stage.move_to", ClientSocket::Calls), ("stage.stop", ClientSocket::Control)] {
        let pending = client.call::<u32>(name, ()).start();
        pending.cancel();
        let asked = server.next_request();
        assert_eq!(asked.socket, Some(socket));
        let Seen::Cancel { peer, epoch: 7, call } = server.next() else { panic!("no cancel behind {name}") };
        assert_eq!((peer, call), (asked.peer.clone(), asked.header.call));
        let failure =
            router_client::Failure::Cancelled { by: "by its caller".to_owned(), may_still_be_running: false };
        server.fail(&asked, &failure);
        assert!(matches!(pending.wait(), Err(CallError::Cancelled { may_still_be_running: false, .. })));
    }
}

#[test]
fn a_request_that_has_not_left_is_taken_back() {
    let mut server = FakeServer::reopening();
    server.close();
    let options = ConnectOptions::default().connect_timeout(PATIENCE);
    let client = RouterClient::connect_with(&server.address(), options).unwrap();
    let cancelled = client.call::<u32>("a", ()).start();
    let kept = client.call::<u32>("b", ()).start();
    cancelled.cancel();
    let error = cancelled.wait().unwrap_err();
    let CallError::Cancelled { by, may_still_be_running: false, .. } = error else { panic!("{error}") };
    assert_eq!(by, "by its caller");
    server.open();
    let asked = server.next_request();
    assert_eq!(asked.target, "b");
    server.done(&asked, &1);
    assert_eq!(kept.wait().unwrap(), 1);
}

#[test]
fn dropping_leaves_a_call_running_unless_it_is_to_be_cancelled() {
    let server = FakeServer::start();
    let client = server.client(ConnectOptions::default());
    drop(client.call::<u32>("left", ()).start());
    assert_eq!(server.next_request().target, "left");
    drop(client.call::<u32>("cancelled", ()).start().cancel_on_drop());
    let asked = server.next_request();
    assert_eq!(asked.target, "cancelled");
    let Seen::Cancel { call, .. } = server.next() else { panic!("no cancel") };
    assert_eq!(call, asked.header.call);
    let ended = client.call::<u32>("ended", ()).start().cancel_on_drop();
    server.done(&server.next_request(), &1);
    assert_eq!(ended.wait().unwrap(), 1);
    let last = client.call::<u32>("last", ()).detached().start();
    let asked = server.next_request();
    assert!(asked.header.flags.detached);
    server.done(&asked, &1);
    assert_eq!(last.wait().unwrap(), 1);
}

#[test]
fn the_deadline_travels_as_the_time_that_is_left() {
    let mut server = FakeServer::reopening();
    server.close();
    let options = ConnectOptions::default().connect_timeout(PATIENCE);
    let client = RouterClient::connect_with(&server.address(), options).unwrap();
    let without = client.call::<u32>("a", ()).start();
    let with = client.call::<u32>("b", ()).deadline(PATIENCE).start();
    let waited = Duration::from_millis(20);
    let without = without.wait_timeout(waited).unwrap_err();
    server.open();
    let asked = server.next_request();
    assert_eq!(asked.header.deadline_us, 0);
    server.done(&asked, &1);
    let asked = server.next_request();
    let left = Duration::from_micros(asked.header.deadline_us);
    assert!(left > Duration::ZERO && left <= PATIENCE - waited, "{left:?}");
    server.done(&asked, &2);
    assert_eq!((without.wait().unwrap(), with.wait().unwrap()), (1, 2));
}

#[test]
fn a_call_that_nobody_answers_ends_at_its_deadline() {
    let server = FakeServer::start();
    let client = server.client(ConnectOptions::default());
    let pending = client.call::<u32>("a", ()).deadline(Duration::from_millis(30)).start();
    let error = pending.wait().unwrap_err();
    // Where the machine was so busy that the request did not leave in time, it says so.
    let left = client.counters().requests_sent == 1;
    let CallError::DeadlineExceeded { may_still_be_running, .. } = error else { panic!("{error}") };
    assert_eq!(may_still_be_running, left);
    let none = client.call::<u32>("b", ()).deadline(Duration::ZERO).wait().unwrap_err();
    assert!(matches!(none, CallError::DeadlineExceeded { may_still_be_running: false, .. }), "{none}");
}

#[test]
fn the_server_may_say_more_about_a_deadline_shortly_after_it() {
    let server = FakeServer::start();
    let client = server.client(ConnectOptions::default());
    let pending = client.call::<u32>("a", ()).deadline(PATIENCE).start();
    let asked = server.next_request();
    server.fail(&asked, &router_client::Failure::DeadlineExceeded { may_still_be_running: false });
    let error = pending.wait().unwrap_err();
    assert!(matches!(error, CallError::DeadlineExceeded { may_still_be_running: false, .. }), "{error}");
}

/// Parks the thread until the task is woken.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn a_pending_call_is_a_future_without_a_runtime() {
    let server = FakeServer::start();
    let client = server.client(ConnectOptions::default());
    let pending = client.call::<u32>("a", ()).start();
    std::thread::scope(|scope| {
        scope.spawn(|| server.done(&server.next_request(), &1));
        assert_eq!(block_on(pending).unwrap(), 1);
    });
    let both = async {
        let first = client.call::<u32>("a", ()).start();
        let second = client.call::<u32>("b", ()).start();
        first.await.unwrap() + second.await.unwrap()
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..2 {
                server.done(&server.next_request(), &2);
            }
        });
        assert_eq!(block_on(both), 4);
    });
}

#[test]
fn a_waker_that_drops_the_last_handle_does_not_stop_the_world() {
    /// A task that owns its call, and with it the client, and is dropped by the thread that wakes it.
    struct Task(parking_lot::Mutex<Option<PendingCall<u32>>>, crossbeam_channel::Sender<()>);
    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            drop(self.0.lock().take());
            self.1.send(()).unwrap();
            panic!("an executor's bug");
        }
    }
    let server = FakeServer::start();
    let pending = server.client(ConnectOptions::default()).call::<u32>("a", ()).start();
    let (woken_in, woken) = crossbeam_channel::bounded(1);
    let task = Arc::new(Task(parking_lot::Mutex::new(Some(pending)), woken_in));
    let waker = Waker::from(Arc::clone(&task));
    let polled = pin!(task.0.lock().as_mut().unwrap()).poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    server.done(&server.next_request(), &1);
    woken.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(server.next(), Seen::Goodbye { .. }));
}
