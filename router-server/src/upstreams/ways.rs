//! Which requests are for a server behind, and what they name there.

use router_wire::{Arguments, Encoding, arguments, body as bodies, json};

use super::prefixing::stripped;
use crate::job::Body;
use crate::router_loop::RouterLoop;

/// Calls of `router` whose first argument is the name of a stream. For a stream behind, the server there is asked.
const OF_A_STREAM: [&str; 4] =
    ["router.enable_stream", "router.disable_stream", "router.set_frequency", "router.settle"];
const STREAM_ARGUMENT: &str = "name";
/// Arguments longer than this name no stream [bytes].
const MOST_CONTROL_ARGUMENTS: usize = 4 << 10;

/// Where a request goes that is not for this server.
pub(crate) struct Way<'a> {
    pub(super) upstream: usize,
    /// The name at the server behind.
    pub(super) target: &'a str,
    /// Arguments whose stream has lost its prefix.
    pub(super) body: Option<Vec<u8>>,
}

impl RouterLoop {
    /// The server behind that a request is for, if it is for one.
    pub(crate) fn way_to<'a>(&self, target: &'a str, encoding: Encoding, body: &Body) -> Option<Way<'a>> {
        if self.upstreams.is_empty() {
            return None;
        }
        if OF_A_STREAM.contains(&target) {
            return self.way_to_stream(target, encoding, body);
        }
        let (upstream, target) = self.behind(target)?;
        Some(Way { upstream, target, body: None })
    }

    /// Whether a name is that of a server behind.
    pub(crate) fn is_behind(&self, name: &str) -> bool {
        self.behind(name).is_some()
    }

    fn way_to_stream<'a>(&self, target: &'a str, encoding: Encoding, body: &Body) -> Option<Way<'a>> {
        let bytes = Some(body.bytes()).filter(|bytes| bytes.len() <= MOST_CONTROL_ARGUMENTS)?;
        let is_json = encoding == Encoding::Json;
        let read = if is_json { Some(json::arguments(bytes).ok()?) } else { None };
        let given = Arguments::decode(read.as_deref().unwrap_or(bytes)).ok()?;
        let stream: String = given.take(0, STREAM_ARGUMENT).ok()?;
        let (upstream, name) = self.behind(&stream)?;
        let other = if given.positional.is_empty() {
            let name = bodies::encode(name).ok()?;
            arguments::encode(&(), &[(STREAM_ARGUMENT.to_owned(), name)]).ok()?
        } else {
            arguments::encode(&(name,), &[]).ok()?
        };
        let body = given.overridden_by(&Arguments::decode(&other).ok()?).to_body();
        let body = if is_json { json::from_message_pack(&body).ok()? } else { body };
        Some(Way { upstream, target, body: Some(body) })
    }

    /// The upstream under whose prefix `name` is, and the name there.
    pub(super) fn behind<'a>(&self, name: &'a str) -> Option<(usize, &'a str)> {
        let mut upstreams = self.upstreams.iter().enumerate();
        upstreams.find_map(|(index, upstream)| Some((index, stripped(upstream.prefix.as_str(), name)?)))
    }
}
