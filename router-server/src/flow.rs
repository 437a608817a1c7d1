//! `Flow`: the answers that are on their way to one client.

use std::collections::VecDeque;
use std::time::Instant;

use crate::outgoing_answer::OutgoingAnswer;

/// Bytes of answers on their way to a client. What its pings have not confirmed is bounded.
#[derive(Default)]
pub(crate) struct Flow {
    sent_bytes: u64,
    confirmed_bytes: u64,
    /// Answers that wait for confirmations.
    pub(crate) held: VecDeque<OutgoingAnswer>,
    pub(crate) held_bytes: usize,
    /// Since when none of them could leave.
    pub(crate) held_since: Option<Instant>,
}

impl Flow {
    pub(crate) fn unconfirmed(&self) -> u64 {
        self.sent_bytes.saturating_sub(self.confirmed_bytes)
    }

    /// Whether `bytes` more may be sent: always when nothing is unconfirmed.
    pub(crate) fn may_send(&self, bytes: usize, most: usize) -> bool {
        self.unconfirmed() == 0 || self.unconfirmed() + bytes as u64 <= most as u64
    }

    pub(crate) fn sent(&mut self, bytes: usize) {
        self.sent_bytes += bytes as u64;
    }

    pub(crate) fn confirm(&mut self, received_bytes: u64) {
        self.confirmed_bytes = self.confirmed_bytes.max(received_bytes.min(self.sent_bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_wait_for_confirmations() {
        let mut flow = Flow::default();
        assert!(flow.may_send(100, 50), "one answer always goes");
        flow.sent(100);
        assert!(!flow.may_send(1, 50));
        flow.confirm(70);
        assert_eq!(flow.unconfirmed(), 30);
        assert!(flow.may_send(20, 50) && !flow.may_send(21, 50));
        flow.confirm(1_000_000);
        assert_eq!(flow.unconfirmed(), 0);
    }
}
