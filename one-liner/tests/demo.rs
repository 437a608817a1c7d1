//! The demo as a process: how it starts, what it tells, and how it ends.

mod processes;

use processes::{Demo, Process};
use serde_json::Value as Json;

#[test]
fn it_tells_where_it_listens_and_what_it_counts_and_ends_by_itself() {
    let demo = Demo::start_with(&["--for", "3"]);
    assert_eq!(demo.started["reach"], "this_pc");
    let ports: Vec<_> =
        ["calls", "samples", "frames"].map(|what| demo.started[what].as_str().unwrap().to_owned()).into();
    assert!(ports.iter().all(|endpoint| endpoint.starts_with("tcp://127.0.0.1:")), "{ports:?}");
    let process = demo.into_process();
    let stats: Json = serde_json::from_str(&process.stdout.until("\"stats\"")).unwrap();
    let stream = |name: &str| {
        stats["streams"].as_array().unwrap().iter().find(|stream| stream["name"] == name).unwrap().clone()
    };
    assert_eq!(stream("stage.position_um")["asked_hz"], 30.0);
    assert!(stream("camera.frame")["asked_hz"].is_null());
    let ended = process.finish();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let last = ended.json_lines().pop().unwrap();
    assert_eq!((&last["event"], &last["set_apart"]), (&"stopped".into(), &Json::Array(vec![])), "{last:#}");
}

#[test]
fn people_get_endpoints_lines_to_paste_and_a_table() {
    let ended = Process::start(&["demo", "--calls-port", "*", "--for", "2500ms"]).finish();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    for text in [
        "serving host, stage and camera",
        "tcp://127.0.0.1:",
        "this computer only",
        "call stage.move_to 1500 --connect tcp://localhost:",
        "achieved Hz",
        "stopped in",
    ] {
        assert!(ended.stdout.contains(text), "{text} in {}", ended.stdout);
    }
}

#[cfg(unix)]
#[test]
fn the_lines_to_paste_work_from_any_folder() {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    let program = env!("CARGO_BIN_EXE_one-liner");
    let (folder, name) = program.rsplit_once('/').unwrap();
    let first_line = |path: &str| {
        let mut demo = Command::new(program);
        demo.arg0(format!("./{name}")).env("PATH", path).current_dir(folder);
        let ended = demo.args(["demo", "--calls-port", "0", "--for", "100ms"]).output().unwrap();
        let text = String::from_utf8(ended.stdout).unwrap();
        text.lines().find(|line| line.contains("call stage.move_to")).unwrap().to_owned()
    };
    assert!(first_line("/nowhere").starts_with(&format!("  {program} call ")), "{}", first_line("/nowhere"));
    assert!(first_line(folder).starts_with(&format!("  {name} call ")), "{}", first_line(folder));
}

#[test]
fn a_port_in_use_is_named_with_its_holder_and_what_to_do() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let check = |option: &str, what: &str| {
        let arguments = ["demo", "--calls-port", "0", option, &port];
        let arguments = if option == "--calls-port" { &["demo", option, &port][..] } else { &arguments[..] };
        let refused = Process::start(arguments).finish();
        assert_eq!(refused.code, Some(1), "{refused:#?}");
        for text in [format!("port {port} for {what} is in use"), option.to_owned()] {
            assert!(refused.stderr.contains(&text), "{text} in {}", refused.stderr);
        }
        if cfg!(target_os = "linux") {
            let holder = format!("(pid {})", std::process::id());
            assert!(refused.stderr.contains(&holder), "{holder} in {}", refused.stderr);
        }
    };
    check("--calls-port", "calls");
    check("--samples-port", "samples");
    check("--frames-port", "frames");
}

#[test]
fn one_port_for_two_sockets_is_told_at_once() {
    let check = |ports: [&str; 4], texts: [&str; 2]| {
        let refused = Process::start(&[&["demo"][..], &ports].concat()).finish();
        assert_eq!(refused.code, Some(2), "{refused:#?}");
        for text in texts {
            assert!(refused.stderr.contains(text), "{text} in {}", refused.stderr);
        }
    };
    check(["--calls-port", "6000", "--samples-port", "6000"], ["--calls-port 6000", "--samples-port 6000"]);
    check(["--calls-port", "6000", "--samples-port", "6002"], ["--samples-port 6002", "--frames-port"]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_during_a_move_stops_it_with_a_report() {
    let demo = Demo::start();
    let call = demo.spawn(&["call", "stage.move_to", "10000", "--json"]);
    call.stderr.until("moving");
    let process = demo.into_process();
    process.interrupt();
    let ended = process.finish();
    let report = ended.json_lines().pop().unwrap();
    assert_eq!(report["event"], "stopped", "{ended:#?}");
    let call = call.finish();
    let outcome = call.json()["outcome"].as_str().unwrap().to_owned();
    // A machine too busy to run the axis' thread within the second of a stop gets that in the report, and a code.
    if report["set_apart"] == Json::Array(vec![]) {
        assert_eq!((ended.code, call.code, outcome.as_str()), (Some(0), Some(1), "cancelled"), "{call:#?}");
    } else {
        assert_eq!(ended.code, Some(1), "{report:#}");
    }
}
