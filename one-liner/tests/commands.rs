//! Every command against a running demo: what it prints and how it exits.

mod processes;

use processes::{Demo, Process};

#[test]
fn list_shows_calls_and_streams() {
    let demo = Demo::start();
    let listed = demo.run(&["list"]);
    assert_eq!(listed.code, Some(0), "{listed:#?}");
    assert!(listed.stdout.contains("stage.move_to(target_um: f64 [um]) -> f64 [um]"), "{}", listed.stdout);
    assert!(listed.stdout.contains("Moves to `target_um`"), "{}", listed.stdout);
    let lines = demo.run(&["list", "--json"]).json_lines();
    let names = |what: &str| -> Vec<_> {
        lines.iter().filter(|line| line["type"] == what).filter_map(|line| line["name"].as_str()).collect()
    };
    for call in ["host.top_processes", "stage.home", "camera.snap", "router.stats"] {
        assert!(names("call").contains(&call), "{call} in {:?}", names("call"));
    }
    for stream in ["host.cpu_percent", "host.network_rate", "stage.position_um", "camera.frame"] {
        assert!(names("stream").contains(&stream), "{stream} in {:?}", names("stream"));
    }
    let hz = |name: &str| {
        lines.iter().find(|line| line["type"] == "stream" && line["name"] == name).unwrap()["frequency_hz"]
            .as_f64()
    };
    assert_eq!(hz("stage.position_um"), Some(30.0));
    assert_eq!(
        ["host.memory", "host.cpu_percent", "host.network_rate"].map(hz),
        [Some(1.0), Some(2.0), Some(10.0)]
    );
    assert_eq!(hz("camera.frame"), None);
    let line = |what: &str, name: &str| {
        lines.iter().find(|line| line["type"] == what && line["name"] == name).unwrap().clone()
    };
    let call = line("call", "stage.move_to");
    let argument = &call["arguments"][0];
    assert_eq!(
        (&argument["name"], &argument["type_name"], &argument["unit"], &call["returns"]["unit"]),
        (&"target_um".into(), &"f64".into(), &"um".into(), &"um".into()),
        "{call:#}"
    );
    assert_eq!(line("call", "host.top_processes")["arguments"][0]["name"], "n");
    assert_eq!(line("stream", "stage.position_um")["value"]["unit"], "um");
}

#[test]
fn describe_tells_arguments_units_and_errors() {
    let demo = Demo::start();
    let described = demo.run(&["describe", "stage.move_to"]);
    assert_eq!(described.code, Some(0), "{described:#?}");
    for text in [
        "call stage.move_to(target_um: f64 [um])",
        "OutOfRange",
        "lane `stage`",
        "Interrupted, the axis brakes",
    ] {
        assert!(described.stdout.contains(text), "{text} in {}", described.stdout);
    }
    let call = demo.run(&["describe", "stage.move_to", "--json"]).json();
    assert_eq!((&call["type"], &call["arguments"][0]["unit"]), (&"call".into(), &"um".into()), "{call:#}");
    let both = demo.run(&["describe", "stage.position_um", "--json"]).json_lines();
    let types: Vec<_> = both.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["call", "stream"], "a call and a stream may share a name");
    assert!(demo.run(&["describe", "camera", "--json"]).json_lines().len() > 7, "a whole instrument");
    let wrong = demo.run(&["describe", "stage.mov_to"]);
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr.contains("stage.move_to"), "{}", wrong.stderr);
}

