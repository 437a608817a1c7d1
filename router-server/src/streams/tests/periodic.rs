//! Functions called at a frequency.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use router_wire::{Failure, SampleStatus};

use super::super::{AddStreamError, SetFrequencyError, StreamOptions};
use super::{DEADLINE, serve, wait_until};

/// The number of ticks follows from the time alone: none is lost from the account and none added to it.
#[test]
fn ticks_and_missed_ticks_are_as_many_as_the_time_has() {
    const HZ: f64 = 500.0;
    let served = serve();
    let stream = Arc::new(OnceLock::new());
    let (seen, ticks) = crossbeam_channel::unbounded();
    let seen_stream = Arc::clone(&stream);
    let mut first = None;
    let mut calls = 0_u64;
    let value = move || {
        let now = Instant::now();
        let since = now - *first.get_or_insert(now);
        // Every tenth takes as long as three, so that some are missed.
        calls += 1;
        if calls.is_multiple_of(10) {
            let until = now + Duration::from_secs_f64(3.0 / HZ);
            while Instant::now() < until {
                std::hint::spin_loop();
            }
        }
        if let Some(stream) = seen_stream.get() {
            let stream: &Arc<super::super::stream::Stream> = stream;
            let stats = stream.stats();
            // What was counted before this tick, against what was due before it.
            let _ = seen.send(since.as_secs_f64() * HZ - (stats.produced + stats.ticks_missed) as f64);
        }
    };
    served.streams.add_periodic("counted", HZ, value, StreamOptions::new()).unwrap();
    let _ = stream.set(served.streams.find("counted").unwrap().stream);
    let lags: Vec<f64> = (0..300).map(|_| ticks.recv_timeout(DEADLINE).unwrap()).collect();
    // Every call is late by something, and so is the first one, from which time is counted. But of a hundred calls
    // one is nearly in time, so that an error that adds up would set the last hundred apart from the first.
    let least = |lags: &[f64]| lags.iter().copied().fold(f64::INFINITY, f64::min);
    let drift = least(&lags[200..]) - least(&lags[..100]);
    assert!(drift.abs() < 1.0, "{drift} ticks in 300: {lags:?}");
    assert!(served.stats("counted").ticks_missed > 0);
}

#[test]
fn late_ticks_are_skipped_and_never_burst() {
    const HZ: f64 = 100.0;
    const PACE_HZ: f64 = 99.0;
    let served = serve();
    let (release, released) = crossbeam_channel::bounded::<()>(0);
    let (called, calls) = crossbeam_channel::unbounded();
    let value = move || {
        let _ = called.send(Instant::now());
        let _ = released.recv();
    };
    served.streams.add_periodic("late", HZ, value, StreamOptions::new()).unwrap();
    let blocked_since = calls.recv_timeout(DEADLINE).unwrap();
    // For 20 ticks of another thread.
    let (ticked, ticks) = crossbeam_channel::unbounded();
    let pace = move || ticked.send(()).is_ok();
    served.streams.add_periodic("pace", PACE_HZ, pace, StreamOptions::new()).unwrap();
    (0..20).for_each(|_| ticks.recv_timeout(DEADLINE).unwrap());
    drop(release); // from here on it returns at once
    let freed = Instant::now();
    let second = calls.recv_timeout(DEADLINE).unwrap();
    let missed = served.stats("late").ticks_missed as f64;
    let blocked_ticks = (freed - blocked_since).as_secs_f64() * HZ;
    assert!(missed >= blocked_ticks - 2.0, "{missed} of {blocked_ticks} were counted");
    // A burst would make these calls at once. Without one they take 180 ms, less what the second call was late.
    let later: Vec<Instant> = (0..18).map(|_| calls.recv_timeout(DEADLINE).unwrap()).collect();
    assert!(later[17] - second >= Duration::from_millis(100), "18 calls in {:?}", later[17] - second);
}

