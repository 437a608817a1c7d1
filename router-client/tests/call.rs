//! Cancellation points and progress of a call, without a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use router_client::{Call, CallControl, CallInfo, Interrupted, OnProgress};

/// Longer than any test may take: a sleep that returns was woken.
const FOR_EVER: Duration = Duration::from_secs(3600);

fn call(deadline: Option<Instant>, on_progress: Option<OnProgress>) -> (Call, CallControl) {
    let info = CallInfo {
        name: Arc::from("stage.move_to"),
        client: Arc::from("alice@scope-3 napari pid 4411"),
        deadline,
    };
    Call::with_control(info, on_progress)
}

fn cancelled(by: &str) -> Interrupted {
    Interrupted::Cancelled { by: by.to_owned() }
}

#[test]
fn a_call_knows_its_name_and_its_client() {
    let (call, _) = call(None, None);
    assert_eq!((call.name(), call.client()), ("stage.move_to", "alice@scope-3 napari pid 4411"));
    assert_eq!((call.deadline(), call.remaining()), (None, None));
}

#[test]
fn a_local_call_is_never_interrupted() {
    let call = Call::local("move_to");
    assert_eq!(call.name(), "move_to");
    assert_eq!(call.check(), Ok(()));
    assert_eq!(call.sleep(Duration::from_micros(1)), Ok(()));
    assert_eq!(call.progress(0.5, "half"), Ok(()));
}

#[test]
fn the_first_interruption_stays() {
    let (call, control) = call(None, None);
    assert_eq!(control.interrupted(), None);
    control.interrupt(cancelled("by its caller"));
    control.interrupt(Interrupted::ServerStopping);
    assert_eq!(control.interrupted(), Some(cancelled("by its caller")));
    assert_eq!(call.check(), Err(cancelled("by its caller")));
    assert_eq!(call.sleep(Duration::ZERO), Err(cancelled("by its caller")));
    assert_eq!(call.progress(0.1, ""), Err(cancelled("by its caller")));
    assert_eq!(control.take_progress(), None, "a report of an interrupted call is dropped");
}

#[test]
fn an_interruption_wakes_a_sleep() {
    let (call, control) = call(None, None);
    let (sleeps, is_about_to_sleep) = std::sync::mpsc::channel();
    let sleeper = std::thread::spawn(move || {
        sleeps.send(()).unwrap();
        call.sleep(FOR_EVER)
    });
    is_about_to_sleep.recv_timeout(Duration::from_secs(60)).unwrap();
    control.interrupt(Interrupted::ClientLost);
    assert_eq!(sleeper.join().unwrap(), Err(Interrupted::ClientLost));
}

#[test]
fn an_interruption_wakes_a_sleep_without_end() {
    let (call, control) = call(None, None);
    let sleeper = std::thread::spawn(move || call.sleep(Duration::MAX));
    control.interrupt(Interrupted::ServerStopping);
    assert_eq!(sleeper.join().unwrap(), Err(Interrupted::ServerStopping));
}

#[test]
fn the_deadline_ends_a_sleep_and_is_the_interruption_from_then_on() {
    let (call, control) = call(Some(Instant::now() + Duration::from_millis(20)), None);
    assert!(call.remaining().is_some_and(|remaining| remaining <= Duration::from_millis(20)));
    assert_eq!(call.sleep(FOR_EVER), Err(Interrupted::DeadlineExceeded));
    control.interrupt(cancelled("too late"));
    assert_eq!(call.check(), Err(Interrupted::DeadlineExceeded));
    assert_eq!(call.remaining(), Some(Duration::ZERO));
}

#[test]
fn a_cancel_before_the_deadline_stays_the_reason() {
    let (call, control) = call(Some(Instant::now()), None);
    control.interrupt(cancelled("by its caller"));
    assert_eq!(call.check(), Err(cancelled("by its caller")));
}

#[test]
fn reports_that_are_not_taken_become_one() {
    let wake_ups = Arc::new(AtomicUsize::new(0));
    let counter = wake_ups.clone();
    let on_progress: OnProgress = Arc::new(move |control: &CallControl| {
        // As a server does: it looks at the call from inside, and takes the report later.
        assert_eq!(control.interrupted(), None);
        counter.fetch_add(1, Ordering::SeqCst);
    });
    let (call, control) = call(None, Some(on_progress));
    for step in 0..100 {
        call.progress(f64::from(step) / 100.0, format!("step {step}")).unwrap();
    }
    assert_eq!(wake_ups.load(Ordering::SeqCst), 1, "only the first of them found nothing waiting");
    let newest = control.take_progress().unwrap();
    assert_eq!((newest.fraction, newest.message.as_str()), (0.99, "step 99"));
    assert_eq!(control.take_progress(), None);
    call.progress(1.0, "done").unwrap();
    assert_eq!(wake_ups.load(Ordering::SeqCst), 2);
}

#[test]
fn fractions_are_from_0_to_1() {
    let (call, control) = call(None, None);
    for (given, expect) in [(0.25, 0.25), (-1.0, 0.0), (7.0, 1.0), (f64::NAN, 0.0), (f64::INFINITY, 1.0)] {
        call.progress(given, "").unwrap();
        assert_eq!(control.take_progress().unwrap().fraction, expect, "{given}");
    }
}
