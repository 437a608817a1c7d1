//! Servers that come later, go, or are stuck, and streams that are silent: what people are told meanwhile.

mod processes;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use processes::{Demo, LONG, Process};
use router_server::RouterServer;

/// Where nobody listens: the port was free a moment ago.
fn free_address() -> String {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("tcp://127.0.0.1:{}", held.local_addr().unwrap().port())
}

/// Looks at a server of this process until `is_so`.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn watch_and_hz_wait_for_a_server_that_is_started_later() {
    let address = free_address();
    let calls = address.rsplit_once(':').unwrap().1;
    let watch =
        Process::start(&["watch", "stage.position_um", "--count", "2", "--json", "--connect", &address]);
    let hz = Process::start(&["hz", "stage.position_um", "--count", "1", "--json", "--connect", &address]);
    for waiting in [&watch, &hz] {
        let told = waiting.stderr.until("no server at");
        assert!(told.contains(&address) && told.contains("waiting for it (Ctrl-C ends)"), "{told}");
    }
    // Longer than any command waits that gives up.
    let list = Process::start(&["list", "--connect", &address]).finish();
    assert_eq!(list.code, Some(3), "{list:#?}");
    assert!(list.stderr.contains("`one-liner demo` starts a server"), "{}", list.stderr);

    let ports = ["--calls-port", calls, "--samples-port", "*", "--frames-port", "*", "--json"];
    let demo = Process::start(&[&["demo"][..], &ports].concat());
    demo.stdout.until("started");
    let watched = watch.finish();
    assert_eq!((watched.code, watched.json_lines().len()), (Some(0), 3), "{watched:#?}");
    assert!(!watched.stderr.contains("no server at"), "it is told once: {watched:#?}");
    assert_eq!(hz.finish().code, Some(0));
}

#[test]
fn a_limit_or_ctrl_c_ends_waiting_for_a_server() {
    let address = free_address();
    let limited =
        Process::start(&["watch", "a.b", "--for", "1500ms", "--json", "--connect", &address]).finish();
    assert_eq!((limited.code, &limited.json()["outcome"]), (Some(3), &"server_gone".into()), "{limited:#?}");
    assert!(!limited.stderr.contains("Ctrl-C"), "it ends by itself: {}", limited.stderr);
    #[cfg(unix)]
    {
        let unlimited = Process::start(&["watch", "a.b", "--connect", &address]);
        unlimited.stderr.until("Ctrl-C ends");
        unlimited.interrupt();
        assert_eq!(unlimited.finish().code, Some(3));
    }
}

#[test]
fn a_host_that_has_no_address_is_named() {
    let nowhere = ["--connect", "tcp://no-such-host.invalid"];
    let listed = Process::start(&[&["list"], &nowhere[..]].concat()).finish();
    let text = "the host name `no-such-host.invalid` cannot be resolved: ";
    assert!(listed.stderr.contains(text) && !listed.stderr.contains("demo"), "{}", listed.stderr);
    assert!(!listed.stderr.contains("nothing accepts"), "{}", listed.stderr);
    Process::start(&[&["watch", "a.b"], &nowhere[..]].concat()).stderr.until(text);
    for arguments in [&["watch", "a.b", "--for", "1500ms"][..], &["ping"]] {
        let ended = Process::start(&[arguments, &nowhere[..]].concat()).finish();
        assert_eq!(ended.code, Some(3), "{ended:#?}");
        let last = ended.stderr.lines().last().unwrap();
        assert!(last.contains(text) && !ended.stderr.contains("nothing accepts"), "{ended:#?}");
    }
}

#[test]
fn ping_without_a_server_finds_out_as_other_commands_do() {
    let check = |address: &str, texts: &[&str]| {
        let pinged = Process::start(&["ping", "--connect", address]).finish();
        assert_eq!(pinged.code, Some(3), "{pinged:#?}");
        for text in texts {
            assert!(pinged.stderr.contains(text), "{text} in {}", pinged.stderr);
        }
        assert!(
            !pinged.stderr.contains("deadline") && !pinged.stderr.contains("one-liner ping"),
            "{pinged:#?}"
        );
    };
    check(&free_address(), &["nothing accepts connections there", "`one-liner demo` starts a server"]);
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    check(&format!("tcp://{}", other.local_addr().unwrap()), &["does not answer", "look at its process"]);
    let server = RouterServer::bind("tcp://127.0.0.1:*").unwrap();
    check(&server.endpoints().samples.to_string(), &["no server takes it"]);
    #[cfg(unix)]
    {
        let demo = Demo::start();
        demo.process().freeze(true);
        check(&demo.connect, &["look at its process"]);
        demo.process().freeze(false);
    }
}

#[cfg(unix)]
#[test]
fn a_stuck_server_gets_a_hint_of_its_own() {
    let demo = Demo::start();
    demo.process().freeze(true);
    let listed = demo.run(&["list"]);
    assert_eq!(listed.code, Some(3), "{listed:#?}");
    assert!(
        listed.stderr.contains("look at its process") && !listed.stderr.contains("one-liner demo"),
        "{}",
        listed.stderr
    );
    let watch = demo.spawn(&["watch", "stage.position_um", "--count", "1"]);
    watch.stderr.until("does not answer yet");
    demo.process().freeze(false);
    assert_eq!(watch.finish().code, Some(0));
}

