//! What `doctor` finds between here and a server, and what it says to do about it.

mod processes;

use std::io::Write;
use std::net::TcpListener;

use processes::{Demo, Finished, Process};
use router_server::RouterServer;
use serde_json::Value as Json;

/// The checks of `doctor ADDRESS --json`, and how it exited.
fn examine(address: &str) -> (Vec<Json>, Finished) {
    let finished = Process::start(&["doctor", address, "--json"]).finish();
    (finished.json_lines(), finished)
}

/// The check called `name`.
fn found<'a>(checks: &'a [Json], name: &str) -> &'a Json {
    checks.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("{name} in {checks:#?}"))
}

/// The last check failed, with what is to be done.
fn failed(checks: &[Json], name: &str, fix: &str) {
    let last = checks.last().unwrap();
    assert_eq!((&last["check"], &last["verdict"]), (&name.into(), &"fail".into()), "{checks:#?}");
    assert!(last["fix"].as_str().unwrap().contains(fix), "{fix} in {last:#}");
    let others = &checks[..checks.len() - 1];
    assert!(others.iter().all(|check| check["verdict"] != "fail"), "it is looked at no further: {checks:#?}");
}

#[test]
fn a_server_that_is_well() {
    let demo = Demo::start();
    let (checks, finished) = examine(&demo.connect);
    assert_eq!(finished.code, Some(0), "{checks:#?}");
    let names: Vec<_> = checks.iter().map(|check| check["check"].as_str().unwrap()).collect();
    let expect = [
        "address",
        "host",
        "calls_port",
        "zeromq",
        "server",
        "version",
        "lanes",
        "round_trip",
        "clock",
        "samples_port",
        "stream",
        "frames_port",
        "stream",
    ];
    assert_eq!(names, expect);
    assert!(checks.iter().all(|check| check["verdict"] != "fail"), "{checks:#?}");
    assert!(found(&checks, "host")["addresses"].as_array().unwrap().contains(&"127.0.0.1".into()));
    let number = |check: &str, field: &str| found(&checks, check)[field].as_f64().unwrap();
    assert_eq!(number("server", "protocol_version"), 1.0);
    let (min_us, median_us) = (number("round_trip", "min_us"), number("round_trip", "median_us"));
    assert!(0.0 < min_us && min_us <= median_us, "{checks:#?}");
    // It is the same clock.
    let (offset_ms, uncertainty_ms) = (number("clock", "offset_ms"), number("clock", "uncertainty_ms"));
    assert!(offset_ms.abs() <= uncertainty_ms + 1.0, "{checks:#?}");

    let for_people = demo.run(&["doctor"]);
    assert_eq!(
        (for_people.code, for_people.stdout.lines().count()),
        (Some(0), checks.len()),
        "{for_people:#?}"
    );
    assert!(for_people.stdout.lines().all(|line| line.starts_with("ok ") || line.starts_with("warn ")));
}

#[test]
fn an_address_that_is_none() {
    let (checks, finished) = examine("localhost");
    assert_eq!(finished.code, Some(2));
    failed(&checks, "address", "tcp://HOST");
}

#[test]
fn a_name_that_has_no_address() {
    let (checks, finished) = examine("tcp://no-such-host.invalid");
    assert_eq!(finished.code, Some(3));
    failed(&checks, "host", "how the name is written");
}

#[test]
fn nothing_listens() {
    // The port was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (checks, finished) = examine(&format!("tcp://127.0.0.1:{port}"));
    assert_eq!(finished.code, Some(3));
    failed(&checks, "calls_port", "start the server");
    let for_people = Process::start(&["doctor", &format!("tcp://127.0.0.1:{port}")]).finish();
    let lines: Vec<_> = for_people.stdout.lines().collect();
    assert!(lines[2].starts_with("fail  calls port ") && lines[3].contains("-> start"), "{for_people:#?}");
}

#[test]
fn another_program_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let other =
        std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"SSH-2.0-OpenSSH_9\r\n").unwrap());
    let (checks, finished) = examine(&address);
    other.join().unwrap();
    assert_eq!(finished.code, Some(3));
    failed(&checks, "zeromq", "another program");
    assert!(checks.last().unwrap()["found"].as_str().unwrap().contains("SSH-2.0"), "{checks:#?}");
}

