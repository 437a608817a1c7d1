//! Closures as calls: decoding their arguments, calling them, describing them.

#![allow(clippy::unwrap_used, reason = "a test ends there")]

use router_client::{
    Arguments, Call, CallFunction, Failure, Interrupted, Parameters, ReplyBody, describe::ValueDescription,
};
use router_wire::{arguments, body};
use serde::de::DeserializeOwned;
use serde_json::json;

/// As a server does: names, a body, a call.
fn run<M, F: CallFunction<M>>(function: &mut F, names: &[&str], body: &[u8]) -> Result<Vec<u8>, Failure> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let parameters = F::Parameters::decode(&Arguments::decode(body).unwrap(), &names)?;
    let mut reply = ReplyBody::new(0);
    function.run(&Call::local("closure"), parameters, &mut reply)?;
    Ok(reply.into_vec())
}

fn value<T: DeserializeOwned>(reply: Result<Vec<u8>, Failure>) -> T {
    body::decode(&reply.unwrap()).unwrap()
}

fn returns<M, F: CallFunction<M>>(_: &F) -> ValueDescription {
    F::returns()
}

#[test]
fn the_three_forms_of_a_closure() {
    let mut count = 0;
    let mut none = move || {
        count += 1;
        count
    };
    let nothing = arguments::encode(&(), &[]).unwrap();
    assert_eq!(value::<i32>(run(&mut none, &[], &nothing)), 1);
    assert_eq!(value::<i32>(run(&mut none, &[], &nothing)), 2);

    let mut beep = |(times,): (usize,)| "beep ".repeat(times);
    let two = arguments::encode(&(2,), &[]).unwrap();
    assert_eq!(value::<String>(run(&mut beep, &["times"], &two)), "beep beep ");

    let mut with_call = |call: &Call, (a, b): (f64, f64)| -> Result<f64, Interrupted> {
        call.check()?;
        Ok(a / b)
    };
    let body = arguments::encode(&(1.0,), &[("b".to_owned(), body::encode(&4.0).unwrap())]).unwrap();
    assert_eq!(value::<f64>(run(&mut with_call, &["a", "b"], &body)), 0.25);
}

#[test]
fn an_error_of_a_closure_is_a_refusal() {
    let mut refuses = |(name,): (String,)| -> Result<(), String> { Err(format!("no {name}")) };
    let body = arguments::encode(&("COM3",), &[]).unwrap();
    let Err(Failure::Refused(refused)) = run(&mut refuses, &[], &body) else { panic!() };
    assert_eq!(refused.message, "no COM3");
}

#[test]
fn arguments_that_do_not_fit_are_named() {
    let mut sum = |(a, b): (f64, u8)| a + f64::from(b);
    fn check<M, F: CallFunction<M>>(
        sum: &mut F,
        names: &[&str],
        body: Vec<u8>,
        argument: Option<&str>,
        text: &str,
    ) {
        let Err(Failure::BadArguments { argument: named, message }) = run(sum, names, &body) else {
            panic!()
        };
        assert_eq!(named.as_deref(), argument);
        assert!(message.contains(text), "{message}");
    }
    check(&mut sum, &["a", "b"], arguments::encode(&(1.0,), &[]).unwrap(), Some("b"), "it is missing");
    check(
        &mut sum,
        &["a", "b"],
        arguments::encode(&(1.0, 300), &[]).unwrap(),
        Some("b"),
        "expected u8, got 300",
    );
    check(&mut sum, &[], arguments::encode(&(1.0, 300), &[]).unwrap(), Some("1"), "expected u8, got 300");
    check(&mut sum, &["a", "b"], arguments::encode(&(1.0, 2, 3), &[]).unwrap(), None, "it takes 2: a, b");
}

#[test]
fn closures_are_described_by_well_known_types() {
    let beep = |(times, text): (usize, Option<String>)| -> Result<String, String> {
        Ok(text.unwrap_or_default().repeat(times))
    };
    assert_eq!(returns(&beep).type_name, "String");
    type Beep = (usize, Option<String>);
    assert_eq!(Beep::count(), 2);
    let described = Beep::describe(&["times".to_owned()]);
    assert_eq!((described[0].name.as_str(), described[1].name.as_str()), ("times", "1"));
    assert_eq!(described[0].value.schema, json!({ "type": "integer", "minimum": 0 }));
    assert_eq!(described[1].value.type_name, "Option<String>");
}
