//! Servers behind servers, as processes: every command through two hops, and what is told when one in between is gone.

mod processes;

use processes::{Demo, Finished, LONG, Process};
use serde_json::Value as Json;
use std::time::{Duration, Instant};

/// A demo with another one behind it.
fn gateway(prefix: &str, behind: &Demo) -> Demo {
    Demo::start_with(&["--upstream", &format!("{prefix}={}", behind.connect)])
}

/// The demo again where it was.
fn again(started: &Json, prefix: &str, behind: &Demo) -> Process {
    let port = |what: &str| started[what].as_str().unwrap().rsplit_once(':').unwrap().1.to_owned();
    let [calls, samples, frames] = ["calls", "samples", "frames"].map(port);
    let upstream = format!("{prefix}={}", behind.connect);
    let ports = ["--calls-port", &calls, "--samples-port", &samples, "--frames-port", &frames];
    Process::start(&[&["demo", "--json", "--upstream", &upstream][..], &ports].concat())
}

/// Waits until `demo` tells of `name` and of the server that it is behind as connected.
fn until_there(demo: &Demo, name: &str, prefix: &str) {
    demo.run_until(&["list", "--json"], |lines| {
        let named = lines.iter().any(|line| line["name"] == name && line["type"] == "stream");
        named && lines.iter().any(|line| line["prefix"] == prefix && line["state"] == "connected")
    });
}

fn done(finished: Finished) -> Finished {
    assert_eq!(finished.code, Some(0), "{finished:#?}");
    finished
}

#[test]
fn every_command_works_through_two_hops() {
    let a = Demo::start();
    let b = gateway("rig2", &a);
    let c = gateway("far", &b);
    assert_eq!(c.started["upstreams"][0]["prefix"], "far", "{:#}", c.started);
    until_there(&c, "far.rig2.stage.position_um", "far.rig2");

    let lines = done(c.run(&["list", "--json"])).json_lines();
    let behind = |name: &str| lines.iter().find(|line| line["name"] == name).unwrap()["behind"].clone();
    assert_eq!(behind("stage.move_to"), Json::Null);
    assert_eq!(behind("far.stage.move_to"), "far");
    assert_eq!(behind("far.rig2.stage.move_to"), "far.rig2");
    let listed = done(c.run(&["list"])).stdout;
    let heading = listed.find("behind `far.rig2`: one-liner demo").unwrap();
    assert!(listed[heading..].contains("    far.rig2.stage.stop()"), "{listed}");
    assert!(!listed[..heading].contains("far.rig2.stage.stop()"), "{listed}");

    let moved = done(c.run(&["call", "far.rig2.stage.move_to", "10"]));
    assert!((moved.stdout.trim().parse::<f64>().unwrap() - 10.0).abs() < 1.0, "{moved:#?}");
    let watched =
        done(c.run(&["watch", "far.rig2.stage.position_um", "--count", "3", "--json"])).json_lines();
    assert_eq!((watched.len(), &watched[0]["stream"]), (4, &"far.rig2.stage.position_um".into()));
    let described = done(c.run(&["describe", "far.rig2.stage"])).stdout;
    assert!(described.contains("call far.rig2.stage.move_to(target_um: f64 [um])"), "{described}");
    let upstream = done(c.run(&["describe", "far.rig2", "--json"])).json();
    assert_eq!((&upstream["type"], &upstream["state"]), (&"upstream".into(), &"connected".into()));
    assert!(done(c.run(&["describe", "far"])).stdout.contains("behind it    far.rig2"));

    let long_move = c.spawn(&["call", "far.rig2.stage.move_to", "10000", "--json"]);
    long_move.stderr.until("moving");
    done(c.run(&["call", "far.rig2.stage.stop"]));
    let stopped = long_move.finish();
    assert_eq!((stopped.code, &stopped.json()["outcome"]), (Some(1), &"cancelled".into()), "{stopped:#?}");

    let is_enabled = |demo: &Demo, name: &str| {
        let lines = demo.run(&["list", "--json"]).json_lines();
        lines.iter().find(|line| line["name"] == name && line["type"] == "stream").unwrap()["enabled"].clone()
    };
    for (command, enabled) in [("disable", false), ("enable", true)] {
        assert_eq!(
            done(c.run(&[command, "far.rig2.stage.position_um", "--json"])).json()["enabled"],
            enabled
        );
        assert_eq!(is_enabled(&a, "stage.position_um"), enabled);
    }

    assert!(done(c.run(&["stats"])).stdout.contains("far.rig2.stage.position_um"));
    assert_eq!(done(c.run(&["ping", "--json"])).json()["state"], "connected");
    let pages = done(c.run(&["top", "--for", "2s", "--json"])).json_lines();
    let upstreams = pages.last().unwrap()["upstreams"].as_array().unwrap().clone();
    let prefixes: Vec<_> = upstreams.iter().map(|upstream| upstream["prefix"].as_str().unwrap()).collect();
    assert_eq!(prefixes, ["far", "far.rig2"]);
    assert!(upstreams.iter().all(|upstream| upstream["passed_on"].as_u64() > Some(0)), "{upstreams:#?}");
    let page = done(c.run(&["top", "--for", "300ms"])).stdout;
    assert!(page.contains("passed on") && page.contains("far.rig2  connected"), "{page}");
    let graph = done(c.run(&["graph", "--json"])).json();
    let id = |name: &str| {
        graph["nodes"].as_array().unwrap().iter().find(|node| node["name"] == name).unwrap()["id"].clone()
    };
    let has = |from: &str, to: &str, kind: &str| {
        let edge = serde_json::json!({ "from": id(from), "to": id(to), "kind": kind });
        assert!(graph["edges"].as_array().unwrap().contains(&edge), "{from} {kind} {to} in {graph:#}");
    };
    has("one-liner demo", "far", "relays");
    has("far", "far.rig2", "relays");
    has("far.rig2", "far.rig2.stage", "serves");
    has("far.rig2.stage", "far.rig2.stage.position_um", "streams");

    let wrong = c.run(&["call", "far"]);
    assert!(wrong.stderr.contains("`far` is a server behind this one: one-liner describe far"), "{wrong:#?}");
}

