//! Whether samples arrive, through each of the two sockets that carry them.

use std::time::{Duration, Instant};

use router_client::{Payload, RouterClient, SettleError};
use router_wire::describe::{Description, StreamDescription, StreamSocket};

use super::check::Check;
use super::network::PortOf;
use crate::duration;

const ARRIVE_WITHIN: Duration = Duration::from_secs(3);
const QUEUE: usize = 100;
const WHAT: &str = "stream";

/// The stream of a socket that has most to say: one that is enabled, and of these one with a frequency.
pub(crate) fn representative(description: &Description, port: PortOf) -> Option<&StreamDescription> {
    let socket = match port {
        PortOf::Calls => return None,
        PortOf::Samples => StreamSocket::Samples,
        PortOf::Frames => StreamSocket::Frames,
    };
    let of_socket = description.streams.iter().filter(|stream| stream.socket == socket);
    of_socket.min_by_key(|stream| (!stream.enabled, stream.frequency_hz.is_none()))
}

/// Subscribes to `stream` and waits until the server's word on it has come through.
///
/// # Blocking
/// 3 s at most.
pub(crate) fn arrives(client: &RouterClient, stream: &StreamDescription, port: PortOf) -> Check {
    let (name, word) = (&stream.name, port.word());
    let queue = match client.subscribe::<Payload>(name).queue(QUEUE) {
        Ok(queue) => queue,
        Err(error) => {
            return Check::fail(
                WHAT,
                format_args!("`{name}`: {error}"),
                "give it another name in the server",
            );
        }
    };
    let began = Instant::now();
    // What the source declares comes the same way as samples, and at once where none are made.
    let settled = queue.settle(ARRIVE_WITHIN);
    let took = duration::for_people(began.elapsed());
    let check = match settled {
        Ok(stats) if stats.waiting > 0 => {
            Check::ok(WHAT, format_args!("`{name}` arrives through {word}: its first sample within {took}"))
        }
        Ok(_) => Check::ok(
            WHAT,
            format_args!("`{name}` can arrive through {word}: told within {took}, no sample yet"),
        ),
        Err(SettleError::Refused { reason, .. }) => Check::warn(
            WHAT,
            format_args!("`{name}` was not asked for: {reason}"),
            "ask again: it may have been removed a moment ago",
        ),
        Err(error) => Check::fail(
            WHAT,
            format_args!("`{name}` does not arrive through {word}: {error}"),
            format_args!("let the port of {word} through every firewall and port forwarding in between"),
        ),
    };
    check.number("stream", name.clone()).number("socket", word)
}
