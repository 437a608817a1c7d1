//! What a caller can do with a call: arguments, named calls, closures, progress, and leaving it alone.

mod support;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use router_client::describe::CallKind;
use router_client::{Call, CallError, ConnectOptions, Interrupted, PendingCall};
use router_server::{AddError, CallOptions, Preset};
use support::raw_client::Answer;
use support::{
    Ends, PATIENCE, RawClient, ServedStage, TestStage, client, client_at, client_named, door, eventually,
    hang, serve_stage, server,
};

#[test]
fn closures_have_arguments_by_position_and_by_name() {
    let server = server();
    let options = CallOptions::new().docs("Moves.").arguments(["target_um", "speed"]);
    server.add_call_with("move", options, |(um, speed): (f64, String)| format!("{um} {speed}")).unwrap();
    let client = client(&server);
    assert_eq!(client.call("move", (1.0, "fast")).ends(), Ok("1 fast".to_owned()));
    assert_eq!(client.call("move", (1.0,)).kw("speed", "slow").ends(), Ok("1 slow".to_owned()));
    let by_name = client.call::<String>("move", ()).kw("speed", "slow").kw("target_um", 2.5);
    assert_eq!(by_name.ends(), Ok("2.5 slow".to_owned()));
    let described = client.describe().ends().unwrap();
    let call = described.calls.iter().find(|call| call.name == "move").unwrap();
    assert_eq!(
        (call.docs.as_str(), call.kind, call.lane.as_deref()),
        ("Moves.", CallKind::Lane, Some("move"))
    );
    let arguments: Vec<_> = call.arguments.iter().map(|argument| argument.name.as_str()).collect();
    assert_eq!(arguments, ["target_um", "speed"]);
}

#[test]
fn a_closure_knows_its_call() {
    let server = server();
    let whoami =
        |call: &Call, (): ()| (call.name().to_owned(), call.client().to_owned(), call.remaining().is_some());
    server.add_call("whoami", whoami).unwrap();
    let napari = client_named(&server, "napari");
    let (name, client, has_deadline): (String, String, bool) = napari.call("whoami", ()).ends().unwrap();
    assert_eq!(
        (name.as_str(), client.as_str(), has_deadline),
        ("whoami", &*napari.identity().to_string(), false)
    );
    assert!(client.ends_with(&format!(" napari pid {}", std::process::id())), "{client}");
    let (_, _, has_deadline): (String, String, bool) =
        napari.call("whoami", ()).deadline(PATIENCE).ends().unwrap();
    assert!(has_deadline);
}

#[test]
fn named_calls_preset_arguments_that_a_caller_overrides_by_index_and_by_name() {
    let server = server();
    let options = CallOptions::new().arguments(["a", "b", "c"]);
    server.add_call_with("sum", options, |(a, b, c): (i64, i64, i64)| (a, b, c)).unwrap();
    server.add_named_call("preset", "sum", Preset::new((1, 2)).keyword("c", 3)).unwrap();
    let client = client(&server);
    let check = |positional: &[i64], keyword: &[(&str, i64)], expect: (i64, i64, i64)| {
        let request = client.call("preset", positional);
        let request = keyword.iter().fold(request, |request, (name, value)| request.kw(name, *value));
        assert_eq!(request.ends(), Ok(expect), "{positional:?} {keyword:?}");
    };
    check(&[], &[], (1, 2, 3));
    check(&[10], &[], (10, 2, 3));
    check(&[10, 20], &[], (10, 20, 3));
    check(&[], &[("c", 30)], (1, 2, 30));
    check(&[10], &[("c", 30)], (10, 2, 30));
    let missing = server.add_named_call("other", "sun", Preset::new(())).unwrap_err();
    assert!(matches!(&missing, AddError::NoSuchTarget { nearest, .. } if nearest == &["sum"]), "{missing}");
    let described = client.describe().ends().unwrap();
    let call = described.calls.iter().find(|call| call.name == "preset").unwrap();
    assert_eq!(call.target.as_deref(), Some("sum"));
    let defaults: Vec<_> = call.arguments.iter().map(|argument| argument.default.clone().unwrap()).collect();
    assert_eq!(defaults, [1, 2, 3]);
    server.remove("preset").unwrap();
    assert!(matches!(client.call::<()>("preset", ()).ends(), Err(CallError::NotFound { .. })));
    assert_eq!(client.call("sum", (1, 1, 1)).ends(), Ok((1, 1, 1)));
}

