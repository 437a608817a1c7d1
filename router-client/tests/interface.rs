//! What `#[interface]` writes for a server: methods that decode, run and answer, without a server.

#![allow(clippy::unwrap_used, reason = "a test ends there")]
#![allow(missing_docs, reason = "the interfaces of a test")]

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use router_client::describe::{ArgumentDescription, CallKind};
use router_client::{
    Access, Arguments, Beside, Call, CallInfo, Exclusive, Failure, Instrument, Interrupted, Invoke, LaneOnly,
    Method, RemoteError, ReplyBody, interface,
};
use router_wire::{arguments, body};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use thiserror::Error;

#[derive(Debug, PartialEq, Error, RemoteError)]
pub enum StageError {
    /// The target is outside the travel.
    #[error("target {target_um} um is outside 0..=10000 um")]
    OutOfRange { target_um: f64 },
    #[error(transparent)]
    Interrupted(#[interrupted] Interrupted),
}

/// Has no JSON Schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    low_um: f64,
    high_um: f64,
}

#[derive(Serialize, Deserialize, schemars::JsonSchema)]
pub struct Status {
    /// Whether it moves.
    moving: bool,
}

/// One axis.
#[interface]
pub trait Stage: Send {
    /// Moves to `target_um` [um, 0..=10000].
    ///
    /// Returns the position reached.
    #[call(unit = "um", cancel_on_client_lost)]
    fn move_to(
        &self,
        call: &Call,
        target_um: f64,
        #[arg(default = 1.0, docs = "How fast.")] speed_mm_per_s: f64,
        /// How to get there.
        #[arg(default = "straight")]
        path: &str,
    ) -> Result<f64, StageError>;

    /// Stops at once.
    #[call(urgent, clears_lane)]
    fn stop(&self);

    #[call(inline, idempotent)]
    fn position_um(&self) -> f64;

    #[call(concurrent)]
    fn status(&self) -> Status;

    fn set_limits(&self, limits: &Limits) -> Limits;

