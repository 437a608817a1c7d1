//! `inline` methods: short getters that run in the router loop, without a hand-over.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use router_client::{Call, CallInfo, ReplyBody};
use router_socket::Frame;
use router_wire::reply::REPLY_HEADER_BYTES;
use router_wire::request::RequestHeader;
use router_wire::{Arguments, Failure};

use crate::client_table::Sender;
use crate::job::{Body, encode_outcome};
use crate::panic_text::panic_text;
use crate::registry::Found;
use crate::requests::deadline_of;
use crate::router_loop::RouterLoop;
use crate::target::{Run, TargetPlace};

/// An inline run longer than this is counted.
const SLOW_INLINE: Duration = Duration::from_millis(1);
/// An inline method whose run was longer than this moves to its lane.
const TOO_SLOW_INLINE: Duration = Duration::from_millis(10);

impl RouterLoop {
    /// Runs a short getter without a hand-over; one that is not short is moved to its lane.
    pub(super) fn run_inline(&mut self, sender: Sender, header: &RequestHeader, found: &Found, body: &Body) {
        let entry = &found.entry;
        let TargetPlace::Shared(place) = &entry.target else { return };
        let label = match self.clients.get(sender.client) {
            Some(client) => Arc::clone(&client.label),
            None => return,
        };
        let merged = found.named.as_ref().map(|named| named.merged_with(body.bytes())).transpose();
        let started = Instant::now();
        let outcome = merged.and_then(|merged| {
            let bytes = merged.as_deref().unwrap_or(body.bytes());
            let arguments = Arguments::decode(bytes)
                .map_err(|error| Failure::BadArguments { argument: None, message: error.to_string() })?;
            let deadline = deadline_of(header, started);
            let (call, _control) =
                Call::with_control(CallInfo { name: found.called().shared(), client: label, deadline }, None);
            let mut reply = ReplyBody::new(REPLY_HEADER_BYTES);
            let run = Run { method: entry.method, call: &call, arguments: &arguments, body: &mut reply };
            catch_unwind(AssertUnwindSafe(|| place.target().run_shared(run)))
                .unwrap_or_else(|payload| Err(Failure::Panicked { message: panic_text(payload) }))?;
            Ok(reply)
        });
        let elapsed = started.elapsed();
        entry.stats.record(elapsed, outcome.is_ok());
        if elapsed > SLOW_INLINE {
            self.dispatcher.counters.slow_inline_runs.add(1);
            log::warn!("the inline method {} took {:.1} ms", entry.name, elapsed.as_secs_f64() * 1e3);
        }
        if elapsed > TOO_SLOW_INLINE {
            entry.moved_to_lane.store(true, std::sync::atomic::Ordering::Relaxed);
            self.dispatcher.counters.inline_methods_moved.add(1);
            log::warn!("the inline method {} moves to its lane", entry.name);
        }
        let reply = encode_outcome(outcome, self.dispatcher.epoch, header.call, self.settings.max_body_bytes);
        let (bytes, reply) = (reply.capacity(), Frame::from_vec(reply));
        let call = self.call_key(sender.client, header.call);
        self.keep_outcome(call, entry.name.shared(), &reply, bytes, started + elapsed);
        self.send_answer(sender.client, sender.socket, reply.into());
    }
}
