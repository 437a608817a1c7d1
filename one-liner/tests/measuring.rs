//! What `bw` and `top` show of a server.

mod processes;

use processes::{Demo, Process};
use router_client::RouterClient;
use router_server::{RouterServer, ServerOptions};
use serde_json::Value as Json;

#[test]
fn bw_counts_the_bytes_of_a_stream() {
    let demo = Demo::start();
    let measured = demo.run(&["bw", "camera.frame", "--count", "2", "--json"]);
    assert_eq!(measured.code, Some(0), "{measured:#?}");
    let mut lines = measured.json_lines();
    assert_eq!(lines.pop().unwrap()["type"], "summary");
    assert_eq!(lines.len(), 2);
    let line = &lines[1];
    assert_eq!(line["stream"], "camera.frame");
    let number = |field: &str| line[field].as_f64().unwrap_or_else(|| panic!("{field} in {line:#}"));
    // A frame of 512 x 512 pixels of 2 bytes, with what MessagePack needs around it.
    for size in ["size_mean_bytes", "size_min_bytes", "size_max_bytes"] {
        assert!((524_288.0..525_000.0).contains(&number(size)), "{line:#}");
    }
    let ratio = number("bytes_per_s") / (number("samples_per_s") * number("size_mean_bytes"));
    assert!((0.99..1.01).contains(&ratio), "{line:#}");
    assert!(number("samples") > 0.0 && line["lost"].is_u64(), "{line:#}");

    let for_people = demo.run(&["bw", "camera.frame", "--count", "1"]);
    assert!(for_people.stdout.contains("MB/s") && for_people.stdout.contains("524."), "{for_people:#?}");
    let wrong = demo.run(&["bw", "camera.fraem", "--json"]);
    assert_eq!((wrong.code, &wrong.json()["nearest"][0]), (Some(1), &"camera.frame".into()));
}