#[test]
fn errors_and_panics_become_error_samples_with_numbers() {
    let served = serve();
    let mut calls = 0;
    let value = move || -> Result<u32, String> {
        calls += 1;
        match calls % 3 {
            1 => Ok(calls),
            2 => Err("the sensor is unplugged".into()),
            _ => panic!("the driver is broken"),
        }
    };
    let mut listener = served.listen("sensor");
    served.streams.add_periodic("sensor", 200.0, value, StreamOptions::new()).unwrap();
    let first = listener.next_sample().sequence();
    let mut kinds = [0; 3];
    for expect in first + 1..first + 13 {
        let sample = listener.next_sample();
        assert_eq!(sample.sequence(), expect);
        match (sample.status(), expect % 3) {
            (SampleStatus::Value, 0) => {
                assert_eq!(u64::from(sample.value::<u32>()), expect + 1);
                kinds[0] += 1;
            }
            (SampleStatus::Error, 1) => {
                let failure: Failure = sample.value();
                assert!(
                    matches!(&failure, Failure::Refused(refused) if refused.message == "the sensor is unplugged")
                );
                kinds[1] += 1;
            }
            (SampleStatus::Error, 2) => {
                let failure: Failure = sample.value();
                assert!(
                    matches!(&failure, Failure::Panicked { message } if message.contains("the driver is broken"))
                );
                kinds[2] += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(kinds, [4, 4, 4]);
    assert!(served.stats("sensor").errors >= 8);
}

#[test]
fn a_value_larger_than_declared_becomes_an_error_sample() {
    let served = serve();
    let options = StreamOptions::new().largest_sample_bytes(100);
    let mut listener = served.listen("text");
    served.streams.add_periodic("text", 100.0, || "x".repeat(101), options).unwrap();
    let sample = listener.next_sample();
    assert_eq!(sample.status(), SampleStatus::Error);
    let failure: Failure = sample.value();
    assert!(failure.to_string().contains("103 bytes; the stream's largest was declared as 100"), "{failure}");
}

#[test]
fn an_on_demand_function_is_called_only_while_somebody_listens() {
    let served = serve();
    let calls = Arc::new(AtomicU64::new(0));
    let value = {
        let calls = Arc::clone(&calls);
        move || calls.fetch_add(1, Ordering::SeqCst)
    };
    let options = StreamOptions::new().on_demand();
    served.streams.add_periodic("demanded", 1_000.0, value, options).unwrap();
    // A stream beside it shows that ticks pass.
    served.streams.add_periodic("always", 1_000.0, || (), StreamOptions::new()).unwrap();
    wait_until("20 ticks", || served.stats("always").produced >= 20);
    assert_eq!(calls.load(Ordering::SeqCst), 0);

    let mut listener = served.listen("demanded");
    assert_eq!(listener.next_sample().sequence(), 0);
    assert_eq!(listener.next_sample().sequence(), 1);
    drop(listener);
    served.wait_for_subscribers("demanded", 0);
    let unheard = calls.load(Ordering::SeqCst);
    let ticks = served.stats("always").produced;
    wait_until("20 more ticks", || served.stats("always").produced >= ticks + 20);
    let stats = served.stats("demanded");
    // One may have been under way.
    assert!(calls.load(Ordering::SeqCst) <= unheard + 1);
    assert_eq!(stats.produced, calls.load(Ordering::SeqCst));

    // The last value is there for the next one, however old.
    let mut late = served.listen("demanded");
    let last = late.next_sample();
    assert!(last.last_value);
    assert_eq!(last.sequence() + 1, stats.produced);
}

#[test]
fn a_change_of_frequency_loses_no_sample_and_no_number() {
    let served = serve();
    let mut listener = served.listen("moved");
    let mut calls = 0_u64;
    let value = move || {
        calls += 1;
        calls
    };
    served.streams.add_periodic("moved", 1_000.0, value, StreamOptions::new()).unwrap();
    let first = listener.next_sample().sequence();
    let mut expect = first + 1;
    for round in 0..60_u64 {
        served.streams.set_frequency("moved", [2_000.0, 700.0, 5_000.0][round as usize % 3]).unwrap();
        for _ in 0..5 {
            let sample = listener.next_sample();
            assert_eq!(sample.sequence(), expect, "in round {round}");
            assert_eq!(sample.value::<u64>(), expect + 1);
            expect += 1;
        }
    }
    assert_eq!(served.stats("moved").asked_hz, Some(5_000.0));
    wait_until("one thread is left", || served.streams.streamers.thread_names() == ["5000 Hz"]);
    served.streams.remove("moved").unwrap();
    wait_until("no thread is left", || served.streams.streamers.thread_names().is_empty());
}

#[test]
fn streams_of_one_frequency_share_a_thread() {
    let served = serve();
    for name in ["a", "b", "c"] {
        served.streams.add_periodic(name, 30.0, || 1, StreamOptions::new()).unwrap();
    }
    served.streams.add_periodic("d", 0.5, || 1, StreamOptions::new()).unwrap();
    let mut names = served.streams.streamers.thread_names();
    names.sort();
    assert_eq!(names, ["0.5 Hz", "30 Hz"]);
    // Each starts with its thread's next tick; the slow one does not let anybody wait for the first value.
    wait_until("all have values", || served.streams.stats().iter().all(|stats| stats.produced > 0));
}

#[test]
fn a_thread_is_woken_before_its_ticks_while_one_of_its_streams_spins() {
    const HZ: f64 = 437.0; // no other test's
    let served = serve();
    let (seen, ticks) = crossbeam_channel::unbounded();
    let value = move || {
        // SAFETY: reads a number of this thread.
        #[cfg(target_os = "linux")]
        assert_eq!(unsafe { libc::prctl(libc::PR_GET_TIMERSLACK) }, 1);
        let _ = seen.send(());
    };
    let next = || ticks.recv_timeout(DEADLINE).unwrap();
    let woken_ahead = || super::super::punctual::WOKEN_AHEAD.load(Ordering::SeqCst);
    served.streams.add_periodic("ticks", HZ, value, StreamOptions::new()).unwrap();
    (0..20).for_each(|_| next());
    assert_eq!(woken_ahead(), 0);
    // A neighbour at the same frequency shares the thread.
    served.streams.add_periodic("precise", HZ, || (), StreamOptions::new().spin()).unwrap();
    wait_until("it is woken ahead", || woken_ahead() > 20);
    served.streams.remove("precise").unwrap();
    (0..5).for_each(|_| next()); // the command has arrived
    ticks.try_iter().for_each(drop);
    next();
    let before = woken_ahead();
    (0..20).for_each(|_| next());
    assert_eq!(woken_ahead(), before);
}

#[test]
fn a_hung_function_delays_its_own_frequency_only() {
    let served = serve();
    let (release, released) = crossbeam_channel::bounded::<()>(0);
    let hung = move || {
        let _ = released.recv();
    };
    served.streams.add_periodic("hung", 50.0, hung, StreamOptions::new()).unwrap();
    served.streams.add_periodic("other", 60.0, || 1, StreamOptions::new()).unwrap();
    wait_until("the others tick", || served.stats("other").produced > 5);
    wait_until("it is known to hang", || {
        served.streams.streamers.needs_thread(super::super::frequency::Frequency::new(50.0).unwrap())
    });
    // Nothing waits for it: neither control nor removal, nor a new stream of its name and frequency.
    served.streams.disable("hung").unwrap();
    served.streams.enable("hung").unwrap();
    served.streams.set_frequency("hung", 40.0).unwrap();
    served.streams.set_frequency("hung", 50.0).unwrap();
    served.streams.remove("hung").unwrap();
    served.streams.add_periodic("hung", 50.0, || 2, StreamOptions::new()).unwrap();
    wait_until("the new one ticks", || served.stats("hung").produced > 5);
    drop(release);
    wait_until("the old thread ends", || served.streams.streamers.thread_names() == ["60 Hz", "50 Hz"]);
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let served = serve();
    let add = |name: &str, hz| served.streams.add_periodic(name, hz, || 1, StreamOptions::new());
    assert!(matches!(add("a", 0.0), Err(AddStreamError::Frequency { .. })));
    assert!(matches!(add("a", 1e6), Err(AddStreamError::Frequency { .. })));
    assert!(matches!(add("a..b", 1.0), Err(AddStreamError::Name(_))));
    assert!(matches!(add("router.load", 1.0), Err(AddStreamError::Name(_))));
    add("a", 1.0).unwrap();
    assert!(matches!(add("a", 1.0), Err(AddStreamError::StreamExists { .. })));
    let large = StreamOptions::new().largest_sample_bytes(usize::MAX);
    assert!(matches!(
        served.streams.add_periodic("b", 1.0, || 1, large),
        Err(AddStreamError::LargestSample { .. })
    ));
    assert!(matches!(served.streams.set_frequency("a", f64::NAN), Err(SetFrequencyError::Frequency(_))));
    assert!(matches!(served.streams.set_frequency("aa", 2.0), Err(SetFrequencyError::NotFound(_))));
    let _pushed = served.streams.add_publisher::<u8>("pushed", 10, StreamOptions::new()).unwrap();
    let error = served.streams.set_frequency("pushed", 2.0).unwrap_err();
    assert!(error.to_string().contains("`pushed` is not periodic"), "{error}");
}

#[test]
fn a_disabled_stream_is_not_called() {
    let served = serve();
    let called = Arc::new(AtomicBool::new(false));
    let value = {
        let called = Arc::clone(&called);
        move || called.store(true, Ordering::SeqCst)
    };
    served.streams.add_periodic("quiet", 1_000.0, value, StreamOptions::new().disabled()).unwrap();
    served.streams.add_periodic("always", 1_000.0, || (), StreamOptions::new()).unwrap();
    wait_until("20 ticks", || served.stats("always").produced >= 20);
    assert!(!called.load(Ordering::SeqCst));
    let stats = served.stats("quiet");
    assert_eq!((stats.enabled, stats.produced, stats.ticks_missed), (false, 0, 0));
    served.streams.enable("quiet").unwrap();
    wait_until("it is called", || called.load(Ordering::SeqCst));
}
