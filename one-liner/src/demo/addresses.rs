//! Where the demo listens: from the command line to endpoints, and to words for people.

use router_server::{BindError, Endpoint, Reach, ServerEndpoints, SocketError};

use super::port_holder::port_holder;

/// A port on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PortChoice {
    /// This one.
    Number(u16),
    /// `*` or 0: any that is free.
    Any,
}

/// Reads a port.
///
/// # Errors
/// A text that says how a port is written.
pub(crate) fn port(text: &str) -> Result<PortChoice, String> {
    match text.parse::<u16>() {
        Ok(0) => Ok(PortChoice::Any),
        Ok(number) => Ok(PortChoice::Number(number)),
        Err(_) if text == "*" => Ok(PortChoice::Any),
        Err(_) => {
            Err(format!("`{text}` is no port; write a number from 1 to 65535, or `*` for any that is free"))
        }
    }
}

/// What the command line says of where to listen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listening<'a> {
    /// A host, or a whole address.
    pub(crate) bind: &'a str,
    /// The three ports, where given.
    pub(crate) calls: Option<PortChoice>,
    pub(crate) samples: Option<PortChoice>,
    pub(crate) frames: Option<PortChoice>,
}

impl Listening<'_> {
    /// The three endpoints. A calls port alone moves the other two along: they are the next ones.
    ///
    /// # Errors
    /// A text that says what is wrong with the address.
    pub(crate) fn endpoints(&self) -> Result<ServerEndpoints, String> {
        let host = |host: &str| {
            if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
        };
        let address = if self.bind.contains("://") {
            self.bind.to_owned()
        } else {
            format!("tcp://{}", host(self.bind))
        };
        let wanted = ServerEndpoints::for_server(&address).map_err(|error| error.to_string())?;
        let Some(bound_host) = wanted.calls.host() else {
            let ports = [self.calls, self.samples, self.frames];
            return if ports.iter().all(Option::is_none) {
                Ok(wanted)
            } else {
                Err(format!("`{address}` has no ports"))
            };
        };
        let at = |port: PortChoice| {
            let port = match port {
                PortChoice::Number(number) => number.to_string(),
                PortChoice::Any => "*".to_owned(),
            };
            format!("tcp://{}:{port}", host(bound_host))
        };
        let mut endpoints = match self.calls {
            Some(port) => ServerEndpoints::for_server(&at(port)).map_err(|error| error.to_string())?,
            None => wanted.clone(),
        };
        let endpoint = |port| at(port).parse::<Endpoint>().map_err(|error| error.to_string());
        if let Some(port) = self.samples {
            endpoints.samples = endpoint(port)?;
        }
        if let Some(port) = self.frames {
            endpoints.frames = endpoint(port)?;
        }
        self.tell_apart(&endpoints)?;
        Ok(endpoints)
    }

    /// Refuses one port for two of the three.
    fn tell_apart(&self, endpoints: &ServerEndpoints) -> Result<(), String> {
        let all = [
            ("calls", self.calls, &endpoints.calls),
            ("samples", self.samples, &endpoints.samples),
            ("frames", self.frames, &endpoints.frames),
        ];
        let taken: Vec<u16> = all.iter().filter_map(|(_, _, endpoint)| endpoint.port()).collect();
        let next = taken.iter().max().and_then(|highest| highest.checked_add(1)).unwrap_or(1024);
        let free = (next..u16::MAX).find(|port| !taken.contains(port)).unwrap_or(next);
        for ((one, one_given, endpoint), (other, other_given, others)) in
            [(all[0], all[1]), (all[0], all[2]), (all[1], all[2])]
        {
            let Some(port) = endpoint.port().filter(|port| others.port() == Some(*port)) else { continue };
            let named = |what: &str, given: Option<PortChoice>| match given {
                Some(_) => format!("--{what}-port {port}"),
                None => format!("the port of {what}, {port} unless --{what}-port is given,"),
            };
            let (first, second) = (named(one, one_given), named(other, other_given));
            return Err(format!(
                "{first} and {second} are the same; give each a port of its own, such as --{other}-port {free}"
            ));
        }
        Ok(())
    }
}

/// Who can reach a server at these endpoints, in words.
pub(crate) fn who_can_reach(endpoints: &ServerEndpoints) -> &'static str {
    match endpoints.reach() {
        Reach::ThisPc => "programs on this computer only; --bind '*' opens it to the network",
        Reach::Network => {
            "whoever reaches this computer over the network, and nobody is asked for a password"
        }
    }
}

/// As [`who_can_reach`], for scripts.
pub(crate) fn reach_word(endpoints: &ServerEndpoints) -> &'static str {
    match endpoints.reach() {
        Reach::ThisPc => "this_pc",
        Reach::Network => "network",
    }
}