#[test]
fn calls_are_added_and_removed_at_any_time() {
    let server = server();
    let client = client(&server);
    for round in 0..20 {
        server.add_call("now", move || round).unwrap();
        assert!(matches!(server.add_call("now", || 0), Err(AddError::InstrumentExists { .. })));
        assert_eq!(client.call("now", ()).ends(), Ok(round));
        server.remove("now").unwrap();
        let gone = client.call::<i32>("now", ()).ends().unwrap_err();
        assert!(matches!(gone, CallError::NotFound { .. }), "{gone}");
        assert_eq!(server.remove("now").unwrap_err().name, "now");
    }
}

#[test]
fn illegal_and_reserved_names_are_refused() {
    let server = server();
    for name in ["", "a\0b", "router", "router.x", "a..b\n"] {
        assert!(matches!(server.add_call(name, || 0), Err(AddError::Name(_))), "{name:?}");
    }
    assert!(server.remove("router").is_err());
    server.add_call("1hz_sine[3]", || 1).unwrap();
    assert_eq!(client(&server).call("1hz_sine[3]", ()).ends(), Ok(1));
}

#[test]
fn progress_leaves_at_most_20_times_a_second_and_the_newest_comes_last_before_the_outcome() {
    let server = server();
    const REPORTS: u32 = 2000;
    let work = |call: &Call, (): ()| {
        for report in 1..=REPORTS {
            call.progress(f64::from(report) / f64::from(REPORTS), report.to_string())?;
            call.sleep(Duration::from_micros(300))?;
        }
        Ok::<_, Interrupted>(())
    };
    server.add_call("work", work).unwrap();
    let mut client = RawClient::greeted(&server, 1);
    let started = Instant::now();
    client.request(1, "work", &());
    let mut reports: Vec<(f64, String)> = Vec::new();
    loop {
        match client.answer() {
            Answer::Progress { call: 1, fraction, message } => reports.push((fraction, message)),
            Answer::Outcome { header, .. } if header.call == 1 => break,
            other => panic!("{other:?}"),
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    assert!(reports.is_sorted_by(|a, b| a.0 < b.0), "{reports:?}");
    assert_eq!(reports.last(), Some(&(1.0, REPORTS.to_string())));
    // One at the start and one at the end beside those that are 50 ms apart.
    assert!(reports.len() as f64 <= 20.0 * seconds + 2.0, "{} reports in {seconds} s", reports.len());
    assert!(reports.len() > 2, "{reports:?}");
    assert!(client.answer_within(Duration::from_millis(100)).is_none(), "nothing follows the outcome");
}

#[test]
fn progress_reaches_who_waits_for_it() {
    let server = server();
    let (door, gate) = door();
    let work = move |call: &Call, (): ()| {
        call.progress(0.25, "half way to half way").unwrap();
        door.pass();
        call.progress(7.0, "done").unwrap();
    };
    server.add_call("work", work).unwrap();
    let pending = client(&server).call::<()>("work", ()).start();
    let report = pending.progress_timeout(PATIENCE).unwrap();
    assert_eq!((report.fraction, report.message.as_str()), (0.25, "half way to half way"));
    assert_eq!(pending.progress(), None, "each report is taken once");
    gate.open();
    eventually("the call ends", || pending.is_finished());
    assert_eq!(pending.progress().unwrap().fraction, 1.0, "a fraction is a fraction");
    pending.ends().unwrap();
}

#[test]
fn a_dropped_pending_call_runs_on_and_one_that_cancels_on_drop_does_not() {
    let ServedStage { server: _server, rig, client } = serve_stage();
    let hanging = hang(&client, &rig);
    drop(hanging);
    drop(client.call::<f64>("stage.move_to", (0.0,)).start());
    drop(client.call::<f64>("stage.move_to", (500.0,)).start().cancel_on_drop());
    rig.hanging.open();
    // The lane runs in order: what was queued before this has run or never will.
    assert_eq!(client.call("stage.thread", ()).ends(), Ok("stage".to_owned()));
    assert_eq!(rig.stage.moves(), [0.0]);
}

#[test]
fn detached_calls_outlive_their_client() {
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    let leaver = client_named(&server, "leaver");
    let hanging = leaver.call::<()>("stage.hang", ()).start();
    rig.hanging.arrived();
    let attached = leaver.call::<f64>("stage.move_to", (0.0,)).start();
    let detached = leaver.call::<f64>("stage.move_to", (-0.0,)).detached().start();
    // Both are queued at the server before the client says goodbye.
    eventually("two calls wait", || server.stats().lanes.iter().any(|lane| lane.queued == 2));
    drop((hanging, attached, detached, leaver));
    eventually("the client is lost", || support::counter(&server, "lost_clients") == 1);
    eventually("its queued call ended", || server.stats().lanes.iter().all(|lane| lane.queued < 2));
    rig.hanging.open();
    eventually("the detached call ran", || rig.stage.moves().len() == 1);
    assert!(rig.stage.moves()[0].is_sign_negative(), "the other one ran");
}

#[test]
fn wait_timeout_gives_the_call_back() {
    let server = server();
    let (door, gate) = door();
    server.add_call("slow", move || door.pass()).unwrap();
    let pending = client(&server).call::<()>("slow", ()).start();
    gate.arrived();
    let pending = pending.wait_timeout(Duration::from_millis(10)).unwrap_err();
    assert!(!pending.is_finished());
    gate.open();
    assert_eq!(pending.wait_timeout(PATIENCE).unwrap(), Ok(()));
}

/// The smallest executor there is.
fn block_on<T>(mut future: impl Future<Output = T> + Unpin) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        match Pin::new(&mut future).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(outcome) => return outcome,
            Poll::Pending => std::thread::park_timeout(PATIENCE),
        }
    }
}