#[test]
fn a_server_in_between_that_is_killed_is_named_and_comes_back() {
    let a = Demo::start();
    let b = gateway("rig2", &a);
    let c = gateway("far", &b);
    until_there(&c, "far.rig2.stage.position_um", "far.rig2");
    let watch = c.spawn(&["watch", "far.rig2.stage.position_um"]);
    watch.stdout.next();
    let long_move = c.spawn(&["call", "far.rig2.stage.move_to", "10000", "--json"]);
    long_move.stderr.until("moving");
    let (b_started, b_address) = (b.started.clone(), b.connect.clone());
    b.into_process().finish_at_once();
    let names_it = |text: &str| text.contains("`far`") && text.contains(&b_address);

    let moved = long_move.finish();
    assert_eq!((moved.code, &moved.json()["outcome"]), (Some(3), &"unknown".into()), "{moved:#?}");
    assert!(names_it(&moved.stderr), "{moved:#?}");
    let refused = c.run(&["call", "far.rig2.stage.stop", "--json"]);
    assert_eq!((refused.code, &refused.json()["outcome"]), (Some(3), &"server_gone".into()), "{refused:#?}");
    assert!(names_it(&refused.stderr), "{refused:#?}");
    let refused = c.run(&["disable", "far.rig2.stage.position_um"]);
    assert!(refused.code == Some(3) && names_it(&refused.stderr), "{refused:#?}");
    let told = watch.stderr.until("is silent");
    assert!(names_it(&told), "{told}");
    let listed = done(c.run(&["list"])).stdout;
    let line = listed.lines().find(|line| line.starts_with("behind `far`")).unwrap();
    assert!(line.contains("lost for") && line.contains("nothing accepts connections there"), "{line}");
    assert!(listed.contains("out of reach for"), "{listed}");
    let described = done(c.run(&["describe", "far.rig2.stage.stop"]));
    assert!(names_it(&described.stderr) && described.stderr.contains("served before"), "{described:#?}");
    let state = done(c.run(&["describe", "far.rig2", "--json"])).json();
    assert_eq!(state["state"], "out_of_reach");
    let page = done(c.run(&["top", "--for", "300ms", "--json"])).json_lines().pop().unwrap();
    assert_eq!(
        (&page["upstreams"][0]["state"], &page["upstreams"][0]["unknown"]),
        (&"lost".into(), &1.into())
    );

    let _b = again(&b_started, "rig2", &a);
    watch.stderr.until("is connected again");
    watch.stdout.until("#");
    let deadline = Instant::now() + LONG;
    while c.run(&["call", "far.rig2.stage.stop"]).code != Some(0) {
        assert!(Instant::now() < deadline, "it does not come back");
    }
    done(c.run(&["watch", "far.rig2.stage.position_um", "--count", "2"]));
}

#[test]
fn watch_waits_for_a_server_behind_that_was_never_there() {
    let a = Demo::start();
    let a_started = a.started.clone();
    let gateway = gateway("rig2", &a);
    // Before it has told anything, or after: it is waited for either way.
    a.into_process().finish_at_once();
    let limited = gateway.run(&["watch", "rig2.stage.nothing", "--for", "1s", "--json"]);
    assert_eq!((limited.code, &limited.json()["outcome"]), (Some(3), &"server_gone".into()), "{limited:#?}");
    assert!(limited.stderr.contains("the server `rig2`"), "{limited:#?}");
    // The doctor says that it is away, and where to look.
    let examined = gateway.run(&["doctor", &gateway.connect, "--json"]).json_lines();
    let behind = examined.iter().find(|check| check["check"] == "upstreams").unwrap();
    assert_eq!((&behind["verdict"], &behind["away"]), (&"warn".into(), &1.into()), "{behind:#}");
    assert!(behind["fix"].as_str().unwrap().contains("one-liner doctor tcp://"), "{behind:#}");
    let watch = gateway.spawn(&["watch", "rig2.second.stage.position_um", "--count", "1"]);
    watch.stderr.until("waiting for it (Ctrl-C ends)");
    let second = Demo::start();
    let _a = again(&a_started, "second", &second);
    done(watch.finish());
}

#[test]
fn a_wrong_server_behind_is_wrong_usage() {
    let check = |upstreams: &[&str], text: &str| {
        let started = Instant::now();
        let arguments = [&["demo", "--calls-port", "0", "--for", "20s"], upstreams].concat();
        let refused = Process::start(&arguments).finish();
        assert_eq!(refused.code, Some(2), "{refused:#?}");
        assert!(refused.stderr.contains(text), "{text} in {}", refused.stderr);
        assert!(started.elapsed() < Duration::from_secs(15), "it did not serve first");
    };
    check(&["--upstream", "tcp://rig2"], "PREFIX=ADDRESS");
    check(&["--upstream", "=tcp://rig2"], "a name is empty");
    check(&["--upstream", "rig2=rig2"], "tcp://HOST");
    check(&["--upstream", "router=tcp://rig2"], "reserved");
    check(&["--upstream", "stage=tcp://rig2"], "could not be told apart");
    check(&["--upstream", "r=tcp://rig2", "--upstream", "r=tcp://rig3"], "could not be told apart");
}