#[test]
fn calls_end_with_values_or_with_what_was_wrong() {
    let demo = Demo::start();
    let moved = demo.run(&["call", "stage.move_to", "150", "--json"]);
    assert_eq!(moved.code, Some(0), "{moved:#?}");
    let reached_um = moved.json()["value"].as_f64().unwrap();
    assert!((reached_um - 150.0).abs() < 1.0, "{reached_um}");
    assert!(moved.stderr.contains("moving"), "progress goes to stderr: {}", moved.stderr);
    let back = demo.run(&["call", "stage.move_by", "-50"]);
    assert!((back.stdout.trim().parse::<f64>().unwrap() - 100.0).abs() < 1.0, "{back:#?}");
    let keyword = demo.run(&["call", "host.top_processes", "--kw", "n=2", "--json"]);
    assert_eq!(keyword.json()["value"].as_array().unwrap().len(), 2, "{keyword:#?}");
    let frame = demo.run(&["call", "camera.snap"]);
    assert!(
        frame.stdout.contains("\"data\":{\"bytes\":524288}"),
        "bytes are counted for people: {}",
        frame.stdout
    );

    let check = |arguments: &[&str], code: i32, outcome: &str, text: &str| {
        let finished = demo.run(&[arguments, &["--json"]].concat());
        assert_eq!(finished.code, Some(code), "{finished:#?}");
        let object = finished.json();
        assert_eq!(object["outcome"], outcome, "{object:#}");
        assert!(finished.stderr.contains(text), "{text} in {}", finished.stderr);
        object
    };
    let refused =
        check(&["call", "stage.move_to", "12000"], 1, "refused", "target 12000 um is outside 0..=10000 um");
    assert_eq!((&refused["kind"], &refused["details"]["target_um"]), (&"OutOfRange".into(), &12000.0.into()));
    let wrong = check(&["call", "stage.mvoe_to", "1"], 1, "not_found", "stage.move_to");
    assert_eq!(wrong["nearest"][0], "stage.move_to");
    let wrong = check(&["call", "stage.move_to", "far"], 1, "bad_arguments", "target_um");
    assert_eq!(wrong["argument"], "target_um");
    check(&["call", "stage.move_to", "--kw", "target=1"], 1, "bad_arguments", "did you mean `target_um`?");
    check(&["call", "stage.move_to", "9000", "--deadline", "300ms"], 3, "deadline_exceeded", "deadline");
    assert_eq!(demo.run(&["call", "stage.inject_fault", "silent"]).code, Some(0));
    check(&["call", "stage.move_to", "10"], 1, "refused", "has not answered for 500 ms");
}

#[test]
fn stop_ends_a_long_move_at_once_and_queued_moves_never_start() {
    let demo = Demo::start();
    let long_move = demo.spawn(&["call", "stage.move_to", "10000", "--json"]);
    long_move.stderr.until("moving");
    let queued = demo.spawn(&["call", "stage.move_to", "5000", "--json"]);
    let stage_lane = |lines: &[serde_json::Value]| {
        lines[0]["lanes"].as_array().unwrap().iter().find(|lane| lane["name"] == "stage").unwrap().clone()
    };
    let lines = demo.run_until(&["ping", "--json"], |lines| stage_lane(lines)["queued"] == 1);
    assert_eq!(lines[0]["state"], "connected");
    assert!(lines[0]["round_trip_us"].as_f64().unwrap() > 0.0);
    let running = stage_lane(&lines)["running"].clone();
    assert_eq!(running["name"], "stage.move_to");
    assert!(running["client"].as_str().unwrap().contains("one-liner pid"), "{running}");
    let for_people = demo.run(&["ping"]).stdout;
    assert!(for_people.contains("stage.move_to") && for_people.contains("round trip"), "{for_people}");

    assert_eq!(demo.run(&["call", "stage.stop"]).code, Some(0));
    let long_move = long_move.finish();
    let queued = queued.finish();
    for ended in [&long_move, &queued] {
        assert_eq!(
            (ended.code, ended.json()["outcome"].as_str().unwrap()),
            (Some(1), "cancelled"),
            "{ended:#?}"
        );
        assert!(ended.stderr.contains("stage.stop"), "it says by what: {}", ended.stderr);
    }
    assert!(!queued.stderr.contains("moving"), "it never started");
    let position_um: f64 = demo.run(&["call", "stage.position_um"]).stdout.trim().parse().unwrap();
    assert!(position_um < 9900.0, "{position_um}");
}

