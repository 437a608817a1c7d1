//! A name that is not there: what it is instead, and what is most like it.

use router_client::Failure;
use router_wire::describe::Description;
use thiserror::Error;

/// There is no call or no stream of this name.
#[derive(Debug, Error)]
#[error("{}", text(self))]
pub(crate) struct NotFound {
    wanted: Wanted,
    /// The name as given.
    name: String,
    /// The most similar names of what was wanted, best first.
    pub(crate) nearest: Vec<String>,
    /// What the name is instead, and the command for that.
    pub(crate) hint: Option<String>,
}

/// What was looked for under the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Call,
    Stream,
}

impl NotFound {
    /// No call is called `name`; `nearest` is what the server finds similar.
    pub(crate) fn call(description: &Description, name: String, nearest: Vec<String>) -> NotFound {
        let is_stream = description.streams.iter().any(|stream| stream.name == name);
        let hint = is_stream
            .then(|| format!("`{name}` is a stream: one-liner watch {name}"))
            .or_else(|| instrument(description, &name));
        NotFound { wanted: Wanted::Call, name, nearest, hint }
    }

    /// No stream is called `name`.
    pub(crate) fn stream(description: &Description, name: &str) -> NotFound {
        let streams = description.streams.iter().map(|stream| stream.name.as_str());
        let nearest = router_wire::nearest(name, streams);
        let is_call = description.calls.iter().any(|call| call.name == name);
        let hint = is_call
            .then(|| format!("`{name}` is a call: one-liner call {name}"))
            .or_else(|| instrument(description, name));
        NotFound { wanted: Wanted::Stream, name: name.to_owned(), nearest, hint }
    }
}

fn instrument(description: &Description, name: &str) -> Option<String> {
    if description.upstreams.iter().any(|upstream| upstream.prefix == name) {
        return Some(format!("`{name}` is a server behind this one: one-liner describe {name}"));
    }
    let prefix = format!("{name}.");
    let calls = description.calls.iter().map(|call| &call.name);
    let streams = description.streams.iter().map(|stream| &stream.name);
    { calls }
        .chain(streams)
        .any(|other| other.starts_with(&prefix))
        .then(|| format!("`{name}` is an instrument: one-liner describe {name}"))
}

fn text(missing: &NotFound) -> String {
    let NotFound { wanted, name, nearest, hint } = missing;
    match (hint, wanted) {
        (Some(hint), Wanted::Call) => format!("there is no call `{name}`; {hint}"),
        (Some(hint), Wanted::Stream) => format!("there is no stream `{name}`; {hint}"),
        // The same words as the server's.
        (None, _) => Failure::NotFound { name: name.clone(), nearest: nearest.clone() }.to_string(),
    }
}
