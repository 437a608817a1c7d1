//! Who serves, streams and listens: servers, their instruments and streams, and their clients, as nodes and edges.

pub(crate) mod dot;
pub(crate) mod mermaid;

use std::collections::BTreeMap;

use router_wire::describe::{Description, StreamDescription, StreamKind, UpstreamDescription};
use router_wire::status::ClientStats;
use serde::Serialize;

use crate::counted::counted;
use crate::upstreams;
use crate::value::tame;

/// The picture, before it is drawn. Servers behind servers are further nodes of it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

/// A node's place in [`Graph::nodes`]; drawn as `n7`, so that no name has to be an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct NodeId(usize);

/// Something with a name.
#[derive(Debug, Serialize)]
struct Node {
    id: NodeId,
    kind: NodeKind,
    /// As its owner gave it.
    name: String,
    /// What else is to be known, for people.
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum NodeKind {
    Server,
    Instrument,
    Stream,
    /// Connections that listen to a stream: a server counts them and does not know whose they are.
    Subscribers,
    Client,
    /// A socket of somebody else's, whose messages a server relays.
    Source,
}

#[derive(Debug, Serialize)]
struct Edge {
    from: NodeId,
    to: NodeId,
    kind: EdgeKind,
}

/// What `from` does to `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum EdgeKind {
    /// A server has an instrument.
    Serves,
    /// A server or an instrument has a stream.
    Streams,
    /// As it does, with values that another socket sent; or a server passes on what one behind it serves.
    Relays,
    /// Samples go on: from a stream to its subscribers, from somebody else's socket to the stream that relays it.
    Feeds,
    /// A client is connected to a server.
    Calls,
}

/// The instrument that every server is itself: drawn as the server.
const ROUTER: &str = "router";

impl Graph {
    /// Adds a server with everything that it serves, and those who use it.
    pub(crate) fn add_server(
        &mut self,
        served: &Description,
        upstreams: &[UpstreamDescription],
        clients: &[ClientStats],
    ) -> NodeId {
        let about = &served.server;
        let detail = format!("{} pid {}", about.host, about.pid);
        let server = self.add(NodeKind::Server, &about.name, detail);
        let servers = self.add_upstreams(server, upstreams);
        let owner = |name: &str| {
            let behind = upstreams::owner(upstreams, name).map(|upstream| upstream.prefix.as_str());
            behind.and_then(|prefix| servers.get(prefix).copied()).unwrap_or(server)
        };
        let is_router = |name: &str| {
            name == ROUTER
                || name
                    .strip_suffix(ROUTER)
                    .and_then(|prefix| prefix.strip_suffix('.'))
                    .is_some_and(|prefix| servers.contains_key(prefix))
        };
        let mut instruments = Vec::new();
        for instrument in served.instruments.iter().filter(|instrument| !is_router(&instrument.name)) {
            let calls = served.calls.iter().filter(|call| is_of(&call.name, &instrument.name)).count();
            let detail = counted(calls as u64, "call");
            let node = self.add(NodeKind::Instrument, &instrument.name, detail);
            self.connect(owner(&instrument.name), node, EdgeKind::Serves);
            instruments.push((instrument.name.as_str(), node));
        }
        let mut sources = BTreeMap::new();
        for stream in &served.streams {
            let node = self.add(NodeKind::Stream, &stream.name, stream_detail(stream));
            let source = stream.method.as_deref().unwrap_or(&stream.name);
            // The longest one: an instrument's name may begin with another's.
            let instrument =
                instruments.iter().filter(|(name, _)| is_of(source, name)).max_by_key(|(name, _)| name.len());
            let kind = if stream.kind == StreamKind::Relayed { EdgeKind::Relays } else { EdgeKind::Streams };
            self.connect(
                instrument.map_or_else(|| owner(&stream.name), |(_, instrument)| *instrument),
                node,
                kind,
            );
            let is_behind = upstreams::owner(upstreams, &stream.name).is_some();
            if let Some(source) = stream.source.as_ref().filter(|_| !is_behind) {
                let endpoint = source.endpoint.as_str();
                let from = *sources
                    .entry(endpoint)
                    .or_insert_with(|| self.add(NodeKind::Source, endpoint, String::new()));
                self.connect(from, node, EdgeKind::Feeds);
            }
            if stream.subscribers > 0 {
                let name = counted(stream.subscribers, "subscriber");
                let subscribers = self.add(NodeKind::Subscribers, &name, String::new());
                self.connect(node, subscribers, EdgeKind::Feeds);
            }
        }
        for client in clients {
            let detail = match client.in_flight {
                0 => String::new(),
                calls => format!("{} in flight", counted(calls, "call")),
            };
            let node = self.add(NodeKind::Client, &client.client, detail);
            self.connect(node, server, EdgeKind::Calls);
        }
        server
    }