#[test]
fn watch_prints_samples_and_hz_their_rate() {
    let demo = Demo::start();
    let watched = demo.run(&["watch", "host.cpu_percent", "--count", "3", "--json"]);
    assert_eq!(watched.code, Some(0), "{watched:#?}");
    let mut samples = watched.json_lines();
    let summary = samples.pop().unwrap();
    assert_eq!((&summary["type"], &summary["received"]), (&"summary".into(), &3.into()), "{summary:#}");
    for count in ["replaced", "dropped", "lost", "skipped", "undecodable", "breaks"] {
        assert!(summary[count].is_u64(), "{count} in {summary:#}");
    }
    assert_eq!(samples.len(), 3, "nothing but samples before the summary");
    let sequence = |index: usize| samples[index]["sequence"].as_u64().unwrap();
    assert_eq!((sequence(1), sequence(2)), (sequence(0) + 1, sequence(0) + 2));
    assert!(samples.iter().all(|sample| !sample["value"].as_array().unwrap().is_empty()), "{samples:#?}");
    assert!(watched.stderr.contains("3 received"), "{}", watched.stderr);

    let newest = demo.run(&["watch", "stage.position_um", "--cache", "--count", "2"]);
    assert_eq!((newest.code, newest.stdout.lines().count()), (Some(0), 2), "{newest:#?}");
    let frame = demo.run(&["watch", "camera.frame", "--queue", "4", "--count", "1"]);
    assert!(frame.stdout.contains("  mono16[512, 512]  frame "), "a frame is one line: {frame:#?}");
    assert_eq!(frame.stdout.lines().count(), 1);
    let described = demo.run(&["describe", "camera.frame"]);
    assert!(described.stdout.contains("values     Frame mono16[512, 512]"), "{described:#?}");

    let rates = demo.run(&["hz", "host.network_rate", "--count", "2", "--json"]);
    assert_eq!(rates.code, Some(0), "{rates:#?}");
    let mut lines = rates.json_lines();
    assert_eq!(lines.pop().unwrap()["type"], "summary");
    assert_eq!(lines.len(), 2);
    // The machine may be too busy for 10 Hz; it cannot be early.
    let rate_hz = lines[1]["rate_hz"].as_f64().unwrap();
    assert!(rate_hz > 0.0 && rate_hz < 15.0, "{rate_hz}");

    let wrong = demo.run(&["watch", "stage.positon_um", "--json"]);
    assert_eq!(wrong.code, Some(1));
    assert_eq!(wrong.json()["nearest"][0], "stage.position_um");
}

#[test]
fn streams_are_disabled_and_enabled_from_here() {
    let demo = Demo::start();
    let enabled = || {
        let lines = demo.run(&["list", "--json"]).json_lines();
        lines.iter().find(|line| line["type"] == "stream" && line["name"] == "host.memory").unwrap()["enabled"].clone()
    };
    for _ in 0..2 {
        assert_eq!(demo.run(&["disable", "host.memory", "--json"]).json()["enabled"], false);
    }
    assert_eq!(enabled(), false);
    let watched = demo.run(&["watch", "host.memory", "--for", "100ms"]);
    assert!(watched.stderr.contains("one-liner enable host.memory"), "{watched:#?}");
    assert_eq!(demo.run(&["enable", "host.memory"]).code, Some(0));
    assert_eq!(enabled(), true);
    for command in ["enable", "disable"] {
        let wrong = demo.run(&[command, "host.memry", "--json"]);
        assert_eq!(wrong.code, Some(1));
        assert!(wrong.stderr.contains("did you mean `host.memory`"), "{}", wrong.stderr);
        let wrong = wrong.json();
        assert_eq!(
            (&wrong["outcome"], &wrong["nearest"][0]),
            (&"not_found".into(), &"host.memory".into()),
            "{wrong:#}"
        );
    }
}

#[test]
fn a_name_of_another_kind_is_told_with_its_command() {
    let demo = Demo::start();
    let check = |arguments: &[&str], hint: &str| {
        let finished = demo.run(&[arguments, &["--json"]].concat());
        assert_eq!(finished.code, Some(1), "{finished:#?}");
        let object = finished.json();
        assert_eq!(
            (&object["outcome"], &object["hint"]),
            (&"not_found".into(), &hint.into()),
            "{arguments:?}: {object:#}"
        );
        assert!(object["nearest"].is_array(), "{object:#}");
        assert!(finished.stderr.contains(hint), "{hint} in {}", finished.stderr);
    };
    check(&["call", "camera.frame"], "`camera.frame` is a stream: one-liner watch camera.frame");
    for command in ["watch", "hz", "enable"] {
        check(&[command, "stage.move_to"], "`stage.move_to` is a call: one-liner call stage.move_to");
    }
    for command in ["call", "watch"] {
        check(&[command, "stage"], "`stage` is an instrument: one-liner describe stage");
    }
    let wrong = demo.run(&["call", "stage.mvoe_to", "--json"]).json();
    assert!(wrong.get("hint").is_none(), "{wrong:#}");
}

