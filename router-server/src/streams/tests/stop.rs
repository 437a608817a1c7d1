//! The end.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use router_socket::Context;

use super::super::handle::Streams;
use super::super::{AddStreamError, PublishError, StreamOptions};
use super::{DEADLINE, serve, serve_tcp, wait_until};
use crate::stop_schedule::StopSchedule;

/// User code has `time` to return; a thread of ours has as long as a test waits.
fn within(time: Duration) -> StopSchedule {
    let now = Instant::now();
    StopSchedule { user_code_by: now + time, loops_by: now + DEADLINE, end_by: now + DEADLINE }
}

#[test]
fn publishing_after_the_stop_is_an_error_and_nothing_hangs() {
    let context = Context::new(1).unwrap();
    let any: router_socket::Endpoint = "tcp://127.0.0.1:*".parse().unwrap();
    let any = std::slice::from_ref(&any);
    let (streams, ..) = Streams::start(&context, any, any, Default::default()).unwrap();
    let mut publisher = streams.add_publisher::<u32>("pushed", 10, StreamOptions::new()).unwrap();
    let mut second = streams.add_publisher::<u32>("second", 10, StreamOptions::new()).unwrap();
    publisher.publish(&1).unwrap();
    assert!(streams.stop(within(DEADLINE)).is_empty());
    assert!(streams.stop(within(DEADLINE)).is_empty(), "a second stop has nothing to do");
    assert_eq!(publisher.publish(&2), Err(PublishError::Stopped { name: "pushed".into() }));
    let added = streams.add_periodic("late", 1.0, || 1, StreamOptions::new());
    assert!(matches!(added, Err(AddStreamError::Stopped)));
    assert!(matches!(
        streams.add_publisher::<u32>("late", 10, StreamOptions::new()),
        Err(AddStreamError::Stopped)
    ));
    streams.remove("second").unwrap();
    // Whoever drops last ends the context; a publisher may be the one.
    drop(streams);
    drop(context);
    for _ in 0..10_000 {
        assert!(publisher.publish(&3).is_err() && second.publish_bytes([1]).is_err());
    }
}

#[test]
fn it_stops_while_everything_runs() {
    let served = serve();
    let mut listeners = Vec::new();
    for (name, hz) in [("a", 1_000.0), ("b", 1_000.0), ("c", 100.0)] {
        served.streams.add_periodic(name, hz, || 1, StreamOptions::new()).unwrap();
        listeners.push(served.listen(name));
    }
    let mut publisher = served.streams.add_publisher::<u64>("pushed", 10, StreamOptions::new()).unwrap();
    listeners.push(served.listen("pushed"));
    let pusher =
        std::thread::spawn(move || (0..).map(|value| publisher.publish(&value)).find_map(Result::err));
    for listener in &mut listeners {
        listener.next_sample();
    }
    assert!(served.streams.stop(within(DEADLINE)).is_empty());
    assert!(matches!(pusher.join().unwrap(), Some(PublishError::Stopped { .. })));
}

#[test]
fn a_hung_function_is_set_apart_and_named() {
    let served = serve();
    let (release, released) = crossbeam_channel::bounded::<()>(0);
    let (ended, end) = crossbeam_channel::bounded::<()>(0);
    let (called, call) = crossbeam_channel::unbounded();
    let hung = move || {
        let _ended = &ended;
        let _ = called.send(());
        let _ = released.recv();
    };
    served.streams.add_periodic("stage.hung", 30.0, hung, StreamOptions::new()).unwrap();
    served.streams.add_periodic("fine", 1_000.0, || 1, StreamOptions::new()).unwrap();
    call.recv_timeout(DEADLINE).unwrap();
    wait_until("the other one ticks", || served.stats("fine").produced > 0);
    let started = Instant::now();
    let set_apart = served.streams.stop(within(Duration::from_millis(300)));
    assert_eq!(set_apart, ["30 Hz (in stage.hung)"]);
    assert!(started.elapsed() < Duration::from_secs(10), "it waited for more than its deadline");
    drop(served); // nobody waits for it any more
    drop(release);
    assert!(end.recv_timeout(DEADLINE).is_err(), "the thread ended and dropped the function");
}

#[test]
fn the_ports_can_be_bound_at_once() {
    for _ in 0..30 {
        let served = serve_tcp(Default::default());
        let mut listener = served.listen("a");
        served.streams.add_periodic("a", 1_000.0, || 1, StreamOptions::new()).unwrap();
        listener.next_sample();
        assert!(served.streams.stop(within(DEADLINE)).is_empty());
        for endpoint in [&served.samples, &served.frames] {
            TcpListener::bind(("127.0.0.1", endpoint.port().unwrap())).unwrap();
        }
    }
}

#[test]
fn a_publisher_caught_in_a_send_holds_up_no_stop() {
    let served = serve();
    let publisher = served.streams.add_publisher::<u32>("pushed", 10, StreamOptions::new()).unwrap();
    let sending = publisher.hold();
    let started = Instant::now();
    let set_apart = served.streams.stop(StopSchedule::from(started));
    assert!(started.elapsed() < Duration::from_secs(1), "it took {:?}", started.elapsed());
    assert_eq!(set_apart, ["closing of streams"]);
    drop(sending);
}