/// What a client on this computer connects to.
pub(crate) fn connect_address(endpoints: &ServerEndpoints) -> String {
    match (endpoints.calls.host(), endpoints.calls.port()) {
        (Some("*" | "0.0.0.0" | "127.0.0.1"), Some(port)) => format!("tcp://localhost:{port}"),
        _ => endpoints.calls.to_string(),
    }
}

/// Why the demo could not listen, and what to do about it.
pub(crate) fn bind_error(error: &BindError, wanted: &ServerEndpoints) -> String {
    let BindError::Socket(SocketError::AddressInUse { endpoint }) = error else { return error.to_string() };
    let Some(port) = endpoint.port() else { return error.to_string() };
    let what = match endpoint {
        _ if *endpoint == wanted.calls => "calls",
        _ if *endpoint == wanted.samples => "samples",
        _ => "frames",
    };
    let holder = port_holder(port).map_or_else(|| "another program".to_owned(), |holder| holder.to_string());
    // Three ports in a row: what is free a thousand higher is likely free for the next two as well.
    let other = if port < 60_000 { port + 1000 } else { port - 1000 };
    format!(
        "port {port} for {what} is in use by {holder}; end it, or choose another port: --{what}-port {other}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_the_next_ones_unless_they_are_given() {
        fn check(bind: &str, ports: [Option<&str>; 3], expect: [&str; 3]) {
            let [calls, samples, frames] = ports.map(|text| text.map(|text| port(text).unwrap()));
            let endpoints = Listening { bind, calls, samples, frames }.endpoints().unwrap();
            let found = [&endpoints.calls, &endpoints.samples, &endpoints.frames].map(ToString::to_string);
            assert_eq!(found, expect);
        }
        let local = |ports: [&str; 3]| ports.map(|port| format!("tcp://127.0.0.1:{port}"));
        let texts = |ports| local(ports);
        let expect = texts(["5555", "5556", "5557"]);
        check("127.0.0.1", [None; 3], [&expect[0], &expect[1], &expect[2]]);
        let expect = texts(["6000", "6001", "6002"]);
        check("tcp://127.0.0.1", [Some("6000"), None, None], [&expect[0], &expect[1], &expect[2]]);
        let expect = texts(["*", "*", "7000"]);
        check("127.0.0.1", [Some("0"), None, Some("7000")], [&expect[0], &expect[1], &expect[2]]);
        check("*", [None; 3], ["tcp://*:5555", "tcp://*:5556", "tcp://*:5557"]);
        check("::1", [None; 3], ["tcp://[::1]:5555", "tcp://[::1]:5556", "tcp://[::1]:5557"]);
    }

    #[test]
    fn two_of_one_port_are_told_apart() {
        fn check(bind: &str, ports: [Option<u16>; 3], expect: [&str; 3]) {
            let [calls, samples, frames] = ports.map(|port| port.map(PortChoice::Number));
            let text = Listening { bind, calls, samples, frames }.endpoints().unwrap_err();
            for part in expect {
                assert!(text.contains(part), "{part} in {text}");
            }
        }
        let local = "127.0.0.1";
        check(
            local,
            [Some(6000), Some(6000), None],
            ["--calls-port 6000 and", "and --samples-port 6000", "such as --samples-port 6003"],
        );
        check(
            local,
            [Some(6000), Some(6002), None],
            ["--samples-port 6002 and", "6002 unless --frames-port is given", "such as --frames-port 6003"],
        );
        check(
            local,
            [None, Some(5555), None],
            ["the port of calls", "--samples-port 5555", "--samples-port 5558"],
        );
        check(local, [Some(7), Some(65535), Some(65535)], ["65535", "same", "--frames-port 1024"]);
        let any = Some(PortChoice::Any);
        assert!(Listening { bind: local, calls: any, samples: any, frames: any }.endpoints().is_ok());
    }

    #[test]
    fn a_port_is_a_port() {
        assert_eq!(port("*"), Ok(PortChoice::Any));
        assert!(port("70000").unwrap_err().contains("70000"));
    }

    #[test]
    fn a_port_in_use_is_named_with_what_to_do() {
        let wanted = ServerEndpoints::for_server("tcp://127.0.0.1:6000").unwrap();
        let error = BindError::Socket(SocketError::AddressInUse { endpoint: wanted.samples.clone() });
        let text = bind_error(&error, &wanted);
        assert!(text.starts_with("port 6001 for samples is in use by "), "{text}");
        assert!(text.ends_with("--samples-port 7001"), "{text}");
    }
}