#[test]
fn the_samples_port_in_place_of_the_calls_port() {
    let server = RouterServer::bind("tcp://127.0.0.1:*").unwrap();
    let (checks, finished) = examine(&server.endpoints().samples.to_string());
    assert_eq!(finished.code, Some(3));
    failed(&checks, "zeromq", "give its calls port");
}

#[cfg(unix)]
#[test]
fn a_server_that_is_frozen() {
    let demo = Demo::start();
    demo.process().freeze(true);
    let (checks, finished) = examine(&demo.connect);
    demo.process().freeze(false);
    assert_eq!(finished.code, Some(3));
    failed(&checks, "zeromq", "look at its process");
}

#[test]
fn a_zeromq_socket_behind_which_nobody_answers() {
    // All that a ROUTER says before a message, and then nothing.
    let mut said = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL".to_vec();
    said.resize(64, 0);
    said.extend(b"\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06ROUTER");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut connections = Vec::new();
        for mut connection in listener.incoming().map_while(Result::ok) {
            let _ = connection.write_all(&said);
            connections.push(connection);
        }
    });
    let (checks, finished) = examine(&address);
    assert_eq!(finished.code, Some(3));
    assert_eq!(found(&checks, "zeromq")["verdict"], "ok");
    failed(&checks, "server", "stuck");
}

/// Packets to a listener whose queue is full are dropped without a word, as a firewall does.
#[cfg(target_os = "linux")]
#[test]
fn a_port_that_a_firewall_closes() {
    use std::net::TcpStream;
    use std::os::fd::AsRawFd;
    use std::time::Duration;

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // SAFETY: the descriptor is the listener's; to listen again changes the length of its queue.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queued.push(stream);
    }
    let (checks, finished) = examine(&format!("tcp://{address}"));
    assert_eq!(finished.code, Some(3));
    failed(
        &checks,
        "calls_port",
        &format!("let TCP port {} (calls) in through the firewall", address.port()),
    );
}

#[cfg(unix)]
#[test]
fn a_socket_file_without_a_server() {
    let path = std::env::temp_dir().join(format!("one-liner-doctor-{}.left", std::process::id()));
    let address = format!("ipc://{}", path.display());
    let (checks, finished) = examine(&address);
    assert_eq!(finished.code, Some(3));
    failed(&checks, "path", "start the server");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let (checks, finished) = examine(&address);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(finished.code, Some(3));
    failed(&checks, "path", "start the server");
}

#[cfg(unix)]
#[test]
fn a_server_that_answers_while_its_samples_do_not_arrive() {
    use router_server::{ServerEndpoints, ServerOptions};
    let folder = std::env::temp_dir().join(format!("one-liner-doctor-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let samples = folder.join("samples");
    let endpoints = ServerEndpoints {
        samples: format!("ipc://{}", samples.display()).parse().unwrap(),
        ..ServerEndpoints::for_server("tcp://127.0.0.1:*").unwrap()
    };
    let server = RouterServer::bind_at(&endpoints, ServerOptions::default()).unwrap();
    server.add_stream("load", 20.0, || 1.5).unwrap();
    let address = server.endpoints().calls.to_string();
    let (checks, finished) = examine(&address);
    assert_eq!(finished.code, Some(0), "{checks:#?}");
    std::fs::remove_file(&samples).unwrap();
    let (checks, finished) = examine(&address);
    drop(server);
    let _ = std::fs::remove_dir_all(&folder);
    assert_eq!(finished.code, Some(1), "{checks:#?}");
    let path = checks.iter().find(|check| check["verdict"] == "fail").unwrap();
    assert_eq!(path["check"], "path", "{checks:#?}");
    assert!(path["found"].as_str().unwrap().contains("samples"), "{path:#}");
    assert_eq!(
        found(&checks, "frames_port")["verdict"],
        "ok",
        "what is independent is looked at: {checks:#?}"
    );
}

#[test]
fn a_long_call_is_no_failure() {
    let demo = Demo::start();
    let moving = demo.spawn(&["call", "stage.move_to", "10000"]);
    moving.stderr.until("moving");
    let (checks, finished) = examine(&demo.connect);
    assert_eq!(finished.code, Some(0));
    let lanes = found(&checks, "lanes");
    assert!(lanes["found"].as_str().unwrap().contains("at work"), "{lanes:#}");
}