#[cfg(unix)]
#[test]
fn who_was_frozen_does_not_say_that_the_server_is_gone() {
    let server = RouterServer::bind("tcp://127.0.0.1:*").unwrap();
    server.add_stream("load", 20.0, || 1.5).unwrap();
    let connect = server.endpoints().calls.to_string();
    let watch = Process::start(&["watch", "load", "--connect", &connect]);
    watch.stdout.next();
    watch.freeze(true);
    // A server gives a silent client up.
    until("the client is given up", || server.stats().clients.is_empty());
    watch.freeze(false);
    until("the client is there again", || !server.stats().clients.is_empty());
    watch.stdout.next();
    watch.interrupt();
    let ended = watch.finish();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(!ended.stderr.contains("gone"), "{}", ended.stderr);
}

#[test]
fn a_server_that_ends_and_comes_again_is_told_of() {
    let first = RouterServer::bind("tcp://127.0.0.1:*").unwrap();
    first.add_stream("load", 20.0, || 1.5).unwrap();
    let endpoints = first.endpoints().clone();
    let watch = Process::start(&["watch", "load", "--connect", &endpoints.calls.to_string()]);
    watch.stdout.next();
    drop(first);
    let told = watch.stderr.until("connecting again");
    assert!(!told.contains("gone") && told.contains("(Ctrl-C ends)"), "{told}");
    let _second = RouterServer::bind_at(&endpoints, Default::default()).unwrap();
    watch.stderr.until("connected again; the server was restarted");
}

#[test]
fn a_running_watch_tells_that_its_stream_was_disabled_or_removed() {
    let server = RouterServer::bind("tcp://127.0.0.1:*").unwrap();
    server.add_stream("load", 20.0, || 1.5).unwrap();
    let connect = server.endpoints().calls.to_string();
    let watch = Process::start(&["watch", "load", "--json", "--connect", &connect]);
    watch.stdout.next();
    server.disable_stream("load").unwrap();
    watch.stderr.until("`load` is disabled (one-liner enable load streams it again)");
    server.enable_stream("load").unwrap();
    watch.stderr.until("`load` is enabled again");
    server.remove_stream("load").unwrap();
    watch.stderr.until("`load` was removed; it may be added again");
    server.add_stream("load", 20.0, || 2.5).unwrap();
    watch.stderr.until("`load` is there again");
    let sample: serde_json::Value = serde_json::from_str(&watch.stdout.until("2.5")).unwrap();
    assert_eq!(sample["stream"], "load", "stdout has samples only");
}

#[test]
fn the_last_value_of_a_disabled_stream_has_its_age() {
    let server = RouterServer::bind("tcp://127.0.0.1:*").unwrap();
    server.add_stream("load", 20.0, || 1.5).unwrap();
    let connect = server.endpoints().calls.to_string();
    let seen = Process::start(&["watch", "load", "--count", "1", "--connect", &connect]).finish();
    assert_eq!(seen.code, Some(0), "{seen:#?}");
    server.disable_stream("load").unwrap();
    let last = Process::start(&["watch", "load", "--count", "1", "--connect", &connect]).finish();
    assert_eq!((last.code, last.stdout.lines().count()), (Some(0), 1), "{last:#?}");
    assert!(last.stderr.contains("one-liner enable load streams it again"), "{}", last.stderr);
    assert!(last.stderr.contains("the last value it had is"), "{}", last.stderr);
    assert!(!last.stderr.contains("enabled again"), "{}", last.stderr);
}

#[test]
fn a_stream_that_is_added_soon_after_the_server_is_found() {
    let server = RouterServer::bind("tcp://127.0.0.1:*").unwrap();
    let connect = server.endpoints().calls.to_string();
    let watch = Process::start(&["watch", "load", "--count", "1", "--connect", &connect]);
    let asked = || server.stats().calls.iter().any(|call| call.name == "router.describe" && call.count > 0);
    until("what is served is asked for", asked);
    server.add_stream("load", 20.0, || 1.5).unwrap();
    assert_eq!(watch.finish().code, Some(0));
}

#[test]
fn a_stream_that_is_added_soon_after_the_server_is_disabled() {
    let server = RouterServer::bind("tcp://127.0.0.1:*").unwrap();
    let connect = server.endpoints().calls.to_string();
    let disable = Process::start(&["disable", "load", "--connect", &connect]);
    let asked = || server.stats().calls.iter().any(|call| call.name == "router.describe" && call.count > 0);
    until("what is served is asked for", asked);
    server.add_stream("load", 20.0, || 1.5).unwrap();
    let disabled = disable.finish();
    assert_eq!((disabled.code, disabled.stdout.trim()), (Some(0), "load is disabled"), "{disabled:#?}");
}