    /// Adds the servers behind `server`, each with an edge from the one in front of it.
    fn add_upstreams<'a>(
        &mut self,
        server: NodeId,
        upstreams: &'a [UpstreamDescription],
    ) -> BTreeMap<&'a str, NodeId> {
        let mut servers = BTreeMap::new();
        // A shorter prefix may be in front of a longer one.
        let mut sorted: Vec<_> = upstreams.iter().collect();
        sorted.sort_by_key(|upstream| upstream.prefix.len());
        for upstream in sorted {
            let who = upstreams::who(upstream);
            let detail = if who.is_empty() { upstream.endpoint.clone() } else { who };
            let detail = match upstream.state.as_str() {
                "connected" => detail,
                state => format!("{detail}, {}", state.replace('_', " ")),
            };
            let node = self.add(NodeKind::Server, &upstream.prefix, detail);
            let front = upstreams::owner(upstreams, &upstream.prefix);
            let front = front.and_then(|front| servers.get(front.prefix.as_str()).copied());
            self.connect(front.unwrap_or(server), node, EdgeKind::Relays);
            servers.insert(upstream.prefix.as_str(), node);
        }
        servers
    }

    fn add(&mut self, kind: NodeKind, name: &str, detail: String) -> NodeId {
        let id = NodeId(self.nodes.len());
        self.nodes.push(Node { id, kind, name: name.to_owned(), detail });
        id
    }

    fn connect(&mut self, from: NodeId, to: NodeId, kind: EdgeKind) {
        self.edges.push(Edge { from, to, kind });
    }
}

impl Node {
    /// The lines of its label, each without line ends and characters that steer a terminal.
    fn label(&self) -> impl Iterator<Item = String> {
        let lines = [&self.name, &self.detail].into_iter().filter(|line| !line.is_empty());
        lines.map(|line| tame(line).replace(['\n', '\t'], " "))
    }
}

impl EdgeKind {
    fn word(self) -> &'static str {
        match self {
            EdgeKind::Serves => "serves",
            EdgeKind::Streams => "streams",
            EdgeKind::Relays => "relays",
            EdgeKind::Feeds => "feeds",
            EdgeKind::Calls => "calls",
        }
    }
}

/// Whether what is called `name` belongs to `instrument`.
fn is_of(name: &str, instrument: &str) -> bool {
    name.strip_prefix(instrument).is_some_and(|rest| rest.starts_with('.'))
}

fn stream_detail(stream: &StreamDescription) -> String {
    let kind = match (stream.kind, stream.frequency_hz) {
        (StreamKind::Periodic, Some(hz)) => format!("periodic {hz} Hz"),
        (StreamKind::Periodic, None) => "periodic".to_owned(),
        (StreamKind::Pushed, _) => "pushed".to_owned(),
        (StreamKind::Relayed, _) => "relayed".to_owned(),
        // Kinds that later versions add.
        _ => "stream".to_owned(),
    };
    if stream.enabled { kind } else { format!("{kind}, disabled") }
}

#[cfg(test)]
pub(crate) mod tests {
    use router_wire::describe::{
        InstrumentDescription, ServerDescription, StreamSocket, StreamSource, ValueDescription,
    };

    use super::*;

