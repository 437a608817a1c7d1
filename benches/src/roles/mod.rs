//! What the processes do. Each is this program once more: `bench role CORE ROLE WITH...`.

mod caller;
mod echo;
mod idle_clients;
mod inproc;
mod periodic;
mod server;
mod sink;
mod source;

use crate::{Outcome, child, os};

/// What an instrument is given and gives back: 56 characters, 64 bytes with header and length as arguments.
pub(crate) const VALUE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef01234567";

/// Plays the role that the words name.
pub(crate) fn play(words: &[&str]) -> Outcome {
    os::end_with_parent();
    let [core, role, with @ ..] = words else { return Err("a role needs a core and a name".into()) };
    if let Ok(core) = core.parse() {
        os::pin_to(core)?;
    }
    match (*role, with) {
        ("raw-echo", [address]) => echo::echo(address),
        ("raw-worker", [address]) => echo::worker(address),
        ("raw-proxy", [front, back]) => echo::proxy(front, back),
        ("server", [address]) => server::serve(address),
        ("caller", ["ours", address]) => caller::ours(address),
        ("caller", ["raw", address]) => caller::raw(address),
        ("inproc", ["ours"]) => inproc::ours(),
        ("inproc", ["raw"]) => inproc::raw(),
        ("source", [kind, address, bytes]) => source::run(kind, address, bytes.parse()?),
        ("sink", [kind, address]) => sink::run(kind, address),
        ("periodic", []) => periodic::run(),
        ("idle-clients", [address, count]) => idle_clients::run(address, count.parse()?),
        ("burn", []) => burn(),
        (role, with) => Err(format!("there is no role `{role}` with {with:?}").into()),
    }
}

/// Keeps a core busy.
fn burn() -> Outcome {
    child::end_with_input();
    child::say_ready("-");
    loop {
        std::hint::black_box(os::now_ns());
    }
}