#[test]
fn a_pending_call_is_a_future_without_a_runtime() {
    let server = server();
    let (door, gate) = door();
    server.add_call("slow", move || door.pass()).unwrap();
    let pending: PendingCall<()> = client(&server).call("slow", ()).start();
    let waiting = std::thread::spawn(move || block_on(pending));
    gate.arrived();
    gate.open();
    assert_eq!(waiting.join().unwrap(), Ok(()));
}

#[test]
fn many_threads_share_a_client_and_each_call_runs_once() {
    let server = server();
    let runs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&runs);
    let echo = move |(number,): (u64,)| {
        counted.fetch_add(1, Ordering::Relaxed);
        number
    };
    server.add_call("echo", echo).unwrap();
    let client = client(&server);
    const THREADS: u64 = 8;
    const CALLS: u64 = 500;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let client = client.clone();
            scope.spawn(move || {
                for call in 0..CALLS {
                    let number = thread * CALLS + call;
                    assert_eq!(client.call("echo", (number,)).ends(), Ok(number));
                }
            });
        }
    });
    assert_eq!(runs.load(Ordering::Relaxed), THREADS * CALLS);
}

#[test]
fn calls_go_over_ipc_too() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("ipc://{}/server", folder.path().display());
    let server = router_server::RouterServer::bind(&address).unwrap();
    server.add_call("add", |(a, b): (f64, f64)| a + b).unwrap();
    let client = client_at(&address, ConnectOptions::default());
    assert_eq!(client.call("add", (1, 2)).ends(), Ok(3.0));
    assert_eq!(client.ping().unwrap().epoch, server.epoch());
}
