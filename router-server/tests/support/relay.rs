//! A wire that can be cut: passes TCP connections on to a server, until it is told to end them.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use parking_lot::Mutex;
use router_socket::Endpoint;

/// A relay to one server, on a port of its own.
pub(crate) struct Relay {
    pub(crate) address: String,
    shared: Arc<Shared>,
}

struct Shared {
    to: (String, u16),
    is_cut: AtomicBool,
    /// Nothing that the server says arrives.
    is_deaf: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
}

impl Relay {
    /// Passes connections on to `endpoint`.
    pub(crate) fn to(endpoint: &Endpoint) -> Relay {
        let to = (endpoint.host().unwrap().to_owned(), endpoint.port().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("tcp://{}", listener.local_addr().unwrap());
        let (is_cut, is_deaf) = Default::default();
        let shared = Arc::new(Shared { to, is_cut, is_deaf, streams: Mutex::default() });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                accepting.pass_on(client);
            }
        });
        Relay { address, shared }
    }

    /// Ends every connection, and each new one at once.
    pub(crate) fn cut(&self) {
        self.shared.is_cut.store(true, Ordering::SeqCst);
        self.shared.end_all();
    }

    /// Lets connections through again.
    pub(crate) fn mend(&self) {
        self.shared.is_cut.store(false, Ordering::SeqCst);
        self.shared.is_deaf.store(false, Ordering::SeqCst);
    }

    /// From now on nothing that the server says arrives, until the wire is cut and mended.
    pub(crate) fn deafen(&self) {
        self.shared.is_deaf.store(true, Ordering::SeqCst);
    }
}

impl Shared {
    fn pass_on(self: &Arc<Self>, client: TcpStream) {
        let Ok(server) = TcpStream::connect((self.to.0.as_str(), self.to.1)) else { return };
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
        }
        self.streams.lock().extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
        if self.is_cut.load(Ordering::SeqCst) {
            return self.end_all();
        }
        let (from_client, from_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let shared = Arc::clone(self);
        thread::spawn(move || copy(from_client, server, || false));
        thread::spawn(move || copy(from_server, client, || shared.is_deaf.load(Ordering::SeqCst)));
    }

    fn end_all(&self) {
        for stream in self.streams.lock().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, swallows: impl Fn() -> bool) {
    let mut bytes = [0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if !swallows() && to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
