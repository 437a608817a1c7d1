//! Every way in which a call ends, against a server that is scripted.

mod fake_server;

use fake_server::{FakeServer, Manners, PATIENCE};
use router_client::{CallError, ConnectOptions, Failure, Refused, RemoteError, RouterClient};
use router_wire::{BodyError, Status, arguments, body};

#[derive(Debug, PartialEq, thiserror::Error, RemoteError)]
enum StageError {
    #[error("target {target_um} um is outside 0..=10000 um")]
    OutOfRange { target_um: f64 },
}

#[test]
fn each_failure_becomes_the_error_that_says_so() {
    let server = FakeServer::start();
    let client = server.client(ConnectOptions::default());
    let check = |failure: Failure, expect: CallError| {
        let pending = client.call::<u32>("a", ()).start();
        server.fail(&server.next_request(), &failure);
        assert_eq!(pending.wait().unwrap_err(), expect);
    };
    let call = || "a".to_owned();
    let refused = Refused::new("jammed", "the stage is jammed");
    check(Failure::Refused(refused.clone()), CallError::Refused(refused));
    check(
        Failure::Panicked { message: "index".to_owned() },
        CallError::Panicked { call: call(), message: "index".to_owned() },
    );
    for may_still_be_running in [false, true] {
        check(
            Failure::Cancelled { by: "by stage.stop".to_owned(), may_still_be_running },
            CallError::Cancelled { call: call(), by: "by stage.stop".to_owned(), may_still_be_running },
        );
        check(
            Failure::DeadlineExceeded { may_still_be_running },
            CallError::DeadlineExceeded { call: call(), may_still_be_running },
        );
    }
    check(
        Failure::Busy { what: "full".to_owned() },
        CallError::Busy { call: call(), what: "full".to_owned() },
    );
    check(
        Failure::NotFound { name: call(), nearest: vec!["b".to_owned()] },
        CallError::NotFound { name: call(), nearest: vec!["b".to_owned()] },
    );
    check(
        Failure::bad_argument("x", "it is missing"),
        CallError::BadArguments {
            call: call(),
            argument: Some("x".to_owned()),
            message: "it is missing".to_owned(),
        },
    );
    check(Failure::ClientLost, CallError::ClientLost { call: call() });
    check(
        Failure::BadRequest { message: "short".to_owned() },
        CallError::BadRequest { call: call(), message: "short".to_owned() },
    );
}

#[test]
fn a_typed_error_comes_back_as_its_variant() {
    let server = FakeServer::start();
    let client = server.client(ConnectOptions::default());
    let body = arguments::encode(&(12_000.0,), &[]);
    let pending = client.request::<f64, StageError>("stage.move_to".to_owned(), body).start();
    let asked = server.next_request();
    assert_eq!(asked.argument::<f64>(0), 12_000.0);
    let error = StageError::OutOfRange { target_um: 12_000.0 };
    server.fail(&asked, &Failure::Refused(error.to_refused()));
    assert_eq!(pending.wait().unwrap_err(), CallError::Refused(error));
}

#[test]
fn a_value_may_come_in_a_frame_of_its_own() {
    let server = FakeServer::start();
    let client = server.client(ConnectOptions::default());
    let pending = client.call::<serde_bytes::ByteBuf>("a", ()).start();
    let asked = server.next_request();
    let header = server.header(&asked, Status::Done, true).encode().to_vec();
    let value = body::encode(&serde_bytes::ByteBuf::from(vec![3; 1000])).unwrap();
    server.send(&asked.peer, vec![header, value]);
    assert_eq!(pending.wait().unwrap(), vec![3; 1000]);
}

#[test]
fn large_bodies_that_exist_leave_in_a_frame_of_their_own_and_others_in_one() {
    let server = FakeServer::start();
    let client = server.client(ConnectOptions::default());
    let bytes = serde_bytes::ByteBuf::from(vec![5; 200_000]);
    let in_place = client.call::<()>("a", (&bytes,)).start();
    let asked = server.next_request();
    assert_eq!((asked.frames, asked.argument::<serde_bytes::ByteBuf>(0)), (1, bytes.clone()));
    server.done(&asked, &());
    in_place.wait().unwrap();
    let whole = client.request::<(), Refused>("a".to_owned(), arguments::encode(&(&bytes,), &[])).start();
    let asked = server.next_request();
    assert_eq!((asked.frames, asked.argument::<serde_bytes::ByteBuf>(0)), (2, bytes));
    server.done(&asked, &());
    whole.wait().unwrap();
}

