//! Errors that travel: derived and ready-made ones.

#![allow(clippy::unwrap_used, reason = "a test ends there")]

use router_client::{
    CallError, Failure, Interrupted, Refused, RemoteError, ReplyBody, describe, write_returned,
};
use thiserror::Error;

#[derive(Debug, PartialEq, Error, RemoteError)]
enum StageError {
    /// The target is outside the travel.
    #[error("target {target_um} um is outside 0..={limit_um} um")]
    OutOfRange { target_um: f64, limit_um: f64 },
    #[error("axis {0}: {1}")]
    Fault(u8, String),
    #[error("not homed; call `home` first")]
    NotHomed,
    #[error(transparent)]
    Interrupted(#[interrupted] Interrupted),
}

#[derive(Debug, PartialEq, Error, RemoteError)]
#[error("line {line}: {reason}")]
struct ScriptError {
    line: u32,
    reason: String,
}

#[derive(Debug, PartialEq, Error, RemoteError)]
enum WithFrom {
    #[error("{why}")]
    #[interrupted]
    Stopped {
        #[from]
        why: Interrupted,
    },
}

#[test]
fn every_variant_comes_back() {
    fn check(error: StageError, kind: &str, message: &str) {
        let refused = error.to_refused();
        assert_eq!((refused.kind.as_str(), refused.message.as_str()), (kind, message));
        assert_eq!(StageError::from_refused(&refused), Some(error));
    }
    check(
        StageError::OutOfRange { target_um: 12000.0, limit_um: 10000.0 },
        "OutOfRange",
        "target 12000 um is outside 0..=10000 um",
    );
    check(StageError::Fault(2, "encoder".into()), "Fault", "axis 2: encoder");
    check(StageError::NotHomed, "NotHomed", "not homed; call `home` first");

    let refused = ScriptError { line: 3, reason: "no such axis".into() }.to_refused();
    assert_eq!((refused.kind.as_str(), refused.message.as_str()), ("ScriptError", "line 3: no such axis"));
    assert_eq!(
        ScriptError::from_refused(&refused),
        Some(ScriptError { line: 3, reason: "no such axis".into() })
    );
}

#[test]
fn golden_details() {
    let refused = StageError::Fault(2, "x".into()).to_refused();
    assert_eq!(refused.details.as_slice(), [0x82, 0xa1, b'0', 2, 0xa1, b'1', 0xa1, b'x']);
    assert!(StageError::NotHomed.to_refused().details.is_empty());
}

#[test]
fn another_kind_or_other_details_are_not_this_error() {
    let unknown = Refused::new("OnFire", "the stage burns");
    assert_eq!(StageError::from_refused(&unknown), None);
    let mut other = StageError::Fault(2, "x".into()).to_refused();
    other.kind = "OutOfRange".into();
    assert_eq!(StageError::from_refused(&other), None);
    other.details = vec![0xdf, 0xff, 0xff, 0xff, 0xff].into();
    assert_eq!(StageError::from_refused(&other), None);
    let error: CallError<StageError> =
        CallError::from_failure("stage.move_to", Failure::Refused(unknown.clone()));
    assert_eq!(error, CallError::RefusedOtherwise(unknown));
    assert_eq!(error.to_string(), "the stage burns (error of kind `OnFire`)");
}

#[test]
fn an_interruption_is_taken_and_given_back() {
    fn interrupted() -> Result<(), StageError> {
        Err(Interrupted::DeadlineExceeded)?;
        Ok(())
    }
    let error = interrupted().unwrap_err();
    assert_eq!(error.interrupted(), Some(Interrupted::DeadlineExceeded));
    assert_eq!(StageError::NotHomed.interrupted(), None);
    assert_eq!(WithFrom::from(Interrupted::ClientLost).interrupted(), Some(Interrupted::ClientLost));
    let boxed: Box<dyn std::error::Error + Send + Sync> = Interrupted::ClientLost.into();
    assert_eq!(boxed.interrupted(), Some(Interrupted::ClientLost));
}

#[test]
fn kinds_are_described_with_their_doc_comments() {
    let kinds = StageError::kinds();
    let kinds: Vec<(&str, &str)> =
        kinds.iter().map(|kind| (kind.kind.as_str(), kind.docs.as_str())).collect();
    assert_eq!(kinds, [("OutOfRange", "The target is outside the travel."), ("Fault", ""), ("NotHomed", "")]);
    assert_eq!(
        ScriptError::kinds(),
        [describe::ErrorDescription { kind: "ScriptError".into(), docs: String::new() }]
    );
}

#[test]
fn ready_made_errors_travel() {
    assert_eq!("it broke".to_owned().to_refused(), Refused::new("error", "it broke"));
    assert_eq!(String::from_refused(&Refused::new("any", "it broke")).as_deref(), Some("it broke"));
    let io = std::io::Error::new(std::io::ErrorKind::NotFound, "no port COM3");
    assert_eq!(io.to_refused(), Refused::new("io", "no port COM3"));
    assert_eq!(std::io::Error::from_refused(&io.to_refused()).unwrap().to_string(), "no port COM3");
    assert!(std::io::Error::from_refused(&Refused::new("error", "")).is_none());
}

/// What a closure returned, as the server sends it.
fn returned<R: serde::Serialize>(value: R) -> Result<Vec<u8>, Failure> {
    let mut body = ReplyBody::new(24);
    write_returned(&value, &mut body)?;
    assert_eq!(body.into_vec()[..24], [0; 24]);
    let mut body = ReplyBody::new(0);
    write_returned(&value, &mut body)?;
    Ok(body.into_vec())
}

#[test]
fn a_returned_result_is_taken_apart() {
    #[derive(serde::Serialize)]
    struct Position {
        x_um: f64,
    }
    let value = returned(Position { x_um: 1.0 }).unwrap();
    assert_eq!(value[..6], [0x81, 0xa4, b'x', b'_', b'u', b'm'], "structures travel by field name");
    assert_eq!(returned(Ok::<_, String>(Position { x_um: 1.0 })).unwrap(), value);
    assert_eq!(returned(Ok::<_, String>(())).unwrap(), [0xc0]);
    assert_eq!(returned(7_u8).unwrap(), [7]);
    assert_eq!(returned("a").unwrap(), [0xa1, b'a']);
    assert_eq!(returned(Some(true)).unwrap(), [0xc3]);
    assert_eq!(returned(vec![1_u8, 2]).unwrap(), [0x92, 1, 2]);
}

#[test]
fn a_returned_error_is_a_refusal_or_an_interruption() {
    fn check<E: serde::Serialize>(error: E, expect: Failure) {
        assert_eq!(returned(Err::<f64, E>(error)).unwrap_err(), expect);
    }
    check("no port", Failure::Refused(Refused::new("error", "no port")));
    check(StageError::Fault(2, "x".into()), Failure::Refused(StageError::Fault(2, "x".into()).to_refused()));
    check(Refused::new("own", "words"), Failure::Refused(Refused::new("own", "words")));
    check(vec![1, 2], Failure::Refused(Refused::new("error", "[1,2]")));
    let cancelled = Interrupted::Cancelled { by: "by its caller".into() };
    let expect = Failure::Cancelled { by: "by its caller".into(), may_still_be_running: false };
    check(cancelled.clone(), expect.clone());
    check(StageError::from(cancelled), expect);
    check(Interrupted::DeadlineExceeded, Failure::DeadlineExceeded { may_still_be_running: false });
}

#[test]
fn a_value_that_cannot_be_sent_leaves_nothing_behind() {
    struct Refuses;
    impl serde::Serialize for Refuses {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::{Error, SerializeSeq};
            serializer.serialize_seq(Some(2))?.serialize_element(&1)?;
            Err(S::Error::custom("it is on loan"))
        }
    }
    let mut body = ReplyBody::new(4);
    let Err(Failure::Refused(refused)) = write_returned(&Refuses, &mut body) else { panic!() };
    assert_eq!(refused.kind, "cannot_be_sent");
    assert!(refused.message.contains("it is on loan"), "{}", refused.message);
    assert_eq!(body.into_vec(), [0; 4]);
}