#[test]
fn watch_can_leave_samples_out() {
    let demo = Demo::start();
    let watched = demo.run(&["watch", "stage.position_um", "--nth", "5", "--count", "4", "--json"]);
    assert_eq!(watched.code, Some(0), "{watched:#?}");
    let mut lines = watched.json_lines();
    let summary = lines.pop().unwrap();
    // The first may be the last value, whatever its number.
    let numbers: Vec<u64> = lines[1..].iter().map(|line| line["sequence"].as_u64().unwrap()).collect();
    assert!(numbers.iter().all(|number| number % 5 == 0) && numbers[2] == numbers[0] + 10, "{numbers:?}");
    assert_eq!((summary["type"].as_str(), &summary["lost"]), (Some("summary"), &0.into()), "{summary:#}");
    assert!(summary["skipped"].as_u64() >= Some(8), "{summary:#}");
    let paced = demo.run(&["watch", "stage.position_um", "--max-hz", "5", "--count", "3", "--json"]);
    let summary = paced.json_lines().pop().unwrap();
    assert!(summary["skipped"].as_u64() >= Some(4) && summary["lost"] == 0, "{summary:#}");
    let wrong = demo.run(&["watch", "stage.position_um", "--max-hz", "0"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("above 0"), "{wrong:#?}");
}

#[test]
fn a_stream_without_samples_has_no_bytes() {
    let server = RouterServer::bind("tcp://127.0.0.1:*").unwrap();
    let _silent = server.add_publisher::<f64>("silent", 64).unwrap();
    let connect = server.endpoints().calls.to_string();
    let measured =
        Process::start(&["bw", "silent", "--count", "1", "--json", "--connect", &connect]).finish();
    let lines = measured.json_lines();
    assert_eq!(
        (&lines[0]["bytes_per_s"], &lines[0]["samples"], &lines[0]["size_min_bytes"]),
        (&0.0.into(), &0.into(), &Json::Null),
        "{measured:#?}"
    );
}

#[test]
fn top_tells_of_streams_calls_lanes_and_clients_at_each_refresh() {
    let demo = Demo::start();
    let long_move = demo.spawn(&["call", "stage.move_to", "10000"]);
    long_move.stderr.until("moving");
    let top =
        demo.spawn(&["top", "--json", "--every", "200ms", "--watch", "stage.position_um", "host.memory"]);
    let first: Json = serde_json::from_str(&top.stdout.next()).unwrap();
    assert_eq!((&first["state"], &first["error"]), (&"connected".into(), &Json::Null), "{first:#}");
    assert_eq!(first["server"]["name"], "one-liner demo");
    assert_eq!(first["changed"], serde_json::json!({}), "there is nothing before the first look");
    let named = |list: &Json, name: &str| {
        list.as_array()
            .unwrap()
            .iter()
            .find(|item| item["name"] == name || item["stream"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(named(&first["stats"]["streams"], "stage.position_um")["asked_hz"], 30.0);
    assert_eq!(named(&first["stats"]["lanes"], "stage")["running"]["name"], "stage.move_to");
    // The equation holds at every moment, not only at the end.
    let newest = top.stdout.until_object(|next| {
        let subscription = named(&next["subscriptions"], "stage.position_um");
        assert_eq!(subscription["balances"], true, "{subscription:#}");
        let requests = &next["changed"]["requests"];
        assert!(requests["now"].as_u64() > requests["before"].as_u64(), "{requests:#}");
        subscription["received"].as_u64() >= Some(3)
    });
    let watched = named(&newest["subscriptions"], "stage.position_um");
    let segment = &watched["segments"][0];
    let sum: u64 = ["received", "replaced", "dropped", "lost", "skipped", "waiting"]
        .map(|field| segment[field].as_u64().unwrap())
        .iter()
        .sum();
    let expected = segment["last"].as_u64().unwrap() - segment["first"].as_u64().unwrap() + 1;
    assert_eq!((sum, segment["balances"].as_bool()), (expected, Some(true)), "{segment:#}");
    #[cfg(unix)]
    {
        top.interrupt();
        assert_eq!(top.finish().code, Some(0));
    }
}

#[test]
fn top_prints_whole_tables_where_nobody_draws_over_them() {
    let demo = Demo::start();
    let shown = demo.run(&["top", "--for", "700ms", "--every", "200ms", "--watch", "stage.position_um"]);
    assert_eq!(shown.code, Some(0), "{shown:#?}");
    assert!(!shown.stdout.contains('\u{1b}'), "{}", shown.stdout);
    let refreshes = shown.stdout.matches("heard").count();
    assert!(refreshes >= 2, "{refreshes} in {}", shown.stdout);
    for text in [
        "one-liner demo",
        "received + replaced + dropped + lost + skipped + waiting = last - first + 1",
        "balances",
        "camera.frame",
        "lane",
        "client",
        "counter",
    ] {
        assert!(shown.stdout.contains(text), "{text} in {}", shown.stdout);
    }
    let wrong = demo.run(&["top", "--watch", "stage.positon_um", "--json"]);
    assert_eq!((wrong.code, &wrong.json()["nearest"][0]), (Some(1), &"stage.position_um".into()));
}

#[test]
fn top_subscribes_to_nothing_unless_it_is_asked() {
    let server = RouterServer::bind("tcp://127.0.0.1:*").unwrap();
    server.add_stream("load", 20.0, || 1.5).unwrap();
    let connect = server.endpoints().calls.to_string();
    let subscribers = |object: &Json| object["stats"]["streams"][0]["subscribers"].as_u64();
    let top = Process::start(&["top", "--json", "--every", "100ms", "--for", "500ms", "--connect", &connect]);
    let silent = top.finish().json_lines();
    assert!(silent.iter().all(|object| subscribers(object) == Some(0)), "{silent:#?}");
    let top = Process::start(&["top", "--json", "--every", "50ms", "--watch", "load", "--connect", &connect]);
    top.stdout.until_object(|object| subscribers(object) == Some(1));
}

#[test]
fn top_goes_on_when_its_server_goes_and_comes_again() {
    let first = RouterServer::bind("tcp://127.0.0.1:*").unwrap();
    first.add_stream("load", 50.0, || 1.5).unwrap();
    let endpoints = first.endpoints().clone();
    let connect = endpoints.calls.to_string();
    let top = Process::start(&["top", "--json", "--every", "50ms", "--watch", "load", "--connect", &connect]);
    let until = |is_so: &dyn Fn(&Json) -> bool| top.stdout.until_object(is_so);
    let before = until(&|object| object["subscriptions"][0]["received"].as_u64() > Some(0));
    drop(first);
    let without = until(&|object| object["error"].is_string());
    assert_eq!(without["server"]["epoch"], before["server"]["epoch"], "it shows what was: {without:#}");
    let options = ServerOptions { name: "second".to_owned(), ..ServerOptions::default() };
    let second = RouterServer::bind_at(&endpoints, options).unwrap();
    second.add_stream("load", 50.0, || 1.5).unwrap();
    let after = until(&|object| object["server"]["name"] == "second" && object["error"].is_null());
    assert_ne!(after["server"]["epoch"], before["server"]["epoch"]);
    let both = until(&|object| object["subscriptions"][0]["breaks"] == 1);
    let segments = both["subscriptions"][0]["segments"].as_array().unwrap();
    assert_eq!(segments.len(), 2, "{both:#}");
    assert!(segments.iter().all(|segment| segment["balances"] == true), "{both:#}");
}

#[test]
fn top_shows_who_is_there() {
    let server = RouterServer::bind("tcp://127.0.0.1:*").unwrap();
    let connect = server.endpoints().calls.to_string();
    let options = router_client::ConnectOptions::default().name("napari");
    let client = RouterClient::connect_with(&connect, options).unwrap();
    client.wait_connected(processes::LONG).unwrap();
    let shown = Process::start(&["top", "--for", "300ms", "--connect", &connect]).finish();
    assert!(shown.stdout.contains(" napari pid "), "{}", shown.stdout);
}

#[test]
fn top_waits_for_a_server_and_gives_up_when_told_so() {
    // Port 1 needs rights to listen on that nobody here uses.
    let nobody = ["top", "--for", "300ms", "--json", "--connect", "tcp://127.0.0.1:1"];
    let finished = Process::start(&nobody).finish();
    assert_eq!(
        (finished.code, &finished.json()["outcome"]),
        (Some(3), &"server_gone".into()),
        "{finished:#?}"
    );
}