#[test]
fn what_cannot_be_sent_says_why() {
    let server = FakeServer::with(Manners { max_body_bytes: 1000, ..Manners::default() });
    let client = server.client(ConnectOptions::default().max_body_bytes(2000));
    let bytes = |len| serde_bytes::ByteBuf::from(vec![0; len]);
    for (len, expect) in [(5000, 2000), (1500, 1000)] {
        let error = client.call::<()>("a", (bytes(len),)).wait().unwrap_err();
        assert!(
            matches!(&error, CallError::TooLarge { limit, bytes, .. } if *limit == expect && *bytes > len),
            "{error}"
        );
    }
    let error = client.call::<()>("a..b", ()).wait().unwrap_err();
    assert!(matches!(&error, CallError::Encode { reason, .. } if reason.contains("single dots")), "{error}");
    let broken = Err(BodyError::Encode("no".to_owned()));
    let error = client.request::<(), Refused>("a".to_owned(), broken).wait().unwrap_err();
    assert_eq!(error, CallError::Encode { call: "a".to_owned(), reason: "no".to_owned() });
}

#[test]
fn answers_that_are_none_are_counted_and_end_their_call() {
    let server = FakeServer::start();
    let client = server.client(ConnectOptions::default());
    let check = |answer: &dyn Fn(&fake_server::Asked) -> Vec<Vec<u8>>, expect: &str| {
        let pending = client.call::<u32>("a", ()).start();
        let asked = server.next_request();
        server.send(&asked.peer, answer(&asked));
        let error = pending.wait().unwrap_err();
        assert!(matches!(&error, CallError::Decode { reason, .. } if reason.contains(expect)), "{error}");
    };
    let header = |asked: &fake_server::Asked| server.header(asked, Status::Done, false).encode().to_vec();
    let with = |asked: &fake_server::Asked, index: usize, byte: u8| {
        let mut bytes = header(asked);
        bytes[index] = byte;
        bytes
    };
    // A value of another type, none at all, and headers of no version.
    check(&|asked| vec![[header(asked), body::encode("text").unwrap()].concat()], "expected u32");
    check(&|asked| vec![header(asked)], "expected u32");
    check(&|asked| vec![with(asked, 3, 200)], "`status` is 200");
    check(&|asked| vec![with(asked, 2, 9)], "`encoding` is 9");
    check(&|asked| vec![with(asked, 1, 128)], "`reply flags` is 128");
    check(&|asked| vec![header(asked), vec![1]], "its frames do not fit its flags");
    assert_eq!(client.counters().malformed_messages, 4);

    // What belongs to no call.
    let pending = client.call::<u32>("a", ()).start();
    let asked = server.next_request();
    for frames in [vec![vec![]], vec![vec![255; 100]], vec![vec![1], vec![2], vec![3]], vec![vec![0]; 40]] {
        server.send(&asked.peer, frames);
    }
    let mut other = asked.clone();
    other.header.call += 1_000_000;
    server.done(&other, &1);
    server.progress(&other, 0.5, "");
    server.done(&asked, &1);
    assert_eq!(pending.wait().unwrap(), 1);
    assert_eq!(client.counters().malformed_messages, 8);
    assert_eq!(client.counters().answers_without_call, 2);
}

#[test]
fn bounds_end_calls_as_busy_and_free_themselves() {
    let mut server = FakeServer::reopening();
    server.close();
    let options = ConnectOptions::default().connect_timeout(PATIENCE).max_queued_requests(2);
    let client = RouterClient::connect_with(&server.address(), options).unwrap();
    let waiting: Vec<_> = (0..2).map(|_| client.call::<u32>("a", ()).start()).collect();
    let error = client.call::<u32>("b", ()).wait().unwrap_err();
    assert!(matches!(&error, CallError::Busy { what, .. } if what.contains("2 requests")), "{error}");
    server.open();
    for pending in waiting {
        server.done(&server.next_request(), &1);
        assert_eq!(pending.wait().unwrap(), 1);
    }
    let after = client.call::<u32>("c", ()).start();
    server.done(&server.next_request(), &2);
    assert_eq!(after.wait().unwrap(), 2);

    let client = server.client(ConnectOptions::default().max_calls_in_flight(1).max_unsent_bytes(10_000));
    let first = client.call::<u32>("a", ()).start();
    let asked = server.next_request();
    assert!(matches!(client.call::<u32>("b", ()).wait(), Err(CallError::Busy { .. })));
    server.done(&asked, &1);
    assert_eq!(first.wait().unwrap(), 1);
    let large = serde_bytes::ByteBuf::from(vec![0; 20_000]);
    assert!(matches!(client.call::<u32>("b", (large,)).wait(), Err(CallError::Busy { .. })));
    assert_eq!(client.counters().busy, 2);
}

#[test]
fn many_threads_share_a_client_and_none_loses_a_call() {
    const THREADS: u32 = 4;
    const CALLS: u32 = 500;
    let server = FakeServer::start();
    let client = server.client(ConnectOptions::default());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let client = client.clone();
            scope.spawn(move || {
                for call in 0..CALLS {
                    let value = thread * CALLS + call;
                    assert_eq!(client.call::<u32>("echo", (value,)).wait().unwrap(), value);
                }
            });
        }
        for _ in 0..THREADS * CALLS {
            let asked = server.next_request();
            server.done(&asked, &asked.argument::<u32>(0));
        }
    });
    assert_eq!(client.counters().outcomes, u64::from(THREADS * CALLS));
}
