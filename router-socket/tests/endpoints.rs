//! Addresses as people write them.

use proptest::prelude::*;
use router_socket::{Endpoint, EndpointError, Reach, ServerEndpoints};

#[track_caller]
fn check(given: &str, expect: Result<&str, &str>) {
    let found = given.parse::<Endpoint>();
    let found = found.as_ref().map(ToString::to_string).map_err(ToString::to_string);
    assert_eq!(found.as_deref().map_err(String::as_str), expect, "{given}");
}

#[test]
fn endpoints_are_written_as_they_are_read() {
    for endpoint in [
        "tcp://127.0.0.1:5555",
        "tcp://localhost:1",
        "tcp://scope-3.lab.example:65535",
        "tcp://*:5555",
        "tcp://*:*",
        "tcp://eth0:*",
        "tcp://[::1]:5555",
        "tcp://[::]:*",
        "tcp://[fe80::1%eth0]:5555",
        "ipc:///tmp/rig.sock",
        "ipc://relative",
        "ipc://@abstract",
        "ipc:///tmp/with space",
        "inproc://rig",
    ] {
        check(endpoint, Ok(endpoint));
    }
}

#[test]
fn what_is_no_endpoint_says_what_to_write() {
    for (given, expect) in [
        ("", "``: no protocol; write tcp://HOST[:PORT] or ipc://PATH"),
        ("localhost:5555", "`localhost:5555`: no protocol; write tcp://HOST[:PORT] or ipc://PATH"),
        ("tpc://host", "`tpc://host`: unknown protocol `tpc`; write tcp://HOST[:PORT] or ipc://PATH"),
        ("TCP://host:1", "`TCP://host:1`: unknown protocol `TCP`; write tcp://HOST[:PORT] or ipc://PATH"),
        ("http://host", "`http://host`: unknown protocol `http`; write tcp://HOST[:PORT] or ipc://PATH"),
        ("tcp://host", "`tcp://host`: no port; write tcp://HOST:PORT"),
        ("tcp://[::1]", "`tcp://[::1]`: no port; write tcp://HOST:PORT"),
        (
            "tcp://host:http",
            "`tcp://host:http`: `http` is not a port; write a number from 1 to 65535, or `*` for any free port",
        ),
        (
            "tcp://::1:5555",
            "`tcp://::1:5555`: `::1:5555` is not a host; write a name, an IPv4 address or an IPv6 address in \
             brackets, as in tcp://[::1]:5555",
        ),
        ("ipc://", "`ipc://`: `` is not a path; write ipc://NAME without control characters"),
        ("inproc://", "`inproc://`: `` is not a path; write inproc://NAME without control characters"),
    ] {
        check(given, Err(expect));
    }
}

#[test]
fn ports_are_1_to_65535() {
    for port in ["0", "65536", "-1", "+5", "5 ", "", "5.5", "**", "*5", "0x10", "99999999999999999999"] {
        let error = format!("tcp://host:{port}").parse::<Endpoint>().unwrap_err();
        assert!(matches!(&error, EndpointError::BadPort { port: bad, .. } if bad == port), "{error}");
    }
}