    fn stream(name: &str, kind: StreamKind, subscribers: u64) -> StreamDescription {
        StreamDescription {
            name: name.into(),
            docs: String::new(),
            kind,
            enabled: true,
            frequency_hz: (kind == StreamKind::Periodic).then_some(30.0),
            on_demand: false,
            method: None,
            value: ValueDescription::default(),
            socket: StreamSocket::Samples,
            largest_sample_bytes: 8,
            last_value: true,
            incarnation: 1,
            subscribers,
            source: None,
        }
    }

    fn description(name: &str) -> Description {
        let server = ServerDescription {
            name: name.into(),
            version: String::new(),
            protocol_version: 1,
            epoch: 1,
            host: "scope-3".into(),
            pid: 7,
            started_utc_ns: 0,
        };
        let instrument = InstrumentDescription { name: name.into(), ..Default::default() };
        Description {
            server,
            instruments: vec![instrument],
            calls: vec![],
            streams: vec![
                stream(&format!("{name}.position"), StreamKind::Periodic, 2),
                StreamDescription {
                    source: Some(StreamSource { endpoint: "tcp://laser:7000".into(), numbered: false }),
                    ..stream("other", StreamKind::Relayed, 0)
                },
            ],
            upstreams: vec![],
        }
    }

    /// A server, an instrument, streams and a client whose names are `name` and what is made of it.
    pub(crate) fn graph(name: &str) -> Graph {
        let client = ClientStats {
            client: format!("{name}@home"),
            id: "1".into(),
            connected_s: 1.0,
            in_flight: 2,
            unconfirmed_bytes: 0,
        };
        let served = description(name);
        let mut graph = Graph::default();
        graph.add_server(&served, &[], &[client]);
        graph
    }

    #[test]
    fn everything_hangs_on_who_has_it() {
        let graph = graph("stage");
        let edges: Vec<_> = { &graph.edges }
            .iter()
            .map(|edge| {
                let name = |id: NodeId| graph.nodes[id.0].name.as_str();
                format!("{} {} {}", name(edge.from), edge.kind.word(), name(edge.to))
            })
            .collect();
        let expect = [
            "stage serves stage",
            "stage streams stage.position",
            "stage.position feeds 2 subscribers",
            "stage relays other",
            "tcp://laser:7000 feeds other",
            "stage@home calls stage",
        ];
        assert_eq!(edges, expect);
        // By the instrument, not by the server of the same name.
        assert_eq!(graph.edges[1].from, NodeId(1));
        assert_eq!(graph.edges[3].from, NodeId(0));
    }

    #[test]
    fn servers_behind_hang_on_those_in_front() {
        use crate::upstreams::tests::upstream;
        let mut served = description("hub");
        served.streams = ["a.stage.position", "a.b.stage.position", "a.b.load", "own"]
            .map(|name| stream(name, StreamKind::Pushed, 0))
            .into();
        served.instruments = ["a.router", "a.stage", "a.b.stage", "router", "box.router"]
            .map(|name| InstrumentDescription { name: name.into(), ..Default::default() })
            .into();
        let mut graph = Graph::default();
        graph.add_server(&served, &[upstream("a.b", "connected"), upstream("a", "lost")], &[]);
        let name = |id: NodeId| graph.nodes[id.0].name.as_str();
        let edges: Vec<_> = { &graph.edges }
            .iter()
            .map(|edge| format!("{} {} {}", name(edge.from), edge.kind.word(), name(edge.to)))
            .collect();
        let expect = [
            "hub relays a",
            "a relays a.b",
            "a serves a.stage",
            "a.b serves a.b.stage",
            "hub serves box.router",
            "a.stage streams a.stage.position",
            "a.b.stage streams a.b.stage.position",
            "a.b streams a.b.load",
            "hub streams own",
        ];
        assert_eq!(edges, expect);
        assert_eq!(graph.nodes[1].detail, "tcp://a:5555, lost");
    }

    #[test]
    fn scripts_read_names_as_they_are() {
        let name = "a \"b\" \\ ü <c>";
        let object = serde_json::to_value(graph(name)).unwrap();
        assert_eq!(
            (&object["nodes"][0]["name"], &object["nodes"][0]["kind"]),
            (&name.into(), &"server".into())
        );
        assert_eq!((&object["edges"][0]["to"], &object["edges"][0]["kind"]), (&1.into(), &"serves".into()));
    }
}
