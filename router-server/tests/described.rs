//! What `describe` tells of instruments and closures, as a client reads it.

#![allow(clippy::unwrap_used, reason = "a test ends there")]
#![allow(missing_docs, reason = "the interfaces of a test")]

mod support;

use std::convert::Infallible;

use router_client::describe::{CallDescription, Description, InstrumentDescription};
use router_client::{CallError, Interrupted, RemoteError, RouterClient, interface};
use router_server::{CallOptions, InstrumentOptions, Preset};
use support::{Ends, StageError, TestStage, client, server};

fn described(client: &RouterClient) -> Description {
    client.describe().ends().unwrap()
}

fn call<'a>(description: &'a Description, name: &str) -> &'a CallDescription {
    description.calls.iter().find(|call| call.name == name).unwrap()
}

fn instrument<'a>(description: &'a Description, name: &str) -> Option<&'a InstrumentDescription> {
    description.instruments.iter().find(|instrument| instrument.name == name)
}

/// Anything with a shutter.
#[interface]
pub trait Shutter {
    fn open(&self);
}

struct AShutter;

#[interface]
impl Shutter for AShutter {
    fn open(&self) {}
}

struct AnotherShutter;

/// A shutter that sticks.
///
/// Knock on it.
#[interface]
impl Shutter for AnotherShutter {
    fn open(&self) {}
}

#[test]
fn an_instruments_own_docs_reach_its_callers() {
    let server = server();
    server.add_instrument("stage", TestStage::rig().stage).unwrap();
    server.add_instrument_on("shutter", AShutter, InstrumentOptions::on_lane("COM3")).unwrap();
    let options = InstrumentOptions::default();
    server.add_instrument_with("another", options, || Ok::<_, Infallible>(AnotherShutter)).unwrap();
    server.add_call("rig.beep", || "beep").unwrap();
    server.add_named_call("park", "stage.move_to", Preset::new((0.0,))).unwrap();
    let client = client(&server);

    let description = described(&client);
    let told: Vec<_> = description
        .instruments
        .iter()
        .map(|instrument| (instrument.name.as_str(), instrument.docs.as_str(), instrument.lane.as_str()))
        .collect();
    let router = "The server itself: what it serves, how it is, and control of its streams.";
    assert_eq!(
        told,
        [
            ("another", "A shutter that sticks.\n\nKnock on it.", "another"),
            ("router", router, "router"),
            ("shutter", "Anything with a shutter.", "COM3"),
            ("stage", "One axis for tests.", "stage"),
        ],
        "by name; closures and named calls are calls alone"
    );

    server.remove("stage").unwrap();
    assert_eq!(instrument(&described(&client), "stage"), None);
    server.add_instrument("stage", AShutter).unwrap();
    let description = described(&client);
    assert_eq!(instrument(&description, "stage").unwrap().docs, "Anything with a shutter.");
}

#[test]
fn what_was_not_added_is_not_told() {
    let server = server();
    let options = InstrumentOptions::default();
    let failed = server.add_instrument_with("stage", options, || Err::<AShutter, _>("no COM3"));
    assert!(failed.is_err());
    assert_eq!(instrument(&server.describe(), "stage"), None);
    // Its docs went with the reservation: what is added under the name then tells its own.
    server.add_instrument("stage", AnotherShutter).unwrap();
    let description = server.describe();
    assert!(instrument(&description, "stage").unwrap().docs.starts_with("A shutter that sticks."));
}

#[test]
fn a_description_of_an_older_server_has_no_instruments() {
    #[derive(serde::Serialize)]
    struct Older {
        server: router_client::describe::ServerDescription,
        calls: Vec<CallDescription>,
        streams: Vec<router_client::describe::StreamDescription>,
    }
    let now = server().describe();
    let older = Older { server: now.server, calls: now.calls.clone(), streams: now.streams };
    let bytes = router_wire::body::encode(&older).unwrap();
    let read: Description = router_wire::body::decode(&bytes).unwrap();
    assert_eq!((read.instruments.len(), read.calls), (0, now.calls));
}

