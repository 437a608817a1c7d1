//! What must not wait for itself: an inline method that calls its own server, and a queued call whose deadline passes
//! while its lane is busy. The router loop answers for both.

#![allow(clippy::unwrap_used, reason = "a test ends there")]
#![allow(missing_docs, reason = "the interfaces of a test")]

mod support;

use std::time::{Duration, Instant};

use router_client::{CallError, RouterClient, interface};
use support::{Ends, PATIENCE, TestStage, client, eventually, server};

/// Getters that ask their own server.
pub struct Mirror {
    client: RouterClient,
}

#[interface]
impl Mirror {
    /// Waits for the outcome of a call that the loop it runs in would have to bring.
    #[call(inline)]
    pub fn waits(&self) -> Result<u64, String> {
        self.client.call("beside", ()).wait().map_err(|error| error.to_string())
    }

    /// As `waits`, with a call that was started and a time for it.
    #[call(inline)]
    pub fn waits_a_while(&self) -> Result<u64, String> {
        let call = self.client.call("beside", ()).start();
        match call.wait_timeout(PATIENCE) {
            Ok(ended) => ended.map_err(|error| error.to_string()),
            Err(call) => Err(format!("`{}` goes on", call.name())),
        }
    }

    /// Waits for a report that never comes.
    #[call(inline)]
    pub fn listens(&self) -> bool {
        self.client.call::<u64>("beside", ()).start().progress_timeout(PATIENCE).is_some()
    }

    /// Makes a call and leaves it alone.
    #[call(inline)]
    pub fn starts(&self) {
        drop(self.client.call::<u64>("beside", ()).start());
    }

    /// Panics in the loop's thread.
    #[call(inline)]
    pub fn panics(&self) -> u64 {
        panic!("on purpose");
    }

    /// Waits where that harms nobody.
    #[call(concurrent)]
    pub fn waits_beside(&self) -> Result<u64, String> {
        self.client.call("beside", ()).wait().map_err(|error| error.to_string())
    }
}

#[test]
fn an_inline_method_that_waits_for_its_own_server_is_refused_at_once() {
    let server = server();
    let own = client(&server);
    let mut count = 0;
    let count = move || {
        count += 1;
        count
    };
    server.add_call("beside", count).unwrap();
    server.add_instrument("mirror", Mirror { client: own }).unwrap();
    let client = client(&server);
    let asked = Instant::now();
    for (method, call) in [("waits", "mirror.waits"), ("waits_a_while", "mirror.waits_a_while")] {
        let ended = client.call::<u64>(call, ()).ends();
        let Err(CallError::Refused(refused)) = ended else { panic!("{ended:?}") };
        let told = format!("the inline method `{method}`, which would wait for it in the server's loop");
        assert!(refused.message.contains(&told), "{}", refused.message);
    }
    assert_eq!(client.call("mirror.listens", ()).ends(), Ok(false));
    assert!(asked.elapsed() < PATIENCE / 2, "it waited: {:?}", asked.elapsed());
    assert_eq!(client.call("mirror.starts", ()).ends(), Ok(()), "a call may be made, only not waited for");
    assert!(matches!(client.call::<u64>("mirror.panics", ()).ends(), Err(CallError::Panicked { .. })));
    assert!(matches!(
        client.call::<Result<u64, String>>("mirror.waits", ()).ends(),
        Err(CallError::Refused(_))
    ));
    let beside = client.call::<u64>("mirror.waits_beside", ()).ends();
    assert!(beside.is_ok(), "elsewhere a method may wait: {beside:?}");
}

#[test]
fn a_call_made_by_an_inline_method_and_refused_there_is_not_sent() {
    let server = server();
    let (counted, count) = crossbeam_channel::unbounded();
    let seen = move || -> u64 {
        let _ = counted.send(());
        0
    };
    server.add_call("beside", seen).unwrap();
    server.add_instrument("mirror", Mirror { client: client(&server) }).unwrap();
    let client = client(&server);
    assert!(client.call::<u64>("mirror.waits", ()).ends().is_err());
    // A call behind it on the same connection: what was sent before has arrived.
    assert_eq!(client.call("mirror.starts", ()).ends(), Ok(()));
    eventually("the call that was started runs", || !count.is_empty());
    assert_eq!(client.call::<u64>("beside", ()).ends(), Ok(0));
    assert_eq!(count.len(), 2, "one was started, one made here; the one refused never left");
}

#[test]
fn the_deadline_of_a_queued_call_passes_and_the_server_says_that_it_did_not_start() {
    let server = server();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    let client = client(&server);
    let long = client.call::<()>("stage.hang", ()).start();
    rig.hanging.arrived();
    let deadline = Duration::from_millis(100);
    // 50 ms after the deadline a client ends the call by itself and cannot know; on a busy machine the answer may be
    // later than that. A server that answered when its lane is free would never be in time.
    eventually(
        "the server ends a call that waits behind a busy lane, and says that it did not start",
        || {
            let started = Instant::now();
            let queued = client.call::<f64>("stage.move_to", (0.0,)).deadline(deadline).ends();
            assert!(started.elapsed() >= deadline, "{:?}", started.elapsed());
            let Err(CallError::DeadlineExceeded { may_still_be_running, .. }) = queued else {
                panic!("{queued:?}")
            };
            !may_still_be_running
        },
    );
    rig.hanging.open();
    assert_eq!(long.ends(), Ok(()));
    assert!(rig.stage.moves().is_empty());
}
