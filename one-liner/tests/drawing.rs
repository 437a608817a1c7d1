//! `graph` and `completions`: texts for other programs; and no text of a stranger that steers a terminal.

mod processes;

use processes::Process;
use router_client::{ConnectOptions, RouterClient};
use router_server::{CallOptions, RouterServer, ServerOptions};

/// A name that means something to each of the formats.
const HOSTILE: &str = "a\"]; <b>&amp;\\ ü `|}";

/// A server with a hostile name, a stream of one, and a client of one.
fn serve() -> (RouterServer, RouterClient, String) {
    let options = ServerOptions { name: format!("{HOSTILE}\nx"), ..ServerOptions::default() };
    let endpoints = router_server::ServerEndpoints::for_server("tcp://127.0.0.1:*").unwrap();
    let server = RouterServer::bind_at(&endpoints, options).unwrap();
    server.add_stream(HOSTILE, 20.0, || 1.5).unwrap();
    let connect = server.endpoints().calls.to_string();
    let client = RouterClient::connect_with(&connect, ConnectOptions::default().name(HOSTILE)).unwrap();
    client.wait_connected(processes::LONG).unwrap();
    (server, client, connect)
}

#[test]
fn a_graph_in_each_format() {
    let (_server, client, connect) = serve();
    let heard = client.subscribe::<f64>(HOSTILE).queue(10).unwrap();
    heard.recv_timeout(processes::LONG).unwrap();
    let draw = |arguments: &[&str]| {
        let drawn = Process::start(&[&["graph", "--connect", &connect], arguments].concat()).finish();
        assert_eq!(drawn.code, Some(0), "{drawn:#?}");
        drawn
    };

    let mermaid = draw(&[]).stdout;
    let lines: Vec<_> = mermaid.lines().collect();
    assert_eq!(lines[0], "flowchart LR");
    // Server, stream, subscriber, client; and what they have to do with each other.
    assert_eq!(lines.len(), 1 + 4 + 3, "this command is not in the picture: {mermaid}");
    for line in &lines[1..] {
        assert_eq!(line.matches('"').count() % 2, 0, "{line}");
        let label = line.split('"').nth(1).unwrap_or_default().replace("<br/>", "");
        assert!(!label.contains(['<', '&', '\\', '`', '|', '[', ']', '{', '}']), "{line}");
    }
    assert!(lines[1].starts_with("  n0[[\"a#34;#93;#59; ") && lines[1].contains("ü"), "{mermaid}");
    assert!(lines.contains(&"  n0 -->|streams| n1") && lines.contains(&"  n3 -->|calls| n0"), "{mermaid}");

    let dot = draw(&["--format", "dot"]).stdout;
    let lines: Vec<_> = dot.lines().collect();
    assert_eq!((lines[0], *lines.last().unwrap(), lines.len()), ("digraph {", "}", 2 + 4 + 3 + 1), "{dot}");
    assert!(dot.contains("label=\"a\\\"]; <b>&amp;amp;\\\\ ü `|} x\\n"), "{dot}");

    let json = draw(&["--format", "json"]).json();
    assert_eq!(json["nodes"][1]["name"], HOSTILE);
    assert_eq!(json["nodes"][0]["name"], format!("{HOSTILE}\nx"));
    assert_eq!(json["edges"][1]["kind"], "feeds", "{json:#}");
    assert_eq!(draw(&["--json"]).json()["nodes"].as_array().unwrap().len(), 4);
}

#[test]
fn completions_name_the_commands_in_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = Process::start(&["completions", shell]).finish();
        assert_eq!(script.code, Some(0), "{script:#?}");
        for command in ["watch", "bw", "top", "graph", "doctor", "completions"] {
            assert!(script.stdout.contains(command), "{command} for {shell}");
        }
    }
    let wrong = Process::start(&["completions", "tcsh"]).finish();
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("bash"), "{}", wrong.stderr);
}

#[test]
fn no_text_of_a_server_steers_a_terminal() {
    const STEERS: &str = "\u{1b}[2J\u{9b}5m\r";
    let options = |name: &str| ServerOptions { name: format!("{name}{STEERS}"), ..ServerOptions::default() };
    let endpoints = router_server::ServerEndpoints::for_server("tcp://127.0.0.1:*").unwrap();
    let server = RouterServer::bind_at(&endpoints, options("one")).unwrap();
    server.add_stream("load", 20.0, || STEERS).unwrap();
    let options_of_call = CallOptions::new().docs(format!("Says {STEERS}.")).arguments([STEERS]);
    let fail = |(text,): (String,)| -> Result<(), String> { Err(format!("{text}{STEERS}")) };
    server.add_call_with("fail", options_of_call, fail).unwrap();
    server.add_call("say", || STEERS).unwrap();
    let gateway = RouterServer::bind_at(&endpoints, options("two")).unwrap();
    gateway.add_upstream("far", &server.endpoints().calls.to_string()).unwrap();
    let connect = gateway.endpoints().calls.to_string();
    let run = |arguments: &[&str]| Process::start(&[arguments, &["--connect", &connect]].concat()).finish();
    let deadline = std::time::Instant::now() + processes::LONG;
    while !run(&["list"]).stdout.contains("far.load") {
        assert!(std::time::Instant::now() < deadline, "it does not come");
    }
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["describe", "far"],
        &["describe", "far.fail"],
        &["call", "far.fail", "a"],
        &["call", "far.fail", "1"],
        &["call", "far.say"],
        &["call", STEERS],
        &["watch", "far.load", "--count", "2"],
        &["watch", STEERS],
        &["enable", "far.lod"],
        &["top", "--for", "1s"],
        &["stats"],
        &["ping"],
        &["graph"],
        &["graph", "--format", "dot"],
        &["doctor"],
    ] {
        let finished = run(arguments);
        for text in [&finished.stdout, &finished.stderr] {
            let steering = text.chars().find(|found| found.is_control() && !['\n', '\t'].contains(found));
            assert_eq!(steering, None, "{arguments:?}: {text:?}");
        }
    }
}