#[test]
fn stats_tell_of_calls_and_streams() {
    let demo = Demo::start();
    assert_eq!(demo.run(&["call", "stage.position_um"]).code, Some(0));
    let stats = demo.run(&["stats", "--json"]).json();
    let calls = stats["calls"].as_array().unwrap();
    let call = calls.iter().find(|call| call["name"] == "stage.position_um").unwrap();
    assert!(call["count"].as_u64().unwrap() >= 1, "{call}");
    let for_people = demo.run(&["stats"]);
    assert!(
        for_people.stdout.contains("ticks missed") && for_people.stdout.contains("p99"),
        "{}",
        for_people.stdout
    );
}

#[test]
fn no_server_and_wrong_usage_have_codes_of_their_own() {
    let check = |arguments: &[&str], code: i32, text: &str| {
        let finished = Process::start(arguments).finish();
        assert_eq!(finished.code, Some(code), "{finished:#?}");
        assert!(finished.stderr.contains(text), "{text} in {}", finished.stderr);
    };
    // Port 1 needs rights to listen on that nobody here uses.
    let nobody = ["--connect", "tcp://127.0.0.1:1"];
    check(&[&["list"], &nobody[..]].concat(), 3, "no server");
    check(&[&["ping"], &nobody[..]].concat(), 3, "127.0.0.1:1");
    check(&[&["call", "a.b", "--deadline", "200ms"], &nobody[..]].concat(), 3, "");
    check(&[&["watch", "a.b", "--for", "200ms"], &nobody[..]].concat(), 3, "no server");
    check(
        &[&["call", "a.b", "--deadline", "8s"], &nobody[..]].concat(),
        3,
        "waits 3.00 s for its server at most",
    );
    check(&["list", "--connect", "127.0.0.1"], 2, "tcp://HOST");
    check(&["call"], 2, "Usage");
    check(&["call", "a.b", "--deadline", "soon"], 2, "500ms");
    for command in ["call", "describe", "watch", "hz", "bw", "enable", "disable"] {
        check(&[command, ""], 2, "the NAME is none: a name is empty");
        check(&[command, "a\u{7}b"], 2, "holds the control character '\\u{7}'");
    }
    check(&["top", "--watch", ""], 2, "a name is empty");
    check(&["watch", "a.b", "--cache", "--queue", "3"], 2, "cannot be used with");
    check(&["demo", "--calls-port", "many"], 2, "1 to 65535");
    check(&["demo", "--for", "abc"], 2, "<DURATION>");
}

#[test]
fn an_empty_variable_is_none() {
    let run = |arguments: &[&str], address: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_one-liner"));
        let ended = command.args(arguments).env("ONE_LINER_CONNECT", address).output().unwrap();
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
    };
    let (code, _) = run(&["watch", "no.such.stream", "--for", "10ms"], "");
    assert_ne!(code, Some(2), "the address is that which it is unless given");
    let (code, text) = run(&["watch", "no.such.stream", "--for", "10ms"], "nowhere");
    assert!(code == Some(2) && text.contains("nowhere"), "{text}");
    let (code, text) = run(&["list", "--connect", ""], "");
    assert!(code == Some(2) && text.contains("tcp://HOST"), "{text}");
}

#[test]
fn help_tells_which_commands_talk_to_no_server() {
    let help = Process::start(&["--help"]).finish();
    assert!(help.stdout.contains("All commands but `demo` and `completions`"), "{help:#?}");
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    let demo = Demo::start();
    let mut watch = std::process::Command::new(env!("CARGO_BIN_EXE_one-liner"))
        .args(["watch", "stage.position_um", "--connect", &demo.connect])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(watch.stdout.take());
    let ended = watch.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(0), ""));
}
