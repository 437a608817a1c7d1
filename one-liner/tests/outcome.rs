//! `one-liner outcome`, and what `one-liner call` says when its server was lost.
#![cfg(unix)]

mod processes;

use std::sync::mpsc;

use processes::{Demo, Finished, LONG, Process};
use router_server::{RouterServer, ServerEndpoints, ServerOptions};
use serde_json::Value as Json;

fn word(finished: &Finished) -> (Option<i32>, Json) {
    (finished.code, finished.json()["outcome"].clone())
}

#[test]
fn what_became_of_a_call_is_told_with_an_exit_code() {
    let demo = Demo::start();
    let id_of = |arguments: &[&str]| {
        // The id of a call that has ended is known by its text.
        let ended = demo.run(&[&["call", "--json"], arguments].concat());
        (ended.json()["call_id"].as_str().map(str::to_owned), ended)
    };
    let (id, done) = id_of(&["stage.position_um"]);
    let (id, value) = (id.unwrap(), done.json()["value"].clone());
    let asked = demo.run(&["outcome", &id, "--json"]);
    assert_eq!(word(&asked), (Some(0), "done".into()), "{asked:#?}");
    assert_eq!((&asked.json()["value"], &asked.json()["call"]), (&value, &"stage.position_um".into()));
    assert_eq!(asked.json()["call_id"].as_str(), Some(id.as_str()));
    let for_people = demo.run(&["outcome", &id]);
    assert_eq!(for_people.stdout.trim(), value.to_string());

    let epoch = demo.run(&["call", "router.describe", "--json"]).json()["value"]["server"]["epoch"].clone();
    let epoch = epoch.as_u64().unwrap();
    let client = id.split('-').next().unwrap();
    let never = demo.run(&["outcome", &format!("{client}-1000000@{epoch:016x}"), "--json"]);
    assert_eq!(word(&never), (Some(1), "never_ran".into()), "{never:#?}");
    let unsure = demo.run(&["outcome", &format!("{client}-1000001"), "--json"]);
    assert_eq!(word(&unsure), (Some(3), "forgotten".into()), "{unsure:#?}");
    let other = demo.run(&["outcome", &format!("{client}-1@{:016x}", epoch ^ 1), "--json"]);
    assert_eq!(word(&other), (Some(3), "other_epoch".into()), "{other:#?}");
    let no_id = demo.run(&["outcome", "7"]);
    assert_eq!(no_id.code, Some(2), "{no_id:#?}");
    assert!(no_id.stderr.contains("is not a call id"), "{}", no_id.stderr);
}

#[test]
fn a_call_that_was_left_is_found_again() {
    let server = RouterServer::bind("tcp://127.0.0.1:*").unwrap();
    let (started, has_started) = mpsc::channel();
    let (release, is_released) = mpsc::channel::<()>();
    let stubborn = move |(): ()| -> Result<(), String> {
        started.send(()).unwrap();
        is_released.recv_timeout(LONG).unwrap();
        Err("stalled".to_owned())
    };
    server.add_call("stubborn", stubborn).unwrap();
    let connect = server.endpoints().calls.to_string();
    let call = Process::start(&["call", "stubborn", "--json", "--connect", &connect]);
    has_started.recv_timeout(LONG).unwrap();
    call.interrupt();
    call.stderr.until("cancelling `stubborn`");
    call.interrupt();
    let id = call.finish().json()["call_id"].as_str().unwrap().to_owned();
    assert!(id.ends_with(&format!("@{:016x}", server.epoch())), "{id}");
    let ask = || Process::start(&["outcome", &id, "--json", "--connect", &connect]).finish();
    let running = ask();
    assert_eq!(word(&running), (Some(3), "running".into()), "{running:#?}");
    release.send(()).unwrap();
    let deadline = std::time::Instant::now() + LONG;
    let mut ended = ask();
    while ended.code == Some(3) && std::time::Instant::now() < deadline {
        ended = ask();
    }
    assert_eq!(word(&ended), (Some(1), "refused".into()), "{ended:#?}");
    assert_eq!(ended.json()["message"], "stalled");
}

#[test]
fn a_call_whose_server_was_restarted_says_so() {
    let demo = Demo::start();
    let call = demo.spawn(&["call", "stage.move_to", "10000"]);
    call.stderr.until("moving");
    let endpoints = ServerEndpoints::for_server(&demo.connect).unwrap();
    demo.into_process().finish_at_once();
    let deadline = std::time::Instant::now() + LONG;
    let _back = loop {
        match RouterServer::bind_at(&endpoints, ServerOptions::default()) {
            Ok(server) => break server,
            Err(error) => assert!(std::time::Instant::now() < deadline, "{error}"),
        }
    };
    let ended = call.finish();
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    assert!(ended.stdout.contains("the server was restarted, its outcome is lost"), "{ended:#?}");
}

#[test]
fn a_call_whose_server_does_not_come_back_stays_unknown() {
    let demo = Demo::start();
    let call = demo.spawn(&["call", "stage.move_to", "10000", "--json"]);
    call.stderr.until("moving");
    demo.into_process().finish_at_once();
    let ended = call.finish();
    assert_eq!(word(&ended), (Some(3), "unknown".into()), "{ended:#?}");
    let id = ended.json()["call_id"].as_str().unwrap().to_owned();
    assert!(ended.stderr.contains(&format!("one-liner outcome {id}")), "{}", ended.stderr);
}
