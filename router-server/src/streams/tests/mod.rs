//! Streams from source to subscriber, over real sockets.

mod control;
mod declarations;
mod hostile;
mod last_value;
mod listener;
mod periodic;
mod publisher;
mod raw_peer;
mod stalled;
mod stop;
mod ticks;
mod upstream;
mod views;

use std::time::{Duration, Instant};

use router_socket::{Context, Endpoint};

use super::handle::{StreamSettings, Streams};
use listener::Listener;

/// Long enough for any machine; a test that waits this long has failed.
const DEADLINE: Duration = Duration::from_secs(30);

/// A server's streams, and what their clients need.
struct Served {
    streams: Streams,
    samples: Endpoint,
    frames: Endpoint,
    /// The clients' own.
    clients: Context,
    _folder: Option<tempfile::TempDir>,
}

impl Served {
    fn listen(&self, name: &str) -> Listener {
        Listener::connect(&self.clients, &self.samples, name)
    }

    fn listen_to_frames(&self, name: &str) -> Listener {
        Listener::connect(&self.clients, &self.frames, name)
    }

    /// The counters of a stream.
    fn stats(&self, name: &str) -> router_wire::status::StreamStats {
        self.streams.stats().into_iter().find(|stats| stats.name == name).expect("the stream is there")
    }

    /// As [`wait_for_subscribers`](Served::wait_for_subscribers), while `listener`'s connection may be made anew: at a
    /// gateway, whose socket for frames is another one when a larger stream has come.
    fn wait_for_subscriber_behind(&self, name: &str, listener: &Listener) {
        wait_until(&format!("a subscriber of {name}"), || {
            listener.tend();
            self.stats(name).subscribers == 1
        });
    }

    fn wait_for_subscribers(&self, name: &str, count: u64) {
        wait_until(&format!("{count} subscribers of {name}"), || self.stats(name).subscribers == count);
    }
}

/// Streams on `ipc` sockets of their own.
fn serve() -> Served {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = |name: &str| format!("ipc://{}", folder.path().join(name).display()).parse().unwrap();
    let (samples, frames) = (endpoint("samples"), endpoint("frames"));
    serve_at(&samples, &frames, StreamSettings::default(), Some(folder))
}

/// Streams on free TCP ports.
fn serve_tcp(settings: StreamSettings) -> Served {
    let any: Endpoint = "tcp://127.0.0.1:*".parse().unwrap();
    serve_at(&any, &any, settings, None)
}

fn serve_at(
    samples: &Endpoint,
    frames: &Endpoint,
    settings: StreamSettings,
    folder: Option<tempfile::TempDir>,
) -> Served {
    let context = Context::new(1).unwrap();
    let (samples, frames) = (std::slice::from_ref(samples), std::slice::from_ref(frames));
    let (streams, mut samples, mut frames) = Streams::start(&context, samples, frames, settings).unwrap();
    let (samples, frames) = (samples.remove(0), frames.remove(0));
    Served { streams, samples, frames, clients: Context::new(1).unwrap(), _folder: folder }
}

/// Looks again and again until `condition` holds.
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
