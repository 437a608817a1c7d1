//! Calls that are sent again: those that are marked idempotent, when their outcome stays open.

use std::time::{Duration, Instant};

use router_wire::Status;

use crate::calls_loop::CallsLoop;
use crate::dealer::Queued;
use crate::in_flight::{Flight, Phase};

/// How long an idempotent call waits before it leaves again over a connection that stands.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Whether an outcome says that its request was not run.
pub(super) fn says_not_run(status: Status) -> bool {
    matches!(
        status,
        Status::Busy
            | Status::NotFound
            | Status::BadArguments
            | Status::ClientLost
            | Status::OtherEpoch
            | Status::BadRequest
            | Status::Unreachable
    )
}

impl CallsLoop {
    /// An idempotent call has ended in a way that leaves open what became of it, or was refused by a server that did
    /// not know it: it is sent again.
    pub(super) fn is_sent_again(&mut self, number: u64, status: Status, now: Instant) -> bool {
        if !matches!(status, Status::Unknown | Status::Unreachable | Status::OtherEpoch | Status::ClientLost)
        {
            return false;
        }
        let patience = self.shared.options.connect_timeout;
        let Some(flight) = self.in_flight.get_mut(number) else { return false };
        // Of the server behind a gateway.
        if status == Status::Unknown {
            flight.unknown_since.get_or_insert(now);
        }
        let waits = status == Status::Unreachable;
        if waits && flight.unknown_since.is_none_or(|since| now.saturating_duration_since(since) > patience) {
            return false;
        }
        // Waiting for the server behind is no retry.
        self.send_again(number, Some(now + RETRY_PAUSE), !waits, now)
    }

    /// Has a call that left wait to leave again, if it may run again and was not sent too often.
    pub(super) fn send_again(
        &mut self,
        number: u64,
        pause_until: Option<Instant>,
        counts: bool,
        now: Instant,
    ) -> bool {
        let most = self.shared.options.max_retries;
        let Some(flight) = self.in_flight.get_mut(number) else { return false };
        if counts && flight.retries >= most {
            return false;
        }
        let Phase::Sent { again, .. } = &mut flight.phase else { return false };
        let Some(request) = again.take() else { return false };
        flight.retries += u32::from(counts);
        // Made for no life of the server in particular: it may run in any.
        flight.phase = Phase::Unsent { request, since: now, made_for: 0, pause_until };
        self.shared.counters.retries.add_one();
        match pause_until {
            Some(until) => self.in_flight.look_at(number, until),
            None => self.waiting.push_back(number),
        }
        true
    }

    /// A call that was to leave again after a pause leaves.
    pub(super) fn end_pause(&mut self, number: u64, now: Instant) {
        let Some(Flight { phase: Phase::Unsent { pause_until, request, .. }, .. }) =
            self.in_flight.get_mut(number)
        else {
            return;
        };
        if pause_until.is_some_and(|until| until <= now) {
            *pause_until = None;
            let socket = self.link.socket_for(request.target());
            self.link.dealer(socket).queue.push_back(Queued::Request(number));
            self.flush_socket(socket);
        }
    }
}