#[test]
fn hosts_hold_nothing_that_means_more_to_libzmq() {
    for host in
        ["", " ", "a b", "a/b", "user@host", "eth0;host", "a\0b", "[::1", "[]", "[nonsense]", "[::1]x"]
    {
        let error = format!("tcp://{host}:5555").parse::<Endpoint>().unwrap_err();
        assert!(matches!(error, EndpointError::BadHost { .. }), "{host:?}: {error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_is_as_long_as_the_system_allows_with_its_suffix() {
    let path = |length: usize| format!("ipc:///{}", "x".repeat(length - 1));
    assert!(path(107).parse::<Endpoint>().is_ok());
    assert!(matches!(
        path(108).parse::<Endpoint>(),
        Err(EndpointError::PathTooLong { bytes: 108, limit: 107, .. })
    ));
    assert!(ServerEndpoints::for_server(&path(107 - ".samples".len())).is_ok());
    let error = ServerEndpoints::for_server(&path(107 - ".samples".len() + 1)).unwrap_err();
    assert!(matches!(error, EndpointError::PathTooLong { bytes: 108, limit: 107, .. }), "{error}");
}

#[test]
fn parts_of_an_endpoint() {
    let endpoint = |text: &str| text.parse::<Endpoint>().unwrap();
    let tcp = endpoint("tcp://[::1]:5555");
    assert_eq!((tcp.host(), tcp.port()), (Some("::1"), Some(5555)));
    assert_eq!(tcp.with_port(7).to_string(), "tcp://[::1]:7");
    assert_eq!(endpoint("tcp://h:*").port(), None);
    assert_eq!(endpoint("tcp://h:*").with_port(7).to_string(), "tcp://h:7");
    let ipc = endpoint("ipc:///tmp/rig");
    assert_eq!((ipc.host(), ipc.port(), ipc.ipc_path()), (None, None, Some("/tmp/rig")));
    assert_eq!(ipc.with_port(7), ipc);
    assert_eq!(ipc.with_suffix(".frames").unwrap().ipc_path(), Some("/tmp/rig.frames"));
    assert_eq!(endpoint("inproc://rig").inproc_name(), Some("rig"));
    assert_ne!(Endpoint::unique_inproc("a"), Endpoint::unique_inproc("a"));
}

#[test]
fn a_server_has_three_endpoints() {
    for (address, calls, samples, frames) in [
        ("tcp://127.0.0.1", "tcp://127.0.0.1:5555", "tcp://127.0.0.1:5556", "tcp://127.0.0.1:5557"),
        ("tcp://127.0.0.1:6000", "tcp://127.0.0.1:6000", "tcp://127.0.0.1:6001", "tcp://127.0.0.1:6002"),
        ("tcp://H:65533", "tcp://H:65533", "tcp://H:65534", "tcp://H:65535"),
        ("tcp://H:*", "tcp://H:*", "tcp://H:*", "tcp://H:*"),
        ("tcp://*", "tcp://*:5555", "tcp://*:5556", "tcp://*:5557"),
        ("tcp://*:*", "tcp://*:*", "tcp://*:*", "tcp://*:*"),
        ("tcp://[::1]", "tcp://[::1]:5555", "tcp://[::1]:5556", "tcp://[::1]:5557"),
        ("ipc:///tmp/rig", "ipc:///tmp/rig", "ipc:///tmp/rig.samples", "ipc:///tmp/rig.frames"),
        ("inproc://rig", "inproc://rig", "inproc://rig.samples", "inproc://rig.frames"),
    ] {
        let endpoints = ServerEndpoints::for_server(address).unwrap();
        let found =
            [endpoints.calls, endpoints.samples, endpoints.frames].map(|endpoint| endpoint.to_string());
        assert_eq!(found, [calls, samples, frames], "{address}");
    }
}

#[test]
fn the_last_ports_leave_no_room() {
    for port in [65534, 65535] {
        let error = ServerEndpoints::for_server(&format!("tcp://h:{port}")).unwrap_err();
        let expect = format!(
            "`tcp://h:{port}`: calls port {port} leaves no room for the ports of samples and frames, which are the \
             next two; write a port up to 65533"
        );
        assert_eq!(error.to_string(), expect);
    }
}

#[test]
fn a_client_is_given_the_calls_endpoint() {
    for (address, expect) in [
        ("tcp://scope-3", "tcp://scope-3:5555"),
        ("tcp://scope-3:6000", "tcp://scope-3:6000"),
        ("tcp://127.0.0.1", "tcp://127.0.0.1:5555"),
        ("tcp://[::1]", "tcp://[::1]:5555"),
        ("ipc:///tmp/rig", "ipc:///tmp/rig"),
        ("inproc://rig", "inproc://rig"),
    ] {
        assert_eq!(Endpoint::for_client(address).unwrap().to_string(), expect);
    }
}

#[test]
fn a_client_names_one_server() {
    for (address, wildcard) in [
        ("tcp://*", "*"),
        ("tcp://*:5555", "*"),
        ("tcp://scope-3:*", "*"),
        ("tcp://0.0.0.0:5555", "0.0.0.0"),
        ("tcp://[::]", "::"),
        ("ipc://*", "*"),
    ] {
        let error = Endpoint::for_client(address).unwrap_err();
        let expect = format!(
            "`{address}`: `{wildcard}` is for servers; a client names one: write tcp://HOST[:PORT], with the host and \
             the calls port that the server printed at start"
        );
        assert_eq!(error.to_string(), expect);
    }
}

#[test]
fn who_can_reach_a_server() {
    for (address, expect) in [
        ("tcp://127.0.0.1", Reach::ThisPc),
        ("tcp://127.8.9.10", Reach::ThisPc),
        ("tcp://localhost", Reach::ThisPc),
        ("tcp://[::1]:*", Reach::ThisPc),
        ("ipc:///tmp/rig", Reach::ThisPc),
        ("inproc://rig", Reach::ThisPc),
        ("tcp://*", Reach::Network),
        ("tcp://0.0.0.0", Reach::Network),
        ("tcp://[::]", Reach::Network),
        ("tcp://192.168.1.5", Reach::Network),
        ("tcp://scope-3", Reach::Network),
        ("tcp://eth0", Reach::Network),
    ] {
        assert_eq!(ServerEndpoints::for_server(address).unwrap().reach(), expect, "{address}");
    }
}

proptest! {
    #[test]
    fn any_text_is_an_endpoint_or_an_error_that_repeats_it(
        text in "(tcp|ipc|inproc)?(://)?[\\[\\]a-z0-9:.*%/;@ ü]{0,30}"
    ) {
        for found in [text.parse(), Endpoint::for_client(&text)] {
            match found {
                Ok(endpoint) => {
                    let again = endpoint.to_string().parse::<Endpoint>();
                    prop_assert_eq!(again, Ok(endpoint));
                }
                Err(error) => {
                    let repeated = format!("`{text}`: ");
                    prop_assert!(error.to_string().starts_with(&repeated), "{}", error);
                }
            }
        }
        let _ = ServerEndpoints::for_server(&text);
    }

    #[test]
    fn every_port_is_kept(port in 1_u16..) {
        let endpoint: Endpoint = format!("tcp://h:{port}").parse().unwrap();
        prop_assert_eq!(endpoint.port(), Some(port));
        prop_assert_eq!(ServerEndpoints::for_server(&endpoint.to_string()).is_ok(), port < 65534);
    }
}