    fn r#type(
        &self,
        r#in: Option<u8>,
    ) -> std::result::Result<String, Box<dyn std::error::Error + Send + Sync>> {
        Ok(format!("{in:?}", in = r#in))
    }

    #[call(skip)]
    fn not_remote(&self, _: &dyn Fn()) {}
}

#[derive(Default)]
struct SimulatedStage {
    position_um: Mutex<f64>,
    stopped: AtomicBool,
}

#[interface]
impl Stage for SimulatedStage {
    fn move_to(
        &self,
        call: &Call,
        target_um: f64,
        speed_mm_per_s: f64,
        path: &str,
    ) -> Result<f64, StageError> {
        if !(0.0..=10000.0).contains(&target_um) {
            return Err(StageError::OutOfRange { target_um });
        }
        call.progress(0.5, format!("{path} at {speed_mm_per_s} mm/s"))?;
        *self.position_um.lock().unwrap() = target_um;
        Ok(target_um)
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    fn position_um(&self) -> f64 {
        *self.position_um.lock().unwrap()
    }

    fn status(&self) -> Status {
        Status { moving: false }
    }

    fn set_limits(&self, limits: &Limits) -> Limits {
        limits.clone()
    }
}

/// A camera with state of its own.
#[derive(Default)]
pub struct Camera {
    exposure_ms: f64,
    lookup: Vec<u8>,
}

/// Takes pictures.
#[interface]
impl Camera {
    pub const BITS: u8 = 16;

    pub fn open() -> Camera {
        Camera::default()
    }

    /// Sets the exposure.
    pub fn set_exposure_ms(&mut self, #[arg(default = 10)] exposure_ms: u32) -> f64 {
        self.exposure_ms = f64::from(exposure_ms);
        self.exposure_ms
    }

    pub fn set_lookup(&mut self, table: &[u8], #[arg(default = vec![7])] tail: Vec<u8>) -> usize {
        self.lookup = [table, &tail].concat();
        self.lookup.len()
    }

    pub fn sum(
        &self,
        mut values: Vec<f64>,
        scale: &[f64],
        #[arg(default = None)] offset: Option<f64>,
    ) -> f64 {
        values.push(offset.unwrap_or_default());
        values.iter().sum::<f64>() * scale.iter().product::<f64>()
    }

    pub fn name(&self) -> &str {
        "simulated"
    }

    pub fn save(&self, file: &Path) -> Result<String, String> {
        Err(format!("{} is full", file.display()))
    }

    #[cfg(any())]
    pub fn not_in_this_build(&self, nothing: Nothing) {}

    #[call(skip)]
    pub fn lookup(&self) -> impl Iterator<Item = &u8> {
        self.lookup.iter()
    }

    #[allow(dead_code)]
    fn private(&self) {}
}

/// An instrument generic over its bus.
struct Bus<B>(B);

#[interface]
impl<B: AsRef<str>> Bus<B> {
    pub fn port(&self) -> String {
        self.0.as_ref().to_owned()
    }
}

fn method<T: Instrument>(name: &str) -> Method<T> {
    T::methods().into_iter().find(|method| method.spec.name == name).unwrap()
}

/// Runs a method as a server does.
fn run<T: Instrument>(instrument: &mut T, name: &str, call: &Call, body: &[u8]) -> Result<Vec<u8>, Failure> {
    let arguments = Arguments::decode(body).unwrap();
    let mut reply = ReplyBody::new(0);
    match method::<T>(name).invoke {
        Invoke::Shared(invoke) => invoke(instrument, call, &arguments, &mut reply)?,
        Invoke::Exclusive(invoke) => invoke(instrument, call, &arguments, &mut reply)?,
    }
    Ok(reply.into_vec())
}

fn call<T: Instrument, R: DeserializeOwned>(
    instrument: &mut T,
    name: &str,
    positional: impl Serialize,
    keyword: &[(&str, Vec<u8>)],
) -> Result<R, Failure> {
    let keyword: Vec<_> = keyword.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let body = arguments::encode(&positional, &keyword).unwrap();
    run(instrument, name, &Call::local(name), &body).map(|reply| body::decode(&reply).unwrap())
}

fn bytes(value: impl Serialize) -> Vec<u8> {
    body::encode(&value).unwrap()
}

#[test]
fn arguments_come_by_position_by_name_and_by_default() {
    let mut stage = SimulatedStage::default();
    assert_eq!(call(&mut stage, "move_to", (1500.0, 2.0, "round"), &[]), Ok(1500.0));
    assert_eq!(call(&mut stage, "position_um", (), &[]), Ok(1500.0));
    assert_eq!(call(&mut stage, "move_to", (7,), &[]), Ok(7.0));
    let by_name = [("path", bytes("round")), ("target_um", bytes(8.0))];
    assert_eq!(call(&mut stage, "move_to", (), &by_name), Ok(8.0));
    assert_eq!(call(&mut stage, "type", (), &[("in", bytes(3))]), Ok("Some(3)".to_owned()));
    let limits = Limits { low_um: 1.0, high_um: 2.0 };
    assert_eq!(call(&mut stage, "set_limits", (&limits,), &[]), Ok(limits));
    assert_eq!(call(&mut stage, "stop", (), &[]), Ok(()));
    assert!(stage.stopped.load(Ordering::SeqCst));
}

#[test]
fn arguments_that_do_not_fit_are_named() {
    fn check(positional: impl Serialize, keyword: &[(&str, Vec<u8>)], argument: Option<&str>, text: &str) {
        let outcome = call::<_, f64>(&mut SimulatedStage::default(), "move_to", positional, keyword);
        let Err(Failure::BadArguments { argument: named, message }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(named.as_deref(), argument);
        assert!(message.contains(text), "{message}");
    }
    check(("far",), &[], Some("target_um"), "expected f64, got \"far\"");
    check((), &[], Some("target_um"), "it is missing");
    check((1.0,), &[("sped_mm_per_s", bytes(1))], Some("sped_mm_per_s"), "did you mean `speed_mm_per_s`?");
    check(
        (1.0, 2.0, "", 4),
        &[],
        None,
        "4 arguments were given; it takes 3: target_um, speed_mm_per_s, path",
    );
    check((1.0,), &[("target_um", bytes(1))], Some("target_um"), "twice");
}

#[test]
fn an_error_is_a_refusal_and_comes_back_typed() {
    let outcome = call::<_, f64>(&mut SimulatedStage::default(), "move_to", (12000.0,), &[]);
    let Err(Failure::Refused(refused)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(refused.message, "target 12000 um is outside 0..=10000 um");
    assert_eq!(StageError::from_refused(&refused), Some(StageError::OutOfRange { target_um: 12000.0 }));
}

#[test]
fn an_interrupted_method_ends_cancelled() {
    let info = CallInfo { name: "stage.move_to".into(), client: "bob".into(), deadline: None };
    let (call, control) = Call::with_control(info, None);
    let body = arguments::encode(&(1.0,), &[]).unwrap();
    run(&mut SimulatedStage::default(), "move_to", &call, &body).unwrap();
    let progress = control.take_progress().unwrap();
    assert_eq!((progress.fraction, progress.message.as_str()), (0.5, "straight at 1 mm/s"));

    control.interrupt(Interrupted::Cancelled { by: "by stage.stop, by alice".into() });
    let outcome = run(&mut SimulatedStage::default(), "move_to", &call, &body);
    let expect = Failure::Cancelled { by: "by stage.stop, by alice".into(), may_still_be_running: false };
    assert_eq!(outcome, Err(expect));
}

#[test]
fn methods_tell_what_they_are() {
    let methods = SimulatedStage::methods();
    let names: Vec<&str> = methods.iter().map(|method| method.spec.name).collect();
    assert_eq!(names, ["move_to", "stop", "position_um", "status", "set_limits", "type"]);
    assert_eq!(SimulatedStage::docs(), "One axis.");

    let spec = &methods[0].spec;
    assert_eq!(spec.docs, "Moves to `target_um` [um, 0..=10000].\n\nReturns the position reached.");
    assert_eq!(
        (spec.kind, spec.clears_lane, spec.cancel_on_client_lost, spec.idempotent),
        (CallKind::Lane, false, true, false)
    );
    assert_eq!(spec.returns.unit.as_deref(), Some("um"));
    assert_eq!(spec.returns.schema, json!({ "type": "number", "format": "double" }));
    assert_eq!(spec.errors, StageError::kinds());
    let arguments: Vec<_> = spec
        .arguments
        .iter()
        .map(|argument| (argument.name.as_str(), argument.value.unit.as_deref(), argument.default.clone()))
        .collect();
    let expect = [
        ("target_um", Some("um"), None),
        ("speed_mm_per_s", Some("mm/s"), Some(json!(1.0))),
        ("path", None, Some(json!("straight"))),
    ];
    assert_eq!(arguments, expect);
    assert_eq!(spec.arguments[1].value.schema["description"], "How fast.");
    assert_eq!(
        spec.arguments[2].value.schema,
        json!({ "type": "string", "description": "How to get there." })
    );

    assert_eq!((methods[1].spec.kind, methods[1].spec.clears_lane), (CallKind::Urgent, true));
    assert_eq!((methods[2].spec.kind, methods[2].spec.idempotent), (CallKind::Inline, true));
    assert_eq!(methods[2].spec.returns.unit.as_deref(), Some("um"));
    assert_eq!(methods[3].spec.kind, CallKind::Concurrent);
}

#[test]
fn a_type_with_a_json_schema_tells_it_and_one_without_its_name() {
    let status = method::<SimulatedStage>("status").spec.returns;
    assert_eq!(status.type_name, "Status");
    assert_eq!(status.schema["properties"]["moving"]["type"], "boolean");
    assert_eq!(status.schema["properties"]["moving"]["description"], "Whether it moves.");
    let limits: &ArgumentDescription = &method::<SimulatedStage>("set_limits").spec.arguments[0];
    assert_eq!((limits.value.type_name.as_str(), &limits.value.schema), ("Limits", &json!(true)));
}

#[test]
fn an_inherent_block_exposes_its_public_methods() {
    let names: Vec<&str> = Camera::methods().iter().map(|method| method.spec.name).collect();
    assert_eq!(names, ["set_exposure_ms", "set_lookup", "sum", "name", "save"]);
    assert_eq!(Camera::docs(), "Takes pictures.");
    assert!(matches!(method::<Camera>("set_exposure_ms").invoke, Invoke::Exclusive(_)));
    assert!(matches!(method::<Camera>("sum").invoke, Invoke::Shared(_)));

    let mut camera = Camera::open();
    assert_eq!(call(&mut camera, "set_exposure_ms", (), &[]), Ok(10.0));
    assert_eq!(camera.exposure_ms, 10.0);
    assert_eq!(call(&mut camera, "sum", (vec![1.0, 2.0], vec![2.0]), &[]), Ok(6.0));
    assert_eq!(call(&mut camera, "sum", ([1.0], [2.0, 3.0], Some(1)), &[]), Ok(12.0));
    assert_eq!(call(&mut camera, "name", (), &[]), Ok("simulated".to_owned()));
    let full = call::<_, String>(&mut camera, "save", ("/disk",), &[]);
    assert!(matches!(full, Err(Failure::Refused(refused)) if refused.message == "/disk is full"));
    assert_eq!(method::<Camera>("set_exposure_ms").spec.returns.unit.as_deref(), Some("ms"));
    assert_eq!(method::<Camera>("name").spec.returns.type_name, "String");
}

#[test]
fn bytes_travel_as_bytes_and_are_taken_as_numbers_too() {
    let mut camera = Camera::open();
    assert_eq!(call(&mut camera, "set_lookup", (serde_bytes::Bytes::new(&[1, 255]),), &[]), Ok(3));
    assert_eq!(camera.lookup, [1, 255, 7]);
    assert_eq!(call(&mut camera, "set_lookup", (vec![1], vec![2]), &[]), Ok(2));
    assert_eq!(camera.lookup, [1, 2]);
}

#[test]
fn access_says_from_where_methods_may_run() {
    fn is<T: Instrument<Access = A>, A: Access>() {}
    is::<SimulatedStage, Beside>();
    is::<Camera, Exclusive>();
    is::<Bus<String>, LaneOnly>();
    assert_eq!(call(&mut Bus("COM3"), "port", (), &[]), Ok("COM3".to_owned()));
}

#[test]
fn a_trait_is_still_a_trait() {
    let stage: Box<dyn Stage> = Box::new(SimulatedStage::default());
    stage.not_remote(&|| {});
    assert_eq!(stage.move_to(&Call::local("move_to"), 3.0, 1.0, "straight"), Ok(3.0));
    assert_eq!(Camera::open().lookup().count() + usize::from(Camera::BITS), 16);
}