#[test]
fn a_closure_that_returns_a_result_is_told_by_its_value_and_refuses_with_its_error() {
    /// Any alias.
    type Answer<T> = Result<T, StageError>;
    let server = server();
    server.add_call("text", |(ok,): (bool,)| if ok { Ok(1.5) } else { Err("no".to_owned()) }).unwrap();
    let typed = |(target_um,): (f64,)| -> Answer<Vec<f64>> {
        if target_um < 0.0 {
            return Err(StageError::OutOfRange { target_um, limit_um: 10.0 });
        }
        Ok(vec![target_um])
    };
    server.add_call_with("typed", CallOptions::new().arguments(["target_um"]), typed).unwrap();
    server
        .add_call("ended", || -> Result<(), Interrupted> {
            Err(Interrupted::Cancelled { by: "by nobody".to_owned() })
        })
        .unwrap();
    let client = client(&server);

    let description = described(&client);
    let returns = |name: &str| call(&description, name).returns.type_name.as_str();
    assert_eq!([returns("text"), returns("typed"), returns("ended")], ["f64", "Vec<f64>", "()"]);

    assert_eq!(client.call("text", (true,)).ends(), Ok(1.5));
    let Err(CallError::Refused(refused)) = client.call::<f64>("text", (false,)).ends() else { panic!() };
    assert_eq!((refused.kind.as_str(), refused.message.as_str()), ("error", "no"));

    assert_eq!(client.call("typed", (2.0,)).ends(), Ok(vec![2.0]));
    let ended = client.call::<Vec<f64>>("typed", (-1.0,)).ends();
    let Err(CallError::Refused(refused)) = ended else { panic!("{ended:?}") };
    let error = StageError::OutOfRange { target_um: -1.0, limit_um: 10.0 };
    assert_eq!(StageError::from_refused(&refused), Some(error));

    let ended = client.call::<()>("ended", ()).ends();
    let Err(CallError::Cancelled { by, may_still_be_running: false, .. }) = ended else {
        panic!("{ended:?}")
    };
    assert_eq!(by, "by nobody");
}

struct Echo;

#[interface]
impl Echo {
    /// The name under which it was called.
    pub fn name_of_call(&self, call: &router_client::Call) -> String {
        call.name().to_owned()
    }

    /// As `name_of_call`, in the loop.
    #[call(inline)]
    pub fn inline_name(&self, call: &router_client::Call) -> String {
        call.name().to_owned()
    }
}

#[test]
fn a_method_sees_the_name_that_its_caller_asked_for() {
    let server = server();
    server.add_instrument("echo", Echo).unwrap();
    server.add_named_call("who", "echo.name_of_call", Preset::new(())).unwrap();
    server.add_named_call("who_inline", "echo.inline_name", Preset::new(())).unwrap();
    let rig = TestStage::rig();
    server.add_instrument("stage", rig.stage.clone()).unwrap();
    server.add_named_call("park", "stage.move_to", Preset::new((5.0,))).unwrap();
    server.add_named_call("halt", "stage.stop", Preset::new(())).unwrap();
    let client = client(&server);
    for name in ["echo.name_of_call", "echo.inline_name", "who", "who_inline"] {
        assert_eq!(client.call(name, ()).ends(), Ok(name.to_owned()));
    }
    let parking = client.call::<f64>("park", ()).start();
    rig.moving.arrived();
    let lanes = client.lanes().ends().unwrap();
    let running = lanes.iter().find(|lane| lane.name == "stage").and_then(|lane| lane.running.as_ref());
    assert_eq!(running.map(|call| call.name.as_str()), Some("park"));
    assert_eq!(client.call("halt", ()).ends(), Ok(()));
    let ended = parking.ends();
    let Err(CallError::Cancelled { by, .. }) = ended else { panic!("{ended:?}") };
    assert!(by.starts_with("by halt, by "), "{by}");
}

#[test]
fn a_stream_of_a_named_call_has_its_presets_and_one_of_a_result_its_value() {
    let server = server();
    server.add_call("double", |(value,): (f64,)| 2.0 * value).unwrap();
    server.add_named_call("ten", "double", Preset::new((5.0,))).unwrap();
    server.add_instrument_stream("ten", 100.0, "ten", ()).unwrap();
    server.add_stream("load", 1.0, || Ok::<f64, String>(0.5)).unwrap();
    let client = client(&server);
    let tens = client.subscribe::<f64>("ten").queue(10).unwrap();
    assert_eq!(tens.recv_timeout(support::PATIENCE).unwrap().value, 10.0);
    let described = server.describe();
    let load = described.streams.iter().find(|stream| stream.name == "load").unwrap();
    assert_eq!(load.value.type_name, "f64");
}
