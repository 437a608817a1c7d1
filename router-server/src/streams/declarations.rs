//! What waits until the samples that are on their way have passed through the proxy.
//!
//! They have when the newest number that the source's socket took was seen: what it takes is never dropped. That
//! nothing is left to receive proves nothing. libzmq wakes a socket after it has queued what it wakes it for: where
//! two sources send at once, the second one's message can be there unseen until the first one's thread has its turn.

use std::collections::VecDeque;
use std::sync::Arc;

use crossbeam_channel::Sender;

use super::stream::{Given, Stream};

/// Things to do once samples have passed, in the order in which they were asked for.
#[derive(Default)]
pub(crate) struct Declarations {
    waiting: VecDeque<Waiting>,
}

/// One thing to do.
pub(crate) struct Waiting {
    pub(crate) stream: Arc<Stream>,
    /// How far the stream had come when it was asked for.
    pub(crate) given: Given,
    pub(crate) then: Then,
}

/// What to do.
pub(crate) enum Then {
    /// Declare the newest number, once for each token, or once without.
    Declare { tokens: Vec<u64> },
    /// Send the newest sample to the one who asks.
    Ask { asker: u64, token: u64 },
    /// Tell the subscribers that the stream is gone, and forget it.
    Remove { done: Sender<()> },
    /// Hand the stream to another streamer, whose samples must not overtake those of the first.
    Move { on: Box<dyn FnOnce() + Send> },
}

impl Declarations {
    pub(crate) fn push(&mut self, waiting: Waiting) {
        self.waiting.push_back(waiting);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes out what is `ready`, `most` at most.
    pub(crate) fn take_ready(&mut self, most: usize, ready: impl Fn(&Waiting) -> bool) -> Vec<Waiting> {
        let mut taken = Vec::new();
        for _ in 0..self.waiting.len() {
            let Some(waiting) = self.waiting.pop_front() else { break };
            if taken.len() < most && ready(&waiting) {
                taken.push(waiting);
            } else {
                self.waiting.push_back(waiting);
            }
        }
        taken
    }
}
